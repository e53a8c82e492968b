package oracle

import (
	"regexp"
	"slices"
	"strings"

	"github.com/google/osv-scalibr/semantic"
	"github.com/ossf/osv-schema/bindings/go/osvschema"

	"github.com/tallyman/tallyman/sbom/pep440"
)

// class is a reason why the reference answers otherwise than we do.
type class struct {
	name string
	// repair takes the reason away from the record or the version that is asked
	// about, and reports whether it was there. If the reference then answers as
	// we do, the class explains the difference.
	repair func(*question) bool
	// open reports, of a record that we leave open (a Gap), whether the reason
	// is there.
	open func(*question) bool
	// clause is what the OSV schema says, by section, and why what it means for
	// the difference.
	clause, why string
	// right is who is: "ours", "theirs", or "open" where no clause decides.
	right string
	// shared and own count the differences that it has a part in: with the
	// advisories beside the repository, and with those of testdata.
	shared, own int
	// moves is true when the counts are those of our own data, which grow.
	moves bool
}

// ownRecord is the class of the records that tallyman brings along. Whether
// they are right is for vuln/osv to test.
var ownRecord = &class{name: "own record"}

// classes are all differences that there are. https://ossf.github.io/osv-schema/
var classes = []class{
	{
		name: "git first", repair: dropGit, right: "ours",
		clause: "Evaluation: IncludedInRanges is true when any of the ranges covers the version",
		why:    "the reference stops at the first GIT range and never looks at the ranges after it",
		shared: 3219, own: 7,
	},
	{
		name: "go capitals", repair: lowerGo, right: "ours",
		clause: "Defined ecosystems, Go: the name is a Go module path",
		why:    "paths have case, and package URLs have them in lower case; we compare them so; the reference looks the lower-case name up and does not find the record's",
		shared: 1307,
	},
	{
		name: "name", repair: normalName, right: "ours",
		clause: "Defined ecosystems, PyPI: the name is a normalized PyPI package name",
		why:    "the record's name is not normalized; the reference normalizes the one that it is asked for, and never finds it",
		shared: 29,
	},
	{
		name: "local", repair: publicVersion, right: "open",
		clause: "affected[].ranges[].type, ECOSYSTEM: versions are strings specific to the ecosystem, which has its own logic",
		why:    "PEP 440 sorts 1.0+x after 1.0, where a range that ends with 1.0 does not reach, and calls it a build of 1.0; we judge both and keep the worse",
		shared: 51,
	},
	{
		name: "spelling", repair: respellListed, right: "ours",
		clause: "Evaluation: IncludedInVersions asks whether v == version",
		why:    "affected[].versions are in the ecosystem's own syntax, in which 1.0 == 1.0.0; the reference compares the strings",
		own:    1,
	},
	{
		name: "no update", repair: respellEvents, right: "ours",
		clause: "affected[].ranges[].events: version strings may be normalized, or have build metadata stripped",
		why:    "\"2.9.0-NA\" is CPE's 2.9.0 without an update; the reference sorts it, being no PEP 440, before all versions",
		shared: 314,
	},
	{
		name: "unreadable event", open: unreadableEvent, right: "open",
		clause: "affected[].ranges[].type, ECOSYSTEM: the order is the ecosystem's",
		why:    "PEP 440 gives a version that it cannot read no place; the reference puts it before all others, we say that the record cannot be judged",
		shared: 46,
	},
	{
		name: "unreadable version", open: unreadableVersion, right: "open",
		clause: "affected[].ranges[].type, ECOSYSTEM: the order is the ecosystem's",
		why:    "the same of the version that is asked about: the reference says that all ranges from 0 cover it, we say that it cannot be ordered",
		shared: 134,
	},
	{
		name: "correction", repair: correct, right: "ours", moves: true,
		clause: "affected fields: a version is affected if it lies within a range or is listed",
		why:    "the record has neither or wrong ones, or is about something else; we say what is known from elsewhere, and name the source in the finding",
	},
	{
		name: "module", repair: dropOtherBuilds, right: "ours",
		clause: "affected[].ranges[].type, ECOSYSTEM: versions are strings specific to the ecosystem, which has its own logic",
		why:    "a release that has the mark of a module (.module_el9) is of another build than one that has none, and the versions of one say nothing about the other; the reference compares them",
		shared: 49,
	},
	{
		name: "fixed at 0", repair: dropFixedAtZero, right: "ours",
		clause: "Special values: \"0\" of introduced is before any other version; of fixed, which Debian writes for \"not affected\", it says nothing",
		why:    "for the reference 0 is a version, and 0~ is before it and affected; for us a range from 0 to 0 is empty",
		own:    4,
	},
	{
		name: "limit", repair: applyLimit, right: "ours",
		clause: "Evaluation: BeforeLimits: no range covers a version at or above every limit",
		why:    "the reference passes over limit events",
		own:    31,
	},
}

