package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"go.yaml.in/yaml/v3"

	"github.com/tallyman/tallyman/internal/limit"
	"github.com/tallyman/tallyman/policy"
	"github.com/tallyman/tallyman/sbom"
)

// settingsName is the file of settings in the root of the user's repository.
const settingsName = "tallyman.yaml"

// settings is what tallyman.yaml holds besides flag values.
type settings struct {
	// file is the file's path, "" when there is none.
	file string
	// exceptions are the accepted risks.
	exceptions []policy.Exception
}

// pathSettings are the settings whose values are paths, relative to the file
// that holds them.
var pathSettings = []string{"root", "cache-dir", "policy", "advisories", "findings", "hub", "known-versions", "key", "trusted-root"}

// notSettings are the flags that make no sense in the file.
var notSettings = []string{"as-of", "allow-past", "config", "help", "image", "images", "output", "write"}

// readSettings finds and reads the settings of the repository that the user
// stands in, and sets the flags that the command line left alone.
func (a *app) readSettings(cmd *cobra.Command) (*settings, error) {
	name, given := a.flags.config, a.flags.config != ""
	if given {
		name = a.path(name)
	} else {
		name = filepath.Join(a.standingRoot(), settingsName)
	}
	data, err := readFile(name, limit.ConfigBytes)
	if errors.Is(err, fs.ErrNotExist) && !given {
		return &settings{}, nil
	}
	if err != nil {
		return nil, usagef("", "reading settings: %w", err)
	}
	set, err := a.applySettings(cmd, name, data)
	if err != nil {
		return nil, usagef("", "%s: %w", a.shown(name), err)
	}
	return set, nil
}

func (a *app) applySettings(cmd *cobra.Command, name string, data []byte) (*settings, error) {
	var doc yaml.Node
	if err := yaml.Unmarshal(data, &doc); err != nil {
		return nil, err
	}
	set := &settings{file: name}
	if doc.Kind == 0 {
		return set, nil
	}
	top := doc.Content[0]
	if top.Kind != yaml.MappingNode {
		return nil, fmt.Errorf("line %d: settings are a mapping of names to values", top.Line)
	}
	known := a.settingNames()
	for i := 0; i+1 < len(top.Content); i += 2 {
		key, value := top.Content[i], top.Content[i+1]
		if key.Value == "ignore" {
			list, err := a.readExceptions(name, value)
			if err != nil {
				return nil, err
			}
			set.exceptions = list
			continue
		}
		if !slices.Contains(known, key.Value) {
			return nil, fmt.Errorf("line %d: there is no setting %q: there are ignore, %s", key.Line, key.Value, strings.Join(known, ", "))
		}
		if err := applySetting(cmd, filepath.Dir(name), key, value); err != nil {
			return nil, err
		}
	}
	return set, nil
}

// settingNames are the flags of all stages that the file may set.
func (a *app) settingNames() []string {
	scratch := &app{env: a.env}
	var names []string
	for _, c := range scratch.root().Commands() {
		c.Flags().VisitAll(func(f *pflag.Flag) {
			if !slices.Contains(notSettings, f.Name) && !slices.Contains(names, f.Name) {
				names = append(names, f.Name)
			}
		})
	}
	slices.Sort(names)
	return names
}

// applySetting sets one flag, if the command has it and the command line did
// not set it.
func applySetting(cmd *cobra.Command, dir string, key, value *yaml.Node) error {
	var values []string
	switch {
	case value.Kind == yaml.ScalarNode:
		values = []string{value.Value}
	case value.Kind == yaml.SequenceNode:
		for _, v := range value.Content {
			if v.Kind != yaml.ScalarNode {
				return fmt.Errorf("line %d: %s takes a list of plain values", v.Line, key.Value)
			}
			values = append(values, v.Value)
		}
	default:
		return fmt.Errorf("line %d: %s takes a plain value or a list", value.Line, key.Value)
	}
	f := cmd.Flags().Lookup(key.Value)
	if f == nil || f.Changed {
		return nil
	}
	for _, v := range values {
		if slices.Contains(pathSettings, key.Value) && v != "" && !filepath.IsAbs(v) {
			v = filepath.Join(dir, v)
		}
		if err := cmd.Flags().Set(key.Value, v); err != nil {
			return fmt.Errorf("line %d: %s: %w", key.Line, key.Value, err)
		}
	}
	return nil
}

// accepted is an entry of `ignore:`.
type accepted struct {
	ID      string `yaml:"id"`
	Gap     string `yaml:"gap"`
	File    string `yaml:"file"`
	Package string `yaml:"package"`
	Reason  string `yaml:"reason"`
	Expires string `yaml:"expires"`
}

