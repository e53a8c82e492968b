package oracle

import (
	"github.com/google/osv-scalibr/enricher/vulnmatch/osvlocal"
	"github.com/google/osv-scalibr/extractor"
	"github.com/ossf/osv-schema/bindings/go/osvschema"
	"google.golang.org/protobuf/proto"

	"github.com/tallyman/tallyman/vuln"
)

// difference is a record that one of us gives for a pair and the other not.
type difference struct {
	pair
	id string
	// record is nil for one that only we have.
	record *osvschema.Vulnerability
	// read is the record as we read it, when it is we who give it.
	read *vuln.Advisory
	// ours is whether it is we who give it, open whether we say that the
	// record cannot be judged for the pair.
	ours, open bool
}

// question is what the reference's matcher is asked: the record and the
// package of a difference, to be repaired.
type question struct {
	difference
	entries []*osvschema.Affected
	in      *extractor.Package
}

func (d difference) question() *question {
	q := &question{difference: d, in: inventoryOf(d.pair)}
	q.record = proto.CloneOf(d.record)
	q.entries = entriesOf(q.record, d.subject)
	return q
}

// answer is what the reference's matcher says to the question.
func (q *question) answer() bool {
	return len(osvlocal.VulnerabilitiesAffectingPackage([]*osvschema.Vulnerability{q.record}, q.in)) > 0
}

// explain returns the classes of a difference: the one whose repair, and
// nothing else, makes the reference answer as we do, or else the two whose
// repairs together do. It returns none when there are none, or when the
// reference's matcher does not say of this record alone what it said of the
// pair: then what lies around the matcher makes the difference.
func (d difference) explain() []*class {
	if d.record == nil {
		return []*class{ownRecord}
	}
	if d.question().answer() == d.ours {
		return nil
	}
	for i := range classes {
		c := &classes[i]
		if d.open && c.open != nil && c.open(d.question()) || !d.open && d.cured(c) {
			return []*class{c}
		}
	}
	for i := range classes {
		for j := range classes[:i] {
			if a, b := &classes[j], &classes[i]; !d.open && d.cured(a, b) {
				return []*class{a, b}
			}
		}
	}
	return nil
}

// cured reports whether the repairs make the reference answer as we do.
func (d difference) cured(by ...*class) bool {
	q := d.question()
	for _, c := range by {
		if c.repair == nil || !c.repair(q) {
			return false
		}
	}
	return q.answer() == d.ours
}
