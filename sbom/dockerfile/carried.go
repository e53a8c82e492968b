package dockerfile

import (
	"path"
	"regexp"
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
			if u.Stage >= 0 && u.Instruction.Name == "COPY" && f.takesPython(u) {
				out[u.Stage] = true
			}
		}
	}
	return out
}

// takesPython reports whether a COPY takes a path that may hold a Python
// environment.
func (f *File) takesPython(u Use) bool {
	args := u.Instruction.Args
	for i, a := range args {
		if i == len(args)-1 {
			break // the destination
		}
		if !a.Known || f.holdsPython(f.Stages[u.Stage], path.Join("/", a.Text)) {
			return true
		}
	}
	return false
}

var pythonFolder = regexp.MustCompile(`(?i)(^|/)([^/]*v(irtual)?env[^/]*|site-packages|dist-packages|\.local|[^/]*conda[^/]*|python[0-9.*]*|pip|pipx|uv)(/|$)`)

// holdsPython reports whether the folder p of a stage may hold an environment.
func (f *File) holdsPython(s *Stage, p string) bool {
	if pythonFolder.MatchString(p) {
		return true
	}
	folders := []string{"/usr/local/lib", "/usr/lib/python3", "/root/.local", "/home/user/.local", "/opt/venv"}
	for _, s := range f.Chain(s) {
		folders = append(folders, s.pythonFolders()...)
	}
	for _, folder := range folders {
		if p == "/" || folder == p || strings.HasPrefix(folder, p+"/") {
			return true
		}
	}
	return false
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
