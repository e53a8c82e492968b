package dockerfile

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// outline writes a file as one line an instruction and a command.
func outline(f *File) string {
	var b strings.Builder
	show := func(in *Instruction) {
		if in.Trigger != nil {
			in = in.Trigger
		}
		fmt.Fprintf(&b, "  %d-%d %s", in.Line, in.EndLine, in.Name)
		for _, p := range in.Pairs {
			fmt.Fprintf(&b, " %s=%s", p.Key, p.Value)
		}
		if in.Script == nil {
			for _, a := range in.Args {
				fmt.Fprintf(&b, " %s", a.Text)
			}
		}
		b.WriteString("\n")
		if in.Script == nil {
			return
		}
		for _, c := range in.Script.Commands {
			fmt.Fprintf(&b, "    %d:%d", c.Line, c.Column)
			for _, w := range c.Via {
				fmt.Fprintf(&b, " [%s]", w.Name)
			}
			fmt.Fprintf(&b, " %s", c)
			for _, in := range c.Inputs {
				fmt.Fprintf(&b, " <| %s", in.Name)
			}
			b.WriteString("\n")
		}
	}
	for _, in := range f.Global {
		show(in)
	}
	for _, s := range f.Stages {
		fmt.Fprintf(&b, "stage %s %q parent %d reach %d\n", s.Label(), s.Base.Text, s.Parent, s.Reach)
		for _, in := range s.Instructions {
			show(in)
		}
	}
	for _, g := range f.Gaps {
		fmt.Fprintf(&b, "gap %d %s\n", g.Line, g.Kind)
	}
	return b.String()
}

