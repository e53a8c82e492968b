package pyreq

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/tallyman/tallyman/sbom"
	"github.com/tallyman/tallyman/sbom/pep508"
)

// requirement keeps a requirement with the options of its line.
func (r *lineParser) requirement(at place, text string, options []parsedOption, editable bool) {
	parse := parseRequirement
	if editable {
		parse = parseEditable
	}
	// Only the safe text is parsed, so that no part of the entry can hold what
	// was removed.
	text, credentials := sbom.Redact(text)
	e, err := parse(text)
	if err != nil {
		r.gap(sbom.GapUnparsed, at, "%q is not a requirement: %s", shown(text), shown(err.Error()))
		return
	}
	e.Credentials = credentials
	e.File, e.Line, e.Editable = at.file, at.line, editable
	r.lineOptions(at, &e, options)
	r.out.entry = &e
	if g, unversioned := e.Unversioned(); unversioned {
		r.out.gaps = append(r.out.gaps, g)
	}
}

// lineOptions sorts the options behind a requirement.
func (r *lineParser) lineOptions(at place, e *Entry, options []parsedOption) {
	for _, o := range options {
		switch {
		case o.name() == "--hash":
			digest, err := parseHash(o.value)
			if err != nil {
				r.gap(sbom.GapUnparsed, at, "%v", err)
				continue
			}
			e.Hashes = append(e.Hashes, digest)
		case o.spec.scope == include || o.spec.scope == editableOption:
			r.gap(sbom.GapUnparsed, at, "pip ignores %s %q behind a requirement", o.name(), shown(o.value))
		default:
			e.Options = append(e.Options, option(at, o))
		}
	}
}

// parseHash reads the value of --hash.
// https://pip.pypa.io/en/stable/topics/secure-installs/#hash-checking-mode
func parseHash(value string) (string, error) {
	algorithm, digest, _ := strings.Cut(value, ":")
	switch algorithm {
	case "sha256", "sha384", "sha512":
	default:
		return "", fmt.Errorf("--hash %q: only sha256, sha384 and sha512 are allowed", shown(value))
	}
	if digest == "" || strings.Trim(digest, "0123456789abcdefABCDEF") != "" {
		return "", fmt.Errorf("--hash %q: the digest is not hexadecimal", shown(value))
	}
	return algorithm + ":" + strings.ToLower(digest), nil
}

// parseRequirement reads a requirement that is not editable: a URL, a path, or
// what PEP 508 calls a requirement. Whether a text is a path is decided by how
// it looks, not by what the disk holds.
func parseRequirement(text string) (Entry, error) {
	// A URL may contain ';', so that its marker needs a blank in front.
	// https://pip.pypa.io/en/stable/reference/requirements-file-format/#structure
	if isURL(text) {
		link, marker, _ := strings.Cut(text, "; ")
		return parseLink(text, strings.TrimSpace(link), "", marker)
	}
	name, marker, _ := strings.Cut(text, ";")
	if isPath(name) {
		p, extras := cutExtras(strings.TrimSpace(name))
		return parseLink(text, p, extras, marker)
	}
	if strings.TrimSpace(marker) != "" {
		name = text
	}
	// pip allows a semicolon with nothing behind it, PEP 508 does not.
	requirement, err := pep508.Parse(name)
	if err != nil {
		return Entry{}, err
	}
	return newEntry(text, requirement, requirement.URL), nil
}

// parseEditable reads the value of -e: the path of a local project, the URL of
// a VCS, or a name with such a URL.
// https://pip.pypa.io/en/stable/cli/pip_install/#editable-installs
func parseEditable(text string) (Entry, error) {
	scheme, _, hasScheme := strings.Cut(text, ":")
	scheme = strings.ToLower(scheme)
	switch {
	case hasScheme && scheme == "file":
		return parseLink(text, text, "", "")
	case hasScheme && isVCS(scheme):
		return parseLink(text, text, "", "")
	case hasScheme && bareVCS[scheme]:
		return parseLink(text, scheme+"+"+text, "", "")
	}
	if requirement, err := pep508.Parse(text); err == nil && requirement.URL != "" {
		return newEntry(text, requirement, requirement.URL), nil
	}
	if hasScheme && strings.Contains(text, "://") {
		return Entry{}, errors.New("an editable requirement is a local path or the URL of a version control system")
	}
	p, extras := cutExtras(text)
	return parseLink(text, p, extras, "")
}

// parseLink makes the entry of a URL or path. extras is "" or "[a,b]", marker
// is what stands behind the semicolon.
func parseLink(raw, link, extras, marker string) (Entry, error) {
	project := linkProject(link)
	var requirement pep508.Requirement
	var err error
	if project != "" {
		requirement, err = pep508.Parse(project)
		if err != nil {
			return Entry{}, err
		}
	}
	// PEP 508's parser reads extras and marker behind a name only.
	rest := "x" + extras
	if marker = strings.TrimSpace(marker); marker != "" {
		rest += " ; " + marker
	}
	if rest != "x" {
		tail, err := pep508.Parse(rest)
		if err != nil {
			return Entry{}, err
		}
		requirement.Extras = append(requirement.Extras, tail.Extras...)
		requirement.Marker = tail.Marker
	}
	return newEntry(raw, requirement, link), nil
}

func newEntry(raw string, requirement pep508.Requirement, link string) Entry {
	return Entry{Raw: raw, Requirement: requirement, Link: link, IsURL: isURL(link)}
}

// linkProject returns what pip takes from a link without fetching it: name and
// version of a wheel's file name, else the egg fragment; "" for nothing.
func linkProject(link string) string {
	if name, version, ok := wheelName(linkFile(link)); ok {
		return name + "==" + version
	}
	_, fragment, _ := strings.Cut(link, "#")
	for pair := range strings.SplitSeq(fragment, "&") {
		if egg, ok := strings.CutPrefix(pair, "egg="); ok {
			if plain, err := url.PathUnescape(egg); err == nil {
				return plain
			}
			return egg
		}
	}
	return ""
}
