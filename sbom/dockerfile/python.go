package dockerfile

import (
	"strings"

	"github.com/tallyman/tallyman/sbom"
	"github.com/tallyman/tallyman/sbom/pep508"
	"github.com/tallyman/tallyman/sbom/pyreq"
)

// pip adds what pip install or pipenv install is given.
// https://pip.pypa.io/en/stable/cli/pip_install/
func (c *collector) pip(v *Invocation) {
	c.synced(v)
	in, ok := v.Install()
	if !ok {
		return
	}
	c.include(in.Requirements)
	c.include(in.Constraints)
	c.requirementsOf(in.Packages, false, "")
	c.requirementsOf(in.Editable, true, "")
}

// uv adds what uv installs.
// https://docs.astral.sh/uv/reference/cli/
func (c *collector) uv(v *Invocation) {
	switch v.Verb {
	case "sync":
		c.synced(v)
	case "pip install", "pip sync", "add":
		in, _ := v.Install()
		c.include(in.Requirements)
		c.include(in.Constraints)
		c.requirementsOf(in.Packages, false, v.group())
		c.requirementsOf(in.Editable, true, "")
	case "tool install", "tool run":
		tools := v.values("--from")
		if len(tools) == 0 && len(v.Operands) > 0 {
			tools = v.Operands[:1]
		}
		for _, w := range tools {
			c.tool(w)
		}
		fallthrough
	case "run":
		for _, w := range v.values("--with") {
			for one := range strings.SplitSeq(w.Text, ",") {
				part := w
				part.Text = one
				c.tool(part)
			}
		}
		c.requirementsOf(v.values("--with-editable"), true, "")
		c.include(v.values("--with-requirements"))
	}
}

// pipx adds what pipx installs.
// https://pipx.pypa.io/stable/docs/
func (c *collector) pipx(v *Invocation) {
	tools := v.Operands
	switch {
	case v.Verb == "install":
		tools = append(v.values("--preinstall"), tools...)
	case v.Verb == "inject" && len(tools) > 0:
		tools = tools[1:] // the first names the environment
		c.include(v.values("-r", "--requirement"))
	case v.Verb == "run" && len(tools) > 0:
		tools = tools[:1]
	default:
		return
	}
	if spec := v.values("--spec"); len(spec) > 0 {
		tools = spec
	}
	for _, w := range tools {
		c.tool(w)
	}
}

// group returns the scope that uv add and poetry add put a dependency in.
func (v *Invocation) group() string {
	if _, dev := v.Option("--dev", "-D"); dev {
		return "dev"
	}
	for option, scope := range map[string]string{"--group": "group:", "-G": "group:", "--optional": "extra:"} {
		if o, ok := v.Option(option); ok && o.HasValue && o.Value.Known && pep508.ValidName(o.Value.Text) {
			return scope + pep508.NormalizeName(o.Value.Text)
		}
	}
	return ""
}

func (c *collector) requirementsOf(words []Word, editable bool, scope string) {
	for _, w := range words {
		c.requirement(w, editable, scope)
	}
}

// tool adds what pipx and uv's tools take: a requirement, or "name@version".
// https://docs.astral.sh/uv/guides/tools/#requesting-specific-versions
func (c *collector) tool(w Word) {
	name, version, at := strings.Cut(w.Text, "@")
	if at && !strings.ContainsAny(w.Text, "/: \t") {
		w.Text = name
		if version != "latest" {
			w.Text += "==" + version
		}
	}
	c.requirement(w, false, "")
}

// requirement adds the component, or the gap, of one word that asks for a
// Python package.
func (c *collector) requirement(w Word, editable bool, scope string) {
	if !w.Known {
		c.unknown(w)
		return
	}
	e, err := pyreq.Argument(w.Text, editable)
	if err != nil {
		c.gap(sbom.GapUnparsed, w.Line, "", "%q is not a requirement: %v", shown(w.Text), err)
		return
	}
	e.File, e.Line = c.file.Name, w.Line
	switch {
	case e.Own() && c.fetched:
		c.gap(sbom.GapUnversioned, w.Line, "", "the project at %q may be one that this RUN fetched, and its version is not known", shown(e.Link))
		return
	case e.Own():
		c.project(w.Line, "pip install .")
		return
	}
	if g, unversioned := e.Unversioned(); unversioned {
		c.gaps = append(c.gaps, g)
	}
	component := e.Component()
	component.Scope = scope
	c.add(component, w)
}

// unknown adds the gap of a word that holds a variable without a known value.
func (c *collector) unknown(w Word) {
	name, versioned := knownName(w.Text)
	switch {
	case name == "":
		c.gap(sbom.GapUnparsed, w.Line, "", "which package %q is depends on the build", shown(w.Text))
	case versioned:
		c.gap(sbom.GapRange, w.Line, name, "the version of %s depends on the build: %q", name, shown(w.Text))
	default:
		c.gap(sbom.GapUnversioned, w.Line, name, "where %s comes from depends on the build: %q", name, shown(w.Text))
	}
}

// knownName returns the project that a requirement names for sure although it
// holds something unknown, in normal form, and whether the unknown is in its
// version (or extras) and not in a URL.
func knownName(text string) (name string, versioned bool) {
	for _, mark := range []string{"$", "`", "<("} {
		text, _, _ = strings.Cut(text, mark)
	}
	end := strings.IndexFunc(text, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_.", r))
	})
	if end < 0 || !pep508.ValidName(text[:end]) {
		return "", false
	}
	rest := strings.TrimLeft(text[end:], " \t")
	if rest == "" || !strings.ContainsRune("=<>~!([;@", rune(rest[0])) {
		return "", false
	}
	return pep508.NormalizeName(text[:end]), rest[0] != '@'
}
