package pyproject

import "slices"

// reflection are the names by which code reaches variables that it does not
// name. Where one is used, no variable is taken for a constant.
var reflection = []string{"exec", "eval", "globals", "locals", "vars", "setattr", "__dict__", "__import__", "compile"}

// bind finds the names that are constants: bound once, at the outermost level,
// and used only as operands of other such names' literals or inside of the
// ranges that are read. The rest might be changed on the way.
func (m *module) bind(read []span) {
	m.bindings = map[string]span{}
	for _, t := range m.tokens {
		if t.kind == nameToken && slices.Contains(reflection, t.text) {
			return
		}
	}
	bound, owner := m.assignments()
	uses := map[string][]int{}
	for i, t := range m.tokens {
		if t.kind == nameToken {
			if _, known := bound[t.text]; known && !m.is(i-1, ".") && !m.isKeyword(i) {
				uses[t.text] = append(uses[t.text], i)
			}
		}
	}
	// Names that fail take those with them whose values they could change.
	bad := map[string]bool{}
	for changed := true; changed && m.work <= maxWork; {
		changed = false
		for name, spans := range bound {
			if !bad[name] && (len(spans) != 1 || slices.ContainsFunc(uses[name], func(i int) bool { return !m.harmless(i, name, spans[0], read, owner, bad) })) {
				bad[name] = true
				changed = true
			}
		}
	}
	over := m.work > maxWork
	m.work = 0
	if over {
		return
	}
	for name, spans := range bound {
		if !bad[name] {
			m.bindings[name] = spans[0]
		}
	}
}

// assignments returns for each name the expressions that it is bound to at the
// outermost level, and for each token which name's expression it is in.
func (m *module) assignments() (bound map[string][]span, owner map[int]string) {
	bound, owner = map[string][]span{}, map[int]string{}
	for i := range m.tokens {
		starts := i == 0 || m.tokens[i-1].kind == newlineToken
		t := m.tokens[i]
		if !starts || t.kind != nameToken || t.column != 0 {
			continue
		}
		from := i + 1
		if m.is(from, ":") {
			// NAME: annotation = value
			for from < len(m.tokens) && m.tokens[from].kind != newlineToken && !m.is(from, "=") {
				from++
			}
		}
		if !m.is(from, "=") {
			continue
		}
		end := from + 1
		for end < len(m.tokens) && m.tokens[end].kind != newlineToken {
			end++
		}
		bound[t.text] = append(bound[t.text], span{from + 1, end})
		for k := from + 1; k < end; k++ {
			owner[k] = t.text
		}
	}
	return bound, owner
}

// isKeyword reports whether token i is the name of a keyword argument.
func (m *module) isKeyword(i int) bool {
	return m.is(i+1, "=") && (m.is(i-1, "(") || m.is(i-1, ",")) && m.at(i-1).line > 0 && m.inBrackets(i)
}

// inBrackets reports whether token i stands inside of brackets: "a, b = 1, 2"
// binds b, "f(a, b=2)" does not.
func (m *module) inBrackets(i int) bool {
	depth := 0
	for i--; i >= 0 && m.tokens[i].kind != newlineToken && m.work <= maxWork; i-- {
		m.work++
		if t := m.tokens[i]; t.kind == operatorToken {
			switch t.text {
			case ")", "]", "}":
				depth++
			case "(", "[", "{":
				if depth--; depth < 0 {
					return true
				}
			}
		}
	}
	return false
}

// harmless reports whether the name at token i is its own binding, or stands
// where it is only looked at.
func (m *module) harmless(i int, name string, binding span, read []span, owner map[int]string, bad map[string]bool) bool {
	m.work += 1 + len(read)
	if m.work > maxWork {
		return false
	}
	if i < binding.from && m.at(i).column == 0 && (i == 0 || m.tokens[i-1].kind == newlineToken) && binding.from-i < 64 {
		return true
	}
	if !m.isOperand(i) {
		return false
	}
	if slices.ContainsFunc(read, func(s span) bool { return i >= s.from && i < s.end }) {
		return m.inLiteral(i, read)
	}
	other, in := owner[i]
	return in && other != name && !bad[other] && m.inLiteral(i, nil)
}

// isOperand reports whether what stands around token i only reads it.
func (m *module) isOperand(i int) bool {
	before, after := m.at(i-1), m.at(i+1)
	fits := func(t token, allowed ...string) bool {
		return t.kind == newlineToken || t.kind == endToken || t.kind == operatorToken && slices.Contains(allowed, t.text)
	}
	return fits(before, "=", "+", "[", "(", "{", ",", ":", "*", "**") && fits(after, "+", "]", ")", "}", ",")
}

// inLiteral reports whether no bracket around token i, up to the start of its
// statement or of the range that is read, is that of a call or of an index.
func (m *module) inLiteral(i int, read []span) bool {
	depth := 0
	for k := i - 1; k >= 0 && m.tokens[k].kind != newlineToken; k-- {
		if m.work += 1 + len(read); m.work > maxWork {
			return false
		}
		if slices.ContainsFunc(read, func(s span) bool { return s.from == k+1 }) {
			return true
		}
		t := m.tokens[k]
		if t.kind != operatorToken {
			continue
		}
		switch t.text {
		case ")", "]", "}":
			depth++
		case "(", "[", "{":
			if depth > 0 {
				depth--
				continue
			}
			if p := m.at(k - 1); p.kind == nameToken || p.kind == stringToken || p.kind == operatorToken && (p.text == ")" || p.text == "]" || p.text == "}") {
				return false
			}
		}
	}
	return true
}
