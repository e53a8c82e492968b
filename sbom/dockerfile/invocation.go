package dockerfile

import (
	"regexp"
	"slices"
	"strings"
)

// Invocation is a call of a package manager.
type Invocation struct {
	// Command is the call.
	Command *Command
	// Manager is its canonical name: "pip", "uv", "pipx", "pipenv", "poetry",
	// "conda", "apt", "apt-get", "apk", "yum", "dnf", "npm", "yarn", "pnpm",
	// "bun", "npx", "gem", "go", "cargo", "easy_install", "setup.py" (python
	// setup.py install).
	// `uv pip` is "uv", `uvx` is "uv" too ("tool run"), and `python -m pip` is
	// "pip".
	Manager string
	// Verb is the action ("install", "update", "add"); for uv it includes the
	// group ("pip install", "tool install").
	Verb string
	// Options are the words with a dash, before and after the verb.
	Options []Option
	// Operands are the other words after the verb.
	Operands []Word
	// behind are all words behind the first operand, as written: what a
	// program that is named there ("uv run pip ...") gets.
	behind []Word
}

// Option is one option of an invocation.
type Option struct {
	// Name includes its dashes; "=value" is cut off.
	Name string
	// Value is the value, when the option has one; HasValue says so.
	Value    Word
	HasValue bool
}

// Install is what an invocation installs.
type Install struct {
	Invocation
	// Packages are the requirements named on the command line.
	Packages []Word
	// Requirements, Constraints and Editable are the values of -r, -c and -e.
	Requirements, Constraints, Editable []Word
}

// Option returns the first option that has one of the names. A group of short
// options counts ("-yq" has "-y").
func (v *Invocation) Option(names ...string) (Option, bool) {
	for _, o := range v.Options {
		if slices.Contains(names, o.Name) {
			return o, true
		}
		if o.HasValue || !shortGroup.MatchString(o.Name) {
			continue
		}
		for _, n := range names {
			if len(n) == 2 && n[0] == '-' && strings.Contains(o.Name[1:], n[1:]) {
				return Option{Name: n}, true
			}
		}
	}
	return Option{}, false
}

var shortGroup = regexp.MustCompile(`^-[A-Za-z]{2,}$`)

// managerSyntax is what is needed to read a package manager's command line:
// the options that take the next word as their value.
type managerSyntax struct {
	name   string
	values []string
}

// Options with values, from each program's own help: pip install --help, uv
// pip install --help, apt-get(8), apk(8), npm help config.
var (
	pipValues = []string{
		"-r", "--requirement", "--requirements", "-c", "--constraint", "--constraints", "-e", "--editable", "-t", "--target", "-i", "--index-url",
		"--extra-index-url", "-f", "--find-links", "--platform", "--python-version", "--implementation", "--abi",
		"--root", "--prefix", "--src", "--upgrade-strategy", "-C", "--config-settings", "--config-setting", "--global-option",
		"--no-binary", "--only-binary", "--progress-bar", "--root-user-action", "--report", "--cache-dir", "--log",
		"--proxy", "--retries", "--timeout", "--exists-action", "--trusted-host", "--cert", "--client-cert",
		"--use-feature", "--use-deprecated", "--python", "--keyring-provider", "--resume-retries", "--group",
		"--build-constraint", "--install-option", "-b", "--build",
	}
	uvValues = append([]string{
		"--override", "--overrides", "--build-constraints", "-p", "--index", "--default-index", "--index-strategy",
		"--python-platform", "--torch-backend", "--link-mode", "--extra", "--resolution", "--prerelease",
		"--exclude-newer", "-P", "--upgrade-package", "--refresh-package", "--reinstall-package",
		"--no-build-isolation-package", "--no-build-package", "--no-binary-package", "--directory", "--project",
		"--config-file", "--allow-insecure-host", "--color", "--from", "--with", "--with-editable", "--with-requirements",
		"--no-group", "--only-group", "--no-extra", "--package", "--no-install-package", "--branch", "--tag", "--rev", "--optional", "--env-file",
	}, pipValues...)
	pipxValues  = []string{"--spec", "--preinstall", "-r", "--requirement", "--pip-args", "--python", "--suffix", "-i", "--index-url"}
	condaValues = []string{"-n", "--name", "-p", "--prefix", "-c", "--channel", "-f", "--file", "--solver", "--subdir", "--platform"}
	aptValues   = []string{"-t", "--target-release", "--default-release", "-o", "--option", "-c", "--config-file", "-a", "--host-architecture", "-P", "--build-profiles"}
	apkValues   = []string{"-t", "--virtual", "-X", "--repository", "-p", "--root", "--repositories-file", "--keys-dir", "--cache-dir", "--arch", "--wait", "--cache-max-age", "--timeout", "--progress-fd"}
	rpmValues   = []string{"-c", "--config", "-x", "--exclude", "--enablerepo", "--disablerepo", "--repo", "--repoid", "--installroot", "--releasever", "--setopt", "-d", "-e", "--nodocs="}
	npmValues   = []string{
		"--prefix", "-C", "--registry", "--cache", "--loglevel", "--userconfig", "-w", "--workspace", "--omit", "--include", "--only",
		"--tag", "--save-prefix", "--fetch-retries", "--fetch-timeout", "--fetch-retry-mintimeout", "--fetch-retry-maxtimeout",
		"--maxsockets", "--network-timeout", "--install-strategy", "--cwd", "--modules-folder", "--cache-folder", "--dir", "--filter",
	}
	poetryValues = []string{"-E", "--extras", "-G", "--group", "--with", "--without", "--only", "-C", "--directory", "-P", "--project", "--source", "--python", "--platform"}
)

