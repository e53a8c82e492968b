package image

import (
	"bytes"
	"hash/crc32"
	"slices"
	"strings"
)

// tokenKind is a kind of token that whoever issues it has given a beginning of
// its own, so that it is known wherever it is found.
type tokenKind struct {
	prefix string
	// name is what it is called in findings.
	name string
	// fits reports whether what follows the prefix, up to the first character
	// that no token has, is as long and of such characters as those that are
	// issued. after is the text behind it, text all of it.
	fits func(body, after, text []byte) bool
}

// leastToken is how many characters the shortest of these tokens has.
const leastToken = 20

// tokenKinds has each beginning once; of two that begin alike, the longer first.
//
//   - https://huggingface.co/docs/hub/security-tokens
//   - https://github.blog/engineering/platform-security/behind-githubs-new-authentication-token-formats/
//   - https://github.blog/changelog/2021-09-23-npm-has-a-new-access-token-format/
//   - https://docs.gitlab.com/security/tokens/#token-prefixes
//   - https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids
//   - https://api.slack.com/concepts/token-types
//   - https://docs.cloud.google.com/docs/authentication/api-keys
//   - https://pypi.org/help/#apitoken
//
// OpenAI and Anthropic issue theirs with these beginnings and document no
// lengths: the bounds are wide.
var tokenKinds = []tokenKind{
	{"hf_", "a Hugging Face token", letters(34)},
	{"api_org_", "a Hugging Face token", letters(34)},
	{"github_pat_", "a GitHub token", githubFineGrained},
	{"ghp_", "a GitHub token", githubToken},
	{"gho_", "a GitHub token", githubToken},
	{"ghu_", "a GitHub token", githubToken},
	{"ghs_", "a GitHub token", githubToken},
	{"glpat-", "a GitLab token", gitlabToken},
	{"sk-ant-", "an Anthropic key", anthropicKey},
	{"sk-proj-", "an OpenAI key", between(40, 200)},
	{"sk-svcacct-", "an OpenAI key", between(40, 200)},
	{"sk-admin-", "an OpenAI key", between(40, 200)},
	{"sk-", "an OpenAI key", openAIKey},
	{"AKIA", "an AWS access key", awsKey},
	{"xoxb-", "a Slack token", slackToken},
	{"xoxp-", "a Slack token", slackToken},
	{"xoxa-", "a Slack token", slackToken},
	{"xoxr-", "a Slack token", slackToken},
	{"AIza", "a Google API key", googleKey},
	{"pypi-AgEIcHlwaS5vcmc", "a PyPI token", between(50, 1000)},
	{"pypi-AgENdGVzdC5weXBpLm9yZw", "a PyPI token", between(50, 1000)},
	{"npm_", "an npm token", npmToken},
}

// tokensIn returns the names of the kinds of tokens that a text holds, each
// once, sorted; never anything of a token.
//
// It looks for runs of the characters that tokens have, as long as the shortest
// token at least: every such run covers one of any [leastToken] characters in a
// row, so that of most of a text only one character in twenty is looked at.
func tokensIn(text []byte) []string {
	var found []string
	last := 0
	for at := leastToken - 1; at < len(text); {
		if !tokenByte[text[at]] {
			at += leastToken
			continue
		}
		begin, end := at, at+1
		for begin > last && tokenByte[text[begin-1]] {
			begin--
		}
		for end < len(text) && tokenByte[text[end]] {
			end++
		}
		if begin > 0 && text[begin-1] == '\\' {
			begin++ // the letter of an escape: "\nhf_..."
		}
		if end-begin >= leastToken {
			if name := tokenAt(text, begin, end); name != "" && !slices.Contains(found, name) {
				found = append(found, name)
			}
		}
		last, at = end, end+leastToken
	}
	slices.Sort(found)
	return found
}

// tokenByte has the characters that tokens are made of.
var tokenByte = func() (is [256]bool) {
	for c := range is {
		is[c] = alphanumeric(byte(c)) || c == '_' || c == '-'
	}
	return is
}()

func alphanumeric(c byte) bool { return digit(c) || lower(c) || upper(c) }
func lower(c byte) bool        { return 'a' <= c && c <= 'z' }
func upper(c byte) bool        { return 'A' <= c && c <= 'Z' }

// tokenAt names the token that text[begin:end] is, "" for none.
func tokenAt(text []byte, begin, end int) string {
	run := text[begin:end]
	for i := range tokenKinds {
		k := &tokenKinds[i]
		if run[0] != k.prefix[0] || !bytes.HasPrefix(run, []byte(k.prefix)) {
			continue
		}
		body := run[len(k.prefix):]
		if k.fits(body, text[end:], text) && !placeholder(body) {
			return k.name
		}
		return ""
	}
	return ""
}

// placeholder reports whether a person wrote this where a token would stand:
// a real one is drawn at random. That one of them has such a word in it, or so
// few different characters, happens less than once in a thousand.
func placeholder(body []byte) bool {
	least := 14
	if len(body) < 30 {
		least = 8
	}
	if distinct(body) < least {
		return true
	}
	small := strings.ToLower(string(body))
	for _, word := range []string{
		"example", "xxxx", "0000", "1234", "your", "placeholder", "dummy", "redacted", "replace", "change", "insert", "sample", "fake", "test",
	} {
		if strings.Contains(small, word) {
			return true
		}
	}
	ascending := 1
	for i := 1; i < len(small); i++ {
		if ascending++; small[i] != small[i-1]+1 {
			ascending = 1
		}
		if ascending == 6 { // "abcdef"
			return true
		}
	}
	return false
}

