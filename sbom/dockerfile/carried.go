package dockerfile

import (
	"path"
	"regexp"
	"slices"
	"strings"
)

// carried returns which stages' Python packages may end in the image: those of
// the shipped stages, and those of a stage of which a COPY takes a path that
// may hold a Python environment into a stage that is itself one of them ("COPY
// --from=builder /opt/venv /opt/venv"). It is indexed like Stages.
//
// A path may hold one when it is a folder that pip, a virtual environment or
// conda uses, one above such a folder, or a WORKDIR of the stage, in which uv
// and Poetry make theirs; and when it is not known.
func (f *File) carried() []bool {
	out := make([]bool, len(f.Stages))
	// Stages take from earlier ones only, so one pass from the end finds all.
	folders := map[int][]string{}
	for i := len(f.Stages) - 1; i >= 0; i-- {
		s := f.Stages[i]
		out[i] = out[i] || s.Reach == Shipped
		if !out[i] {
			continue
		}
		if s.Parent >= 0 {
			out[s.Parent] = true
		}
		for _, u := range s.Uses {
			if u.Stage < 0 || out[u.Stage] || u.Instruction.Name != "COPY" {
				continue
			}
			if _, known := folders[u.Stage]; !known {
				folders[u.Stage] = f.foldersOf(f.Stages[u.Stage])
			}
			out[u.Stage] = takesPython(u.Instruction, folders[u.Stage])
		}
	}
	return out
}

// takesPython reports whether a COPY takes a path that may hold a Python
// environment.
func takesPython(in *Instruction, folders []string) bool {
	for i, a := range in.Args {
		if i < len(in.Args)-1 && (!a.Known || holdsPython(path.Join("/", a.Text), folders)) {
			return true
		}
	}
	return false
}

var pythonFolder = regexp.MustCompile(`(?i)(^|/)([^/]*v(irtual)?env[^/]*|site-packages|dist-packages|\.local|[^/]*conda[^/]*|python[0-9.*]*|pip|pipx|uv)(/|$)`)

// maxFolders bounds how many folders of a stage a COPY is held against; with
// more of them it is taken to hold an environment.
const maxFolders = 256

// holdsPython reports whether the folder p may hold an environment, when a
// stage was told to install into folders.
func holdsPython(p string, folders []string) bool {
	if p == "/" || len(folders) > maxFolders || pythonFolder.MatchString(p) {
		return true
	}
	return slices.ContainsFunc(folders, func(folder string) bool {
		return folder == p || strings.HasPrefix(folder, p+"/")
	})
}

// usualFolders are where pip installs without being told.
// https://docs.python.org/3/library/sysconfig.html#installation-paths
var usualFolders = []string{"/usr/local/lib/python3", "/usr/lib/python3", "/root/.local/lib", "/home/user/.local/lib", "/opt/venv", "/opt/conda"}

// foldersOf returns the usual folders and those that the stages that s is made
// of name, each once.
func (f *File) foldersOf(s *Stage) []string {
	out := slices.Clone(usualFolders)
	for _, part := range f.Chain(s) {
		out = append(out, part.pythonFolders()...)
		slices.Sort(out)
		if out = slices.Compact(out); len(out) > maxFolders {
			break
		}
	}
	return out
}

// pythonFolders returns where a stage may have been told to install: its
// working directories, and the folders that options and variables name.
func (s *Stage) pythonFolders() []string {
	var out []string
	at := "/"
	s.Walk(func(in *Instruction) {
		switch in.Name {
		case "WORKDIR":
			if len(in.Args) > 0 {
				if at = path.Join(at, in.Args[0].Text); strings.HasPrefix(in.Args[0].Text, "/") {
					at = path.Clean(in.Args[0].Text)
				}
				out = append(out, at)
			}
		case "ENV":
			for _, p := range in.Pairs {
				if contains([]string{"VIRTUAL_ENV", "UV_PROJECT_ENVIRONMENT", "CONDA_DIR", "PYTHONUSERBASE", "PIP_TARGET", "PIP_PREFIX", "PIPX_HOME", "UV_TOOL_DIR"}, p.Key) {
					out = append(out, path.Join(at, p.Value))
				}
			}
		}
		for _, v := range in.Script.Invocations() {
			for _, w := range v.values("-t", "--target", "--prefix", "-p", "--root") {
				if w.Text != "" {
					out = append(out, path.Join("/", w.Text))
				}
			}
		}
	})
	return out
}
