package pyreq

import (
	"fmt"
	"slices"
	"strings"
)

// Option is one option of a requirement file, or of one line of it.
type Option struct {
	// Name is pip's own long spelling ("--index-url" also for "-i").
	Name string
	// Value is "" for an option that takes none. URLs have no credentials.
	Value string
	// File and Line say where it is; Line counts from 1.
	File string
	Line int
	// Credentials is true when Value held a user name with a password, or a
	// token, in clear.
	Credentials bool
}

// scope says where pip honours an option.
type scope int

const (
	perFile        scope = iota // on a line without a requirement
	perRequirement              // behind a requirement
	include                     // -r and -c
	editableOption              // -e
)

// optionSpec is one option that pip accepts in a requirement file.
type optionSpec struct {
	// names are the long spellings; the first one is how we report it.
	names []string
	// short is the letter of the short spelling, 0 for none.
	short byte
	value bool
	scope scope
}

// optionSpecs are the options that pip's documentation lists for requirement
// files. https://pip.pypa.io/en/stable/reference/requirements-file-format/#supported-options
var optionSpecs = []optionSpec{
	{[]string{"--index-url", "--pypi-url"}, 'i', true, perFile},
	{[]string{"--extra-index-url"}, 0, true, perFile},
	{[]string{"--no-index"}, 0, false, perFile},
	{[]string{"--constraint"}, 'c', true, include},
	{[]string{"--requirement"}, 'r', true, include},
	{[]string{"--editable"}, 'e', true, editableOption},
	{[]string{"--find-links"}, 'f', true, perFile},
	{[]string{"--no-binary"}, 0, true, perFile},
	{[]string{"--only-binary"}, 0, true, perFile},
	{[]string{"--prefer-binary"}, 0, false, perFile},
	{[]string{"--require-hashes"}, 0, false, perFile},
	{[]string{"--pre"}, 0, false, perFile},
	{[]string{"--all-releases"}, 0, true, perFile},
	{[]string{"--only-final"}, 0, true, perFile},
	{[]string{"--trusted-host"}, 0, true, perFile},
	{[]string{"--use-feature"}, 0, true, perFile},
	{[]string{"--global-option"}, 0, true, perRequirement},
	{[]string{"--config-settings", "--config-setting"}, 'C', true, perRequirement},
	{[]string{"--hash"}, 0, true, perRequirement},
}

// parsedOption is an option as it stands on a line, its value still raw.
type parsedOption struct {
	spec  *optionSpec
	value string
}

func (o parsedOption) name() string { return o.spec.names[0] }

// parseOptions reads options as Python's optparse does: a value may follow
// "=" or be the next word, a short option's value may be attached to it, and
// a long name may be cut short while it stays unambiguous. stray are the words
// that belong to no option, which pip throws away; problems say what pip would
// refuse the file for.
//
// https://docs.python.org/3/library/optparse.html#terminology
func parseOptions(args []string) (options []parsedOption, stray []string, problems []error) {
	for len(args) > 0 {
		arg := args[0]
		args = args[1:]
		switch {
		case arg == "--":
			return options, append(stray, args...), problems
		case len(arg) < 2 || arg[0] != '-':
			stray = append(stray, arg)
			continue
		}
		spec, value, attached, err := splitOption(arg)
		switch {
		case err != nil:
			problems = append(problems, err)
			continue
		case !spec.value && attached:
			problems = append(problems, fmt.Errorf("option %s takes no value", spec.names[0]))
			continue
		case spec.value && !attached:
			if len(args) == 0 {
				problems = append(problems, fmt.Errorf("option %s needs a value", spec.names[0]))
				continue
			}
			value, args = args[0], args[1:]
		}
		options = append(options, parsedOption{spec, value})
	}
	return options, stray, problems
}

// splitOption finds which option arg is and cuts off an attached value.
func splitOption(arg string) (spec *optionSpec, value string, attached bool, err error) {
	if !strings.HasPrefix(arg, "--") {
		i := slices.IndexFunc(optionSpecs, func(s optionSpec) bool { return s.short == arg[1] })
		if i < 0 {
			return nil, "", false, fmt.Errorf("option -%c is not one of a requirement file", []rune(arg)[1])
		}
		return &optionSpecs[i], arg[2:], len(arg) > 2, nil
	}
	name, value, attached := strings.Cut(arg, "=")
	spec, err = longOption(name)
	return spec, value, attached, err
}

// longOption returns the option of that name, or of the only one that begins
// with it.
func longOption(name string) (*optionSpec, error) {
	var found []*optionSpec
	for i := range optionSpecs {
		for _, full := range optionSpecs[i].names {
			if full == name {
				return &optionSpecs[i], nil
			}
			if strings.HasPrefix(full, name) && !slices.Contains(found, &optionSpecs[i]) {
				found = append(found, &optionSpecs[i])
			}
		}
	}
	switch len(found) {
	case 0:
		return nil, fmt.Errorf("option %s is not one of a requirement file", shown(name))
	case 1:
		return found[0], nil
	}
	return nil, fmt.Errorf("option %s is ambiguous", shown(name))
}