// The options that take a value, by each program's own help.
var (
	gemValues   = []string{"-v", "--version", "-i", "--install-dir", "-n", "--bindir", "-s", "--source", "-P", "--trust-policy", "-p", "--http-proxy", "-g", "--file", "--platform", "--build-root", "--without", "--config-file"}
	goValues    = []string{"-tags", "-ldflags", "-gcflags", "-asmflags", "-mod", "-modfile", "-o", "-p", "-C", "-buildmode", "-buildvcs", "-overlay"}
	cargoValues = []string{"--version", "--vers", "--git", "--branch", "--tag", "--rev", "--path", "--root", "--features", "-F", "--bin", "--example", "--target", "--profile", "-j", "--jobs", "--index", "--registry", "--target-dir", "--config", "-Z", "-C", "--color"}
	easyValues  = []string{"-d", "--install-dir", "-s", "--script-dir", "-i", "--index-url", "--index", "-f", "--find-links", "-b", "--build-directory", "-S", "--site-dirs", "-O", "--optimize", "-H", "--allow-hosts", "--prefix", "--record"}
)

var easyName = regexp.MustCompile(`^easy_install(-[0-9.]+)?$`)

var pipName = regexp.MustCompile(`^pip[0-9.]*$`)
var pythonName = regexp.MustCompile(`^(python|pypy)[0-9.]*$`)

// managerOf returns the syntax for a program name.
func managerOf(name string) (managerSyntax, bool) {
	if pipName.MatchString(name) {
		return managerSyntax{"pip", pipValues}, true
	}
	switch name {
	case "uv", "uvx":
		return managerSyntax{"uv", uvValues}, true
	case "pipx":
		return managerSyntax{"pipx", pipxValues}, true
	case "pipenv":
		return managerSyntax{"pipenv", pipValues}, true
	case "poetry":
		return managerSyntax{"poetry", poetryValues}, true
	case "conda", "mamba", "micromamba":
		return managerSyntax{"conda", condaValues}, true
	case "apt", "apt-get", "aptitude":
		return managerSyntax{name, aptValues}, true
	case "apk":
		return managerSyntax{"apk", apkValues}, true
	case "yum", "dnf", "microdnf", "tdnf":
		return managerSyntax{name, rpmValues}, true
	case "npm", "yarn", "pnpm", "bun":
		return managerSyntax{name, npmValues}, true
	case "npx", "bunx":
		return managerSyntax{"npx", []string{"-p", "--package", "-c", "--call"}}, true
	case "gem":
		return managerSyntax{name, gemValues}, true
	case "go":
		return managerSyntax{name, goValues}, true
	case "cargo":
		return managerSyntax{name, cargoValues}, true
	case "easy_install":
		return managerSyntax{name, easyValues}, true
	}
	if easyName.MatchString(name) {
		return managerSyntax{"easy_install", easyValues}, true
	}
	return managerSyntax{}, false
}

// Invocation reads the command as a call of a package manager.
func (c *Command) Invocation() (*Invocation, bool) {
	name, args := c.Name, c.Args
	if pythonName.MatchString(name) {
		for i, a := range args {
			if a.Text == "-m" && i+1 < len(args) {
				name, args = args[i+1].Text, args[i+2:]
				break
			}
			if !strings.HasPrefix(a.Text, "-") {
				if base(a) == "setup.py" {
					return c.setup(args[i+1:])
				}
				break
			}
		}
	}
	syntax, ok := managerOf(name)
	if !ok {
		return nil, false
	}
	v := &Invocation{Command: c, Manager: syntax.name}
	switch {
	case name == "uvx":
		v.Verb = "tool run" // https://docs.astral.sh/uv/guides/tools/
	case syntax.name == "npx":
		v.Verb = "exec"
	case syntax.name == "easy_install":
		v.Verb = "install"
	}
	v.read(args, syntax.values)
	if v.Manager == "uv" && len(v.Operands) > 0 && (v.Verb == "pip" || v.Verb == "tool") {
		v.Verb += " " + v.Operands[0].Text
		v.Operands = v.Operands[1:]
	}
	return v, true
}

