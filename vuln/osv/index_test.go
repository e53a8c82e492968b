package osv

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tallyman/tallyman/internal/limit"
)

func TestReadIndex(t *testing.T) {
	at := func(s string) time.Time {
		v, err := time.Parse(time.RFC3339, s)
		if err != nil {
			t.Fatal(err)
		}
		return v.UTC()
	}
	got, err := readIndex(strings.NewReader("2026-05-02T10:00:00.000001Z,GHSA-a-b-c\r\n2026-05-01T10:00:00+02:00,RHSA-2024:1\n2026-04-01T00:00:00Z,GHSA-a-b-c"))
	want := map[string]time.Time{"GHSA-a-b-c": at("2026-05-02T10:00:00.000001Z"), "RHSA-2024:1": at("2026-05-01T08:00:00Z")}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

// TestIndexThatLeadsElsewhere: whatever an id could be taken for, it is
// refused before anything is asked for.
func TestIndexThatLeadsElsewhere(t *testing.T) {
	for _, id := range []string{
		"", ".", "..", "../PYSEC-1", "/etc/passwd", "PyPI/PYSEC-1", `..\PYSEC-1`, `C:\x`, "a/../b", "a..b", "%2e%2e%2fx", "a%2fb", "a?b", "a#b", "a b", " a", "a ",
		"a\x00b", "a\u2215b", "a\uff0fb", "\u202egnp.exe", "caf\u00e9", "a\u0301", "http:\u2044\u2044x", "-rf", ".hidden", "a,b", `"a"`, strings.Repeat("a", 300),
	} {
		if _, err := readIndex(strings.NewReader("2026-05-01T10:00:00Z," + id + "\n")); err == nil || !strings.Contains(err.Error(), "unusable id") {
			t.Errorf("%q: %v", id, err)
		}
	}
	for _, line := range []string{"hello", "PYSEC-1,2026-05-01T10:00:00Z", "yesterday,PYSEC-1", "modified,id", "", "<html>", ","} {
		if got, err := readIndex(strings.NewReader(line + "\n")); err == nil {
			t.Errorf("%q: %v", line, got)
		}
	}
}

// TestIndexIsBounded: two gigabytes end at the bound, and so does a line.
func TestIndexIsBounded(t *testing.T) {
	line := []byte("2026-05-01T10:00:00Z,PYSEC-1\n")
	endless := &repeat{line: line, left: 2 << 30}
	if _, err := readIndex(endless); !errors.Is(err, limit.ErrTooLarge) {
		t.Errorf("lines: %v", err)
	}
	if read := 2<<30 - endless.left; read > limit.AdvisoryIndexBytes+1<<20 {
		t.Errorf("%d bytes were read", read)
	}
	if _, err := readIndex(&repeat{line: []byte("a"), left: 2 << 30}); !errors.Is(err, limit.ErrTooLarge) {
		t.Errorf("one line: %v", err)
	}
}

type repeat struct {
	line     []byte
	at, left int
}

func (r *repeat) Read(p []byte) (n int, err error) {
	for n < len(p) {
		if r.left == 0 {
			return n, io.EOF
		}
		c := copy(p[n:min(len(p), n+r.left)], r.line[r.at:])
		r.at = (r.at + c) % len(r.line)
		n, r.left = n+c, r.left-c
	}
	return n, nil
}

// FuzzIndex: what is read is written and read again the same, and each id
// leads to a file beside the list and nowhere else.
func FuzzIndex(f *testing.F) {
	for _, seed := range []string{"2026-05-01T10:00:00Z,PYSEC-1\n", "2026-05-01T10:00:00.5+02:00,RHSA-2024:1\r\n", "0000-01-01T00:00:00Z,a\n", "2026-05-01T10:00:00Z,../a\n", "a,b,c\n", "9999-12-31T23:59:59-23:59,a"} {
		f.Add([]byte(seed))
	}
	base, err := url.Parse("https://example.com/base/?key=value")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		list, err := readIndex(bytes.NewReader(data))
		if err != nil {
			return
		}
		again, err := readIndex(bytes.NewReader(writeIndex(list)))
		if diff := cmp.Diff(list, again); err != nil || diff != "" {
			t.Errorf("%v (-read +read again):\n%s", err, diff)
		}
		for id := range list {
			u := base.JoinPath("PyPI", id+jsonSuffix)
			if want := fmt.Sprintf("https://example.com/base/PyPI/%s.json?key=value", id); u.String() != want {
				t.Errorf("%q leads to %s", id, u)
			}
			if back, err := url.Parse(u.String()); err != nil || back.Path != "/base/PyPI/"+id+".json" {
				t.Errorf("%q leads to %v, %v", id, back, err)
			}
		}
	})
}
