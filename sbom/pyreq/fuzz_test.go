package pyreq_test

import (
	"encoding/json"
	"strings"
	"testing"
	"testing/fstest"
	"unicode"

	"github.com/tallyman/tallyman/sbom/pyreq"
)

// FuzzRead holds three properties: each line that is neither blank nor a
// comment is an entry, an option or a gap; no credential that is planted in a
// URL shows anywhere; and reading is deterministic.
func FuzzRead(f *testing.F) {
	for _, seed := range []string{
		"foo==1.0 --hash=sha256:aa\n", "-r r.txt\n", "-c c.txt\nfoo", "-e git+https://@CRED@example.com/r#egg=x\n",
		"--index-url https://@CRED@example.com/?token=@CRED@\n", "x @ https://@CRED@h/x-1.0.tar.gz ; extra == 'a'\n",
		"foo \\\n bar\n", "# coding: latin-1\ncaf\xe9", "\xff\xfea\x00\n\x00", "a\u2028b", "-f 'a b' -- c", "foo; python_version<'3'",
		"./a.whl[b]", "https://@CRED@h:80/a-1-py3-none-any.whl#sha256=aa", "-rc.txt", "foo --config-settings=a=https://@CRED@h/",
		"bad https://@CRED@h/ line", "-r https://@CRED@h/r.txt", "foo -r https://@CRED@h", "https://h/https://@CRED@h/x.zip",
	} {
		f.Add(seed)
	}
	const secret = "hunter2correcthorse"
	f.Fuzz(func(t *testing.T, content string) {
		if strings.Contains(content, secret) {
			t.Skip()
		}
		content = strings.ReplaceAll(content, "@CRED@", "bob:"+secret+"@")
		fsys := fstest.MapFS{"r.txt": {Data: []byte(content)}, "c.txt": {Data: []byte("inner<2\n-r r.txt\n")}}
		file := pyreq.Read(fsys, "r.txt", pyreq.Options{})
		first := marshal(t, file)
		if second := marshal(t, pyreq.Read(fsys, "r.txt", pyreq.Options{})); first != second {
			t.Errorf("two readings differ:\n%s\n%s", first, second)
		}
		if plantedInURLs(content, secret) && strings.Contains(first, secret) {
			t.Errorf("%q shows in %s", secret, first)
		}
		for _, e := range file.Entries {
			if e.Line < 1 || e.Raw == "" || e.Requirement.Name == "" && e.Link == "" {
				t.Errorf("an entry without a place or a text: %+v", e)
			}
		}
		everyLineCounts(t, content, file)
	})
}

// plantedInURLs reports whether each secret follows "://", so that it is the
// password of a URL and not any text.
func plantedInURLs(content, secret string) bool {
	return strings.Count(content, secret) == strings.Count(content, "://bob:"+secret+"@")
}

// marshal returns everything that a reading says.
func marshal(t *testing.T, file *pyreq.File) string {
	t.Helper()
	out, err := json.Marshal([]any{file, file.Document()})
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	b.Write(out)
	for _, e := range file.Entries {
		b.WriteString(e.Requirement.String())
	}
	return b.String()
}

// everyLineCounts holds that no plain line is lost. It looks only at files
// whose lines are simple enough to be counted without a second parser.
func everyLineCounts(t *testing.T, content string, file *pyreq.File) {
	t.Helper()
	if strings.ContainsFunc(content, func(r rune) bool {
		return r != '\n' && !(r >= ' ' && r <= '~') || r == '\\' || r == unicode.ReplacementChar
	}) {
		return
	}
	have := map[int]bool{}
	for _, e := range file.Entries {
		have[e.Line] = have[e.Line] || e.File == "r.txt"
	}
	for _, o := range file.Options {
		have[o.Line] = have[o.Line] || o.File == "r.txt"
	}
	included := false
	for _, g := range file.Gaps {
		if g.Line == 0 {
			return // the whole file
		}
		have[g.Line] = have[g.Line] || g.File == "r.txt"
	}
	for _, name := range file.Files {
		included = included || name != "r.txt"
	}
	for i, line := range strings.Split(content, "\n") {
		line = strings.TrimSpace(line)
		include := included && strings.HasPrefix(line, "-") && strings.Contains(line, "c.txt")
		if line == "" || strings.HasPrefix(line, "#") || include || have[i+1] {
			continue
		}
		t.Errorf("line %d is lost: %q\n%+v", i+1, line, file)
	}
}