// setup reads "python setup.py install", which installs the project itself.
func (c *Command) setup(args []Word) (*Invocation, bool) {
	for _, a := range args {
		switch a.Text {
		case "install", "develop", "easy_install":
			return &Invocation{Command: c, Manager: "setup.py", Verb: a.Text}, true
		}
	}
	return nil, false
}

// read splits the words of a command line into verb, options and operands.
func (v *Invocation) read(args []Word, values []string) {
	onlyOperands := false
	for i := 0; i < len(args); i++ {
		t := args[i].Text
		switch {
		case onlyOperands || !strings.HasPrefix(t, "-") || t == "-":
			if v.Verb == "" {
				v.Verb = t
				continue
			}
			if len(v.Operands) == 0 {
				v.behind = args[i+1:]
			}
			v.Operands = append(v.Operands, args[i])
		case t == "--":
			onlyOperands = true
		default:
			o := Option{Name: t}
			if name, value, ok := strings.Cut(t, "="); ok {
				o = Option{Name: name, Value: args[i], HasValue: true}
				o.Value.Text = value
			} else if contains(values, t) && i+1 < len(args) {
				i++
				o.Value, o.HasValue = args[i], true
			} else if flags, value, ok := shortValue(t, values); ok {
				if len(flags) > 1 {
					v.Options = append(v.Options, Option{Name: flags})
				}
				o = Option{Name: "-" + t[len(flags):len(flags)+1], Value: args[i], HasValue: true}
				o.Value.Text = value
				if value == "" && i+1 < len(args) {
					i++
					o.Value = args[i]
				}
			}
			v.Options = append(v.Options, o)
		}
	}
}

// shortValue reads a word of short options as getopt does: the first one that
// takes a value takes the rest of the word, or the next word if it is the
// last. flags is the dash with the options in front of it.
// https://pubs.opengroup.org/onlinepubs/9799919799/basedefs/V1_chap12.html
func shortValue(word string, values []string) (flags, value string, ok bool) {
	if len(word) < 3 || word[1] == '-' {
		return "", "", false
	}
	for i := 1; i < len(word); i++ {
		switch {
		case contains(values, "-"+word[i:i+1]):
			return word[:i], word[i+1:], true
		case !shortGroup.MatchString("-a" + word[i:i+1]):
			return "", "", false
		}
	}
	return "", "", false
}

// installs lists the verbs with which each manager installs packages.
func installs(manager, verb string) bool {
	switch manager {
	case "pip", "pipx", "pipenv", "apt", "apt-get", "aptitude", "yum", "dnf", "microdnf", "tdnf":
		return verb == "install" || manager == "pipx" && verb == "inject"
	case "uv":
		return verb == "pip install" || verb == "pip sync" || verb == "tool install" || verb == "add" || verb == "sync"
	case "conda":
		return verb == "install" || verb == "create"
	case "poetry":
		return verb == "add" || verb == "install"
	case "apk":
		return verb == "add"
	case "npm":
		return contains([]string{"install", "i", "in", "ins", "inst", "insta", "instal", "add", "isntall", "ci", "install-test"}, verb)
	case "yarn", "pnpm":
		return verb == "add" || verb == "install" || verb == "i" || verb == "global" || verb == ""
	}
	return false
}

// Install reads the invocation as one that installs packages.
func (v *Invocation) Install() (*Install, bool) {
	if !installs(v.Manager, v.Verb) {
		return nil, false
	}
	out := &Install{Invocation: *v, Packages: v.Operands}
	if v.Manager == "uv" && v.Verb == "pip sync" {
		out.Packages, out.Requirements = nil, v.Operands
	}
	if !contains([]string{"pip", "uv", "pipenv"}, v.Manager) {
		return out, true
	}
	for _, o := range v.Options {
		if !o.HasValue {
			continue
		}
		switch o.Name {
		case "-r", "--requirement", "--requirements", "--with-requirements":
			out.Requirements = append(out.Requirements, o.Value)
		case "-c", "--constraint", "--constraints":
			out.Constraints = append(out.Constraints, o.Value)
		case "-e", "--editable":
			out.Editable = append(out.Editable, o.Value)
		}
	}
	return out, true
}

// Invocations lists the calls of package managers in the script.
func (s *Script) Invocations() []*Invocation {
	if s == nil {
		return nil
	}
	var out []*Invocation
	for _, c := range s.Commands {
		if v, ok := c.Invocation(); ok {
			out = append(out, v)
		}
	}
	return out
}

// Installs lists what the script installs.
func (s *Script) Installs() []*Install {
	var out []*Install
	for _, v := range s.Invocations() {
		if in, ok := v.Install(); ok {
			out = append(out, in)
		}
	}
	return out
}
