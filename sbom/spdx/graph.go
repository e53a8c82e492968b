package spdx

import (
	"cmp"
	"fmt"

	"github.com/tallyman/tallyman/sbom"
)

// The relationships of a graph. An element that depends on NONE is known to
// need nothing. https://spdx.github.io/spdx-spec/v2.3/relationships-between-SPDX-elements/
const (
	dependsOn    = "DEPENDS_ON"
	dependencyOf = "DEPENDENCY_OF"
	none         = "NONE"
)

// graph adds the graph to the relationships. Where several components have one
// package URL, one stands for all. What names a package URL of no component
// goes to an annotation as well.
func (e *encoder) graph(out *document, d *sbom.Document) {
	at := d.ByPURL()
	for _, one := range d.Dependencies {
		from, whole := at[one.PURL]
		for _, purl := range one.DependsOn {
			to, ok := at[purl]
			whole = whole && ok
			if _, known := at[one.PURL]; known && ok {
				out.Relationships = append(out.Relationships, relationship{out.Packages[from].ID, dependsOn, out.Packages[to].ID})
			}
		}
		if whole && len(one.DependsOn) == 0 {
			out.Relationships = append(out.Relationships, relationship{out.Packages[from].ID, dependsOn, none})
		}
		if !whole {
			out.Annotations = append(out.Annotations, e.annotation(dependsMark, one))
		}
	}
}

// readGraph returns the dependencies between packages that have package URLs,
// and the first element of one that is no such package, "" if there is none.
func readGraph(in *document) (out []sbom.Dependency, stray string) {
	purls := make(map[string]string, len(in.Packages))
	for i := range in.Packages {
		if p := &in.Packages[i]; purl(p) != "" {
			purls[p.ID] = purl(p)
		}
	}
	for _, r := range in.Relationships {
		from, to := r.From, r.To
		switch r.Type {
		case dependsOn:
		case dependencyOf:
			from, to = to, from
		default:
			continue
		}
		d := sbom.Dependency{PURL: purls[from]}
		if to != none {
			d.DependsOn = []string{purls[to]}
		}
		if d.PURL == "" || to != none && purls[to] == "" {
			stray = cmp.Or(stray, from+" "+r.Type+" "+to)
			continue
		}
		out = append(out, d)
	}
	return out, stray
}

// ownGraph reads the graph of a document that Encode wrote.
func ownGraph(out *sbom.Document, in *document) error {
	found, stray := readGraph(in)
	if stray != "" {
		return fmt.Errorf("relationship %q is not between packages: another tool changed the document", stray)
	}
	rest, err := fromJSON[sbom.Dependency](in.Annotations, dependsMark)
	if err != nil {
		return err
	}
	out.Dependencies = append(found, rest...)
	return nil
}
