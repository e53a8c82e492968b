package main

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// startBucket serves the folders of JSON files in a folder, as they are when
// they are asked for, in the layout of OSV's bucket, and puts the URL into
// $BUCKET. With a second argument it serves only who sends that Authorization:
// bucket DIR [AUTHORIZATION].
func startBucket(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 || len(args) > 2 {
		ts.Fatalf("usage: bucket DIR [AUTHORIZATION]")
	}
	dir := ts.MkAbs(args[0])
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if len(args) == 2 && r.Header.Get("Authorization") != args[1] {
			http.Error(w, "who are you?", http.StatusUnauthorized)
			return
		}
		data, err := bucketFile(filepath.Join(dir, filepath.FromSlash(r.URL.Path)))
		if err != nil {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Date", "Sun, 22 Nov 2026 10:00:00 GMT")
		w.Header().Set("ETag", fmt.Sprintf("\"%x\"", sha256.Sum256(data)))
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(data))
	}))
	ts.Defer(server.Close)
	ts.Setenv("BUCKET", server.URL)
}

func bucketFile(path string) ([]byte, error) {
	base := filepath.Base(path)
	if base != "all.zip" && base != "modified_id.csv" {
		return os.ReadFile(path)
	}
	files, err := filepath.Glob(filepath.Join(filepath.Dir(path), "*.json"))
	if err != nil || len(files) == 0 {
		return nil, os.ErrNotExist
	}
	var lines []string
	var zipped bytes.Buffer
	z := zip.NewWriter(&zipped)
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		var r struct{ Modified string }
		if err := json.Unmarshal(data, &r); err != nil {
			return nil, err
		}
		lines = append(lines, r.Modified+","+strings.TrimSuffix(filepath.Base(name), ".json")+"\n")
		f, err := z.Create(filepath.Base(name))
		if err != nil {
			return nil, err
		}
		if _, err := f.Write(data); err != nil {
			return nil, err
		}
	}
	if err := z.Close(); err != nil || base == "all.zip" {
		return zipped.Bytes(), err
	}
	slices.Sort(lines)
	slices.Reverse(lines)
	return []byte(strings.Join(lines, "")), nil
}
