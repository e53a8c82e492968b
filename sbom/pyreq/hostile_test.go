package pyreq_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tallyman/tallyman/internal/limit"
	"github.com/tallyman/tallyman/sbom"
	"github.com/tallyman/tallyman/sbom/pyreq"
)

// one reads a requirement file of the given content.
func one(content string) *pyreq.File {
	return pyreq.Read(fstest.MapFS{"r.txt": {Data: []byte(content)}}, "r.txt", pyreq.Options{})
}

// names returns the names of the entries.
func names(f *pyreq.File) []string {
	out := []string{}
	for _, e := range f.Entries {
		out = append(out, e.Requirement.Name)
	}
	return out
}

// gaps returns the gaps without their reasons.
func gaps(f *pyreq.File) []string {
	out := []string{}
	for _, g := range f.Gaps {
		out = append(out, fmt.Sprintf("%s:%d %s", g.File, g.Line, g.Kind))
	}
	return out
}

func TestEncodings(t *testing.T) {
	for _, tt := range []struct {
		name, content string
		names, gaps   []string
	}{
		{"UTF-8 mark", "\xef\xbb\xbffoo\n", []string{"foo"}, []string{}},
		{"UTF-16 little", "\xff\xfef\x00o\x00o\x00\n\x00b\x00", []string{"foo", "b"}, []string{}},
		{"UTF-16 big", "\xfe\xff\x00f\x00o\x00o\x00\n\x00b", []string{"foo", "b"}, []string{}},
		{"UTF-16 with half a unit", "\xff\xfef\x00\n\x00o\x00b", []string{"f"}, []string{"r.txt:2 unparsed"}},
		{"UTF-32", "\xff\xfe\x00\x00f\x00\x00\x00", []string{"f"}, []string{}},
		{"latin-1", "# coding: latin-1\nfoo # caf\xe9\n", []string{"foo"}, []string{}},
		{"coding on line 2", "#!x\n# -*- coding: iso_8859_1 -*-\nfoo # \xe9\n", []string{"foo"}, []string{}},
		{"coding on line 3 is none", "\n\n# coding: rot13\nfoo\n", []string{"foo"}, []string{}},
		{"an encoding that hides", "# coding: utf-7\nfoo\n", []string{}, []string{"r.txt:0 unparsed"}},
		{"broken UTF-8 in a comment", "foo # caf\xe9\nbar\n", []string{"foo", "bar"}, []string{}},
		{"broken UTF-8 in a name", "caf\xe9\nbar\n", []string{"bar"}, []string{"r.txt:1 unparsed"}},
		{"NUL", "foo\x00==1\nbar\n", []string{"bar"}, []string{"r.txt:1 unparsed"}},
		{"NUL in a comment", "foo # \x00\nbar\n", []string{"foo", "bar"}, []string{}},
		{"UTF-16 without a mark", "f\x00o\x00\n\x00", []string{}, []string{"r.txt:1 unparsed", "r.txt:2 unparsed"}},
		{"CRLF and CR", "a\r\nb\rc\r\n", []string{"a", "b", "c"}, []string{}},
		{"a line that only Python sees", "# x\u2028evil\n# y\x0cworse\n# z\x85bad\n# \u0085worst", []string{"evil", "worse", "worst"}, []string{}},
		{"no-break space before a comment", "a\u00a0# x\n", []string{"a"}, []string{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := one(tt.content)
			if diff := cmp.Diff(names(f), tt.names); diff != "" {
				t.Errorf("names: got -, want +\n%s", diff)
			}
			if diff := cmp.Diff(gaps(f), tt.gaps); diff != "" {
				t.Errorf("gaps: got -, want +\n%s", diff)
			}
		})
	}
}

// TestVariables: nothing of the environment shows unless the caller says so.
func TestVariables(t *testing.T) {
	fsys := fstest.MapFS{"r.txt": {Data: []byte("foo==${VERSION}\n--index-url https://${TOKEN}@example.com/${EMPTY}${UNKNOWN}${lower}\n")}}
	f := pyreq.Read(fsys, "r.txt", pyreq.Options{})
	if diff := cmp.Diff(gaps(f), []string{"r.txt:1 unparsed"}); diff != "" {
		t.Errorf("without Lookup: got -, want +\n%s", diff)
	}
	want := []pyreq.Option{{Name: "--index-url", Value: "https://${TOKEN}@example.com/${EMPTY}${UNKNOWN}${lower}", File: "r.txt", Line: 2}}
	if diff := cmp.Diff(f.Options, want); diff != "" {
		t.Errorf("without Lookup: got -, want +\n%s", diff)
	}
	env := map[string]string{"VERSION": "1.0", "TOKEN": "u:hunter2", "EMPTY": ""}
	f = pyreq.Read(fsys, "r.txt", pyreq.Options{Lookup: func(k string) (string, bool) { v, ok := env[k]; return v, ok }})
	want[0].Value, want[0].Credentials = "https://example.com/${EMPTY}${UNKNOWN}${lower}", true
	if diff := cmp.Diff(f.Options, want); diff != "" {
		t.Errorf("with Lookup: got -, want +\n%s", diff)
	}
	if len(f.Entries) != 1 || f.Entries[0].Raw != "foo==1.0" {
		t.Errorf("with Lookup: entries %+v", f.Entries)
	}
}

