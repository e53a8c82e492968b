package vuln

import (
	"slices"
	"strings"
)

// notes says what a person should know of the records of one vulnerability:
// what was corrected in them, and where they differ. A version that any of them
// affects counts as affected, and a fix is one that none of them affects: of
// two databases one may be late, and nobody can tell which.
func notes(members []*Advisory) []string {
	var out []string
	for _, a := range members {
		out = append(out, a.Notes...)
		if a.Correction != "" {
			out = append(out, a.ID+" is corrected: "+a.Correction)
		}
	}
	if d := differences(members); d != "" {
		out = append(out, d)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// differences names the records of one vulnerability whose ranges differ, ""
// when all say the same. A record without a range says nothing that could
// differ: its list of versions is as old as the record.
func differences(members []*Advisory) string {
	var ids []string
	said := map[string][]string{}
	for _, a := range members {
		if words := a.ranges(); words != "" {
			if said[words] == nil {
				ids = append(ids, words)
			}
			said[words] = append(said[words], a.ID)
		}
	}
	if len(ids) < 2 {
		return ""
	}
	parts := make([]string, len(ids))
	for i, words := range ids {
		parts[i] = strings.Join(said[words], " and ") + " " + words
	}
	return "the records differ, and what any of them affects counts: " + strings.Join(parts, "; ")
}

// ranges is what the record's ranges affect, in words: "<4.10.0", ">=4.0.0,
// <=5.0.0b2", several joined by "or"; "" without any.
func (a *Advisory) ranges() string {
	var out []string
	for _, e := range a.Affected {
		for _, r := range e.Ranges {
			out = append(out, r.spans()...)
		}
	}
	slices.Sort(out)
	return strings.Join(slices.Compact(out), " or ")
}

// spans are the events in pairs, as their order in the record gives them.
func (r *Range) spans() []string {
	var out []string
	from := ""
	open := false
	span := func(to string) {
		words := to
		switch {
		case from != "" && from != "0" && to != "":
			words = ">=" + from + ", " + to
		case from != "" && from != "0":
			words = ">=" + from
		case to == "":
			words = "every version"
		}
		out = append(out, words)
		open = false
	}
	for _, e := range r.Events {
		switch {
		case e.Introduced != "":
			if open {
				span("")
			}
			from, open = e.Introduced, true
		case e.Fixed != "":
			span("<" + e.Fixed)
		case e.LastAffected != "":
			span("<=" + e.LastAffected)
		}
	}
	if open {
		span("")
	}
	return out
}
