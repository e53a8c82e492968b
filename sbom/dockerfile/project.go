package dockerfile

import (
	"cmp"
	"slices"

	"github.com/tallyman/tallyman/sbom"
)

// Project is a place where the project of the build context itself is
// installed ("pip install .", "poetry install"): what that brings in is what
// its own manifest says. Who knows the folder sees to it that there is one.
type Project struct {
	// Line counts from 1.
	Line int
	// By is the command in short: "pip install .", "uv sync".
	By string
}

// Projects returns where the project itself is installed, sorted, each once.
func (f *File) Projects() []Project {
	out := f.collect().projects
	slices.SortFunc(out, func(a, b Project) int { return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.By, b.By)) })
	return slices.Compact(out)
}

func (c *collector) project(line int, by string) {
	if c.fetched {
		c.gap(sbom.GapUnversioned, line, "", "the project that %s installs may be one that this RUN fetched, and its version is not known", by)
		return
	}
	c.projects = append(c.projects, Project{line, by})
}

// synced notes the calls that install a project without naming anything.
func (c *collector) synced(v *Invocation) {
	by := ""
	switch {
	case v.Manager == "poetry" && (v.Verb == "install" || v.Verb == "sync"), v.Manager == "uv" && v.Verb == "sync":
		by = v.Manager + " " + v.Verb
	case v.Manager == "pipenv" && (v.Verb == "install" || v.Verb == "sync") && len(v.Operands) == 0 && len(v.values("-r", "--requirement", "--requirements", "-e", "--editable")) == 0:
		by = v.Manager + " " + v.Verb
	}
	if by != "" {
		c.project(v.Command.Line, by)
	}
}
