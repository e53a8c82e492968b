package vuln

import (
	"errors"
	"fmt"
	"strings"

	"github.com/tallyman/tallyman/sbom/pep440"
)

// version is a version that its ecosystem's order can place.
type version struct {
	text string
	pep  pep440.Version // PyPI
	any  otherVersion   // every other ecosystem
}

// pypi is the ecosystem whose ranges are sets of versions.
const pypi = "PyPI"

// order is the version order of one ecosystem. Versions are parsed once:
// advisories of one package repeat one another's.
type order struct {
	ecosystem string
	pypi      bool
	parsed    map[string]*parsed
	regions   map[*Advisory]*region // PyPI
}

// parsed is what became of one text.
type parsed struct {
	version
	err error
	// next is what follows in a list that has it: records repeat one another's
	// lists, in one order.
	next *parsed
	// known is the package whose known versions it was last added to.
	known *known
	// exact is what counts as this version (PyPI), once asked for.
	exact *pep440.Set
}

// maxVersionBytes bounds one version: some orders take quadratic time.
const maxVersionBytes = 256

// errNoOrder means that nobody knows how the ecosystem orders versions.
var errNoOrder = errors.New("no version order is known for this ecosystem")

func newOrder(ecosystem string) (*order, error) {
	o := &order{ecosystem: ecosystem, pypi: ecosystem == pypi, parsed: map[string]*parsed{}, regions: map[*Advisory]*region{}}
	if !o.pypi {
		if _, err := parseOther("1", ecosystem); errors.Is(err, errNoOrder) {
			return nil, errNoOrder
		}
	}
	return o, nil
}

// CompareVersions returns -1, 0 or +1 as version a sorts before, with or after
// b in the order of an ecosystem, named as OSV names it ("PyPI", "Debian:12").
// The error says which of them the order cannot read, or that the order of the
// ecosystem is not known; the int is then 0 and means nothing.
func CompareVersions(ecosystem, a, b string) (int, error) {
	o, err := newOrder(ecosystem)
	if err != nil {
		return 0, fmt.Errorf("comparing versions of %q: %w", ecosystem, err)
	}
	v, err := o.parse(a)
	if err != nil {
		return 0, fmt.Errorf("reading version %.80q of %q: %w", a, ecosystem, err)
	}
	w, err := o.parse(b)
	if err != nil {
		return 0, fmt.Errorf("reading version %.80q of %q: %w", b, ecosystem, err)
	}
	return o.compare(v, w), nil
}

func (o *order) parse(s string) (version, error) {
	p := o.read(s)
	return p.version, p.err
}

// read is parse, with all that is remembered of the text.
func (o *order) read(s string) *parsed {
	p := o.parsed[s]
	if p == nil {
		p = o.parseNew(s)
		o.parsed[s] = p
	}
	return p
}

// readAfter is read of what follows last in a list; last is nil at its start.
func (o *order) readAfter(last *parsed, s string) *parsed {
	if last == nil {
		return o.read(s)
	}
	if last.next == nil || last.next.text != s {
		last.next = o.read(s)
	}
	return last.next
}

func (o *order) parseNew(s string) *parsed {
	p := &parsed{version: version{text: s}}
	if len(s) > maxVersionBytes {
		p.err = fmt.Errorf("a version of %d bytes", len(s))
	} else if o.pypi {
		p.pep, p.err = pep440.Parse(s)
	} else if !strings.ContainsAny(s, "0123456789") {
		p.err = fmt.Errorf("version %q has no digit", s)
	} else {
		p.any, p.err = parseOther(s, o.ecosystem)
	}
	return p
}

// parseEvent reads the version of an event. Records that were made from CPE
// names have two forms that PEP 440 does not know: "2.6.0-NA", where NA is
// CPE's word for "there is no update part", and the local version "2.6.0-cu124".
// https://nvlpubs.nist.gov/nistpubs/Legacy/IR/nistir7695.pdf, section 5.3.1
func (o *order) parseEvent(s string) (version, error) {
	p := o.readEvent(s)
	return p.version, p.err
}

// readEvent is parseEvent, with all that is remembered of the text.
func (o *order) readEvent(s string) *parsed {
	p := o.read(s)
	if p.err == nil || !o.pypi {
		return p
	}
	base, tail, _ := strings.Cut(s, "-")
	switch {
	case tail == "NA":
		return o.read(base)
	case strings.HasPrefix(tail, "cu") && strings.Trim(tail[2:], "0123456789") == "":
		return o.read(base + "+" + tail)
	}
	return p
}

// compare orders two versions that parse gave.
func (o *order) compare(a, b version) int {
	if o.pypi {
		return a.pep.Compare(b.pep)
	}
	c, err := a.any.Compare(b.any)
	if err != nil {
		// Both were parsed for this ecosystem, so they are of one kind.
		panic("vuln: comparing versions of one ecosystem: " + err.Error())
	}
	return c
}

// public returns the versions as which v counts: itself and, for a Python
// version with a local part ("2.1+cu118"), the public version that it was
// built from, whose faults it has.
func (o *order) public(v version) []version {
	if !o.pypi || !v.pep.HasLocal() {
		return []version{v}
	}
	p := v.pep.Public()
	return []version{v, {text: p.String(), pep: p}}
}
