package dockerfile

import (
	"strings"
	"testing"

	"github.com/tallyman/tallyman/internal/limit"
)

// TestHostile reads files that are made to exhaust a reader. Each has to come
// back with a gap, for what could not be read, or with a bounded result.
func TestHostile(t *testing.T) {
	const big = limit.DockerfileBytes - 100
	doubling := "FROM a\nENV A=aaaaaaaaaaaaaaaa\n" + strings.Repeat("ENV A=$A$A$A$A\n", 100) + "RUN echo $A\n"
	for _, tt := range []struct {
		name, src string
		gap       bool
	}{
		{"too large", strings.Repeat("#", limit.DockerfileBytes+1), true},
		{"one long line", "FROM a\nRUN " + strings.Repeat("x", 200<<10) + "\n", true},
		{"open brackets", "FROM a\nRUN " + strings.Repeat("(", 60<<10) + "\n", true},
		{"open brackets over many lines", "FROM a\nRUN " + strings.Repeat(strings.Repeat("(", 1000)+"\\\n", 1000) + "\n", true},
		{"substitutions", "FROM a\nRUN echo " + strings.Repeat("$(", 30<<10) + "\n", true},
		{"negations", "FROM a\nRUN " + strings.Repeat("! ", 30<<10) + "\n", true},
		{"braces", "FROM a\nRUN echo " + strings.Repeat("${a:-", 12<<10) + "\n", true},
		{"ifs", "FROM a\nRUN " + strings.Repeat("if ", 20<<10) + "\n", true},
		{"elifs", "FROM a\nRUN if a; then b; " + strings.Repeat("elif a; then b; ", 3<<10) + "fi\n", false},
		{"and lists", "FROM a\nRUN a" + strings.Repeat("&&a", 20<<10) + "\n", true},
		{"arithmetic", "FROM a\nRUN echo $((" + strings.Repeat("-", 60<<10) + "1))\n", true},
		{"tests", "FROM a\nRUN [[ " + strings.Repeat("! ", 30<<10) + "a ]]\n", true},
		{"quotes in braces", "FROM a\nRUN echo " + strings.Repeat("\"${a:-", 9<<10) + "\n", true},
		{"triggers", "FROM a\n" + strings.Repeat("ONBUILD ", 8000) + "RUN a\n", true},
		{"triggers over many lines", "FROM a\n" + strings.Repeat(strings.Repeat("ONBUILD ", 100)+"\\\n", 1200) + "RUN a\n", true},
		{"shells in shells", "FROM a\nRUN " + strings.Repeat("eval ", 5000) + "a\n", true},
		{"wrappers", "FROM a\nRUN " + strings.Repeat("sudo ", 10000) + "a\n", false},
		{"values of values", doubling, false},
		{"bad instructions", strings.Repeat("ENV X\n", big/6), true},
		{"unknown instructions", strings.Repeat("A\n", 50000), true},
		{"empty instructions", "FROM a\n" + strings.Repeat("RUN a\n", 20000), true},
		{"stages", strings.Repeat("FROM a as b\n", 20000), true},
		{"stages of stages", "FROM x AS a\n" + strings.Repeat("FROM a AS a\n", 20000), true},
		{"unterminated heredoc", "FROM a\nRUN <<EOF\n" + strings.Repeat("x\n", 1000), true},
		{"NUL bytes", "FROM a\nRUN echo \x00\x00\n", false},
		{"not UTF-8", "FROM a\nRUN echo \xff\xfe\n\xff\xff\xff a\n", true},
		{"empty", "", true},
		{"only a comment", "# a\n", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := Parse("Dockerfile", []byte(tt.src))
			if got := len(f.Gaps) > 0; got != tt.gap {
				t.Errorf("gaps %v, want some: %v", f.Gaps[:min(3, len(f.Gaps))], tt.gap)
			}
			if len(f.Gaps) > maxGaps+1 {
				t.Errorf("%d gaps", len(f.Gaps))
			}
		})
	}
}

// TestHostileInstalls makes inventories of files that are made to take long.
func TestHostileInstalls(t *testing.T) {
	for name, src := range map[string]string{
		"many words":   "FROM debian:12\n" + strings.Repeat("RUN pip install "+strings.Repeat("a==1 ", 10000)+"\n", 20),
		"many stages":  strings.Repeat("FROM a AS a\nWORKDIR /a\nRUN pip install b\n", 3000) + "FROM c\nCOPY --from=a /x /x\n",
		"many folders": "FROM a AS a\n" + strings.Repeat("WORKDIR b\n", 4000) + "FROM c\n" + strings.Repeat("COPY --from=a /x /y /z\n", 4000),
		"many sources": "FROM a AS a\nWORKDIR /b\nFROM c\nCOPY --from=a " + strings.Repeat("/x \\\n", 100000) + "/y\n",
		"a long URL":   "FROM a\nRUN pip install " + strings.Repeat("https://a/", 6000) + "\n",
		"bad words":    "FROM debian:12\nRUN conda install " + strings.Repeat("'[' ", 15000) + "\n",
	} {
		t.Run(name, func(t *testing.T) {
			f := Parse("Dockerfile", []byte(src))
			d := f.Document()
			f.Requirements()
			f.PythonVersions()
			if len(d.Components)+len(d.Gaps) == 0 && strings.Contains(src, "install") {
				t.Error("nothing was found")
			}
		})
	}
}