// bigFS has one file that never ends to be the same line. It counts the bytes
// that are read of it.
type bigFS struct {
	size int64
	line string
	read *int64
}

func (b bigFS) Open(name string) (fs.File, error) { return &bigFile{b, 0}, nil }

type bigFile struct {
	bigFS
	at int64
}

func (f *bigFile) Stat() (fs.FileInfo, error) { return f, nil }
func (f *bigFile) Close() error               { return nil }
func (f *bigFile) Name() string               { return "r.txt" }
func (f *bigFile) Size() int64                { return f.size }
func (f *bigFile) Mode() fs.FileMode          { return 0o644 }
func (f *bigFile) ModTime() time.Time         { return time.Time{} }
func (f *bigFile) IsDir() bool                { return false }
func (f *bigFile) Sys() any                   { return nil }
func (f *bigFile) Read(p []byte) (int, error) {
	if f.at >= f.size {
		return 0, io.EOF
	}
	n := int(min(int64(len(p)), f.size-f.at))
	for i := range n {
		p[i] = f.line[(f.at+int64(i))%int64(len(f.line))]
	}
	f.at += int64(n)
	*f.read += int64(n)
	return n, nil
}

// TestTooLarge: 50 MB are a gap, and no more of them is read than the bound, and
// the byte that shows that there is more.
func TestTooLarge(t *testing.T) {
	var read int64
	f := pyreq.Read(bigFS{50 << 20, "a==1\n", &read}, "r.txt", pyreq.Options{})
	want := []sbom.Gap{sbom.NewGap(sbom.GapTooLarge, "r.txt", 0, "larger than the bound of 16777216 bytes")}
	if diff := cmp.Diff(f.Gaps, want); diff != "" || len(f.Entries) != 0 || len(f.Files) != 0 {
		t.Errorf("%d entries, files %v, gaps: got -, want +\n%s", len(f.Entries), f.Files, diff)
	}
	if read > limit.ManifestBytes+1 {
		t.Errorf("%d bytes were read", read)
	}
}

// TestTooManyLines: lines are bounded beside bytes, and across includes.
func TestTooManyLines(t *testing.T) {
	f := pyreq.Read(bigFS{limit.ManifestBytes, "a\n", new(int64)}, "r.txt", pyreq.Options{})
	if diff := cmp.Diff(gaps(f), []string{fmt.Sprintf("r.txt:%d too-large", limit.ManifestLines+1)}); diff != "" {
		t.Errorf("got -, want +\n%s", diff)
	}
	if len(f.Entries) != limit.ManifestLines {
		t.Errorf("%d entries", len(f.Entries))
	}
}

func TestLineTooLong(t *testing.T) {
	f := one("a\n" + strings.Repeat("x", limit.LineBytes+1) + "\nb\n")
	if diff := cmp.Diff(gaps(f), []string{"r.txt:2 too-large"}); diff != "" {
		t.Errorf("got -, want +\n%s", diff)
	}
	if diff := cmp.Diff(names(f), []string{"a", "b"}); diff != "" {
		t.Errorf("got -, want +\n%s", diff)
	}
}

// TestIncludeBomb: files that include one another twice each would be read
// 2^30 times.
func TestIncludeBomb(t *testing.T) {
	fsys := fstest.MapFS{"r30.txt": {Data: []byte("a\n")}}
	for i := range 30 {
		next := fmt.Sprintf("-r r%d.txt\n", i+1)
		fsys[fmt.Sprintf("r%d.txt", i)] = &fstest.MapFile{Data: []byte(next + next)}
	}
	f := pyreq.Read(fsys, "r0.txt", pyreq.Options{})
	kinds := map[sbom.GapKind]bool{}
	for _, g := range f.Gaps {
		kinds[g.Kind] = true
	}
	if !kinds[sbom.GapTooLarge] || len(f.Entries) > limit.IncludeFiles || len(f.Gaps) > 2*limit.IncludeFiles {
		t.Errorf("%d entries, %d gaps of kinds %v", len(f.Entries), len(f.Gaps), kinds)
	}
}

func TestIncludesNestTooDeep(t *testing.T) {
	fsys := fstest.MapFS{}
	for i := range limit.IncludeDepth + 1 {
		fsys[fmt.Sprintf("r%d.txt", i)] = &fstest.MapFile{Data: fmt.Appendf(nil, "a%d\n-r r%d.txt\n", i, i+1)}
	}
	f := pyreq.Read(fsys, "r0.txt", pyreq.Options{})
	if len(f.Entries) != limit.IncludeDepth || len(f.Gaps) != 1 || f.Gaps[0].Kind != sbom.GapInclude {
		t.Errorf("%d entries, gaps %v", len(f.Entries), f.Gaps)
	}
}

