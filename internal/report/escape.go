package report

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Escape returns text from scanned content in a form that is safe on a
// terminal, on one line: control characters (ESC, C1, newlines), bidirectional
// overrides, zero-width and other characters that print nothing, and bytes
// that are no UTF-8 become \x1b, \u202e and so on. Everything else is kept.
// https://trojansource.codes/ and
// https://www.unicode.org/reports/tr36/#Bidirectional_Text_Spoofing
func Escape(s string) string {
	clean := true
	for _, r := range s {
		if r == utf8.RuneError || !visible(r) {
			clean = false
			break
		}
	}
	if clean {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case visible(r):
			b.WriteRune(r)
		default:
			b.WriteString(escapeRune(r))
		}
		i += size
	}
	return b.String()
}

func escapeRune(r rune) string {
	switch {
	case r == '\n':
		return `\n`
	case r == '\r':
		return `\r`
	case r == '\t':
		return `\t`
	case r < 0x100:
		return fmt.Sprintf(`\x%02x`, r)
	case r < 0x10000:
		return fmt.Sprintf(`\u%04x`, r)
	}
	return fmt.Sprintf(`\U%08x`, r)
}

// visible reports whether a character prints something of its own and moves
// nothing else: unicode.IsPrint without the letters and marks that show
// nothing. https://www.unicode.org/Public/UCD/latest/ucd/DerivedCoreProperties.txt
// (Default_Ignorable_Code_Point)
func visible(r rune) bool {
	switch {
	case !unicode.IsPrint(r):
		return false
	case r == 0x034f, r == 0x115f, r == 0x1160, r == 0x17b4, r == 0x17b5, r == 0x2800, r == 0x3164, r == 0xffa0:
		return false
	case 0x180b <= r && r <= 0x180f, 0xfe00 <= r && r <= 0xfe0f, 0xe0000 <= r && r <= 0xe0fff:
		return false
	}
	return true
}

// escapeWorkflow is Escape for the log of a build service. GitHub's runner
// takes a line that begins with "::" and a "##[" anywhere for a command, Azure
// Pipelines "##vso[", TeamCity "##teamcity[".
// https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands
func escapeWorkflow(s string) string {
	return strings.NewReplacer("::", `:\x3a`, "##", `#\x23`).Replace(Escape(s))
}

// EscapeJSON is Escape for JSON text, whose values stay the same.
func EscapeJSON(text []byte) []byte { return escapeJSON(text) }

// escapeJSON rewrites, in JSON text, every character that Escape would not
// print as the \u escape that JSON itself has for it. Such characters occur
// only inside strings, so the value stays the same.
func escapeJSON(text []byte) []byte {
	out := make([]byte, 0, len(text))
	for i := 0; i < len(text); {
		if c := text[i]; c < utf8.RuneSelf {
			if c == 0x7f {
				out = append(out, `\u007f`...)
			} else {
				out = append(out, c)
			}
			i++
			continue
		}
		r, size := utf8.DecodeRune(text[i:])
		switch {
		case visible(r):
			out = append(out, text[i:i+size]...)
		case r >= 0x10000:
			high, low := (r-0x10000)>>10+0xd800, (r-0x10000)&0x3ff+0xdc00
			out = fmt.Appendf(out, `\u%04x\u%04x`, high, low)
		default:
			out = fmt.Appendf(out, `\u%04x`, r)
		}
		i += size
	}
	return out
}
