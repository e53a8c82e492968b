package image

import (
	"encoding/base64"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const (
	lowerLetters = "abcdefghijklmnopqrstuvwxyz"
	bothLetters  = lowerLetters + "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	base62       = "0123456789" + bothLetters
	base64url    = base62 + "-_"
)

// drawn is a text of n characters as a token has them: this file holds none
// that looks like one.
func drawn(n int, alphabet string) string {
	r := rand.New(rand.NewPCG(uint64(n), uint64(len(alphabet))))
	out := make([]byte, n)
	for i := range out {
		out[i] = alphabet[r.IntN(len(alphabet))]
	}
	return string(out)
}

// withSum is a GitHub token's body with its checksum.
func withSum(body string) string {
	sum, tail := crc32.ChecksumIEEE([]byte(body)), ""
	for range 6 {
		tail, sum = string(base62[sum%62])+tail, sum/62
	}
	return body + tail
}

// tokens are one of each kind, as it is issued.
func tokens() map[string]string {
	return map[string]string{
		"hf_" + drawn(34, bothLetters):                                                    "a Hugging Face token",
		"api_org_" + drawn(34, bothLetters):                                               "a Hugging Face token",
		"ghp_" + withSum(drawn(30, base62)):                                               "a GitHub token",
		"gho_" + withSum(drawn(30, base62)):                                               "a GitHub token",
		"ghs_" + withSum(drawn(30, base62)):                                               "a GitHub token",
		"github_pat_" + drawn(22, base62) + "_" + drawn(59, base62):                       "a GitHub token",
		"glpat-" + drawn(20, base64url):                                                   "a GitLab token",
		"glpat-" + drawn(40, base64url) + ".01." + "1a2b3c4":                              "",
		"glpat-" + drawn(40, base64url) + ".01" + "1a2b3c4":                               "a GitLab token",
		"sk-ant-api03-" + drawn(93, base64url) + "AA":                                     "an Anthropic key",
		"sk-proj-" + drawn(74, base64url) + "T3BlbkFJ" + drawn(74, base64url):             "an OpenAI key",
		"sk-" + drawn(20, base62) + "T3BlbkFJ" + drawn(20, base62):                        "an OpenAI key",
		"xoxb-" + "7392058146-" + "7392058146203-" + drawn(24, base62):                    "a Slack token",
		"AIza" + drawn(35, base64url):                                                     "a Google API key",
		"pypi-AgEIcHlwaS5vcmc" + drawn(150, base64url):                                    "a PyPI token",
		"npm_" + drawn(36, base62):                                                        "an npm token",
		"AKIA" + drawn(16, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") + "\n" + drawn(40, base62): "an AWS access key",
		// What is none: an identifier without its secret, another length, a wrong
		// checksum, no random letters, the middle of something longer.
		"AKIA" + drawn(16, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"):          "",
		"AKIAIOSFODNN7" + "EXAMPLE\n" + drawn(40, base62):               "",
		"hf_" + drawn(33, bothLetters):                                  "",
		"hf_" + drawn(34, lowerLetters):                                 "",
		"hf_" + drawn(35, bothLetters):                                  "",
		"hf_" + strings.Repeat("x", 34):                                 "",
		"hf_" + "abcdefghijklmnopqrstuvwxyzABCDEFGH":                    "",
		"hf_" + "YourTokenGoesHereYourTokenGoesHere":                    "",
		"ghp_" + drawn(36, base62):                                      "",
		"sk-proj-" + strings.Repeat("abcDEF", 10):                       "",
		"sk-learn-is-not-a-key-and-has-many-dashes-in-its-name-of-48-x": "",
		"npm_config_cache_folder_of_the_application_user":               "",
		"x" + "hf_" + drawn(34, bothLetters):                            "",
		"authDomain AIza" + drawn(35, base64url):                        "",
	}
}

// TestTokens: each kind is known wherever it stands in a text, and what was
// written in its place is none.
func TestTokens(t *testing.T) {
	for token, want := range tokens() {
		for _, text := range []string{
			token, "T=" + token, `{"key": "` + token + `"}`, "https://u:" + token + "@host/x", "a b c d e f g h i j k\n" + token + "\n", `"x=1\n` + token + `\n"`,
			strings.Repeat("word ", 40) + token + strings.Repeat(" word", 40), "é" + token + "é",
		} {
			got := strings.Join(tokensIn([]byte(text)), ", ")
			if got != want {
				t.Errorf("%q: %q, want %q", text, got, want)
			}
		}
	}
}

// FuzzTokens: what is found in a text is found behind any other text too, and
// is what a plain search, at every character, finds.
func FuzzTokens(f *testing.F) {
	for token := range tokens() {
		f.Add([]byte("a "+token+" b"), uint8(3))
	}
	f.Fuzz(func(t *testing.T, text []byte, shift uint8) {
		got := tokensIn(text)
		moved := append(append([]byte(strings.Repeat(".", int(shift))), '\n'), text...)
		if again := tokensIn(moved); !slices.Equal(got, again) && !strings.HasPrefix(string(text), "\\") {
			t.Errorf("%q, and %q after %d characters", got, again, shift)
		}
		var plain []string
		for begin := 0; begin < len(text); {
			end := begin
			for end < len(text) && tokenByte[text[end]] {
				end++
			}
			at := begin
			if begin > 0 && text[begin-1] == '\\' {
				at++
			}
			if end-at >= leastToken {
				if name := tokenAt(text, at, end); name != "" && !slices.Contains(plain, name) {
					plain = append(plain, name)
				}
			}
			begin = end + 1
		}
		slices.Sort(plain)
		if !slices.Equal(got, plain) {
			t.Errorf("%q, and plainly %q", got, plain)
		}
	})
}

// TestLeftInContents: what a careless user copied along is found by what is in
// it, whatever its name is; what packages bring is everyone's, and no value is
// in any fact.
func TestLeftInContents(t *testing.T) {
	token := "hf_" + drawn(34, bothLetters)
	github := "ghp_" + withSum(drawn(30, base62))
	openssh := func(cipher string) string {
		data := fmt.Sprintf("openssh-key-v1\x00\x00\x00\x00%c%s%s", len(cipher), cipher, strings.Repeat("k", 80))
		return "-----BEGIN OPENSSH PRIVATE KEY-----\n" + base64.StdEncoding.EncodeToString([]byte(data)) + "\n-----END OPENSSH PRIVATE KEY-----\n"
	}
	img := imageOf(t, tarsOf(t, [][]item{
		{
			{"app/config.py", "TOKEN = '" + token + "'\n"}, {"app/settings.json", `{"a": "` + token + `", "b": "` + github + `"}`},
			{"app/.git/HEAD", "ref"}, {"app/.git/config", "[remote \"origin\"]\n\turl = https://user:" + github + "@github.com/a/b\n"},
			{"src/.git/config", "[remote \"origin\"]\n\turl = https://" + github + "@github.com/a/b\n"},
			{"ci/.git/config", "[http \"https://github.com/\"]\n\textraheader = AUTHORIZATION: basic eDpzZWNyZXQtdmFsdWU=\n"},
			{"sub/.git/modules/m/config", "[remote \"origin\"]\n\turl = https://user:pass@host/m\n"},
			{"plain/.git/config", "[remote \"origin\"]\n\turl = https://user@github.com/a/b\n"},
			{"home/u/.gitconfig", "[url \"https://oauth2:" + github + "@gitlab.com/\"]\n\tinsteadOf = https://gitlab.com/\n"},
			{"app/key.txt", openssh("none")}, {"app/locked", openssh("aes256-ctr")}, {"etc/ssh/ssh_host_rsa_key", key},
			{"app/old", "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n"}, {"app/new", "\n-----BEGIN ENCRYPTED PRIVATE KEY-----\nMII\n"},
			{"app/k.ppk", "PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none\n"}, {"usr/src/app/main.py", token},
		},
		{
			{"app/.wh.key.txt", ""}, {"app/cert.crt", "-----BEGIN CERTIFICATE-----\n"}, {"app/guide.md", "Paste it:\n-----BEGIN PRIVATE KEY-----\n"},
			{"app/large.txt", token + strings.Repeat(" ", 64<<10)}, {"app/model.bin", "\x00" + token}, {"usr/lib/x.py", token}, {"usr/share/doc/k", key},
			{site + "pkg/token.py", token}, {"app/node_modules/a/t.js", token}, {"root/.cache/uv/a/t.py", token}, {"opt/conda/x.py", token},
			{"root/go/pkg/mod/a/b/testdata/k", key}, {"opt/py/lib/python3.12/test/k", key}, {"app/secrets.example", "HF_TOKEN=hf_" + strings.Repeat("x", 34)}, {"app/empty", ""}, {"app/dashes", "----"},
		},
	})...)
	_, _, inv := read(t, img)
	var got []string
	for _, f := range inv.Left {
		line := fmt.Sprintf("%s: %s %s", f.Path, f.What, f.Of)
		if f.Deleted {
			line += ", deleted"
		}
		got = append(got, strings.TrimSpace(line))
	}
	const login = ": credentials git's configuration with a login"
	want := []string{
		"/app/.git: git-repository", "/app/.git/config" + login, "/app/config.py: credentials a Hugging Face token", "/app/k.ppk: private-key",
		"/app/key.txt: private-key , deleted", "/app/locked: private-key an encrypted private key", "/app/new: private-key an encrypted private key",
		"/app/old: private-key an encrypted private key", "/app/settings.json: credentials a GitHub token", "/app/settings.json: credentials a Hugging Face token",
		"/ci/.git: git-repository", "/ci/.git/config" + login, "/etc/ssh/ssh_host_rsa_key: private-key", "/home/u/.gitconfig" + login, "/plain/.git: git-repository",
		"/src/.git: git-repository", "/src/.git/config" + login, "/sub/.git/modules/m/config" + login, "/usr/src/app/main.py: credentials a Hugging Face token",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("left files (-want +got):\n%s", diff)
	}
	if all := fmt.Sprintf("%+v", inv); strings.Contains(all, token[3:10]) || strings.Contains(all, github[4:10]) {
		t.Error("a part of a token is in the inventory")
	}
}

// BenchmarkTokens looks through a Python file of this repository's own kind.
func BenchmarkTokens(b *testing.B) {
	text := []byte(strings.Repeat("def predict(image, threshold=0.5):\n    return model.predict_proba(preprocess(image))[0] > threshold\n", 600))
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		tokensIn(text)
	}
}
