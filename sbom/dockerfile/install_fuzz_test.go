package dockerfile

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/tallyman/tallyman/sbom/pyreq"
)

// installers are command lines that take one word more.
var installers = []string{
	"pip install", "pip install -e", "uv pip install --system", "uv add", "uv tool install", "uvx", "uv run --with", "pipx install",
	"pipx inject x", "poetry add", "conda install", "mamba create -n x", "apt-get install -y", "apk add", "pip install -r", "conda env create -f",
	"pip install --index-url",
}

// FuzzInstall holds two properties for one word behind every installer: no
// password that is planted in a URL shows in anything that the file gives, and
// the word is not lost: it is a component, a gap, a requirement file, an
// option, or the project itself.
func FuzzInstall(f *testing.F) {
	for _, seed := range []string{
		"gradio==4.19.0", "x[a,b]>=1,<2; python_version < '3'", "git+https://@CRED@h/r@main#egg=x", "https://@CRED@h/a-1-py3-none-any.whl",
		"x @ https://@CRED@h/x.zip ; extra == 'a'", "x@^1.2", "x@https://@CRED@h", "c::p=1=*", "p[url=https://@CRED@h]", "curl=https://@CRED@h",
		"curl=1:2-3", ".", "./x[a]", "/install/*.whl", "-r", "", "x@latest", "a,b==2,https://@CRED@h/x", "===https://@CRED@h", "p===https://@CRED@h", "p=https://@CRED@h", "~/x", "x-", "!x", "\xff", "x\x00",
	} {
		f.Add(seed)
	}
	const secret = "hunter2correcthorse"
	f.Fuzz(func(t *testing.T, word string) {
		if strings.Contains(word, secret) || strings.ContainsAny(word, "'\n\r\x00") || len(word) > 1000 {
			t.Skip()
		}
		word = strings.ReplaceAll(word, "@CRED@", "bob:"+secret+"@")
		planted := strings.Count(word, secret) == strings.Count(word, "://bob:"+secret+"@")
		for _, installer := range installers {
			base := "debian:12"
			if installer == "apk add" {
				base = "alpine:3.20"
			}
			file := Parse("Dockerfile", []byte("FROM "+base+" AS a\nRUN "+installer+" '"+word+"'\nFROM b\nCOPY --from=a /opt /opt\n"))
			document := file.Document()
			out, err := json.Marshal([]any{document, file.Requirements(), file.PythonVersions()})
			if err != nil {
				t.Fatal(err)
			}
			if planted && strings.Contains(string(out), secret) {
				t.Errorf("%s: %q shows in %s", installer, secret, out)
			}
			if len(document.Components)+len(document.Gaps)+len(file.Requirements()) == 0 && !mayVanish(installer, word) {
				t.Errorf("%s %q is lost", installer, word)
			}
		}
	})
}

// mayVanish reports whether a word asks for nothing: an option, the project
// itself, and a package that must not be there.
func mayVanish(installer, word string) bool {
	switch {
	case strings.HasPrefix(word, "-") && word != "-" || strings.HasSuffix(installer, "--index-url"):
		return true
	case installer == "apk add":
		return strings.HasPrefix(word, "!")
	case strings.HasPrefix(installer, "apt"):
		name, _, _ := strings.Cut(word, "=")
		return strings.HasSuffix(name, "-") || strings.Contains(name, "-/") || strings.Contains(name, "-:")
	}
	words := []string{word}
	if installer == "uv run --with" {
		words = strings.Split(word, ",")
	}
	for _, w := range words {
		e, err := pyreq.Argument(w, installer == "pip install -e")
		if err != nil || !e.Own() {
			return false
		}
	}
	return true
}
