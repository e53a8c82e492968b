package pyproject

import (
	"slices"
	"strings"

	"github.com/tallyman/tallyman/sbom"
	"github.com/tallyman/tallyman/sbom/pep508"
	"github.com/tallyman/tallyman/sbom/pyreq"
)

// pdm reads PDM's section.
// https://pdm-project.org/latest/reference/pep621/ and
// https://pdm-project.org/latest/usage/dependency/
func (r *reader) pdm(n *node) {
	if !r.table(n, "tool.pdm") {
		return
	}
	if groups := n.get("dev-dependencies"); r.table(groups, "tool.pdm.dev-dependencies") {
		for _, name := range groups.keys {
			scope := "group:" + pep508.NormalizeName(name)
			r.strings(groups.values[name], "tool.pdm.dev-dependencies."+shown(name), func(item *node) {
				r.editable(item, scope)
			})
		}
	}
	if overrides := n.get("resolution", "overrides"); r.table(overrides, "tool.pdm.resolution.overrides") {
		for _, name := range overrides.keys {
			v := overrides.values[name]
			wanted := v.string()
			switch {
			case strings.Contains(wanted, "://"):
				wanted = name + " @ " + wanted
			case wanted != "" && (wanted[0] >= '0' && wanted[0] <= '9'):
				wanted = name + "==" + wanted
			default:
				wanted = name + wanted
			}
			if q, ok := r.parse(wanted, v.line, ""); ok {
				r.addOverride(q)
			}
		}
	}
	if sources := n.get("source"); sources != nil && sources.kind == list {
		for _, s := range sources.list {
			verify := s.get("verify_ssl")
			r.index(Index{
				Name: sbom.RedactText(s.get("name").string()), Default: s.get("name").string() == "pypi", Links: s.get("type").string() == "find_links",
				Insecure: verify != nil && verify.kind == truth && !verify.isTrue(),
			}, s.get("url"))
		}
	}
}

// editable keeps a requirement that may be pip's "-e PATH".
func (r *reader) editable(item *node, scope string) {
	if !strings.HasPrefix(strings.TrimSpace(item.text), "-") {
		r.requirement(item.text, item.line, scope)
		return
	}
	r.pipLines([]pipLine{{item.text, item.line}}, scope)
}

// hatch reads Hatch's environments and what its build needs.
// https://hatch.pypa.io/latest/config/environment/overview/#dependencies
func (r *reader) hatch(n *node) {
	if !r.table(n, "tool.hatch") {
		return
	}
	if envs := n.get("envs"); r.table(envs, "tool.hatch.envs") {
		for _, name := range envs.keys {
			scope := "group:" + pep508.NormalizeName(name)
			env := envs.values[name]
			for _, key := range []string{"dependencies", "extra-dependencies"} {
				r.hatchList(env.get(key), scope)
			}
			r.hatchOverrides(env.get("overrides"), scope, 0)
		}
	}
	build := n.get("build")
	r.hatchList(build.get("dependencies"), "build")
	for _, part := range []string{"targets", "hooks"} {
		if of := build.get(part); r.table(of, "tool.hatch.build."+part) {
			for _, name := range of.keys {
				r.hatchList(of.get(name, "dependencies"), "build")
			}
		}
	}
}

// hatchOverrides reads the dependencies that Hatch adds under a condition.
// https://hatch.pypa.io/latest/config/environment/advanced/#option-overrides
func (r *reader) hatchOverrides(n *node, scope string, depth int) {
	if n == nil || n.kind != table || depth > 3 {
		return
	}
	for _, key := range n.keys {
		switch strings.TrimPrefix(key, "set-") {
		case "dependencies", "extra-dependencies":
			r.hatchList(n.values[key], scope)
		default:
			r.hatchOverrides(n.values[key], scope, depth+1)
		}
	}
}

// hatchList reads a list of requirements or of tables with a "value".
func (r *reader) hatchList(n *node, scope string) {
	if n == nil {
		return
	}
	if n.kind != list {
		r.gap(sbom.GapUnparsed, n.line, "the dependencies of Hatch are not a list")
		return
	}
	for _, item := range n.list {
		if value := item.get("value"); value != nil {
			item = value
		}
		if item.kind != text {
			r.gap(sbom.GapUnparsed, item.line, "the dependencies of Hatch have an item that is not a string")
			continue
		}
		// https://hatch.pypa.io/latest/config/context/#global-fields
		r.requirement(strings.ReplaceAll(item.text, "{root:uri}", "file:."), item.line, scope)
	}
}

// flit reads the old section of Flit, which has its own names for what the
// project table says now.
// https://flit.pypa.io/en/stable/pyproject_toml.html#old-style-metadata
func (r *reader) flit(n *node) {
	if !r.table(n, "tool.flit.metadata") {
		return
	}
	r.requirements(n.get("requires"), "tool.flit.metadata.requires", "")
	r.requirements(n.get("dev-requires"), "tool.flit.metadata.dev-requires", "dev")
	if python := n.get("requires-python"); python.string() != "" {
		r.python(python.text, python.line)
	}
	if extras := n.get("requires-extra"); r.table(extras, "tool.flit.metadata.requires-extra") {
		r.extras(extras)
	}
}

// unread makes a gap of the sections that name dependencies and are not read.
func (r *reader) unread(tool *node) {
	pixi := tool.get("pixi")
	for _, key := range []string{"dependencies", "pypi-dependencies", "feature", "target", "host-dependencies", "build-dependencies"} {
		if n := pixi.get(key); n != nil {
			r.gap(sbom.GapUnsupported, n.line, "tool.pixi.%s is not read", key)
		}
	}
}

// pipLine is one line for pip at a line of a file of ours.
type pipLine struct {
	text string
	line int
}

// pipLines reads lines as pip reads those of a requirement file that stands
// where our file does.
func (r *reader) pipLines(lines []pipLine, scope string) {
	var content strings.Builder
	at := []int{0}
	for _, l := range lines {
		for i, physical := range strings.Split(strings.ReplaceAll(l.text, "\r", ""), "\n") {
			content.WriteString(physical + "\n")
			at = append(at, l.line+i)
		}
	}
	f := pyreq.Read(overlay{r.fsys, r.file.Name, content.String()}, r.file.Name, pyreq.Options{})
	place := func(file string, line *int) {
		if file == r.file.Name && *line > 0 && *line < len(at) {
			*line = at[*line]
		}
	}
	for i := range f.Entries {
		place(f.Entries[i].File, &f.Entries[i].Line)
	}
	for i := range f.Options {
		place(f.Options[i].File, &f.Options[i].Line)
	}
	for i := range f.Gaps {
		place(f.Gaps[i].File, &f.Gaps[i].Line)
	}
	f.Files = slices.DeleteFunc(f.Files, func(name string) bool { return name == r.file.Name })
	r.keep(f, scope)
}
