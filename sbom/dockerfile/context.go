package dockerfile

import (
	"path"
	"regexp"
	"strings"

	"github.com/tallyman/tallyman/sbom"
)

// unseen notes the gap of a command whose script is not in the Dockerfile: one
// of the build context or of the image, one that is decoded or printed by
// another program, one that a substitution gives. What it installs is unseen.
//
// Not such are programs that are found by their name, and the files that set
// up an environment which RUN made before (activate, nvm.sh, /etc/os-release).
func (c *collector) unseen(command *Command) {
	why := command.unseen()
	if _, manager := managerOf(command.Name); why == "" && c.copied[command.Name] && !manager && !posix(command.Name) && !pythonName.MatchString(command.Name) {
		why = "RUN executes what was copied from the build context"
	}
	if why != "" {
		c.gap(sbom.GapDynamic, command.Line, "", "%s, and is not read: what it installs is not audited", why)
	}
}

// unseen says what a command runs that is not in the file, "" for nothing.
func (c *Command) unseen() string {
	switch {
	case c.Name == "eval":
		if c.generated() {
			return "what eval runs is made while the image is built"
		}
	case c.Name == "." || c.Name == "source":
		if len(c.Args) > 0 && isScript(c.Args[0].Text) && !setsUp(c.Args[0].Text) {
			return "RUN sources a script"
		}
	case posix(c.Name):
		return c.shellScript()
	case pythonName.MatchString(c.Name):
		return c.pythonCode()
	case isScript(c.Program.Text):
		return "RUN executes a script"
	}
	return ""
}

// startsPrograms finds Python code that may install something.
var startsPrograms = regexp.MustCompile(`\b(pip|ensurepip|subprocess|os\.(system|popen|exec[a-z]*|spawn[a-z]*)|runpy)\b`)

// pythonCode says that "python -c" is given code that starts other programs.
func (c *Command) pythonCode() string {
	for i, a := range c.Args {
		if a.Text == "-c" && i+1 < len(c.Args) && (startsPrograms.MatchString(c.Args[i+1].Text) || !c.Args[i+1].Known) {
			return "what " + c.Name + " -c runs starts other programs"
		}
		if !strings.HasPrefix(a.Text, "-") {
			break
		}
	}
	return ""
}

// shellScript says what script a shell is given that is not in the file.
func (c *Command) shellScript() string {
	if body, ok := dashC(c.Args); ok {
		// "sh -c $(…)": the rest of it is read, and the substitution is not known.
		if strings.HasPrefix(strings.TrimSpace(body.Text), substitutionText) {
			return "what " + c.Name + " runs is made while the image is built"
		}
		return ""
	}
	if c.version() {
		return ""
	}
	for _, a := range c.Args {
		if stdinOption.MatchString(a.Text) {
			break
		}
		if !strings.HasPrefix(a.Text, "-") && !strings.HasPrefix(a.Text, "+") {
			return "RUN executes a script"
		}
	}
	for _, r := range c.Redirects {
		switch r.Op {
		case "<", "<<<":
			return "what " + c.Name + " runs is redirected into it"
		case "<<":
			return ""
		}
	}
	if len(c.Inputs) > 0 {
		return "what " + c.Name + " runs comes out of a pipe"
	}
	return ""
}

// stdinOption matches the words with which a shell reads its input.
var stdinOption = regexp.MustCompile(`^(-[a-zA-Z]*s[a-zA-Z]*|-|/dev/stdin)$`)

// version reports whether the shell only says what it is.
func (c *Command) version() bool { return c.Has("--version", "--help") }

// environments are programs that print the assignments which set up a shell,
// with the word that has them do so. Their manuals have the eval.
var environments = map[string]string{
	"ssh-agent": "", "dircolors": "", "locale": "", "conda": "hook", "mamba": "hook", "micromamba": "hook",
	"brew": "shellenv", "opam": "env", "pyenv": "init", "rbenv": "init", "nodenv": "init", "fnm": "env", "direnv": "hook", "luarocks": "path",
}

// generated reports whether a word of eval is a substitution that may give
// any code.
func (c *Command) generated() bool {
	for _, a := range c.Args {
		if !strings.Contains(a.Text, substitutionText) {
			continue
		}
		for _, in := range a.Inner {
			word, known := environments[in.Name]
			if !known || word != "" && !in.hasPart(word) {
				return true
			}
		}
		if len(a.Inner) == 0 {
			return true
		}
	}
	return false
}

func (c *Command) hasPart(word string) bool {
	for _, a := range c.Args {
		if strings.Contains(a.Text, word) {
			return true
		}
	}
	return false
}

// isScript reports whether the path of a program is one of a script: it ends
// as a shell's does, or it lies where no package manager puts programs.
func isScript(name string) bool {
	switch path.Ext(name) {
	case ".sh", ".bash", ".ksh", ".zsh":
		return true
	}
	if strings.HasPrefix(name, "./") || strings.HasPrefix(name, "../") {
		return true
	}
	dir, file := path.Split(name)
	_, manager := managerOf(file)
	switch system := path.Base(dir); {
	case dir == "" || manager || pythonName.MatchString(file) || posix(file):
		return false
	case strings.ContainsAny(name[:1], "~$`\\"):
		return false
	case !strings.HasPrefix(name, "/"):
		return true
	default:
		return system != "bin" && system != "sbin" && !strings.HasPrefix(name, "/usr/") && !strings.HasPrefix(name, "/etc/")
	}
}

// setsUp reports whether a file that is sourced is one of those that set up an
// environment which was installed before.
func setsUp(name string) bool {
	switch path.Base(name) {
	case "activate", "nvm.sh", "conda.sh", "mamba.sh", "micromamba.sh", "bash_completion.sh", "sdkman-init.sh", "asdf.sh":
		return true
	}
	return strings.HasPrefix(name, "/etc/profile")
}

// copied returns the base names of the files that COPY and ADD bring from the
// build context into any stage.
func (f *File) copied() map[string]bool {
	out := map[string]bool{}
	for _, s := range f.Stages {
		s.Walk(func(in *Instruction) {
			if _, from := in.Flag("from"); from || in.Name != "COPY" && in.Name != "ADD" {
				return
			}
			for _, w := range in.Args {
				if name := path.Base(w.Text); name != "." && !strings.HasSuffix(w.Text, "/") {
					out[name] = true
				}
			}
		})
	}
	return out
}