func (a *app) readExceptions(name string, list *yaml.Node) ([]policy.Exception, error) {
	if list.Kind != yaml.SequenceNode {
		return nil, fmt.Errorf("line %d: ignore is a list of id or gap, file, package, reason, expires", list.Line)
	}
	var out []policy.Exception
	for _, node := range list.Content {
		e, err := readException(node)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", node.Line, err)
		}
		e.Origin = fmt.Sprintf("%s:%d", a.shown(name), node.Line)
		out = append(out, e)
	}
	return out, nil
}

func readException(node *yaml.Node) (policy.Exception, error) {
	var in accepted
	if node.Kind != yaml.MappingNode {
		return policy.Exception{}, fmt.Errorf("an accepted risk is a mapping of id or gap, file, package, reason, expires")
	}
	for i := 0; node.Kind == yaml.MappingNode && i < len(node.Content); i += 2 {
		if v := node.Content[i+1]; v.Kind != yaml.ScalarNode {
			return policy.Exception{}, fmt.Errorf("%s of an accepted risk is a plain value", node.Content[i].Value)
		}
		if k := node.Content[i].Value; !slices.Contains([]string{"id", "gap", "file", "package", "reason", "expires"}, k) {
			return policy.Exception{}, fmt.Errorf("an accepted risk has no %q: it has id or gap, file, package, reason, expires", k)
		}
	}
	if err := node.Decode(&in); err != nil {
		return policy.Exception{}, err
	}
	out := policy.Exception{ID: in.ID, Gap: sbom.GapKind(in.Gap), File: in.File, Package: in.Package, Reason: in.Reason}
	if err := checkException(out); err != nil {
		return policy.Exception{}, err
	}
	if in.Expires != "" {
		day, err := time.Parse(time.DateOnly, in.Expires)
		if err != nil {
			return policy.Exception{}, fmt.Errorf("expires %q is not a day such as 2027-01-31", in.Expires)
		}
		// The last day counts to its end.
		out.Expires = day.Add(24*time.Hour - time.Second)
	}
	return out, nil
}

// checkException asks for what tells a mistake from a risk that is no more: a
// malicious package is accepted by its name as well.
func checkException(e policy.Exception) error {
	if e.Gap != "" && !slices.Contains(sbom.GapKinds(), e.Gap) {
		var kinds []string
		for _, k := range sbom.GapKinds() {
			if k.Hides() {
				kinds = append(kinds, string(k))
			}
		}
		slices.Sort(kinds)
		return fmt.Errorf("there is no gap %q: there are %s", e.Gap, strings.Join(kinds, ", "))
	}
	if strings.HasPrefix(e.ID, "MAL-") && e.Package == "" {
		return fmt.Errorf("accepting %s needs the package", e.ID)
	}
	return e.Check()
}

// standingRoot is the git work tree that the user stands in, else the working
// directory.
func (a *app) standingRoot() string {
	if root := gitRoot(a.env.Dir); root != "" {
		return root
	}
	return a.env.Dir
}

// gitRoot returns the work tree that encloses dir, "" for none.
func gitRoot(dir string) string {
	for dir != "" {
		if _, err := os.Lstat(filepath.Join(dir, ".git")); err == nil {
			return dir
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			break
		}
		dir = parent
	}
	return ""
}

// shown is how a path of the user's own is named in messages.
func (a *app) shown(name string) string {
	if rel, err := filepath.Rel(a.env.Dir, name); err == nil && !strings.HasPrefix(rel, "..") {
		return filepath.ToSlash(rel)
	}
	return filepath.ToSlash(name)
}

// readInput reads what a word of the command line names, bounded: a file, or
// standard input for "-". instead is what to type when that is a terminal, on
// which nobody will type it. Whatever is wrong is a wrong call.
func (a *app) readInput(word string, max int64, instead string) ([]byte, error) {
	if word != "-" {
		data, err := readFile(a.path(word), max)
		if err != nil {
			return nil, usage(err, instead)
		}
		return data, nil
	}
	if a.env.StdinTerminal {
		return nil, usagef(instead, "\"-\" reads standard input, which is a terminal")
	}
	data, err := limit.ReadAll(a.env.Stdin, max)
	if err != nil {
		return nil, usagef(instead, "standard input: %w", err)
	}
	if len(data) == 0 {
		return nil, usagef(instead, "standard input is empty: see what the command before the pipe says")
	}
	return data, nil
}

// readFile reads a file of the user's own, bounded.
func readFile(name string, max int64) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := limit.ReadAll(f, max)
	if err != nil {
		return nil, fmt.Errorf("%q: %w", name, err)
	}
	return data, nil
}
