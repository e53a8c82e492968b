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

// Document returns the inventory that the file gives: what its RUN, CMD and
// ENTRYPOINT install, each a declared component with the line of its word, and
// the gaps.
//
// Read are pip, pipenv, uv (pip install, add, tool install and run, run
// --with), pipx, easy_install, poetry add and conda, and what they run ("poetry
// run pip install"). Every word that asks one of them for a package becomes a
// component or a gap, but for the project itself, which is what is audited:
// Projects lists where it is installed. The requirement files that they name,
// on the line or by variables (PIP_REQUIREMENT), are not followed: Requirements
// lists them. Packages of apt and apk are components when the base image's tag
// names the release of its distribution, and are left out otherwise: they could
// be matched with no advisory.
//
// Of npm, yarn, pnpm and bun, an exact "name@1.2.3" is a component; what else
// they install by name, and all that gem, go and cargo install, is a gap that
// hides. So is a script that RUN executes and the file does not hold: one of
// the build context, one out of a pipe, a substitution that eval runs. What
// yum and dnf install, and what a Python or other program does that RUN starts
// with its own code ("python fetch.py"), is not seen here.
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
	projects     []Project
	// dev is File.InstallsDev.
	dev bool
	// copied are the names of the files of the build context in the stages.
	copied map[string]bool
	// starts are what the stages so far start.
	starts []start

	// Of the stage that is being read:
	shipped, carried bool
	distro           distribution
	// noDev is true where uv is told to leave development out.
	noDev bool
	// fetched is true once a command of the instruction has fetched a tree
	// into which it may have gone.
	fetched bool
}

func (f *File) collect() *collector {
	c := &collector{file: f, copied: f.copied()}
	carried := f.carried()
	noDev := make([]bool, len(f.Stages)) // at the end of each stage
	for i, s := range f.Stages {
		c.shipped, c.carried, c.distro = s.Reach == Shipped, carried[i], f.distribution(s)
		c.noDev = s.Parent >= 0 && noDev[s.Parent]
		c.entrypoint(s)
		s.Walk(func(in *Instruction) {
			if in.Script != nil && in.Name != "HEALTHCHECK" {
				c.variables(in)
				c.script(in)
			}
			if in.Name == "ENV" || in.Name == "ARG" {
				c.variables(in)
				c.leavesDev(in)
			}
		})
		noDev[i] = c.noDev
	}
	c.shadow()
	return c
}

// script reads what an instruction runs. What CMD and ENTRYPOINT start is the
// application itself, whose scripts are not RUN's.
func (c *collector) script(in *Instruction) {
	c.fetched = false
	for _, command := range in.Script.Commands {
		c.fetched = c.fetched || fetches(command)
		if in.Name == "RUN" {
			c.unseen(command)
		}
		for _, v := range command.invocations() {
			c.developed(v)
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
	case "easy_install":
		c.requirementsOf(v.Operands, false, "")
	case "setup.py":
		c.project(v.Command.Line, "python setup.py")
	case "npm", "yarn", "pnpm", "bun", "npx":
		c.npm(v)
		python = false
	case "gem", "go", "cargo":
		c.other(v)
		python = false
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
	if !c.carried || system && component.Ecosystem != "npm" && !c.shipped {
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
