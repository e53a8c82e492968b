package audit

import (
	"path"
	"slices"
	"strings"

	"github.com/tallyman/tallyman/sbom"
	"github.com/tallyman/tallyman/sbom/dockerfile"
	"github.com/tallyman/tallyman/vuln"
)

// The scopes that a place or a name gives, beside those that readers give.
const (
	scopeRuntime  = "runtime"
	scopeDemo     = "demo"
	scopeDev      = "dev"
	scopeGroupDev = "group:dev"
)

// demoFolders are the folders of what shows a project and is not shipped with
// it, in whatever case. They count below the audited folder alone: who audits a
// demo audits an application.
var demoFolders = []string{"demo", "demos", "example", "examples"}

// inDemo reports whether a file below the audited folder lies in a demo folder.
func inDemo(file string) bool {
	return slices.ContainsFunc(strings.Split(path.Dir(file), "/"), func(part string) bool {
		return slices.Contains(demoFolders, strings.ToLower(part))
	})
}

// demos are the files that name packages for a demo only, as the user sees
// them: in a demo folder, and neither included, installed from nor copied by
// anything outside of one. It is empty when there is nothing else: then the
// demo is the application.
func (s *source) demos(f *Folder) map[string]bool {
	dir := f.Dir
	if f.File != "" {
		dir = path.Dir(f.File)
	}
	shipped := s.shipped(f, func(file string) bool { return inDemo(relative(dir, file)) })
	demos, others := map[string]bool{}, false
	for _, d := range s.docs {
		for i := range d.Components {
			for _, at := range d.Components[i].Locations {
				if inDemo(relative(dir, at.File)) && !shipped(at.File) {
					demos[relative(dir, at.File)] = true
				} else if !d.Components[i].Constraint {
					others = true
				}
			}
		}
	}
	if !others {
		return nil
	}
	return demos
}

// built are the folders that a compose file builds images from.
type built struct {
	file    string
	folders []string
}

// shipped returns whether what is outside of demo folders uses a file.
func (s *source) shipped(f *Folder, demo func(string) bool) func(file string) bool {
	files, folders := map[string]bool{}, s.builds(demo)
	include := func(name string) {
		files[name] = true
		if file := s.requirements[name]; file != nil {
			for _, included := range file.Files {
				files[included] = true
			}
		}
	}
	for name := range s.requirements {
		if !demo(name) {
			include(name)
		}
	}
	for name, file := range s.projects {
		for _, included := range file.Files {
			if !demo(name) {
				include(included)
			}
		}
	}
	for name, file := range s.dockerfiles {
		if demo(name) && !slices.ContainsFunc(folders, func(dir string) bool { return within(name, dir) }) {
			continue
		}
		for _, asked := range file.Requirements() {
			if found, ok := inContext(f, name, asked); ok {
				include(found)
			}
		}
		folders = slices.Concat(folders, copied(f, file, demo), entered(f, file, demo))
	}
	return func(file string) bool {
		return files[file] || slices.ContainsFunc(folders, func(dir string) bool { return within(file, dir) })
	}
}

// builds are the demo folders that compose files outside of demos build.
func (s *source) builds(demo func(string) bool) []string {
	var out []string
	for _, b := range s.built {
		for _, folder := range b.folders {
			if !demo(b.file) && demo(folder+"/x") {
				out = append(out, folder)
			}
		}
	}
	return out
}

// longestPath is Linux's limit.
const longestPath = 4096

// entered are the demo folders that a Dockerfile works in, or has a package
// manager work in, where it copies what they are in.
func entered(f *Folder, file *dockerfile.File, demo func(string) bool) []string {
	var out []string
	sources := sources(f, file)
	for _, word := range places(file) {
		text := word.Text
		if option, value, ok := strings.Cut(text, "="); ok && strings.HasPrefix(option, "-") {
			text = value
		}
		text, _, _ = strings.Cut(text, "[") // extras
		if len(text) > longestPath || !inDemo(text+"/x") {
			continue // nothing to look for in the folder
		}
		dir, ok := folderInContext(f, file.Name, text)
		if ok && demo(dir+"/x") && slices.ContainsFunc(sources, func(source string) bool { return within(dir, source) }) {
			out = append(out, dir)
		}
	}
	return out
}

// places are the words of a Dockerfile that may name a folder to work in.
func places(file *dockerfile.File) []dockerfile.Word {
	var out []dockerfile.Word
	for _, stage := range file.Stages {
		for _, in := range stage.Instructions {
			if in.Name == "WORKDIR" {
				out = append(out, in.Args...)
			}
			if in.Script == nil {
				continue
			}
			for _, command := range in.Script.Commands {
				if _, manages := command.Invocation(); manages || command.Name == "cd" || command.Name == "pushd" {
					out = append(out, command.Args...)
				}
			}
		}
	}
	return out
}

// copied are the demo folders, and files in them, that a Dockerfile copies by
// name. One that copies the whole folder that it stands in names none.
func copied(f *Folder, file *dockerfile.File, demo func(string) bool) []string {
	return slices.DeleteFunc(sources(f, file), func(source string) bool { return !demo(source + "/x") })
}

