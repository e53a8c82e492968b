package osv_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tallyman/tallyman/vuln/osv"
)

// TestHostileLists: a bucket that was good yesterday and whose list or records
// are not today. Each is refused with a clear error, and the old snapshot
// stays.
func TestHostileLists(t *testing.T) {
	line := func(id string) string { return "2026-01-01T00:00:00Z," + id + "\n" }
	text := func(s string) http.HandlerFunc { return serve([]byte(s)) }
	redirect := func(to string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, to, http.StatusFound) }
	}
	status := func(code int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "86400")
			w.WriteHeader(code)
		}
	}
	endless := func(chunk string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				if _, err := w.Write([]byte(strings.Repeat(chunk, 1000))); err != nil {
					return
				}
			}
		}
	}
	for name, test := range map[string]struct {
		list, record http.HandlerFunc
		want         string
	}{
		"list leads up":         {text(line("../../etc/passwd")), nil, "unusable id"},
		"list with slashes":     {text(line("Debian/DSA-1")), nil, "unusable id"},
		"list is absolute":      {text(line("/etc/passwd")), nil, "unusable id"},
		"list with unicode":     {text(line("PYSEC-\u2215-1")), nil, "unusable id"},
		"list with an escape":   {text(line("%2e%2e%2fDebian")), nil, "unusable id"},
		"list is a page":        {text("<html>sign in</html>\n"), nil, "is not a time, a comma and an id"},
		"list of two gigabytes": {func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Content-Length", "2147483648") }, nil, "larger than the bound"},
		"list is endless":       {endless("a"), nil, "larger than the bound of 512 bytes"},
		"list is short": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			_, _ = w.Write([]byte(line("PYSEC-1")))
		}, nil, "unexpected EOF"},
		"list of a file":        {redirect("file:///etc/passwd"), nil, "refused a redirect from http to file"},
		"list of data":          {redirect("data:text/plain,hello"), nil, "refused a redirect from http to data"},
		"list is encoded":       {gzipped, nil, `encoded as "gzip"`},
		"list and a storm":      {status(429), nil, "the server answers 429"},
		"list and an error":     {status(503), nil, "the server answers 503"},
		"list is a teapot":      {status(418), nil, "the server answers 418"},
		"record is not there":   {text(line("PYSEC-2")), http.NotFound, "modified_id.csv lists the record and the server answers 404"},
		"record of another id":  {text(line("PYSEC-2")), text(recordJSON("PYSEC-3", "PyPI", "a", "2026-01-01T00:00:00Z", "")), `it holds the record "PYSEC-3"`},
		"record and a storm":    {text(line("PYSEC-2")), status(429), "the server answers 429"},
		"record of a file":      {text(line("PYSEC-2")), redirect("file:///etc/passwd"), "refused a redirect from http to file"},
		"record is endless":     {text(line("PYSEC-2")), endless(" "), "larger than the bound"},
		"record is encoded":     {text(line("PYSEC-2")), gzipped, `encoded as "gzip"`},
		"server says no more":   {silent, nil, "the server sent less than"},
		"server drips":          {drip, nil, "the server sent less than"},
		"record never comes":    {text(line("PYSEC-2")), silent, "the server sent less than"},
		"connection is cut off": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, nil, "EOF"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			good := mustZip("PYSEC-1.json", recordJSON("PYSEC-1", "PyPI", "a", "2025-01-01T00:00:00Z", ""))
			files := map[string]http.HandlerFunc{"/PyPI/all.zip": serve(good)}
			server, dir := bucket(t, files), t.TempDir()
			paused := time.Duration(0)
			o := osv.Options{Dir: dir, From: server.URL, Ecosystems: []string{"PyPI"}, Client: server.Client(), Patience: time.Hour,
				Pause: func(_ context.Context, d time.Duration) error { paused = max(paused, d); return nil }}
			before, err := osv.Update(t.Context(), o)
			if err != nil {
				t.Fatal(err)
			}
			files["/PyPI/modified_id.csv"], files["/PyPI/PYSEC-2.json"] = test.list, test.record
			if strings.Contains(test.want, "sent less") {
				// Nobody else is held to a time: a busy machine is slow as well.
				o.Patience = 100 * time.Millisecond
			}
			_, err = osv.Update(t.Context(), o)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want an error with %q", err, test.want)
			}
			if paused > time.Minute {
				t.Errorf("a server made us wait for %s", paused)
			}
			if got := openCurrent(t, dir).Digest(); got != before.Digest {
				t.Errorf("the snapshot is %s, was %s", got, before.Digest)
			}
			if left, _ := filepath.Glob(filepath.Join(dir, ".*")); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}

