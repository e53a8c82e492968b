package sbom

import (
	"net/url"
	"regexp"
	"strings"
	"unicode"
)

// removed stands in output where something secret was.
const removed = "***"

// knownToken matches the tokens whose issuers gave them a recognisable form.
// https://docs.github.com/en/code-security/secret-scanning/introduction/supported-secret-scanning-patterns
var knownToken = regexp.MustCompile(`gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,}|glpat-[A-Za-z0-9_-]{20,}|` +
	`hf_[A-Za-z0-9]{30,}|pypi-Ag[A-Za-z0-9_-]{20,}|xox[abprs]-[A-Za-z0-9-]{20,}|AKIA[A-Z0-9]{16}|eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_.-]{8,}`)

// onlyVariables matches a part of a user info that names variables and holds
// no secret itself.
var onlyVariables = regexp.MustCompile(`^(\$\{[A-Z0-9_]+\})+$`)

// harmlessQuery are the query parameters whose value is shown. Any other value
// may be a token: the list is closed so that a new kind of token is removed
// before we hear of it.
var harmlessQuery = map[string]bool{"raw": true, "download": true, "dl": true, "ref": true, "at": true, "archive": true, "format": true}

// harmlessFragment are the keys that pip gives a meaning in a URL's fragment.
// https://pip.pypa.io/en/stable/topics/vcs-support/#url-fragments
var harmlessFragment = map[string]bool{
	"egg": true, "subdirectory": true,
	"md5": true, "sha1": true, "sha224": true, "sha256": true, "sha384": true, "sha512": true,
}

// login finds "user:password@" without a scheme in front; the user may be empty,
// and a quote or a bracket that opens before is none of it.
var login = regexp.MustCompile("[^\\s/@:\"'`(<]*:[^\\s/@]+@")

// RedactText removes credentials from the URLs in a text, and known tokens
// from everywhere. White space, commas, semicolons and closing quotes end a
// URL and stay.
func RedactText(text string) string {
	safe, _ := Redact(text)
	return safe
}

// Redact is RedactText, and reports whether there were credentials in clear.
func Redact(text string) (safe string, credentials bool) {
	safe, credentials = redactText(text)
	if safe == "" && text != "" {
		safe = removed
	}
	return safe, credentials
}

func redactText(text string) (safe string, credentials bool) {
	var b strings.Builder
	last := strings.LastIndexByte(text, '@')
	from := 0
	for {
		at := strings.Index(text[from:], "://")
		if at < 0 {
			break
		}
		at += from
		front, found := redactLogin(text[from:at])
		end := urlEnd(text, at+len("://"), last)
		one, more := redactURL(text[at:end], 0)
		b.WriteString(front)
		b.WriteString(one)
		credentials = credentials || found || more
		from = end
	}
	rest, found := redactLogin(text[from:])
	b.WriteString(rest)
	return b.String(), credentials || found
}

func redactLogin(text string) (safe string, credentials bool) {
	safe = text
	if strings.IndexByte(text, '@') >= 0 {
		safe = login.ReplaceAllStringFunc(text, func(s string) string { return s[strings.LastIndexByte(s, '@')+1:] })
	}
	safe = redactTokens(safe)
	return safe, safe != text
}

// redactTokens removes known tokens.
func redactTokens(text string) string {
	// No token is shorter, and nearly all texts have no word as long.
	const shortest = 18
	run := 0
	for i := range len(text) {
		c := text[i]
		if c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9' || c == '_' || c == '-' || c == '.' {
			if run++; run >= shortest {
				return knownToken.ReplaceAllString(text, removed)
			}
			continue
		}
		run = 0
	}
	return text
}

// urlEnd returns where the URL whose authority begins at start ends: at white
// space, unless what is in front of it looks like half of a password. last is
// the index of the text's last '@', -1 for none.
func urlEnd(text string, start, last int) int {
	end := len(text)
	if i := strings.IndexFunc(text[start:], unicode.IsSpace); i >= 0 {
		end = start + i
	}
	if last > end && oddPort(text[start:end]) {
		return len(text)
	}
	return start + len(strings.TrimRight(text[start:end], `;,"')>`))
}

// oddPort reports whether the authority that rest begins with has no '@' and a
// port that is no number, as an unescaped password makes it look.
func oddPort(rest string) bool {
	authority := rest
	if i := strings.IndexAny(rest, authorityEnds); i >= 0 {
		authority = rest[:i]
	}
	_, port, found := strings.Cut(authority, ":")
	return found && !strings.Contains(authority, "@") && !strings.HasPrefix(authority, "[") && strings.Trim(port, "0123456789") != ""
}

