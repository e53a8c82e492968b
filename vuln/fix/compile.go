package fix

import (
	"io/fs"
	"path"
	"slices"
	"strings"
)

// A compiled requirement file names in its head the command that made it. That
// is a text of the audited tree, so it is never repeated: it is read, and a
// command is made of what is known to be harmless in it. Anything else in it,
// such as an index, means that the command is put together without it.
// https://pip-tools.readthedocs.io/en/stable/cli/pip-compile/
// https://docs.astral.sh/uv/reference/cli/#uv-pip-compile

// compileFlags take no value; compileValues take a word, which says nothing of
// where packages come from; compileFiles take a file of the tree.
var (
	compileFlags = []string{
		"--generate-hashes", "--universal", "--no-strip-extras", "--strip-extras", "--allow-unsafe", "--no-allow-unsafe",
		"--no-annotate", "--no-header", "--all-extras", "--no-emit-index-url", "--no-emit-trusted-host", "--no-emit-find-links",
		"--all-build-deps", "--only-build-deps", "--emit-marker-expression", "--no-emit-package-unsafe", "--pre", "--no-deps",
	}
	compileValues = []string{
		"--extra", "--group", "--python-version", "--python-platform", "--resolver", "--resolution", "--prerelease",
		"--annotation-style", "--fork-strategy", "--unsafe-package", "--no-emit-package", "--exclude-newer",
	}
	compileFiles = []string{"-c", "--constraint", "--constraints", "--override", "--overrides"}
	// compileDropped say what this run is told otherwise.
	compileDropped = []string{"-U", "--upgrade", "-q", "--quiet", "-v", "--verbose"}
)

// compilation is what the head of a file says of how it was made.
type compilation struct {
	// options are repeated as they are; constraints are options with a file.
	options     []string
	constraints [][2]string
	sources     []string
	output      string
}

// compileCommand returns the words of the command in a file's head, nil if
// there is none that is understood to its end.
func compileCommand(data []byte) *compilation {
	for line := range strings.Lines(string(data[:min(len(data), 4<<10)])) {
		line = strings.Trim(line, "\ufeff \t\r\n")
		if line != "" && !strings.HasPrefix(line, "#") {
			return nil
		}
		words := strings.Fields(strings.TrimPrefix(line, "#"))
		switch {
		case len(words) > 0 && words[0] == "pip-compile":
			return readCompilation(words[1:])
		case len(words) > 2 && slices.Equal(words[:3], []string{"uv", "pip", "compile"}):
			return readCompilation(words[3:])
		}
	}
	return nil
}

// harmless are the characters of words that mean nothing to a shell, and that
// neither a URL nor credentials can be made of.
const harmless = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./+=-"

func readCompilation(words []string) *compilation {
	out := &compilation{}
	for i := 0; i < len(words); i++ {
		word, value, given := strings.Cut(words[i], "=")
		if strings.Trim(words[i], harmless) != "" {
			return nil
		}
		takes := slices.Concat(compileValues, compileFiles, []string{"-o", "--output-file", "-P", "--upgrade-package"})
		if slices.Contains(takes, word) && !given {
			if i++; i == len(words) || strings.Trim(words[i], harmless) != "" || strings.HasPrefix(words[i], "-") {
				return nil
			}
			value = words[i]
		}
		switch {
		case slices.Contains(compileFlags, word) && !given:
			out.options = append(out.options, word)
		case slices.Contains(compileValues, word):
			out.options = append(out.options, word+" "+value)
		case slices.Contains(compileFiles, word):
			out.constraints = append(out.constraints, [2]string{word, value})
		case word == "-o" || word == "--output-file":
			out.output = value
		case word == "-P" || word == "--upgrade-package" || slices.Contains(compileDropped, word) && !given:
		case strings.HasPrefix(word, "-") || given:
			return nil
		default:
			out.sources = append(out.sources, word)
		}
	}
	return out
}

// again is the command that makes a file again as it was made, with packages
// upgraded; "" if it was not made from files of the tree.
func (p *planner) again(r *recompiled, data []byte) string {
	c := compileCommand(data)
	if c == nil || len(c.sources) == 0 {
		return ""
	}
	for _, dir := range []string{path.Dir(r.file), p.opts.Dir, "."} {
		if c.output != "" && path.Join(dir, c.output) != r.file || !p.haveAll(dir, c) {
			continue
		}
		command := string(r.by)
		for _, o := range c.options {
			command += " " + o
		}
		for _, o := range c.constraints {
			command += " " + o[0] + " " + quote(p.typed(path.Join(dir, o[1])))
		}
		if r.hashed && !slices.Contains(c.options, "--generate-hashes") {
			command += " --generate-hashes"
		}
		command += upgrades(r.needs) + " --output-file " + quote(p.typed(r.file))
		for _, s := range c.sources {
			command += " " + quote(p.typed(path.Join(dir, s)))
		}
		return command
	}
	return ""
}

// haveAll reports whether all files of a compilation are there.
func (p *planner) haveAll(dir string, c *compilation) bool {
	names := slices.Clone(c.sources)
	for _, o := range c.constraints {
		names = append(names, o[1])
	}
	return !slices.ContainsFunc(names, func(name string) bool {
		name = path.Join(dir, name)
		if !fs.ValidPath(name) {
			return true
		}
		info, err := fs.Stat(p.fsys, name)
		return err != nil || !info.Mode().IsRegular()
	})
}