func gzipped(w http.ResponseWriter, _ *http.Request) {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write(make([]byte, 1<<20))
	_ = z.Close()
	w.Header().Set("Content-Encoding", "gzip")
	_, _ = w.Write(b.Bytes())
}

// silent never answers.
func silent(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

// drip sends a byte now and then, and in all too few to pass for content or to
// be too large.
func drip(w http.ResponseWriter, r *http.Request) {
	for range 100 {
		_, _ = w.Write([]byte("2"))
		_ = http.NewResponseController(w).Flush()
		select {
		case <-r.Context().Done():
			return
		case <-time.After(time.Millisecond):
		}
	}
	<-r.Context().Done()
}

// TestMillionEntries: a zip is not read whose directory is of a million
// entries, whether it says so or not.
func TestMillionEntries(t *testing.T) {
	var b bytes.Buffer
	const entries = 1_000_000
	for range entries { // central directory headers alone
		h := make([]byte, 46)
		copy(h, "PK\x01\x02")
		binary.LittleEndian.PutUint16(h[28:], 1)
		b.Write(append(h, 'a'))
	}
	size := b.Len()
	end64 := make([]byte, 56)
	copy(end64, "PK\x06\x06")
	binary.LittleEndian.PutUint64(end64[4:], 44)
	binary.LittleEndian.PutUint64(end64[24:], entries)
	binary.LittleEndian.PutUint64(end64[32:], entries)
	binary.LittleEndian.PutUint64(end64[40:], uint64(size))
	b.Write(end64)
	locator := make([]byte, 20)
	copy(locator, "PK\x06\x07")
	binary.LittleEndian.PutUint64(locator[8:], uint64(size))
	binary.LittleEndian.PutUint32(locator[16:], 1)
	b.Write(locator)
	end := make([]byte, 22)
	copy(end, "PK\x05\x06")
	for i := 8; i < 20; i++ {
		end[i] = 0xff
	}
	b.Write(end)
	server, dir := bucket(t, map[string]http.HandlerFunc{"/PyPI/all.zip": serve(b.Bytes())}), t.TempDir()
	before, err := osv.Update(t.Context(), osv.Options{Dir: dir, From: folder(t, "PyPI/a.json", recordJSON("PYSEC-1", "PyPI", "a", "2025-01-01T00:00:00Z", ""))})
	if err != nil {
		t.Fatal(err)
	}
	_, err = osv.Update(t.Context(), osv.Options{Dir: dir, From: server.URL, Ecosystems: []string{"PyPI"}, Client: server.Client(), Pause: noPause})
	if err == nil || !strings.Contains(err.Error(), "larger than the bound of 800000 entries in a zip") {
		t.Errorf("got %v", err)
	}
	if got := openCurrent(t, dir).Digest(); got != before.Digest {
		t.Error("the old snapshot is gone")
	}
}

// TestStormPasses: a server that asks for patience is given some, and a
// failure in the middle of a file is one of that try.
func TestStormPasses(t *testing.T) {
	good := mustZip("PYSEC-1.json", recordJSON("PYSEC-1", "PyPI", "a", "2025-01-01T00:00:00Z", ""))
	var tries atomic.Int32
	server := bucket(t, map[string]http.HandlerFunc{"/PyPI/all.zip": func(w http.ResponseWriter, r *http.Request) {
		switch tries.Add(1) {
		case 1:
			w.Header().Set("Retry-After", "7")
			w.WriteHeader(http.StatusTooManyRequests)
		case 2:
			w.Header().Set("Content-Length", fmt.Sprint(len(good)))
			_, _ = w.Write(good[:100])
		default:
			_, _ = w.Write(good)
		}
	}})
	var pauses []time.Duration
	o := osv.Options{Dir: t.TempDir(), From: server.URL, Ecosystems: []string{"PyPI"}, Client: server.Client(),
		Pause: func(_ context.Context, d time.Duration) error { pauses = append(pauses, d); return nil }}
	if _, err := osv.Update(t.Context(), o); err != nil || len(pauses) != 2 || pauses[0] != 7*time.Second || pauses[1] != 2*time.Second {
		t.Errorf("%v after %v", err, pauses)
	}
}
