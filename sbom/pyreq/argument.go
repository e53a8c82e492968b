package pyreq

import (
	"errors"

	"github.com/tallyman/tallyman/sbom"
)

// Argument reads one word of pip's command line: what stands behind "pip
// install", or the value of its -e when editable is true. It is the grammar of
// a line of a requirement file without comment, options and variables. The
// Entry has no place: file and line are the caller's to set. The error quotes
// nothing of the word but what Redact leaves.
// https://pip.pypa.io/en/stable/cli/pip_install/#argument-handling
func Argument(word string, editable bool) (Entry, error) {
	if why := unreadable(word); why != "" {
		return Entry{}, errors.New(why)
	}
	parse := parseRequirement
	if editable {
		parse = parseEditable
	}
	safe, credentials := sbom.Redact(word)
	e, err := parse(safe)
	if err != nil {
		return Entry{}, errors.New(shown(err.Error()))
	}
	e.Credentials, e.Editable = credentials, editable
	return e, nil
}

// Component returns the entry as a declared component, located at the entry's
// File and Line. One whose project is not known is named by its link and
// belongs to no ecosystem.
func (e *Entry) Component() sbom.Component { return e.component() }

// Own reports whether the entry is the project that the file itself belongs to
// ("-e ."), which is what is audited and no component of it.
func (e *Entry) Own() bool { return e.own() }

// Unversioned returns the gap of an entry that no advisory can be matched with
// because only fetching its link would tell the version.
func (e *Entry) Unversioned() (sbom.Gap, bool) {
	if e.Link == "" || e.own() {
		return sbom.Gap{}, false
	}
	name, version := e.Project()
	if version != "" {
		return sbom.Gap{}, false
	}
	g := sbom.NewGap(sbom.GapUnversioned, e.File, e.Line, "the version of "+e.Link+" is not known without fetching it")
	g.Package = sbom.NormalName(ecosystem, name)
	return g, true
}