func TestParse(t *testing.T) {
	for _, tt := range []struct{ name, src, want string }{
		{"arguments of FROM", "ARG V=3.12\nFROM python:${V}-slim AS Base\nFROM base\nUSER ${U:-1000}\n", `  1-1 ARG V=3.12
stage base "python:3.12-slim" parent -1 reach 2
stage 1 "" parent 0 reach 2
  4-4 USER 1000
`},
		{"stages that are not shipped", "FROM a AS one\nFROM b AS two\nFROM c AS three\nFROM d\nCOPY --from=two /x /\nRUN --mount=type=bind,from=three,target=/t ls\n", `stage one "a" parent -1 reach 0
stage two "b" parent -1 reach 1
stage three "c" parent -1 reach 1
stage 3 "d" parent -1 reach 2
  5-5 COPY /x /
  6-6 RUN
    6:44 ls
`},
		{"a fragment", "RUN pip install x\n", `stage 0 "" parent -1 reach 2
  1-1 RUN
    1:5 pip install x
`},
		{"continuations with comments between, tabs, CRLF and a BOM",
			"\xef\xbb\xbfFROM a\r\nRUN apt-get update && \\\r\n# why\r\n\tapt-get install \\\r\n\r\n    -y x\r\n", `stage 0 "a" parent -1 reach 2
  2-6 RUN
    2:5 apt-get update
    4:2 apt-get install -y x
`},
		{"another escape character", "# escape=`\nFROM a\nRUN echo a `\n  b\n", `stage 0 "a" parent -1 reach 2
  3-4 RUN
    3:5 echo a b
`},
		{"a comment ends a joined line", "FROM a\nRUN echo a # b \\\n && echo c\n", `stage 0 "a" parent -1 reach 2
  2-3 RUN
    2:5 echo a
`},
		{"a here-document is the script", "FROM a\nENV V=1\nRUN <<EOF\nset -e\npip install x==$V\nEOF\nUSER b\n", `stage 0 "a" parent -1 reach 2
  2-2 ENV V=1
  3-6 RUN
    4:1 set -e
    5:1 pip install x==1
  7-7 USER b
`},
		{"a here-document for a shell, and one for another program", "FROM a\nRUN bash <<'EOF'\ncurl x | sh\nEOF\nRUN python3 <<EOF\nimport os\nEOF\n", `stage 0 "a" parent -1 reach 2
  2-4 RUN
    2:5 bash
    2:12 [bash -c] curl x
    2:12 [bash -c] sh <| curl
  5-7 RUN
    5:5 python3
`},
		{"a script with its own interpreter", "FROM a\nRUN <<EOF\n#!/usr/bin/env python3\nimport os\nEOF\n", `stage 0 "a" parent -1 reach 2
  2-5 RUN
    3:1 python3
`},
		{"wrappers", "FROM a\nRUN X=1 sudo -u b env Y=2 timeout 5 pip install z && bash -lc 'a && b'\n", `stage 0 "a" parent -1 reach 2
  2-2 RUN
    2:37 [sudo] [env] [timeout] pip install z
    2:54 bash -lc a && b
    2:63 [bash -c] a
    2:63 [bash -c] b
`},
		{"loops, conditions, groups and substitutions", "FROM a\nRUN for p in x y; do pip install $p; done; if a; then b; else c; fi; (d; e) | f $(g)\n", `stage 0 "a" parent -1 reach 2
  2-2 RUN
    2:22 pip install $p
    2:47 a
    2:55 b
    2:63 c
    2:71 d
    2:74 e
    2:83 g
    2:79 f $(…) <| d <| e
`},
		{"variables are split, assigned and forgotten", "FROM a\nARG P=\"x y\"\nRUN V=1 && pip install $P z==$V && V=$(d) && pip install z==$V\n", `stage 0 "a" parent -1 reach 2
  2-2 ARG P=x y
  3-3 RUN
    3:12 pip install x y z==1
    3:40 d
    3:46 pip install z==$V
`},
		{"broken JSON is shell text", "FROM a\nCMD [\"a\", 'b']\n", `stage 0 "a" parent -1 reach 2
  2-2 CMD
    2:5 [a, b]
`},
		{"triggers", "FROM a\nONBUILD RUN pip install x\n", `stage 0 "a" parent -1 reach 2
  2-2 RUN
    2:13 pip install x
`},
		{"what cannot be parsed is a gap, and the rest is read", "FROM a\nENV X\nRUN a\nNONSENSE b\nRUN if\nRUN b\n", `stage 0 "a" parent -1 reach 2
  3-3 RUN
    3:5 a
  4-4 NONSENSE
  5-5 RUN if
  6-6 RUN
    6:5 b
gap 2 unparsed
gap 4 unparsed
gap 5 unparsed
`},
		{"shells of another language", "FROM a\nSHELL [\"powershell\", \"-Command\"]\nRUN Get-Item x\n", `stage 0 "a" parent -1 reach 2
  2-2 SHELL powershell -Command
  3-3 RUN Get-Item x
gap 3 unsupported
`},
		{"a check directive", "# check=skip=all\nFROM a\n# check=skip=all\nRUN a\n", `stage 0 "a" parent -1 reach 2
  4-4 RUN
    4:5 a
`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, outline(Parse("Dockerfile", []byte(tt.src)))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestImage(t *testing.T) {
	for _, tt := range []struct{ ref, repository, tag, digest string }{
		{"python", "python", "", ""},
		{"python:3.12", "python", "3.12", ""},
		{"host:5000/a/b", "host:5000/a/b", "", ""},
		{"host:5000/a/b:c@sha256:00", "host:5000/a/b", "c", "sha256:00"},
		{"a@sha256:00", "a", "", "sha256:00"},
		{"", "", "", ""},
	} {
		i := parseImage(tt.ref, tt.ref, true)
		if i.Repository != tt.repository || i.Tag != tt.tag || i.Digest != tt.digest {
			t.Errorf("parseImage(%q) = %q, %q, %q", tt.ref, i.Repository, i.Tag, i.Digest)
		}
	}
}

func TestInstall(t *testing.T) {
	for _, tt := range []struct{ command, want string }{
		{"pip install -r a.txt -c b.txt x==1 -e .", "pip install [x==1] [a.txt] [b.txt] [.]"},
		{"python3.11 -m pip install -q --index-url https://h/s x", "pip install [x] [] [] []"},
		{"pip --no-cache-dir install -ra.txt", "pip install [] [a.txt] [] []"},
		{"uv pip install --system -r=a.txt x", "uv pip install [x] [a.txt] [] []"},
		{"uv pip sync a.txt", "uv pip sync [] [a.txt] [] []"},
		{"apt-get -y install -t stable x y=1", "apt-get install [x y=1] [] [] []"},
		{"apk add --no-cache -t .deps x", "apk add [x] [] [] []"},
		{"npm i -g --registry http://h x@1", "npm i [x@1] [] [] []"},
		{"/opt/venv/bin/pip3 install x", "pip install [x] [] [] []"},
		{"pip download x", ""},
		{"apt-get update", ""},
	} {
		f := Parse("Dockerfile", []byte("RUN "+tt.command+"\n"))
		got := ""
		for _, i := range f.Stages[0].Instructions[0].Script.Installs() {
			got += fmt.Sprintf("%s %s %v %v %v %v", i.Manager, i.Verb, words(i.Packages), words(i.Requirements), words(i.Constraints), words(i.Editable))
		}
		if got != tt.want {
			t.Errorf("%s: %s, want %s", tt.command, got, tt.want)
		}
	}
}

func words(list []Word) []string {
	out := []string{}
	for _, w := range list {
		out = append(out, w.Text)
	}
	return out
}

func TestGapsDoNotQuoteSecrets(t *testing.T) {
	for _, src := range []string{
		"FROM a\nENV A=1 hunter2\n", "FROM a\nARG\nRUN --token=hunter2 a\n", "FROM a\nHEALTHCHECK --interval=hunter2 CMD a\n",
	} {
		for _, g := range Parse("Dockerfile", []byte(src)).Gaps {
			if strings.Contains(g.Reason, "hunter2") {
				t.Errorf("a gap quotes what may be a secret: %s", g.Reason)
			}
		}
	}
}
