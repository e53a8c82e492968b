package pyreq_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/tallyman/tallyman/sbom/pyreq"
)

var update = flag.Bool("update", false, "rewrite the golden files from what is read now")

// TestGrammar reads each case of testdata/grammar.txt. A case is a requirement
// file, a line of dashes, and what is read of it. The answers for lines that
// pip accepts were held against pip 23.2.1's own parser when they were written.
func TestGrammar(t *testing.T) {
	name := filepath.Join("testdata", "grammar.txt")
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, c := range strings.Split(strings.TrimSuffix(string(data), "\n"), "\n====\n") {
		input, want, _ := strings.Cut(c, "\n----\n")
		fsys := fstest.MapFS{
			"app/requirements.txt":   {Data: []byte(strings.NewReplacer("<TAB>", "\t", "<BS>\n", "\\\n").Replace(input) + "\n")},
			"app/base.txt":           {Data: []byte("inner==1\n")},
			"app/limits.txt":         {Data: []byte("-r base.txt\nlimit<2\n")},
			"app/loop.txt":           {Data: []byte("-r requirements.txt\nafter==1\n")},
			"shared/constraints.txt": {Data: []byte("far==1\n")},
		}
		got := describe(pyreq.Read(fsys, "app/requirements.txt", pyreq.Options{}))
		out = append(out, input+"\n----\n"+got)
		if diff := cmp.Diff(got, want); diff != "" && !*update {
			t.Errorf("%s\ngot -, want +\n%s", input, diff)
		}
	}
	if *update {
		if err := os.WriteFile(name, []byte(strings.Join(out, "\n====\n")+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// describe writes what was read, a line for each entry, option and gap.
func describe(f *pyreq.File) string {
	var b strings.Builder
	for _, e := range f.Entries {
		fmt.Fprintf(&b, "%s:%d entry", e.File, e.Line)
		if e.Constraint {
			b.WriteString(" constraint")
		}
		if e.Editable {
			b.WriteString(" editable")
		}
		if e.Credentials {
			b.WriteString(" credentials")
		}
		name, version := e.Project()
		fmt.Fprintf(&b, " %q %s", name, e.Requirement.String())
		if version != "" {
			b.WriteString(" version=" + version)
		}
		if e.Link != "" {
			b.WriteString(" link=" + e.Link)
		}
		for _, h := range e.Hashes {
			b.WriteString(" hash=" + h)
		}
		for _, o := range e.Options {
			fmt.Fprintf(&b, " %s=%s", o.Name, o.Value)
		}
		b.WriteByte('\n')
	}
	for _, o := range f.Options {
		fmt.Fprintf(&b, "%s:%d option %s=%s", o.File, o.Line, o.Name, o.Value)
		if o.Credentials {
			b.WriteString(" credentials")
		}
		b.WriteByte('\n')
	}
	for _, g := range f.Gaps {
		fmt.Fprintf(&b, "%s:%d gap %s: %s\n", g.File, g.Line, g.Kind, g.Reason)
	}
	return strings.TrimSuffix(b.String(), "\n")
}
