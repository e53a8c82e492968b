package dockerfile

import (
	"bytes"
	"testing"

	"github.com/moby/buildkit/frontend/dockerfile/parser"
)

// FuzzParse checks what holds for every file: places lie within it, each
// instruction that BuildKit lists is there exactly once, and reading twice
// gives the same.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"FROM a AS b\nRUN a && b | c\nCOPY --from=b x y\n",
		"# escape=`\nFROM a\nRUN a `\n# c\n b\n",
		"RUN <<EOF cat <<-'B'\na\nEOF\n\tb\n\tB\n",
		"ARG A=1\nFROM $A\nENV B=${A:-x} C=$B\nONBUILD RUN sh -c \"$B\"\n",
		"FROM a\nENV\nRUN sudo env A=b bash -lc 'if a; then b; fi'\nCMD [\"a\"]\n",
		"\\\n\\\nFROM a\\\n\n#b\n\\\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		file := Parse("Dockerfile", src)
		if a, b := outline(file), outline(Parse("Dockerfile", src)); a != b {
			t.Errorf("two readings differ:\n%s\n%s", a, b)
		}
		for _, g := range file.Gaps {
			if g.Line < 0 || g.Line > file.Lines {
				t.Errorf("gap at line %d of %d: %s", g.Line, file.Lines, g.Reason)
			}
		}
		all := append([]*Instruction{}, file.Global...)
		for i, s := range file.Stages {
			if s.Index != i || s.Parent >= i {
				t.Errorf("stage %d has index %d and parent %d", i, s.Index, s.Parent)
			}
			if s.From != nil {
				all = append(all, s.From)
			}
			all = append(all, s.Instructions...)
		}
		for i, in := range all {
			checkPlaces(t, file, in)
			if i > 0 && all[i-1].EndLine >= in.Line {
				t.Errorf("%s at line %d begins before the one before it ends", in.Name, in.Line)
			}
		}
		if len(file.Gaps) > 0 {
			return
		}
		// Without gaps BuildKit reads the file whole, and lists the same.
		result, err := parser.Parse(bytes.NewReader(src))
		if err != nil {
			t.Fatalf("there is no gap, but BuildKit refuses the file: %v", err)
		}
		if len(result.AST.Children) != len(all) {
			t.Fatalf("%d instructions, BuildKit lists %d", len(all), len(result.AST.Children))
		}
		for i, n := range result.AST.Children {
			if n.StartLine != all[i].Line || n.EndLine != all[i].EndLine {
				t.Errorf("instruction %d at %d-%d, BuildKit says %d-%d", i, all[i].Line, all[i].EndLine, n.StartLine, n.EndLine)
			}
		}
	})
}

func checkPlaces(t *testing.T, file *File, in *Instruction) {
	t.Helper()
	if in.Line < 1 || in.EndLine < in.Line || in.EndLine > file.Lines {
		t.Errorf("%s at lines %d-%d of %d", in.Name, in.Line, in.EndLine, file.Lines)
	}
	if in.Trigger != nil {
		checkPlaces(t, file, in.Trigger)
	}
	if in.Script == nil {
		return
	}
	for _, c := range in.Script.Commands {
		if c.Line < in.Line || c.Line > in.EndLine || c.Column < 1 {
			t.Errorf("command %q at %d:%d, outside lines %d-%d", c, c.Line, c.Column, in.Line, in.EndLine)
		}
	}
}

// TestTextIsBuildKits checks on real files that our joining of continuation
// lines, which gives columns, agrees with BuildKit's.
func TestTextIsBuildKits(t *testing.T) {
	for name, src := range corpus(t) {
		result, err := parser.Parse(bytes.NewReader(src))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		s := newSource(src)
		s.escape = byte(result.EscapeToken)
		for _, n := range result.AST.Children {
			if got, _ := s.logical(n.StartLine); got.string != n.Original {
				t.Errorf("%s:%d: %q, BuildKit has %q", name, n.StartLine, got.string, n.Original)
			}
		}
	}
}

// BenchmarkCorpus reads every Dockerfile of the shared corpus, gradio and
// gradio-apps folders.
func BenchmarkCorpus(b *testing.B) {
	files := corpus(b)
	total := 0
	for _, src := range files {
		total += len(src)
	}
	b.SetBytes(int64(total))
	b.ReportAllocs()
	for b.Loop() {
		for name, src := range files {
			Parse(name, src)
		}
	}
}