// TestLinksOutOfTheTree: a symbolic link that leads out is a gap and what it
// names is not read; one that stays inside is followed.
func TestLinksOutOfTheTree(t *testing.T) {
	base := t.TempDir()
	tree := filepath.Join(base, "tree")
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Skipf("no symbolic links here: %v", err)
		}
	}
	must(os.MkdirAll(filepath.Join(tree, "sub"), 0o755))
	must(os.WriteFile(filepath.Join(base, "secret.txt"), []byte("secret==1\n"), 0o644))
	must(os.WriteFile(filepath.Join(tree, "sub", "in.txt"), []byte("inner==1\n"), 0o644))
	must(os.WriteFile(filepath.Join(tree, "r.txt"), []byte("-r out.txt\n-r in.txt\n-r dir/secret.txt\n"), 0o644))
	must(os.Symlink(filepath.Join("..", "secret.txt"), filepath.Join(tree, "out.txt")))
	must(os.Symlink(filepath.Join("sub", "in.txt"), filepath.Join(tree, "in.txt")))
	must(os.Symlink("..", filepath.Join(tree, "dir")))

	f := pyreq.Read(root(t, tree), "r.txt", pyreq.Options{})
	if diff := cmp.Diff(names(f), []string{"inner"}); diff != "" {
		t.Errorf("got -, want +\n%s", diff)
	}
	if diff := cmp.Diff(gaps(f), []string{"r.txt:1 include", "r.txt:3 include"}); diff != "" {
		t.Errorf("got -, want +\n%s", diff)
	}
	f = pyreq.Read(root(t, tree), "out.txt", pyreq.Options{})
	if diff := cmp.Diff(gaps(f), []string{"out.txt:0 unread"}); diff != "" || len(f.Entries) != 0 {
		t.Errorf("got -, want +\n%s", diff)
	}
	for _, g := range f.Gaps {
		if strings.Contains(g.Reason, base) {
			t.Errorf("the gap tells where the tree is: %s", g.Reason)
		}
	}
}

// countingFS counts how often files are opened.
type countingFS struct {
	fstest.MapFS
	opened map[string]int
}

func (c countingFS) Open(name string) (fs.File, error) {
	c.opened[name]++
	return c.MapFS.Open(name)
}

// TestAFileIsParsedOnceHoweverManyIncludeIt: and each file that includes it
// says of it what it would say alone.
func TestAFileIsParsedOnceHoweverManyIncludeIt(t *testing.T) {
	fsys := countingFS{fstest.MapFS{"base.txt": {Data: []byte("a==1\n--no-index\n-r gone.txt\nb @ https://h/b.zip\n")}}, map[string]int{}}
	var names []string
	for i := range 20 {
		names = append(names, fmt.Sprintf("r%d.txt", i))
		fsys.MapFS[names[i]] = &fstest.MapFile{Data: fmt.Appendf(nil, "-%c base.txt\nx%d\n", "rc"[i%2], i)}
	}
	r := pyreq.NewReader(fsys, pyreq.Options{})
	for _, name := range append(names, "base.txt") {
		got, err := r.Read(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(pyreq.Read(fsys.MapFS, name, pyreq.Options{}).Document(), got.Document()); diff != "" {
			t.Errorf("%s: alone -, among others +\n%s", name, diff)
		}
	}
	if fsys.opened["base.txt"] != 1 {
		t.Errorf("base.txt was opened %d times", fsys.opened["base.txt"])
	}
}

// TestWhatIsLeftAfterTheBoundHides: nothing is given silently once the files of
// a folder are together too large.
func TestWhatIsLeftAfterTheBoundHides(t *testing.T) {
	fsys := fstest.MapFS{"big.txt": {Data: []byte(strings.Repeat("a\n", limit.ManifestLines))}, "last.txt": {Data: []byte("b==1\n")}}
	r := pyreq.NewReader(fsys, pyreq.Options{})
	for range limit.RequirementLines/limit.ManifestLines + 1 {
		if _, err := r.Read(t.Context(), "big.txt"); err != nil {
			t.Fatal(err)
		}
	}
	last, err := r.Read(t.Context(), "last.txt")
	if err != nil || !r.Full() || len(last.Entries) != 0 || len(last.Gaps) != 1 || last.Gaps[0].Kind != sbom.GapTooLarge {
		t.Errorf("%v, full %v, %d entries, gaps %v", err, r.Full(), len(last.Entries), last.Gaps)
	}
}

func TestReadingEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	f, err := pyreq.NewReader(fstest.MapFS{"r.txt": {Data: []byte("a\n")}}, pyreq.Options{}).Read(ctx, "r.txt")
	if !errors.Is(err, context.Canceled) || f != nil {
		t.Errorf("%v, %v", f, err)
	}
}

// TestAStrayWordIsNotQuoted: it may be the rest of a password.
func TestAStrayWordIsNotQuoted(t *testing.T) {
	for _, g := range one("--index-url https://u:pass S3CRETr@h/simple\n").Gaps {
		if strings.Contains(g.Reason, "S3CRET") {
			t.Error(g.Reason)
		}
	}
}
