package pyproject

import (
	"path"
	"strings"
	"unicode/utf8"

	"github.com/tallyman/tallyman/sbom"
	"github.com/tallyman/tallyman/sbom/pep508"
)

// setupCfg reads a setup.cfg.
// https://setuptools.pypa.io/en/latest/userguide/declarative_config.html
func (r *reader) setupCfg(data []byte) {
	if !utf8.Valid(data) {
		r.gap(sbom.GapUnparsed, 0, "the file is not UTF-8")
		return
	}
	for _, option := range r.iniOptions(string(data)) {
		switch option.section {
		case "metadata":
			switch option.key {
			case "name":
				r.file.Project = shown(strings.TrimSpace(option.lines[0].text))
			case "requires_dist":
				r.cfgRequirements(option, "")
			}
		case "options":
			switch option.key {
			case "install_requires":
				r.cfgRequirements(option, "")
			case "setup_requires":
				r.cfgRequirements(option, "build")
			case "tests_require":
				r.cfgRequirements(option, "dev")
			case "python_requires":
				r.python(strings.TrimSpace(option.join()), option.lines[0].line)
			case "dependency_links":
				r.gap(sbom.GapUnsupported, option.lines[0].line, "dependency_links name where packages come from, and are not read")
			}
		case "options.extras_require":
			r.cfgRequirements(option, "extra:"+normal(option.key))
		}
	}
}

// cfgRequirements reads one requirement a line, or between semicolons when
// there is but one line, or the files that "file:" names.
func (r *reader) cfgRequirements(o iniOption, scope string) {
	if extra, condition, ok := strings.Cut(o.raw, ":"); ok && o.section == "options.extras_require" {
		// "name:marker = ..." is how an extra has a condition.
		r.conditional(o, extra, condition)
		return
	}
	if files, ok := strings.CutPrefix(strings.TrimSpace(o.join()), "file:"); ok {
		for _, name := range strings.FieldsFunc(files, func(c rune) bool { return c == ',' || c == '\n' }) {
			if name = strings.TrimSpace(name); name != "" {
				r.requirementFile(path.Join(path.Dir(r.file.Name), name), o.lines[0].line, scope)
			}
		}
		return
	}
	for _, l := range o.items() {
		r.requirement(l.text, l.line, scope)
	}
}

// conditional reads the requirements of an extra with a marker in its name.
func (r *reader) conditional(o iniOption, extra, condition string) {
	for _, l := range o.items() {
		r.extraRequirement(l.text, l.line, extra, condition)
	}
}

// extraRequirement keeps a requirement of an extra whose name has a marker
// behind a colon, as setuptools has it; "" for the name is no extra.
func (r *reader) extraRequirement(requirement string, line int, extra, condition string) {
	scope := ""
	if extra = strings.TrimSpace(extra); extra != "" {
		scope = "extra:" + pep508.NormalizeName(extra)
	}
	q, ok := r.parse(requirement, line, scope)
	if !ok {
		return
	}
	if condition = strings.TrimSpace(condition); condition != "" {
		m, err := pep508.ParseMarker(condition)
		if err != nil {
			r.gap(sbom.GapUnparsed, line, "%q is no marker: %s", shown(condition), shown(err.Error()))
		}
		q.Requirement.Marker = q.Requirement.Marker.And(m)
	}
	r.add(q)
}

// iniOption is one option of an INI file as Python's configparser reads it.
type iniOption struct {
	section, key string
	// raw is the key as written.
	raw string
	// lines are those of the value, without comments; at least one.
	lines []pipLine
}

// join returns the value.
func (o iniOption) join() string {
	var out []string
	for _, l := range o.lines {
		out = append(out, l.text)
	}
	return strings.Join(out, "\n")
}

// items returns the items of a list.
func (o iniOption) items() []pipLine {
	var out []pipLine
	for _, l := range o.lines {
		parts := []string{l.text}
		if len(o.lines) == 1 {
			parts = strings.Split(l.text, ";")
			if _, err := pep508.Parse(sbom.RedactText(strings.TrimSpace(l.text))); err == nil {
				// A single requirement with a marker: setuptools would cut it
				// in two and refuse the second half.
				parts = []string{l.text}
			}
		}
		for _, p := range parts {
			if p = strings.TrimSpace(p); p != "" && !strings.HasPrefix(p, "#") {
				out = append(out, pipLine{p, l.line})
			}
		}
	}
	return out
}

// iniOptions reads the options of an INI file.
// https://docs.python.org/3/library/configparser.html#supported-ini-file-structure
func (r *reader) iniOptions(content string) []iniOption {
	var out []iniOption
	section, inOption := "", false
	number := 0
	for line := range strings.SplitSeq(content, "\n") {
		number++
		line = strings.TrimRight(line, "\r \t")
		trimmed := strings.TrimSpace(strings.TrimPrefix(line, "\ufeff"))
		switch {
		case trimmed == "" || trimmed[0] == '#' || trimmed[0] == ';':
		case inOption && (line[0] == ' ' || line[0] == '\t'):
			last := &out[len(out)-1]
			last.lines = append(last.lines, pipLine{trimmed, number})
		case trimmed[0] == '[' && strings.Contains(trimmed, "]"):
			section, inOption = trimmed[1:strings.LastIndexByte(trimmed, ']')], false
		default:
			at := strings.IndexAny(trimmed, "=:")
			if section == "options.extras_require" && at >= 0 {
				// setuptools takes "=" alone for the end of a name, which may
				// have a colon in it.
				if equals := equalsAlone(trimmed); equals >= 0 {
					at = equals
				}
			}
			if at <= 0 || section == "" {
				r.gap(sbom.GapUnparsed, number, "%q is no option of an INI file", shown(trimmed))
				inOption = false
				continue
			}
			raw := strings.TrimSpace(trimmed[:at])
			key := raw
			if section != "options.extras_require" {
				key = strings.ReplaceAll(strings.ToLower(raw), "-", "_")
			}
			out = append(out, iniOption{section, key, raw, []pipLine{{strings.TrimSpace(trimmed[at+1:]), number}}})
			inOption = true
		}
	}
	return out
}

// equalsAlone returns the index of the first '=' that is not part of a
// comparison, -1 for none.
func equalsAlone(s string) int {
	for i := range len(s) {
		if s[i] == '=' && (i == 0 || !strings.ContainsRune("=<>!~", rune(s[i-1]))) && (i+1 == len(s) || s[i+1] != '=') {
			return i
		}
	}
	return -1
}
