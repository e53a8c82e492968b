package osv

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/tallyman/tallyman/sbom"
	"github.com/tallyman/tallyman/vuln"
)

// A correction says which versions a record affects that says nothing about
// versions itself, and would be an open question about every version for ever.
// It is applied when the record is looked up, and only while the record still
// has neither versions nor ranges for the package: a snapshot holds what the
// source has said, and a source that corrects itself is believed again. What
// rests on a correction says so, see [vuln.Advisory.Correction].
type correction struct {
	ID        string       `json:"id"`
	Ecosystem string       `json:"ecosystem"`
	Name      string       `json:"name"` // in normal form
	Ranges    []vuln.Range `json:"ranges"`
	// Reason is one clause for a person, Source the URL that it is from.
	Reason string `json:"reason"`
	Source string `json:"source"`
}

//go:embed corrections.json
var correctionsJSON []byte

// corrections reads the embedded list, which is sorted by id.
func corrections() ([]correction, error) {
	var list []correction
	if err := json.Unmarshal(correctionsJSON, &list); err != nil {
		return nil, fmt.Errorf("reading the corrections: %w", err)
	}
	return list, nil
}

// correct applies the corrections to a record as it is looked up.
func (db *DB) correct(a *vuln.Advisory) {
	for i := range db.corrections {
		c := &db.corrections[i]
		if c.ID != a.ID {
			continue
		}
		for j := range a.Affected {
			e := &a.Affected[j]
			if e.Ecosystem == c.Ecosystem && sbom.NormalName(e.Ecosystem, e.Name) == c.Name && len(e.Versions) == 0 && len(e.Ranges) == 0 {
				e.Ranges = slices.Clone(c.Ranges)
				a.Correction = c.Reason + " (" + c.Source + ")"
			}
		}
	}
}
