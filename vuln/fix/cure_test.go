package fix

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/tallyman/tallyman/sbom/pep440"
	"github.com/tallyman/tallyman/sbom/pyreq"
	"github.com/tallyman/tallyman/vuln"
)

// records is a source of the advisories of one package.
type records []vuln.Advisory

func (r records) Advisories(_ context.Context, ecosystem, name string) ([]vuln.Advisory, error) {
	if name != "gradio" {
		return nil, nil
	}
	return r, nil
}

// randomRecords makes up to four advisories with ranges or lists, some without
// a fix, and some fixed by a pre-release.
func randomRecords(r *rand.Rand) records {
	var out records
	for i := range 1 + r.IntN(4) {
		a := vuln.Advisory{ID: fmt.Sprintf("PYSEC-2026-%d", i+1), Modified: time.Unix(1, 0).UTC()}
		affected := vuln.Affected{Ecosystem: "PyPI", Name: "gradio"}
		if r.IntN(4) == 0 {
			for range 1 + r.IntN(5) {
				affected.Versions = append(affected.Versions, randomVersion(r))
			}
		} else {
			events := []vuln.Event{{Introduced: "0"}}
			if r.IntN(3) == 0 {
				events[0].Introduced = randomVersion(r)
			}
			fixed := randomVersion(r)
			switch r.IntN(8) {
			case 0: // never fixed
			case 1:
				events = append(events, vuln.Event{LastAffected: fixed})
			case 2:
				events = append(events, vuln.Event{Fixed: fixed + "rc1"})
			default:
				events = append(events, vuln.Event{Fixed: fixed})
			}
			affected.Ranges = []vuln.Range{{Type: "ECOSYSTEM", Events: events}}
		}
		a.Affected = []vuln.Affected{affected}
		out = append(out, a)
	}
	return out
}

// affects reports whether a record says that a version is affected.
func affects(a *vuln.Advisory, v pep440.Version) bool {
	for _, e := range a.Affected {
		if slices.ContainsFunc(e.Versions, func(text string) bool { return pep440.MustParse(text).Equal(v) }) {
			return true
		}
		for _, r := range e.Ranges {
			in := false
			for _, ev := range r.Events {
				switch {
				case ev.Introduced == "0":
					in = true
				case ev.Introduced != "":
					in = pep440.MustParse(ev.Introduced).Compare(v) <= 0
				case ev.Fixed != "":
					in = in && v.Compare(pep440.MustParse(ev.Fixed)) < 0
				case ev.LastAffected != "":
					in = in && v.Compare(pep440.MustParse(ev.LastAffected)) <= 0
				}
			}
			if in {
				return true
			}
		}
	}
	return false
}

// cureOnce reads, matches, plans and applies.
func cureOnce(t *testing.T, content string, source records, known map[string][]string) (after string, plan *Plan, findings []vuln.Finding) {
	t.Helper()
	fsys := fstest.MapFS{"requirements.txt": {Data: []byte(content)}}
	doc := pyreq.Read(fsys, "requirements.txt", pyreq.Options{}).Document()
	result, err := vuln.MatchWith(t.Context(), doc, source, vuln.Options{Known: known})
	if err != nil {
		t.Fatal(err)
	}
	plan = New(fsys, result.Findings, Options{Components: doc.Components})
	files, err := plan.Apply(fsys.ReadFile)
	if err != nil {
		t.Fatal(err)
	}
	if data, ok := files["requirements.txt"]; ok {
		content = string(data)
	}
	return content, plan, result.Findings
}

// admittedBy are the known versions that a requirement line admits and pip may
// take: pre-releases only where a clause names one.
func admittedBy(t *testing.T, content string, known []string) []pep440.Version {
	t.Helper()
	f := pyreq.Read(oneFile{"requirements.txt", []byte(content)}, "requirements.txt", pyreq.Options{})
	if len(f.Entries) != 1 {
		t.Fatalf("%q has %d entries", content, len(f.Entries))
	}
	s := f.Entries[0].Requirement.Specifiers
	named := slices.ContainsFunc(s.Clauses(), func(c pep440.Clause) bool { return c.Operator != pep440.Excluding && c.Version.IsPrerelease() })
	var out []pep440.Version
	for _, text := range known {
		if v := pep440.MustParse(text); s.Set().Contains(v) && (named || !v.IsPrerelease()) {
			out = append(out, v)
		}
	}
	return out
}

// brings reports whether there are findings that were not there before.
func brings(now, before []vuln.Finding) bool {
	return slices.ContainsFunc(now, func(f vuln.Finding) bool {
		return !slices.ContainsFunc(before, func(o vuln.Finding) bool { return slices.Equal(o.IDs, f.IDs) })
	})
}

// TestEveryProposedFloorCures: for random lines, advisories and known versions,
// the versions that an edited line admits are among those that it admitted (a
// pin moves to one that exists and is no pre-release that nobody asked for);
// none of them is affected by an advisory that the edit says it cures; when
// nothing is refused, matching again finds nothing that gates or is latent; and
// a second run proposes nothing.
func TestEveryProposedFloorCures(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	edits, clean, withdrawn := 0, 0, 0
	for range 5_000 {
		source := randomRecords(r)
		var known []string
		for range 1 + r.IntN(12) {
			known = append(known, randomVersion(r))
		}
		if r.IntN(3) == 0 {
			known = append(known, randomVersion(r)+"rc1")
		}
		_, clauses, _ := randomLine(r)
		line := "gradio" + strings.NewReplacer("\\\n", "", "===", "==").Replace(clauses)
		index := map[string][]string{"gradio": known}
		after, plan, findings := cureOnce(t, line, source, index)
		if after == line {
			continue
		}
		edits++
		where := fmt.Sprintf("%q became %q, of %v with %+v", line, after, known, source)
		now, before := admittedBy(t, after, known), admittedBy(t, line, known)
		if len(now) == 0 {
			t.Fatalf("%s: nothing is left to install", where)
		}
		for _, v := range now {
			if !strings.Contains(line, "==") && !slices.ContainsFunc(before, v.Equal) {
				t.Fatalf("%s: %s was not admitted", where, v)
			}
			if v.IsPrerelease() && len(before) > 0 && !slices.ContainsFunc(before, pep440.Version.IsPrerelease) {
				t.Fatalf("%s: %s is a pre-release", where, v)
			}
		}
		for i := range source {
			if !strings.Contains(plan.Edits[0].Reason, source[i].ID) {
				continue
			}
			for _, v := range now {
				if affects(&source[i], v) {
					t.Fatalf("%s: %s is affected by %s still", where, v, source[i].ID)
				}
			}
		}
		again, second, left := cureOnce(t, after, source, index)
		if again != after {
			t.Fatalf("%s: and then %q for %+v", where, again, second.Edits)
		}
		if brings(left, findings) {
			// Whoever audits the edited tree takes the edit back, see Withdraw.
			withdrawn++
			continue
		}
		gating := slices.ContainsFunc(left, func(f vuln.Finding) bool { return f.Gates || f.Verdict == vuln.Latent })
		if len(plan.Refused) == 0 && gating {
			t.Fatalf("%s: nothing was refused, and %+v is left of %+v", where, left, findings)
		}
		if !gating {
			clean++
		}
	}
	t.Logf("%d edits, %d of them leave nothing, %d are taken back", edits, clean, withdrawn)
	if edits < 1000 || clean < 500 {
		t.Errorf("only %d edits, %d of which leave nothing", edits, clean)
	}
}

var _ vuln.Source = records(nil)