// correct gives the reference the versions of a record that we corrected: none
// of one that is not about the package.
func correct(q *question) bool {
	if q.read == nil || q.read.Correction == "" && len(q.read.Notes) == 0 || len(q.entries) == 0 {
		return false
	}
	for _, e := range q.entries {
		e.Versions, e.Ranges = nil, nil
	}
	if !q.read.Withdrawn.IsZero() {
		return true
	}
	first := q.entries[0]
	for _, a := range q.read.Affected {
		first.Versions = append(first.Versions, a.Versions...)
		for _, r := range a.Ranges {
			to := &osvschema.Range{Type: osvschema.Range_ECOSYSTEM}
			for _, e := range r.Events {
				to.Events = append(to.Events, &osvschema.Event{Introduced: e.Introduced, Fixed: e.Fixed, LastAffected: e.LastAffected, Limit: e.Limit})
			}
			first.Ranges = append(first.Ranges, to)
		}
	}
	return true
}

func dropGit(q *question) bool {
	found := false
	for _, a := range q.entries {
		before := len(a.GetRanges())
		a.Ranges = slices.DeleteFunc(a.GetRanges(), func(r *osvschema.Range) bool { return r.GetType() == osvschema.Range_GIT })
		found = found || len(a.GetRanges()) < before && len(a.GetRanges()) > 0
	}
	return found
}

// dropOtherBuilds takes out the entries that are about builds of a module when
// the version is not one, and those of the release when it is.
func dropOtherBuilds(q *question) bool {
	module, release := regexp.MustCompile(`-.*\.module[_+]el[0-9]`), regexp.MustCompile(`-.*\.el[0-9]`)
	build := func(v string) string {
		switch {
		case module.MatchString(v):
			return "module"
		case release.MatchString(v):
			return "release"
		}
		return ""
	}
	found, is := false, build(q.version)
	for _, a := range q.entries {
		for _, r := range a.GetRanges() {
			for _, e := range r.GetEvents() {
				if about := build(e.GetFixed()); familyOf(q.ecosystem) == "AlmaLinux" && is != "" && about != "" && about != is {
					a.Ranges, found = nil, true
				}
			}
		}
	}
	return found
}

func lowerGo(q *question) bool {
	lower := strings.ToLower(q.in.Name)
	if q.ecosystem != "Go" || lower == q.in.Name {
		return false
	}
	q.in.Name = lower
	for _, a := range q.entries {
		a.GetPackage().Name = lower
	}
	return true
}

func normalName(q *question) bool {
	found := false
	for _, a := range q.entries {
		found = found || a.GetPackage().GetName() != q.name
		a.GetPackage().Name = q.name
	}
	return found && q.ecosystem == "PyPI"
}

func publicVersion(q *question) bool {
	public, _, has := strings.Cut(q.in.Version, "+")
	q.in.Version = public
	return has && q.ecosystem == "PyPI"
}

func respellListed(q *question) bool {
	v, err := semantic.Parse(q.in.Version, q.ecosystem)
	if err != nil {
		return false
	}
	for _, a := range q.entries {
		same := func(s string) bool { c, err := v.CompareStr(s); return err == nil && c == 0 }
		if slices.ContainsFunc(a.GetVersions(), same) {
			a.Versions = append(a.Versions, q.in.Version)
			return true
		}
	}
	return false
}

// respellEvents writes events as they were before they became CPE names.
func respellEvents(q *question) bool {
	found := false
	respell := func(s string) string {
		base, tail, _ := strings.Cut(s, "-")
		switch {
		case tail == "NA":
			found = true
			return base
		case strings.HasPrefix(tail, "cu"):
			found = true
			return base + "+" + tail
		}
		return s
	}
	for _, a := range q.entries {
		for _, r := range a.GetRanges() {
			for _, e := range r.GetEvents() {
				e.Introduced, e.Fixed, e.LastAffected = respell(e.GetIntroduced()), respell(e.GetFixed()), respell(e.GetLastAffected())
			}
		}
	}
	return found && q.ecosystem == "PyPI"
}

func unreadableEvent(q *question) bool {
	return q.ecosystem == "PyPI" && slices.ContainsFunc(q.entries, unreadableIn)
}

func dropFixedAtZero(q *question) bool {
	found := false
	for _, a := range q.entries {
		before := len(a.GetRanges())
		a.Ranges = slices.DeleteFunc(a.GetRanges(), func(r *osvschema.Range) bool {
			return slices.ContainsFunc(r.GetEvents(), func(e *osvschema.Event) bool { return e.GetFixed() == "0" })
		})
		found = found || len(a.GetRanges()) < before
	}
	return found
}

func unreadableVersion(q *question) bool {
	_, err := pep440.Parse(q.version)
	return q.ecosystem == "PyPI" && err != nil
}

// applyLimit ends every range of an entry at the greatest of its limits.
func applyLimit(q *question) bool {
	found := false
	for _, a := range q.entries {
		for _, r := range a.GetRanges() {
			var limit string
			for _, e := range r.GetEvents() {
				if e.GetLimit() != "" && (limit == "" || less(q.ecosystem, limit, e.GetLimit())) {
					limit = e.GetLimit()
				}
			}
			if limit == "" || limit == "*" {
				continue
			}
			found = true
			r.Events = slices.DeleteFunc(r.GetEvents(), func(e *osvschema.Event) bool {
				return e.GetLimit() != "" || !less(q.ecosystem, eventVersion(e), limit)
			})
			r.Events = append(r.Events, &osvschema.Event{Fixed: limit})
		}
	}
	return found
}

func less(ecosystem, a, b string) bool {
	c, err := semantic.MustParse(a, ecosystem).CompareStr(b)
	return err == nil && c < 0
}
