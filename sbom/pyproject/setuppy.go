package pyproject

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"github.com/tallyman/tallyman/internal/limit"
	"github.com/tallyman/tallyman/sbom"
)

// setupPy reads the literals in the calls of setup, and the metadata of a
// script if there is any. Nothing is run.
// https://setuptools.pypa.io/en/latest/references/keywords.html
func (r *reader) setupPy(data []byte) {
	r.script(data)
	if !utf8.Valid(data) {
		r.gap(sbom.GapUnparsed, 0, "the file is not UTF-8")
		return
	}
	if len(data) > limit.PythonBytes {
		r.gap(sbom.GapTooLarge, 0, "the file is larger than %d bytes", limit.PythonBytes)
		return
	}
	source := strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(strings.TrimPrefix(string(data), "\ufeff"))
	m := &module{tokens: tokenize(source)}
	calls := m.setupCalls()
	if len(calls) == 0 {
		if bytes.Contains(data, []byte("setuptools")) || bytes.Contains(data, []byte("distutils")) || bytes.Contains(data, []byte("install_requires")) {
			r.gap(sbom.GapDynamic, 0, "no call of setup is seen, so that only running the file would tell what it needs")
		}
		return
	}
	if len(calls) > maxCalls {
		r.gap(sbom.GapTooLarge, m.at(calls[maxCalls].from).line, "more than %d calls of setup, the rest was not read", maxCalls)
		calls = calls[:maxCalls]
	}
	m.bind(calls)
	for _, call := range calls {
		r.setupCall(m, call)
	}
}

// maxCalls bounds how many calls of setup are read.
const maxCalls = 16

// setupCalls returns the arguments of the calls of functions named setup, at
// most one more than are read.
func (m *module) setupCalls() []span {
	var out []span
	for i, t := range m.tokens {
		if len(out) > maxCalls {
			break
		}
		if t.kind != nameToken || t.text != "setup" || !m.is(i+1, "(") {
			continue
		}
		if before := m.at(i - 1); before.kind == nameToken && (before.text == "def" || before.text == "class") {
			continue
		}
		out = append(out, span{i + 2, m.closing(i + 1)})
	}
	return out
}

// setupCall reads the arguments of one call.
func (r *reader) setupCall(m *module, call span) {
	for _, argument := range m.split(call, ",") {
		name := m.at(argument.from)
		switch {
		case m.is(argument.from, "**"):
			value := m.literal(span{argument.from + 1, argument.end}, 0)
			if value.kind != table {
				r.gap(sbom.GapDynamic, name.line, "setup is given arguments that only running the file would tell")
				continue
			}
			for _, key := range value.keys {
				r.setupArgument(key, value.values[key])
			}
		case name.kind == nameToken && m.is(argument.from+1, "="):
			r.setupArgument(name.text, m.literal(span{argument.from + 2, argument.end}, 0))
		default:
			r.gap(sbom.GapDynamic, name.line, "setup is given an argument without a name, which only running the file would tell")
		}
	}
}

// setupArgument reads one keyword argument of setup.
func (r *reader) setupArgument(key string, value *node) {
	switch key {
	case "name":
		r.file.Project = shown(value.string())
	case "install_requires", "requires":
		r.setupList(key, value, "", "")
	case "setup_requires":
		r.setupList(key, value, "", "build")
	case "tests_require":
		r.setupList(key, value, "", "dev")
	case "extras_require":
		r.setupExtras(value)
	case "python_requires":
		switch value.kind {
		case text:
			r.python(value.text, value.line)
		case unknown:
			r.gap(sbom.GapDynamic, value.line, "only running the file would tell what python_requires is")
		}
	case "dependency_links":
		if value.kind != list || len(value.list) > 0 {
			r.gap(sbom.GapUnsupported, value.line, "dependency_links name where packages come from, and are not read")
		}
	case "pbr", "":
		if !(value.kind == truth && value.text == "false") {
			r.gap(sbom.GapDynamic, value.line, "only running the file would tell what it needs")
		}
	}
}

// setupExtras reads extras_require.
func (r *reader) setupExtras(value *node) {
	if value.kind == other {
		return
	}
	if value.kind != table {
		r.gap(sbom.GapDynamic, value.line, "only running the file would tell what extras_require is")
		return
	}
	for _, extra := range value.keys {
		r.setupList("extras_require", value.values[extra], extra, "")
	}
}

// setupList reads a list of requirements, or a text with one a line. extra is
// as extras_require has it, with a marker behind a colon.
func (r *reader) setupList(key string, value *node, extra, scope string) {
	name, condition, _ := strings.Cut(extra, ":")
	keep := func(requirement string, line int) {
		if extra != "" {
			r.extraRequirement(requirement, line, name, condition)
		} else {
			r.requirement(requirement, line, scope)
		}
	}
	switch value.kind {
	case other:
	case text:
		for i, l := range strings.Split(value.text, "\n") {
			if l = strings.TrimSpace(l); l != "" && l[0] != '#' {
				keep(l, value.line+i)
			}
		}
	case list:
		for _, item := range value.list {
			switch {
			case item.kind == text && strings.TrimSpace(item.text) == "":
			case item.kind == text:
				keep(item.text, item.line)
			default:
				r.gap(sbom.GapDynamic, item.line, "an item of %s is no literal: only running the file would tell what it is", key)
			}
		}
	default:
		r.gap(sbom.GapDynamic, value.line, "%s is no literal: only running the file would tell what it is", key)
	}
}
