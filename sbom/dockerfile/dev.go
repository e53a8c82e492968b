package dockerfile

import (
	"slices"
	"strings"

	"github.com/tallyman/tallyman/sbom/pep508"
)

// InstallsDev reports whether what is shipped holds what the project needs for
// development alone: in a stage that is shipped, or whose Python environment
// is, a RUN asks for the group "dev", or a command that installs it unasked
// ("uv sync", "poetry install") is not told to leave it out.
// https://docs.astral.sh/uv/concepts/projects/sync/#syncing-development-dependencies
// https://python-poetry.org/docs/managing-dependencies/#installing-group-dependencies
func (f *File) InstallsDev() bool { return f.collect().dev }

// developed notes a call that installs what development needs.
func (c *collector) developed(v *Invocation) {
	c.dev = c.dev || (c.shipped || c.carried) && v.installsDev(c.noDev)
}

// leavesDev notes variables that tell uv to leave development out.
// https://docs.astral.sh/uv/reference/environment/
func (c *collector) leavesDev(in *Instruction) {
	for _, v := range in.Variables() {
		if v.Name == "UV_NO_DEV" || v.Name == "UV_NO_DEFAULT_GROUPS" {
			c.noDev = slices.Contains([]string{"1", "true", "yes", "on", "y", "t"}, strings.ToLower(v.Value.Text))
		}
	}
}

// installsDev reports whether a call installs the group "dev". noDev is true
// where the environment tells uv to leave out what nobody asks for.
func (v *Invocation) installsDev(noDev bool) bool {
	has := func(names ...string) bool {
		_, ok := v.Option(names...)
		return ok
	}
	asked := has("--dev") || v.namesDev("--group", "-G", "--with")
	switch v.Manager + " " + v.Verb {
	case "uv sync":
		switch {
		case has("--no-dev") || v.namesDev("--no-group"):
			return false
		case asked || has("--only-dev", "--all-groups") || v.namesDev("--only-group"):
			return true
		}
		return !noDev && !has("--no-default-groups", "--only-group")
	case "poetry install", "poetry sync":
		switch {
		case has("--no-dev", "--only-root") || v.namesDev("--without"):
			return false
		case has("--only"):
			return v.namesDev("--only")
		}
		return true
	case "pipenv install", "pipenv sync":
		return has("--dev", "-d")
	case "poetry add":
		return asked || has("-D")
	case "pip install", "uv pip install", "uv add":
		return asked
	}
	return false
}

// namesDev reports whether an option names the group "dev", alone, in a list or
// of a file ("tools/pyproject.toml:dev"), or may do so.
func (v *Invocation) namesDev(options ...string) bool {
	for _, w := range v.values(options...) {
		if !w.Known {
			return !slices.Contains(options, "--without") && !slices.Contains(options, "--no-group")
		}
		for name := range strings.FieldsFuncSeq(w.Text, func(r rune) bool { return r == ',' || r == ' ' }) {
			if pep508.NormalizeName(name[strings.LastIndexByte(name, ':')+1:]) == "dev" {
				return true
			}
		}
	}
	return false
}