// sources are the files and folders that a Dockerfile may copy: its words as
// seen from the folder that is audited, and from its own.
func sources(f *Folder, file *dockerfile.File) []string {
	var out []string
	for _, stage := range file.Stages {
		for _, in := range stage.Instructions {
			if in.Name != "COPY" && in.Name != "ADD" || len(in.Args) < 2 {
				continue
			}
			for _, word := range in.Args[:len(in.Args)-1] {
				source := strings.TrimLeft(path.Clean("/"+word.Text), "/")
				if at := strings.IndexAny(source, "*?["); at >= 0 {
					source = path.Dir(source[:at] + "x")
				}
				out = append(out, path.Join(f.Dir, source), path.Join(path.Dir(file.Name), source))
			}
		}
	}
	return out
}

// developed are the folders, as the user sees them, of the Dockerfiles that
// install what their project needs for development. Demos have none.
func (s *source) developed(f *Folder) []string {
	var out []string
	for _, name := range sortedKeys(s.dockerfiles) {
		if seen := relative(f.Dir, name); s.dockerfiles[name].InstallsDev() && (s.demo == nil || !inDemo(seen)) {
			out = append(out, path.Dir(seen))
		}
	}
	return out
}

// scope returns the scope of a package at a place: the group that is named dev
// is for development, unless a Dockerfile beside, above or below its project
// installs it.
func (s *source) scope(own, ecosystem string, at []sbom.Location) string {
	if own != scopeGroupDev && own != scopeDev {
		return own
	}
	installed := ecosystem == "PyPI" && slices.ContainsFunc(at, func(at sbom.Location) bool {
		return slices.ContainsFunc(s.develop, func(dir string) bool {
			own := path.Dir(at.File)
			return at.Layer == "" && (within(own, dir) || within(dir, own))
		})
	})
	if installed {
		return scopeGroupDev
	}
	return scopeDev
}

// rescopes reports whether scoped would change anything.
func (s *source) rescopes(components []sbom.Component) bool {
	return s != nil && (len(s.demo)+len(s.develop) > 0 || slices.ContainsFunc(components, func(c sbom.Component) bool { return c.Scope == scopeGroupDev }))
}

// scoped gives what only demo files name the scope "demo", and the group that
// is named dev the scope "dev" unless it is installed. What is for something else besides keeps that.
func (s *source) scoped(components []sbom.Component, findings []vuln.Finding) []sbom.Component {
	constrains := map[named]bool{}
	out := make([]sbom.Component, 0, len(components))
	for _, c := range components {
		c.Scope = s.scope(c.Scope, c.Ecosystem, c.Locations)
		var shown, rest []sbom.Location
		for _, at := range c.Locations {
			key := named{c.NormalName(), at}
			if before, seen := constrains[key]; c.Constraint && (before || !seen) {
				constrains[key] = true
			} else {
				constrains[key] = false
			}
			if s.demo[at.File] && at.Layer == "" {
				shown = append(shown, at)
			} else {
				rest = append(rest, at)
			}
		}
		if len(shown) > 0 && gatesAsShipped(c.Scope) {
			demo := c
			demo.Scope, demo.Scopes, demo.Locations = scopeDemo, nil, shown
			out = append(out, demo)
			if c.Locations = rest; len(rest) == 0 {
				continue
			}
		}
		out = append(out, c)
	}
	for i := range findings {
		s.scopeFinding(&findings[i], constrains)
	}
	return out
}

// named is a package at a place.
type named struct {
	name string
	at   sbom.Location
}

// scopeFinding sets the scopes of a finding. A place that only constrains says
// nothing of what the package is for.
func (s *source) scopeFinding(f *vuln.Finding, constrains map[named]bool) {
	demo, rest := false, false
	for _, at := range f.Locations {
		switch {
		case constrains[named{sbom.NormalName(f.Ecosystem, f.Package), at}]:
		case s.demo[at.File] && at.Layer == "":
			demo = true
		default:
			rest = true
		}
	}
	scopes := slices.Clone(f.Scopes)
	for i := range scopes {
		scopes[i] = s.scope(scopes[i], f.Ecosystem, f.Locations)
	}
	if demo && !rest {
		scopes = slices.DeleteFunc(scopes, gatesAsShipped)
	} else if demo && len(scopes) == 0 {
		scopes = append(scopes, scopeRuntime)
	}
	if demo {
		scopes = append(scopes, scopeDemo)
	}
	slices.Sort(scopes)
	if scopes = slices.Compact(scopes); len(scopes) > 0 {
		f.Scopes = scopes
	}
}

// gatesAsShipped reports whether a scope is of what is shipped: in a demo
// folder, what runs, and extras and groups of it, are the demo's.
func gatesAsShipped(scope string) bool {
	return scope == "" || scope == scopeRuntime || strings.HasPrefix(scope, "extra:") || strings.HasPrefix(scope, "group:")
}