func distinct(text []byte) (n int) {
	var seen [256]bool
	for _, c := range text {
		if !seen[c] {
			seen[c] = true
			n++
		}
	}
	return n
}

// all reports whether every byte is one of those.
func all(text []byte, is func(byte) bool) bool {
	return !slices.ContainsFunc(text, func(c byte) bool { return !is(c) })
}

// mixed reports whether a text has letters of both cases, as every text of
// twenty random letters and digits has but one in ten thousand.
func mixed(text []byte) bool {
	return slices.ContainsFunc(text, lower) && slices.ContainsFunc(text, upper)
}

func letters(n int) func(body, after, text []byte) bool {
	return func(body, _, _ []byte) bool {
		return len(body) == n && mixed(body) && all(body, func(c byte) bool { return lower(c) || upper(c) })
	}
}

func between(least, most int) func(body, after, text []byte) bool {
	return func(body, _, _ []byte) bool { return least <= len(body) && len(body) <= most && mixed(body) }
}

// githubToken knows 30 random characters and their CRC-32 in six of base 62.
// https://github.blog/engineering/platform-security/behind-githubs-new-authentication-token-formats/
func githubToken(body, _, _ []byte) bool {
	if len(body) != 36 || !all(body, alphanumeric) {
		return false
	}
	const digits = "0123456789abcdefghijklmnopqrstuvwxyz"
	sum := crc32.ChecksumIEEE(body[:30])
	var want [6]byte
	for i := len(want) - 1; i >= 0; i-- {
		// Which case comes first is nowhere said: both are taken.
		d := sum % 62
		if d >= 36 {
			d -= 26
		}
		want[i], sum = digits[d], sum/62
	}
	return bytes.EqualFold(body[30:], want[:])
}

// githubFineGrained knows 22 characters and 59 more.
func githubFineGrained(body, _, _ []byte) bool {
	return len(body) == 82 && body[22] == '_' && mixed(body) && all(body[:22], alphanumeric) && all(body[23:], alphanumeric)
}

// gitlabToken knows twenty characters, and the longer ones that say where they
// belong: these go on with a dot, a length and a checksum.
func gitlabToken(body, after, _ []byte) bool {
	if len(body) == 20 {
		return mixed(body)
	}
	small := func(c byte) bool { return digit(c) || lower(c) }
	return 27 <= len(body) && len(body) <= 300 && len(after) >= 10 && after[0] == '.' && all(after[1:10], small)
}

// anthropicKey knows "api03-", "admin01-", "oat01-" and what follows.
func anthropicKey(body, _, _ []byte) bool {
	use, secret, ok := bytes.Cut(body, []byte("-"))
	return ok && len(use) >= 5 && lower(use[0]) && digit(use[len(use)-1]) && len(secret) >= 80 && len(secret) <= 120 && mixed(secret)
}

// openAIKey knows the keys of before there were projects, which all have the
// same mark in the middle.
func openAIKey(body, _, _ []byte) bool {
	return len(body) == 48 && string(body[20:28]) == "T3BlbkFJ" && all(body, alphanumeric)
}

// awsKey knows the identifier of a key, which is public, beside its secret of
// forty characters, which is not.
func awsKey(body, _, text []byte) bool {
	return len(body) == 16 && all(body, func(c byte) bool { return upper(c) || '2' <= c && c <= '7' }) && awsSecret(text)
}

func awsSecret(text []byte) bool {
	for len(text) > 0 {
		n := bytes.IndexFunc(text, func(r rune) bool { return r > 'z' || !alphanumeric(byte(r)) && r != '/' && r != '+' })
		if n < 0 {
			n = len(text)
		}
		if w := text[:n]; n == 40 && mixed(w) && slices.ContainsFunc(w, digit) && !placeholder(w) {
			return true
		}
		text = text[min(n+1, len(text)):]
	}
	return false
}

// slackToken knows numbers of ten digits and more, and a secret behind them.
func slackToken(body, _, _ []byte) bool {
	parts := bytes.Split(body, []byte("-"))
	if len(parts) < 3 || len(parts) > 5 {
		return false
	}
	numbers, secret := parts[:len(parts)-1], parts[len(parts)-1]
	for _, n := range numbers {
		if len(n) < 10 || len(n) > 14 || !all(n, digit) {
			return false
		}
	}
	return len(secret) >= 24 && len(secret) <= 64 && all(secret, alphanumeric) && distinct(secret) >= 8
}

// googleKey knows 35 characters. The same keys stand in the configuration of
// Firebase that its pages are made to show, and are no secret there.
// https://firebase.google.com/docs/projects/api-keys
func googleKey(body, _, text []byte) bool {
	return len(body) == 35 && mixed(body) && !bytes.Contains(text, []byte("authDomain")) && !bytes.Contains(text, []byte("mobilesdk_app_id"))
}

func npmToken(body, _, _ []byte) bool {
	return len(body) == 36 && mixed(body) && all(body, alphanumeric)
}
