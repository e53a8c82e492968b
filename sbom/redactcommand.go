package sbom

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// RedactCommand returns what may be shown of a command line, of an instruction
// of a Dockerfile, or of a line of an image's history. Left out are the values
// of build arguments, all of them, since a builder writes them without quotes
// and any may be a secret; values whose variable, option or key is named like a
// secret; HTTP headers that identify; private keys; and what RedactText removes.
// Names stay, and so do variables ("$TOKEN"). It is the same when it is applied
// again.
func RedactCommand(text string) string {
	text = privateKey.ReplaceAllString(text, removed)
	text = redactArguments(text)
	text = redactEnvironment(text)
	text = header.ReplaceAllString(text, "$1$2"+removed)
	for _, before := range beforeSecret {
		text = redactAfter(before, text)
	}
	text = piped.ReplaceAllString(text, "${1}"+removed+"$2")
	text = basicLogin.ReplaceAllString(text, "${1}"+removed)
	return RedactText(text)
}

// RedactWords is RedactCommand for a command whose words are apart already, as
// an image's entrypoint is. The argument is not changed.
func RedactWords(words []string) []string {
	out := make([]string, len(words))
	for i, w := range words {
		out[i] = RedactCommand(w)
		if i == 0 || !strings.HasPrefix(words[i-1], "-") || strings.HasPrefix(w, "-") || strings.Contains(words[i-1], "=") {
			continue
		}
		if secretName(strings.TrimLeft(words[i-1], "-")) && !onlyVariable.MatchString(w) {
			out[i] = removed
		}
	}
	return out
}

var (
	// buildArguments is the beginning of a RUN that saw build arguments:
	// docker and BuildKit write "|2 A=x B=y /bin/sh -c ...".
	buildArguments = regexp.MustCompile(`^((?:RUN )?)\|([0-9]{1,4}) `)
	argumentName   = regexp.MustCompile(`(?:^|\s)([A-Za-z_][A-Za-z0-9_]*)=`)
	shellBegins    = regexp.MustCompile(`\s` + shellWords)
	// environment is an instruction that sets variables, whose values stand
	// without quotes in a history.
	environment = regexp.MustCompile(`^((?:/bin/sh -c #\(nop\) +)?(?:ENV|ARG|LABEL) +)`)
	// header is a line of HTTP that identifies, up to the end of its quotes.
	// https://www.rfc-editor.org/rfc/rfc9110#field.authorization
	header = regexp.MustCompile(`(?i)\b((?:proxy-)?authorization|x-[a-z-]*(?:key|token|auth)[a-z-]*|[a-z]+-token|cookie|set-cookie)(\s*:\s*)[^"'\s][^"'\n]*`)
	// piped are words that are written into a program that asks for a password.
	piped = regexp.MustCompile(`\b((?:echo|printf)(?: -[a-zA-Z]+)* +)(?:"[^"\n]*"|'[^'\n]*'|[^\s|&;"']+)((?: *\| *[^;&|\n]*(?:passwd\b|password-stdin|--stdin|sudo -S|\bsu\b)))`)
	// basicLogin is curl's user and password.
	basicLogin = regexp.MustCompile(`((?:^|\s)(?:-u|-U|--user|--proxy-user)(?:\s+|=)?)(?:"[^":$]+:[^"]+"|'[^':$]+:[^']+'|[^\s"':$-][^\s"':$]*:[^\s"']+)`)
	privateKey = regexp.MustCompile(`(?s)-----BEGIN [A-Z ]*PRIVATE KEY(?: BLOCK)?-----.*?(?:-----END [A-Z ]*-----|$)`)
	// onlyVariable is a value that names where the secret is.
	onlyVariable = regexp.MustCompile(`^["']?(?:\$\{?[A-Za-z_][A-Za-z0-9_]*\}?|\$\([^)]*\)|%[A-Za-z_]+%)["']?$`)
)

// before is what stands in front of a value that may be a secret. Its group
// "name", if it has one, says whether it is.
type before struct{ *regexp.Regexp }

var beforeSecret = []before{
	// An assignment, a key of a file that is written, an option with "=".
	{regexp.MustCompile(`(?P<name>[A-Za-z_][A-Za-z0-9_.-]*)(?:["']?\s*:\s*|\s*=\s*)`)},
	// An option whose value is the next word.
	{regexp.MustCompile(`(?:^|\s)--?(?P<name>[A-Za-z][A-Za-z0-9_-]*)\s+`)},
	// A command that writes a value after a name: npm, pip, git config.
	{regexp.MustCompile(`(?:\bset\s+|\bsetx\s+|\bconfig\s+(?:--[a-z]+\s+)*(?:set\s+)?)(?P<name>[^\s=]+)\s+`)},
	{regexp.MustCompile(`(?i)\b(?:bearer|basic)\s+`)},
	// https://www.gnu.org/software/inetutils/manual/html_node/The-_002enetrc-file.html
	{regexp.MustCompile(`(?i)\bmachine\s+\S+\s.*?\bpassword\s+`)},
	{regexp.MustCompile(`\b(?:sshpass|mysql[a-z]*|mariadb[a-z-]*|login|useradd|usermod|twine|ldap[a-z]+|redis-cli|unzip|7z|zip)\b[^;&|\n]*?\s-[pPaw]\s*`)},
}

