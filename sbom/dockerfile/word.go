package dockerfile

import (
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// substitutionText stands in a Word for a command substitution.
const substitutionText = "$(…)"

// maxWordBytes bounds the text of one word after expansion.
const maxWordBytes = 64 << 10

// wordBuilder makes the fields of one word.
type wordBuilder struct {
	*walker
	raw          string
	line, column int
	done         []Word
	text         strings.Builder
	known        bool
	open         bool // the current field exists even when empty
	inner        []*Command
}

// word returns a word as one field: unquoted variables are not split.
func (w *walker) word(x *syntax.Word) Word {
	if x == nil {
		return Word{Known: true}
	}
	b := w.builder(x)
	b.parts(x.Parts, true)
	b.open = true
	b.flush()
	return b.done[0]
}

// fields returns the fields that a word becomes: unquoted variables with known
// values are split at blanks, and vanish when empty.
func (w *walker) fields(x *syntax.Word) []Word {
	b := w.builder(x)
	b.parts(x.Parts, false)
	b.flush()
	return b.done
}

func (w *walker) builder(x *syntax.Word) *wordBuilder {
	b := &wordBuilder{walker: w, known: true}
	b.line, b.column = w.place(x.Pos())
	b.raw = b.source(x)
	return b
}

// source returns the text of a node as written.
func (b *wordBuilder) source(n syntax.Node) string {
	from, to := int(n.Pos().Offset()), int(n.End().Offset())
	if from < 0 || from > to || to > len(b.walker.text.string) {
		return ""
	}
	return b.walker.text.string[from:to]
}

// flush ends the current field.
func (b *wordBuilder) flush() {
	if b.text.Len() == 0 && !b.open {
		return
	}
	b.done = append(b.done, Word{
		Text: b.text.String(), Raw: b.raw, Known: b.known, Inner: b.inner,
		Line: b.line, Column: b.column,
	})
	b.text.Reset()
	b.known, b.open, b.inner = true, false, nil
}

func (b *wordBuilder) add(s string) {
	if b.text.Len()+len(s) > maxWordBytes {
		b.known = false
		return
	}
	b.text.WriteString(s)
}

func (b *wordBuilder) unknown(shown string) {
	b.add(shown)
	b.known = false
}

func (b *wordBuilder) parts(parts []syntax.WordPart, isQuoted bool) {
	for _, part := range parts {
		switch p := part.(type) {
		case *syntax.Lit:
			b.add(unescape(p.Value, isQuoted))
		case *syntax.SglQuoted:
			b.open = true
			b.add(p.Value)
			b.known = b.known && !(p.Dollar && strings.Contains(p.Value, "\\"))
		case *syntax.DblQuoted:
			b.open = true
			b.parts(p.Parts, true)
		case *syntax.ParamExp:
			b.parameter(p, isQuoted)
		case *syntax.CmdSubst:
			b.inner = append(b.inner, b.substitution(p.Stmts)...)
			b.unknown(substitutionText)
		case *syntax.ProcSubst:
			b.inner = append(b.inner, b.substitution(p.Stmts)...)
			b.unknown("<(…)")
		case *syntax.ExtGlob:
			b.add(b.source(p))
		default:
			b.nested(p)
			b.unknown(b.source(p))
		}
	}
}

// parameter adds the value of a variable.
func (b *wordBuilder) parameter(p *syntax.ParamExp, isQuoted bool) {
	if p.Param == nil {
		b.nested(p)
		b.unknown(b.source(p))
		return
	}
	plain := !p.Excl && !p.Length && !p.Width && p.Index == nil && p.Slice == nil && p.Repl == nil &&
		p.Names == 0 && p.NestedParam == nil && p.Flags == nil && len(p.Modifiers) == 0
	v := b.vars[p.Param.Value]
	value, known := v.value, v.known && plain
	if plain && p.Exp != nil {
		value, known = b.fallback(p, v)
	}
	if !known {
		if p.Exp == nil {
			b.nested(p)
		}
		b.unknown(b.source(p))
		return
	}
	if isQuoted {
		b.open = true
		b.add(value)
		return
	}
	b.split(value)
}

// fallback evaluates ${NAME:-word} and ${NAME-word}; the other forms are not
// known.
func (b *wordBuilder) fallback(p *syntax.ParamExp, v variable) (string, bool) {
	var word Word
	if p.Exp.Word != nil {
		word = b.word(p.Exp.Word)
		b.inner = append(b.inner, word.Inner...)
	}
	if p.Exp.Op != syntax.DefaultUnset && p.Exp.Op != syntax.DefaultUnsetOrNull {
		return "", false
	}
	_, declared := b.vars[p.Param.Value]
	switch {
	case v.known && (v.value != "" || p.Exp.Op == syntax.DefaultUnset):
		return v.value, true
	case declared && !v.known:
		return "", false
	}
	return word.Text, word.Known
}

// split adds a value as the shell does outside quotes.
func (b *wordBuilder) split(value string) {
	fields := strings.Fields(value)
	if len(fields) == 0 {
		return
	}
	if strings.ContainsAny(value[:1], " \t\n") {
		b.flush()
	}
	for i, f := range fields {
		if i > 0 {
			b.flush()
		}
		b.add(f)
	}
	if strings.ContainsAny(value[len(value)-1:], " \t\n") {
		b.flush()
	}
}

// unescape removes the backslashes of a literal.
func unescape(s string, isQuoted bool) string {
	if !strings.Contains(s, "\\") {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			b.WriteByte(s[i])
			continue
		}
		next := s[i+1]
		switch {
		case next == '\n':
			i++
		case !isQuoted || strings.IndexByte("$`\"\\", next) >= 0:
			b.WriteByte(next)
			i++
		default:
			b.WriteByte('\\')
		}
	}
	return b.String()
}
