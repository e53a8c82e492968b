package dockerfile

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tallyman/tallyman/sbom"
)

// ScopeBuild is the scope of what is installed in a stage that is not shipped,
// and none of whose Python environments is copied into one that is.
const ScopeBuild = "build"

// Document returns the inventory that the file gives: what its RUN
// instructions install, each a declared component with the line of its word,
// and the gaps.
//
// Read are pip, pipenv, uv (pip install, add, tool install and run, run
// --with), pipx, poetry add and conda, and what they run ("poetry run pip
// install"). Every word that asks one of them for a package becomes a component
// or a gap, but for the project itself ("pip install ."), which is what is
// audited. The requirement files that they name are not followed: Requirements
// lists them. Packages of apt and apk are components when the base image's tag
// names the release of its distribution, and are left out otherwise: they could
// be matched with no advisory. npm, yum and the like are not read here, and
// neither is what an entrypoint installs when the container starts.
//
// Two installations of one package do not limit each other as two requirements
// do: each runs by itself, and the later one wins.
func (f *File) Document() *sbom.Document {
	c := f.collect()
	d := &sbom.Document{Name: f.Name, Components: c.components, Gaps: slices.Concat(f.Gaps, c.gaps)}
	d.Normalize()
	return d
}

// Requirements returns the files that installations read, as written: the
// values of pip's and uv's -r and -c, what uv pip sync is given, and conda's
// environment files. They are paths in the build container, relative to a
// folder that is not tracked. Each is there once, sorted. A name with an
// unknown variable, a URL and standard input are gaps of Document instead.
func (f *File) Requirements() []string {
	out := f.collect().requirements
	slices.Sort(out)
	return slices.Compact(out)
}

// collector gathers what the RUN instructions install.
type collector struct {
	file         *File
	components   []sbom.Component
	gaps         []sbom.Gap
	requirements []string

	// Of the stage that is being read:
	shipped, carried bool
	distro           distribution
	// fetched is true once a command of the instruction has fetched a tree
	// into which it may have gone.
	fetched bool
}

func (f *File) collect() *collector {
	c := &collector{file: f}
	carried := f.carried()
	for i, s := range f.Stages {
		c.shipped, c.carried, c.distro = s.Reach == Shipped, carried[i], f.distribution(s)
		s.Walk(func(in *Instruction) {
			if in.Name == "RUN" && in.Script != nil {
				c.script(in.Script)
			}
		})
	}
	return c
}

func (c *collector) script(s *Script) {
	c.fetched = false
	for _, command := range s.Commands {
		c.fetched = c.fetched || fetches(command)
		for _, v := range command.invocations() {
			c.invocation(v)
		}
	}
}

// fetches reports whether a command brings foreign files.
func fetches(c *Command) bool {
	switch c.Name {
	case "git", "hg":
		return c.Has("clone")
	case "svn":
		return c.Has("checkout", "co", "export")
	case "curl", "wget", "aria2c", "tar", "unzip":
		return true
	}
	return false
}

// invocations returns the calls of package managers that a command makes:
// itself, and what a project's manager is told to run.
func (c *Command) invocations() []*Invocation {
	v, ok := c.Invocation()
	if !ok {
		return nil
	}
	out := []*Invocation{v}
	if v.Verb == "run" && len(v.Operands) > 0 && contains([]string{"uv", "poetry", "pipenv"}, v.Manager) {
		program := v.Operands[0]
		inner := &Command{Name: base(program), Program: program, Args: v.behind, MoreArgs: c.MoreArgs, Line: c.Line, Column: c.Column}
		if v, ok := inner.Invocation(); ok {
			out = append(out, v)
		}
	}
	return out
}

// invocation adds what one call installs.
func (c *collector) invocation(v *Invocation) {
	before := len(c.components) + len(c.gaps)
	python := true
	switch v.Manager {
	case "pip", "pipenv":
		c.pip(v)
	case "uv":
		c.uv(v)
	case "pipx":
		c.pipx(v)
	case "poetry":
		c.poetry(v)
	case "conda":
		c.conda(v)
	case "apt", "apt-get", "aptitude":
		c.apt(v)
		python = false
	case "apk":
		c.apk(v)
		python = false
	default:
		return
	}
	_, is := v.Install()
	if is = is && python || len(c.components)+len(c.gaps) > before; is && v.Command.MoreArgs {
		c.gap(sbom.GapUnparsed, v.Command.Line, "", "xargs adds packages to %s that are not in the file", v.Manager)
	}
}

// add adds a component that word names.
func (c *collector) add(component sbom.Component, w Word) {
	component.Evidence = sbom.Declared
	component.Locations = []sbom.Location{{File: c.file.Name, Line: w.Line}}
	// Packages of a distribution are not copied along with an environment.
	system := component.Ecosystem != "" && component.Ecosystem != "PyPI"
	if !c.carried || system && !c.shipped {
		component.Scope = ScopeBuild
	}
	c.components = append(c.components, component)
}

// gap adds a gap about a package, "" for none.
func (c *collector) gap(kind sbom.GapKind, line int, name, format string, args ...any) {
	g := sbom.NewGap(kind, c.file.Name, line, fmt.Sprintf(format, args...))
	g.Package = name
	c.gaps = append(c.gaps, g)
}

// include notes the requirement files that words name.
func (c *collector) include(words []Word) {
	for _, w := range words {
		switch name := w.Text; {
		case !w.Known:
			c.gap(sbom.GapInclude, w.Line, "", "which requirement file %q is depends on the build", shown(name))
		case strings.Contains(name, "://"):
			c.gap(sbom.GapInclude, w.Line, "", "the requirement file %q is not fetched", shown(name))
		case name == "" || name == "-" || strings.HasPrefix(name, "/dev/"):
			c.gap(sbom.GapInclude, w.Line, "", "the requirements are made while the image is built")
		default:
			c.requirements = append(c.requirements, sbom.RedactText(name))
		}
	}
}

// values returns the values of all options of one of the names.
func (v *Invocation) values(names ...string) []Word {
	var out []Word
	for _, o := range v.Options {
		if o.HasValue && contains(names, o.Name) {
			out = append(out, o.Value)
		}
	}
	return out
}

// maxShownRunes is how much of a word a gap quotes.
const maxShownRunes = 200

// shown returns what may be quoted of a word: no credentials, and not a
// megabyte.
func shown(text string) string {
	out := []rune(sbom.RedactText(text))
	if len(out) > maxShownRunes {
		return string(out[:maxShownRunes]) + "..."
	}
	return string(out)
}