// redactAfter replaces the value after each match of b.
func redactAfter(b before, text string) string {
	var out strings.Builder
	name, done := b.SubexpIndex("name"), 0
	for _, at := range b.FindAllStringSubmatchIndex(text, -1) {
		start := at[1]
		if start < done || name >= 0 && !secretName(text[at[2*name]:at[2*name+1]]) {
			continue
		}
		if c := text[start:]; c == "" || c[0] == '=' || c[0] == '-' || strings.HasPrefix(c, "://") || hidden(c) {
			continue // a comparison, a flag, an address, what was removed before
		}
		end := valueEnd(text, start)
		if onlyVariable.MatchString(text[start:end]) {
			continue
		}
		out.WriteString(text[done:start])
		out.WriteString(removed)
		done = end
	}
	out.WriteString(text[done:])
	return out.String()
}

// hidden reports whether text begins with a value that was removed before.
func hidden(text string) bool {
	rest, found := strings.CutPrefix(text, removed)
	return found && (ends(rest) || rest[0] == '"' || rest[0] == '\'')
}

// valueEnd returns where the word of a command line ends that begins at start.
// A quote in it that white space or an operator follows is the end of a longer
// string that the word stands in.
func valueEnd(text string, start int) int {
	for i := start; i < len(text); i++ {
		switch c := text[i]; {
		case c == ' ' || c == '\t' || c == '\n' || c == '\r':
			return i
		case c == '\\':
			i++
		case c == '$' && strings.HasPrefix(text[i:], "$("):
			end := strings.IndexByte(text[i:], ')')
			if end < 0 {
				return len(text)
			}
			i += end
		case c == '"' || c == '\'':
			if i > start && ends(text[i+1:]) {
				return i
			}
			if i = closingQuote(text, i); i < 0 {
				return len(text)
			}
			if ends(text[i+1:]) {
				return i + 1
			}
		}
	}
	return len(text)
}

// ends reports whether a word that a quote ends is over before rest.
func ends(rest string) bool {
	return rest == "" || strings.IndexByte(" \t\r\n;&|),]}\\", rest[0]) >= 0
}

// closingQuote returns where the string ends whose quote is at i, -1 when it
// does not.
func closingQuote(text string, i int) int {
	for j := i + 1; j < len(text); j++ {
		switch {
		case text[j] == '\\' && text[i] == '"':
			j++
		case text[j] == text[i]:
			return j
		}
	}
	return -1
}

// redactArguments leaves the names of build arguments, and the command when it
// can be told where it begins.
func redactArguments(text string) string {
	head := buildArguments.FindStringSubmatch(text)
	if head == nil {
		return text
	}
	n, err := strconv.Atoi(head[2])
	if err != nil {
		return head[1] + removed
	}
	rest := text[len(head[0])-1:]
	out := head[1] + "|" + head[2]
	for range n {
		at := argumentName.FindStringSubmatchIndex(rest)
		if at == nil {
			return out + " " + removed
		}
		out += " " + rest[at[2]:at[3]] + "=" + removed
		rest = rest[at[1]:]
	}
	if at := shellBegins.FindStringIndex(rest); at != nil {
		return out + rest[at[0]:]
	}
	// Nobody can tell the last value from the command.
	return out + " " + removed
}

// redactEnvironment removes the values of ENV, ARG and LABEL that are named
// like secrets: each goes as far as the next name.
func redactEnvironment(text string) string {
	head := environment.FindString(text)
	if head == "" {
		return text
	}
	rest := text[len(head):]
	names := argumentName.FindAllStringSubmatchIndex(rest, -1)
	if len(names) == 0 || names[0][2] > 0 {
		// "ENV NAME value", and values in front of the first name.
		name, _, found := strings.Cut(rest, " ")
		if !found || !secretName(name) && len(names) == 0 {
			return text
		}
		if secretName(name) {
			return head + name + " " + removed
		}
	}
	var out strings.Builder
	out.WriteString(head)
	done := 0
	for i, at := range names {
		end := len(rest)
		if i+1 < len(names) {
			end = names[i+1][2]
			end -= len(rest[:end]) - len(strings.TrimRight(rest[:end], " \t\r\n"))
		}
		if !secretName(rest[at[2]:at[3]]) || onlyVariable.MatchString(rest[at[1]:end]) {
			continue
		}
		out.WriteString(rest[done:at[1]])
		out.WriteString(removed)
		done = end
	}
	out.WriteString(rest[done:])
	return out.String()
}

// LooksSecret reports whether a variable of this name usually holds a secret:
// one of the words of its name is such a word. GPG_KEY is the one exception:
// the official python images set it to a public fingerprint.
func LooksSecret(name string) bool {
	upper := strings.ToUpper(name)
	if upper == "GPG_KEY" {
		return false
	}
	words := strings.FieldsFunc(upper, func(r rune) bool { return r == '_' || r == '-' || r == '.' })
	return slices.ContainsFunc(words, func(word string) bool { return slices.Contains(secretWords, word) })
}

var secretWords = []string{
	"TOKEN", "SECRET", "SECRETS", "PASSWORD", "PASSWD", "PASS", "PASSPHRASE", "CREDENTIAL", "CREDENTIALS",
	"APIKEY", "KEY", "AUTH", "PAT",
}

// secretParts are parts of words that no harmless name has.
var secretParts = []string{
	"password", "passwd", "passphrase", "secret", "credential", "apikey", "accesskey", "privatekey", "authtoken", "accesstoken",
}

// secretName reports whether what is called by name is not to be shown. More is
// taken for secret than LooksSecret does: nothing follows from it.
func secretName(name string) bool {
	if at := strings.LastIndexAny(name, "/:"); at >= 0 {
		name = name[at+1:]
	}
	lower := strings.ToLower(name)
	switch lower {
	case "authorization", "pwd", "sig", "signature", "tokens", "pgpass":
		return true
	}
	return LooksSecret(name) || slices.ContainsFunc(secretParts, func(part string) bool { return strings.Contains(lower, part) })
}
