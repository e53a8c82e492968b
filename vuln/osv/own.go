package osv

import (
	"embed"
	"fmt"
	"slices"
	"strings"

	"github.com/tallyman/tallyman/sbom"
	"github.com/tallyman/tallyman/vuln"
)

// OwnPrefix begins the ids of the advisories that are tallyman's own: fixes of
// Gradio that were released without an advisory, so that no database has them.
// The schema keeps "x_" for databases that it does not list.
// https://ossf.github.io/osv-schema/#id-modified-fields
const OwnPrefix = "x_TM-"

// ownFiles hold one OSV record each, named by its id.
//
//go:embed own/*.json
var ownFiles embed.FS

// ownRecord is an advisory of our own and the JSON that it was read from.
type ownRecord struct {
	advisory vuln.Advisory
	json     []byte
}

// ownRecords reads the embedded advisories, sorted by id.
func ownRecords() ([]ownRecord, error) {
	files, err := ownFiles.ReadDir("own")
	if err != nil {
		return nil, err
	}
	var out []ownRecord
	for _, f := range files {
		data, err := ownFiles.ReadFile("own/" + f.Name())
		if err != nil {
			return nil, err
		}
		r, err := decodeRecord(data)
		if err != nil || r.id+".json" != f.Name() || !strings.HasPrefix(r.id, OwnPrefix) {
			return nil, fmt.Errorf("reading our own advisory %q: %w", f.Name(), err)
		}
		rated := r.ownRating()
		out = append(out, ownRecord{vuln.Advisory{
			ID: r.id, Aliases: r.aliases, Upstream: r.upstream, Summary: r.summary,
			Published: r.published, Modified: r.modified, Withdrawn: r.withdrawn,
			Severity: rated.severity, SeveritySource: rated.source, Affected: r.affected,
		}, data})
	}
	slices.SortFunc(out, func(x, y ownRecord) int { return strings.Compare(x.advisory.ID, y.advisory.ID) })
	return out, nil
}

// ownOf are our own advisories for a package, name in normal form.
func (db *DB) ownOf(ecosystem, name string) ([]vuln.Advisory, error) {
	if ecosystem != "PyPI" || name != "gradio" {
		return nil, nil
	}
	list, err := db.own()
	if err != nil {
		return nil, err
	}
	var out []vuln.Advisory
	for _, r := range list {
		for _, a := range r.advisory.Affected {
			if a.Ecosystem == ecosystem && sbom.NormalName(ecosystem, a.Name) == name {
				out = append(out, r.advisory)
				break
			}
		}
	}
	return out, nil
}

// ownByID is our own advisory with an id, nil if there is none.
func (db *DB) ownByID(id string) (*ownRecord, error) {
	list, err := db.own()
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(list, func(r ownRecord) bool { return r.advisory.ID == id })
	if i < 0 {
		return nil, nil
	}
	r := list[i]
	return &r, nil
}