// authorityEnds are the characters that end an authority.
// https://www.rfc-editor.org/rfc/rfc3986#section-3.2
const authorityEnds = `/?#\`

// RedactURL removes credentials from one URL and reports whether there were
// any in clear. A text that is no URL comes back as it is but for tokens. The
// user name "git" and references to variables (${USER}) are no credentials.
func RedactURL(raw string) (safe string, credentials bool) {
	safe, credentials = redactURL(raw, 0)
	if safe == "" && raw != "" {
		safe = removed
	}
	return safe, credentials
}

// redactURL is RedactURL at a depth of URLs within URLs.
func redactURL(raw string, depth int) (safe string, credentials bool) {
	start := 0
	if at := strings.Index(raw, "://"); at >= 0 {
		start = at + len("://")
	}
	rest := raw[start:]
	if start == 0 && !looksLikeLogin(rest) {
		safe = redactTokens(raw)
		return safe, safe != raw
	}
	end := authorityEnd(rest)
	authority, tail := rest[:end], rest[end:]
	if at := strings.LastIndexByte(authority, '@'); at >= 0 {
		var user string
		user, credentials = redactUser(authority[:at])
		authority = user + authority[at+1:]
	}
	tail, found := redactTail(tail, depth)
	safe = raw[:start] + authority + tail
	if depth > 0 {
		return safe, credentials || found
	}
	out := redactTokens(safe)
	return out, credentials || found || out != safe
}

// looksLikeLogin reports whether a text without "://" begins like "user:pass@host".
func looksLikeLogin(text string) bool {
	end := strings.IndexByte(text, '@')
	return end > 0 && strings.IndexByte(text[:end], ':') > 0
}

// authorityEnd returns where the authority of a URL ends. By RFC 3986 that is
// the first of "/?#"; but a password with such a character, which its owner
// forgot to escape, makes what is in front look like a port that is no number,
// and then everything up to the last '@' counts.
func authorityEnd(rest string) int {
	from := 0
	if oddPort(rest) {
		from = strings.LastIndexByte(rest, '@') + 1
	}
	if end := strings.IndexAny(rest[from:], authorityEnds); end >= 0 {
		return from + end
	}
	return len(rest)
}

// redactUser returns what may be shown of a user info, with its '@'.
func redactUser(info string) (safe string, credentials bool) {
	user, password, hasPassword := strings.Cut(info, ":")
	secretless := func(s string) bool { return s == "" || onlyVariables.MatchString(s) }
	switch {
	case !hasPassword && (user == "git" || secretless(user)):
		return info + "@", false
	case hasPassword && secretless(user) && secretless(password):
		return info + "@", false
	case hasPassword && onlyVariables.MatchString(password):
		return removed + ":" + password + "@", false
	case !hasPassword && len(user) < minTokenBytes && !knownToken.MatchString(user):
		// A bare short name ("org@dev.azure.com") is who, not a proof of it;
		// it is not shown because a short token looks the same.
		return "", false
	}
	return "", true
}

// minTokenBytes is the length from which a user name without a password is
// taken for a token.
const minTokenBytes = 20

// maxURLDepth is how deep URLs may stand in each other's paths and still be
// shown.
const maxURLDepth = 4

// redactTail redacts path, query and fragment.
func redactTail(tail string, depth int) (safe string, credentials bool) {
	tail, fragment, hasFragment := strings.Cut(tail, "#")
	tail, query, hasQuery := strings.Cut(tail, "?")
	if at := strings.Index(tail, "://"); at >= 0 {
		// A proxy's path may hold a whole URL.
		inner := removed
		if depth < maxURLDepth {
			inner, credentials = redactURL(tail[at:], depth+1)
		}
		tail = tail[:at] + inner
	}
	// And a login there need not begin with a scheme.
	tail, found := redactLogin(tail)
	credentials = credentials || found
	if hasQuery {
		query, found = redactPairs(query, harmlessQuery)
		tail, credentials = tail+"?"+query, credentials || found
	}
	if hasFragment {
		// A lone word is a commit or a version: a fragment is never sent.
		if strings.ContainsAny(fragment, "=&@") {
			fragment, _ = redactPairs(fragment, harmlessFragment)
		}
		tail += "#" + fragment
	}
	return tail, credentials
}

// secretKey matches the names of query parameters that carry secrets.
var secretKey = regexp.MustCompile(`(?i)token|secret|passw|pwd|auth|api.?key|access.?key|signature|^sig$|credential`)

// redactPairs replaces the values of all parameters that harmless does not
// name, and reports whether the name of one says that its value is a secret.
func redactPairs(pairs string, harmless map[string]bool) (safe string, secret bool) {
	parts := strings.Split(pairs, "&")
	for i, part := range parts {
		key, value, hasValue := strings.Cut(part, "=")
		name, err := url.QueryUnescape(key)
		if err != nil {
			name = key
		}
		switch {
		case harmless[name] || part == "" || onlyVariables.MatchString(value):
		case hasValue && len(key) < minTokenBytes:
			secret = secret || value != "" && secretKey.MatchString(name)
			parts[i] = key + "=" + removed
		default:
			parts[i] = removed
		}
	}
	return strings.Join(parts, "&"), secret
}
