package pyreq

import (
	"errors"
	"strings"
)

// splitOptions cuts a logical line into the requirement in front and the
// options behind. As in pip only a blank sets an option off: behind a tab it
// belongs to the requirement.
func splitOptions(text string) (requirement, options string) {
	for at := 0; at < len(text); {
		if text[at] == '-' {
			return strings.TrimRight(text[:at], " "), text[at:]
		}
		blank := strings.IndexByte(text[at:], ' ')
		if blank < 0 {
			break
		}
		at += blank + 1
	}
	return text, ""
}

var (
	errQuote  = errors.New("a quotation is not closed")
	errEscape = errors.New("a backslash at the end escapes nothing")
)

// words splits options as a POSIX shell would, without any expansion.
// https://docs.python.org/3/library/shlex.html#parsing-rules
func words(text string) ([]string, error) {
	var (
		out   []string
		word  strings.Builder
		open  bool // a word has begun, be it empty
		quote byte // the quotation mark that is open, 0 for none
	)
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case quote == 0 && strings.IndexByte(" \t\r\n", c) >= 0:
			if open {
				out = append(out, word.String())
				word.Reset()
				open = false
			}
		case quote == 0 && (c == '"' || c == '\''):
			quote, open = c, true
		case quote != 0 && c == quote:
			quote = 0
		case c == '\\' && quote != '\'':
			i++
			if i == len(text) {
				return nil, errEscape
			}
			// Within double quotes a backslash escapes only itself and them.
			if quote == '"' && text[i] != '"' && text[i] != '\\' {
				word.WriteByte('\\')
			}
			word.WriteByte(text[i])
			open = true
		default:
			word.WriteByte(c)
			open = true
		}
	}
	if quote != 0 {
		return nil, errQuote
	}
	if open {
		out = append(out, word.String())
	}
	return out, nil
}
