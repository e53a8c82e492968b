package osv

import (
	"cmp"
	_ "embed"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"

	"github.com/tallyman/tallyman/sbom"
	"github.com/tallyman/tallyman/vuln"
)

// Correction is what is known of a record from elsewhere: versions for one that
// names none, a bound that is wrong, a duplicate under another name, one that
// is about something else, or only a note. It is applied when the record is
// looked up and only while the record still says what is corrected: a snapshot
// holds what the source has said, and a source that corrects itself is believed
// again. What rests on a correction says so, see [vuln.Advisory.Correction] and
// [vuln.Advisory.Notes].
type Correction struct {
	// ID is the record, Ecosystem and Name (in normal form) the package in it.
	ID        string `json:"id"`
	Ecosystem string `json:"ecosystem"`
	Name      string `json:"name"`
	// Ranges replace Was, which are the ranges of a type that matching uses and
	// have to be just these; without Was the record must name no versions.
	Was    []vuln.Range `json:"was,omitempty"`
	Ranges []vuln.Range `json:"ranges,omitempty"`
	// Aliases are added to the record's.
	Aliases []string `json:"aliases,omitempty"`
	// Withdrawn takes the record out: it is not about the package.
	Withdrawn bool `json:"withdrawn,omitempty"`
	// Rejected is the CVE number of the record that was rejected, "" for none;
	// Disputed says that somebody says it is no vulnerability. Both change
	// nothing, see Quality.
	Rejected string `json:"rejected,omitempty"`
	Disputed bool   `json:"disputed,omitempty"`
	// Reason says why Ranges or Withdrawn are right, Note what a reader should
	// know, each one clause; Source is the URL that it is from.
	Reason string `json:"reason,omitempty"`
	Note   string `json:"note,omitempty"`
	Source string `json:"source"`
}

//go:embed corrections.json
var correctionsJSON []byte

// Corrections are the embedded ones, sorted by id.
func Corrections() ([]Correction, error) {
	var list []Correction
	if err := json.Unmarshal(correctionsJSON, &list); err != nil {
		return nil, fmt.Errorf("reading the corrections: %w", err)
	}
	return list, nil
}

// WithoutCorrections makes look-ups give records as their sources have them.
// It is called before the first look-up.
func (db *DB) WithoutCorrections() { db.corrections = nil }

// correct applies the corrections to a record as it is looked up.
func (db *DB) correct(a *vuln.Advisory) {
	for i := range db.corrections {
		if c := &db.corrections[i]; c.ID == a.ID {
			c.apply(a)
		}
	}
}

// apply corrects the record, and reports whether it did.
func (c *Correction) apply(a *vuln.Advisory) bool {
	i := slices.IndexFunc(a.Affected, func(e vuln.Affected) bool {
		return e.Ecosystem == c.Ecosystem && sbom.NormalName(e.Ecosystem, e.Name) == c.Name
	})
	if i < 0 {
		return false
	}
	done := c.Note != ""
	e := &a.Affected[i]
	switch {
	case len(c.Ranges) == 0:
	case len(c.Was) == 0 && len(e.Versions) == 0 && len(e.Ranges) == 0:
		e.Ranges = slices.Clone(c.Ranges)
		a.Correction = c.Reason + " (" + c.Source + ")"
		done = true
	case len(c.Was) > 0 && reflect.DeepEqual(e.Ranges, c.Was):
		e.Ranges = slices.Clone(c.Ranges)
		a.Notes = append(a.Notes, c.words(c.Reason))
		done = true
	}
	if c.Withdrawn && a.Withdrawn.IsZero() {
		// The day is not known: as long as the record exists.
		a.Withdrawn = cmp.Or(a.Published, a.Modified)
		a.Notes = append(a.Notes, c.words(c.Reason))
		done = true
	}
	if c.Note != "" {
		a.Notes = append(a.Notes, c.words(c.Note))
	}
	for _, alias := range c.Aliases {
		if !slices.Contains(a.Aliases, alias) {
			a.Aliases = append(slices.Clone(a.Aliases), alias)
			slices.Sort(a.Aliases)
			done = true
		}
	}
	return done
}

func (c *Correction) words(reason string) string {
	return c.ID + ": " + reason + " (" + c.Source + ")"
}
