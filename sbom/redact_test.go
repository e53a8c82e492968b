package sbom_test

import (
	"strings"
	"testing"

	"github.com/tallyman/tallyman/sbom"
)

func TestRedactURL(t *testing.T) {
	for _, tt := range []struct {
		in, want    string
		credentials bool
	}{
		{"https://example.com/a?raw=true#egg=x&sha256=00", "https://example.com/a?raw=true#egg=x&sha256=00", false},
		{"https://bob:hunter2@example.com/a", "https://example.com/a", true},
		{"https://bob:hun%40ter2@example.com/a", "https://example.com/a", true},
		{"https://bob:hun@ter2@example.com/a", "https://example.com/a", true},
		{"https://bob:hun/ter2@example.com/a", "https://example.com/a", true},
		{"https://bob:hun?ter#2@example.com/a", "https://example.com/a", true},
		{"https://:hunter2@example.com/", "https://example.com/", true},
		{"https://bob@example.com/", "https://example.com/", false},
		{"https://0123456789abcdef0123456789abcdef01234567@example.com/", "https://example.com/", true},
		{"https://hf_abcdefghijklmnopqrstuvwxyzABCDEFGH@huggingface.co/", "https://huggingface.co/", true},
		{"git+ssh://git@github.com/o/r.git@v1", "git+ssh://git@github.com/o/r.git@v1", false},
		{"git+ssh://git@github.com:o/r.git", "git+ssh://git@github.com:o/r.git", false},
		{"git+https://github.com/o/r@v1", "git+https://github.com/o/r@v1", false},
		{"https://${USER}:${PASS}@example.com/", "https://${USER}:${PASS}@example.com/", false},
		{"https://${TOKEN}@example.com/", "https://${TOKEN}@example.com/", false},
		{"https://bob:${PASS}@example.com/", "https://***:${PASS}@example.com/", false},
		{"https://bob:x${PASS}@example.com/", "https://example.com/", true},
		{"https://example.com:8443/a@b", "https://example.com:8443/a@b", false},
		{"https://[::1]:80/a@b", "https://[::1]:80/a@b", false},
		{"https://example.com/?token=hunter2&a=1&raw=1", "https://example.com/?token=***&a=***&raw=1", true},
		{"https://example.com/?X-Amz-Signature=hunter2", "https://example.com/?X-Amz-Signature=***", true},
		{"https://example.com/?hunter2hunter2", "https://example.com/?***", false},
		{"https://example.com/?t%6Fken=hunter2", "https://example.com/?t%6Fken=***", true},
		{"https://proxy.example/https://bob:hunter2@example.com/a", "https://proxy.example/https://example.com/a", true},
		{"https://example.com/ghp_0123456789abcdefghijABCDEFGHIJ012345/simple", "https://example.com/***/simple", true},
		{"bob:hunter2@example.com", "example.com", true},
		{"://://bob:hunter2@h", "://://h", true},
		{"https://proxy.example//bob:hunter2@h/x", "https://proxy.example//h/x", true},
		{"hf_transfer", "hf_transfer", false},
		{"bob:hunter2@", "***", true},
		{"./a/b.whl", "./a/b.whl", false},
		{"", "", false},
	} {
		got, credentials := sbom.RedactURL(tt.in)
		if got != tt.want || credentials != tt.credentials {
			t.Errorf("RedactURL(%q) = %q, %t, want %q, %t", tt.in, got, credentials, tt.want, tt.credentials)
		}
	}
}

func TestRedactText(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"no URL here: a@b, c:d", "no URL here: a@b, c:d"},
		{`bad "https://bob:hunter2@example.com/x" and http://a:b@c`, `bad "https://example.com/x" and http://c`},
		{"x @ git+https://bob:hun ter2@example.com/x y", "x @ git+https://example.com/x y"},
		{"login bob:hunter2@example.com today", "login example.com today"},
		{`bad "bob:hunter2@h/x" (bob:hunter2@h), ":hunter2@h"`, `bad "h/x" (h), "h"`},
		{`"https://h/?token=x"; python_version < "3"`, `"https://h/?token=***"; python_version < "3"`},
		{"token ghp_0123456789abcdefghijABCDEFGHIJ012345 here", "token *** here"},
	} {
		if got := sbom.RedactText(tt.in); got != tt.want {
			t.Errorf("RedactText(%q) = %q, want %q", tt.in, got, tt.want)
		}
	}
}

// FuzzRedact holds that a password of a URL never shows, wherever the URL
// stands.
func FuzzRedact(f *testing.F) {
	f.Add("git+", "@example.com/o/r.git#egg=x", "see ")
	f.Add("", "/ss@example.com/", `"`)
	f.Add("x @ https", " @h", "")
	f.Fuzz(func(t *testing.T, before, after, text string) {
		const secret = "hunter2correcthorse"
		if strings.Contains(before+after+text, secret) {
			t.Skip()
		}
		in := text + " " + before + "https://bob:" + secret + "@" + after
		got := sbom.RedactText(in)
		if strings.Contains(got, secret) {
			t.Errorf("RedactText(%q) = %q", in, got)
		}
	})
}

// TestRedactTextIsLinear: a line of a megabyte that is all beginnings of URLs
// must not take minutes. The test binary's own timeout is the judge.
func TestRedactTextIsLinear(t *testing.T) {
	for _, part := range []string{"://", "://a:b ", "://a:b@", "a:b", "a:b@", "://a/", "?a=1&"} {
		in := strings.Repeat(part, (1<<20)/len(part))
		if got := sbom.RedactText(in); got == "" {
			t.Errorf("%q repeated became nothing", part)
		}
	}
}
