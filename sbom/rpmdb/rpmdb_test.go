package rpmdb

import (
	"bytes"
	"compress/gzip"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// databases are one set of packages in each format, see testdata/README.
var databases = []string{"rpmdb.sqlite", "Packages", "Packages.db"}

// fixture inflates a file of testdata.
func fixture(t testing.TB, name string) []byte {
	t.Helper()
	f, err := os.Open("testdata/" + name + ".gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// lines are the lines of a file that rpm itself wrote.
func lines(t *testing.T, name string) []string {
	t.Helper()
	data, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return slices.Sorted(strings.Lines(string(data)))
}

// none is how rpm writes a tag that is not there.
func none(s string) string {
	if s == "" {
		return "(none)"
	}
	return s
}

// query writes packages as the queries of testdata/README do.
func query(data []byte) (packages, files []string, db Database) {
	db = Read(bytes.NewReader(data), int64(len(data)), func(p *Package) {
		packages = append(packages, fmt.Sprintf("%s|%s|%s|%s|%s|%s|%s|%s\n", p.Name, none(p.Epoch), p.Version, p.Release, none(p.Arch), none(p.SourceRPM), none(p.Vendor), none(p.Module)))
		for f := range p.Files() {
			files = append(files, fmt.Sprintf("%s|%s|%s|%v\n", p.Name, f.Path, hex.EncodeToString(f.Digest), f.Config))
		}
	})
	slices.Sort(packages)
	slices.Sort(files)
	return packages, files, db
}

// TestRead holds what Read finds against what rpm says of the same database.
func TestRead(t *testing.T) {
	var wantPackages, wantFiles []string
	for _, line := range lines(t, "quay.packages") {
		if !strings.HasPrefix(line, "gpg-pubkey|") {
			wantPackages = append(wantPackages, line)
		}
	}
	for _, line := range lines(t, "quay.files") {
		// name, path, digest, flags, mode, state
		f := strings.Split(strings.TrimSpace(line), "|")
		if f[2] != "" && f[3] != "64" && f[5] == "0" {
			wantFiles = append(wantFiles, fmt.Sprintf("%s|%s|%s|%v\n", f[0], f[1], f[2], f[3] == "17"))
		}
	}
	for _, name := range databases {
		packages, files, db := query(fixture(t, name))
		if diff := cmp.Diff(wantPackages, packages); diff != "" {
			t.Errorf("%s: packages (-rpm +ours)\n%s", name, diff)
		}
		if diff := cmp.Diff(wantFiles, files); diff != "" {
			t.Errorf("%s: files (-rpm +ours)\n%s", name, diff)
		}
		if db.Packages != 4 || db.Keys != 1 || len(db.Gaps) != 0 {
			t.Errorf("%s: %+v, want 4 packages, 1 key, no gap", name, db)
		}
	}
}
