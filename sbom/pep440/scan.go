package pep440

import "strings"

// parts is a version taken apart, its numbers as they are written.
type parts struct {
	epoch   string // "" for none
	release string // "1.2.03"
	pre     byte   // 0, preA, preB, preRC
	preN    string
	hasPost bool
	postN   string
	hasDev  bool
	devN    string
	local   string // as written, "" for none
}

// The kinds of pre-release, in their order.
const (
	preA byte = iota + 1
	preB
	preRC
)

var preNames = [...]string{0: "", preA: "a", preB: "b", preRC: "rc"}

// word is a spelling of a pre-release, post-release or dev part.
type word struct {
	text string
	kind byte
}

// The longer of two words with the same beginning stands first.
var (
	preWords = [...]word{
		{"alpha", preA}, {"a", preA}, {"beta", preB}, {"b", preB},
		{"preview", preRC}, {"pre", preRC}, {"c", preRC}, {"rc", preRC},
	}
	postWords = [...]word{{"post", 1}, {"rev", 1}, {"r", 1}}
	devWords  = [...]word{{"dev", 1}}
)

// scan reads a whole version, by the regular expression of PEP 440, Appendix
// B. No step needs to be taken back: a separator that a part took in vain is
// never the one that the next part must have.
func scan(s string) (parts, bool) {
	p, rest, ok := scanRelease(s)
	if !ok {
		return p, false
	}
	rest = p.scanSuffixes(rest)
	if rest == "" {
		return p, true
	}
	if rest[0] != '+' || !isLocal(rest[1:]) {
		return p, false
	}
	p.local = rest[1:]
	return p, true
}

// scanRelease reads "v", the epoch and the release.
func scanRelease(s string) (p parts, rest string, ok bool) {
	if s != "" && (s[0] == 'v' || s[0] == 'V') {
		s = s[1:]
	}
	n := digits(s)
	if n == 0 {
		return p, s, false
	}
	if n < len(s) && s[n] == '!' {
		p.epoch, s = s[:n], s[n+1:]
		if n = digits(s); n == 0 {
			return p, s, false
		}
	}
	for n+1 < len(s) && s[n] == '.' {
		d := digits(s[n+1:])
		if d == 0 {
			break
		}
		n += 1 + d
	}
	p.release = s[:n]
	return p, s[n:], true
}

// scanSuffixes reads the pre, post and dev parts.
func (p *parts) scanSuffixes(s string) string {
	if s == "" {
		return s
	}
	p.pre, p.preN, s = scanPart(s, preWords[:])
	// "Implicit post releases": 1.0-1 is 1.0.post1.
	if s != "" && s[0] == '-' && digits(s[1:]) > 0 {
		n := 1 + digits(s[1:])
		p.hasPost, p.postN, s = true, s[1:n], s[n:]
	} else {
		var kind byte
		kind, p.postN, s = scanPart(s, postWords[:])
		p.hasPost = kind != 0
	}
	var kind byte
	kind, p.devN, s = scanPart(s, devWords[:])
	p.hasDev = kind != 0
	return s
}

// scanPart reads one part: a separator, a word, a separator, a number, all but
// the word optional. A missing number is 0.
func scanPart(s string, words []word) (kind byte, number, rest string) {
	at := 0
	if at < len(s) && isSeparator(s[at]) {
		at++
	}
	for _, w := range words {
		if !hasFold(s[at:], w.text) {
			continue
		}
		at += len(w.text)
		if at < len(s) && isSeparator(s[at]) {
			at++
		}
		n := digits(s[at:])
		if n == 0 {
			return w.kind, "0", s[at:]
		}
		return w.kind, s[at : at+n], s[at+n:]
	}
	return 0, "", s
}

// hasFold tells whether s begins with the lower-case word, in any ASCII case.
// (Unicode folding would let "ſ" pass for "s".)
func hasFold(s, lower string) bool {
	if len(s) < len(lower) {
		return false
	}
	for i := range len(lower) {
		if s[i]|0x20 != lower[i] {
			return false
		}
	}
	return true
}

// isLocal tells whether s is a local version label: alphanumeric segments with
// one separator between two.
func isLocal(s string) bool {
	alnum := false
	for i := range len(s) {
		switch {
		case isDigit(s[i]) || isLetter(s[i]):
			alnum = true
		case isSeparator(s[i]) && alnum:
			alnum = false
		default:
			return false
		}
	}
	return alnum
}

// cutSegment returns the first segment of a local version label and the rest
// after the separator.
func cutSegment(s string) (segment, rest string) {
	for i := range len(s) {
		if isSeparator(s[i]) {
			return s[:i], s[i+1:]
		}
	}
	return s, ""
}

func isSeparator(c byte) bool { return c == '.' || c == '-' || c == '_' }
func isDigit(c byte) bool     { return '0' <= c && c <= '9' }
func isLetter(c byte) bool    { return 'a' <= c|0x20 && c|0x20 <= 'z' }

// digits returns the length of the run of ASCII digits that s begins with.
func digits(s string) int {
	n := 0
	for n < len(s) && isDigit(s[n]) {
		n++
	}
	return n
}

// trimZeros removes leading zeros; zero itself becomes "".
func trimZeros(s string) string {
	for s != "" && s[0] == '0' {
		s = s[1:]
	}
	return s
}

// trimSpace removes the white space that PEP 440 names: "This includes " ",
// \t, \n, \r, \f, and \v" (section "Leading and Trailing Whitespace").
func trimSpace(s string) string { return strings.Trim(s, " \t\n\r\f\v") }

// epochNumber is the epoch without leading zeros, "0" when none is written.
func (p *parts) epochNumber() string {
	if e := trimZeros(p.epoch); e != "" {
		return e
	}
	return "0"
}

// appendText appends the normal form.
func (p *parts) appendText(b []byte) []byte {
	if e := trimZeros(p.epoch); e != "" {
		b = append(append(b, e...), '!')
	}
	for rest, more := p.release, true; more; {
		var number string
		number, rest, more = strings.Cut(rest, ".")
		b = appendNumber(b, number)
		if more {
			b = append(b, '.')
		}
	}
	if p.pre != 0 {
		b = append(b, preNames[p.pre]...)
		b = appendNumber(b, p.preN)
	}
	if p.hasPost {
		b = append(b, ".post"...)
		b = appendNumber(b, p.postN)
	}
	if p.hasDev {
		b = append(b, ".dev"...)
		b = appendNumber(b, p.devN)
	}
	if p.local != "" {
		b = p.appendLocal(append(b, '+'))
	}
	return b
}

// appendLocal appends the local label in normal form: lower case, dots, whole
// numbers without leading zeros.
func (p *parts) appendLocal(b []byte) []byte {
	for rest := p.local; ; {
		var segment string
		segment, rest = cutSegment(rest)
		if digits(segment) == len(segment) {
			b = appendNumber(b, segment)
		} else {
			b = appendLower(b, segment)
		}
		if rest == "" {
			return b
		}
		b = append(b, '.')
	}
}

func appendNumber(b []byte, number string) []byte {
	number = trimZeros(number)
	if number == "" {
		return append(b, '0')
	}
	return append(b, number...)
}

// appendLower appends ASCII letters and digits in lower case.
func appendLower(b []byte, s string) []byte {
	for i := range len(s) {
		c := s[i]
		if isLetter(c) {
			c |= 0x20
		}
		b = append(b, c)
	}
	return b
}
