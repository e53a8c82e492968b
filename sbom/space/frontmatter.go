package space

import (
	"regexp"
	"strings"
)

// frontMatter is the YAML at the start of a README.
type frontMatter struct {
	text string
	// first is the line of the README at which text begins.
	first int
	// malformed says why the Hub would not find it, "" if it would.
	malformed     string
	malformedLine int
}

// maxHead is how many lines of a README are searched for front matter that is
// not marked as it must be.
const maxHead = 200

var (
	sdkKey   = regexp.MustCompile(`(?m)^sdk\s*:`)
	someKey  = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*\s*:(\s|$)`)
	fenceEnd = regexp.MustCompile(`^(---+|\.\.\.)\s*$`)
)

// cutFrontMatter returns the front matter of a README: what stands between a
// first line "---" and the next one. Where one of the two is missing and keys
// stand there all the same, among them "sdk", it is malformed.
// https://huggingface.co/docs/hub/repositories-cards
func cutFrontMatter(text string) (frontMatter, bool) {
	lines := strings.Split(strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(text), "\n")
	start := 0
	for start < len(lines) && strings.TrimSpace(lines[start]) == "" {
		start++
	}
	if start == len(lines) {
		return frontMatter{}, false
	}
	if strings.TrimRight(lines[start], " \t") == "---" {
		return fenced(lines, start)
	}
	return unopened(lines, start)
}

// fenced returns the front matter whose opening line is at start.
func fenced(lines []string, start int) (frontMatter, bool) {
	for end := start + 1; end < len(lines); end++ {
		if strings.TrimRight(lines[end], " \t") == "---" {
			return frontMatter{text: strings.Join(lines[start+1:end], "\n"), first: start + 2}, true
		}
	}
	f := head(lines, start+1)
	f.malformed = "the front matter has no line \"---\" behind it, so that the Hub reads none of it"
	f.malformedLine = start + 1
	return f, sdkKey.MatchString(f.text)
}

// unopened returns front matter without its opening line. Markdown after a
// heading or a sentence is none: the first line must be a key.
func unopened(lines []string, start int) (frontMatter, bool) {
	if !someKey.MatchString(lines[start]) && !fenceEnd.MatchString(lines[start]) {
		return frontMatter{}, false
	}
	if fenceEnd.MatchString(lines[start]) {
		start++
	}
	f := head(lines, start)
	f.malformed = "the front matter has no line \"---\" before it, so that the Hub reads none of it"
	f.malformedLine = max(1, start)
	return f, sdkKey.MatchString(f.text)
}

// head returns the lines from start up to one that ends front matter, a
// heading, or the bound.
func head(lines []string, start int) frontMatter {
	end := start
	for end < len(lines) && end-start < maxHead && !fenceEnd.MatchString(lines[end]) && !strings.HasPrefix(lines[end], "# ") {
		end++
	}
	return frontMatter{text: strings.Join(lines[start:end], "\n"), first: start + 1}
}
