package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/tallyman/tallyman/policy"
	"github.com/tallyman/tallyman/policy/lint"
)

// saying is what one rule says, in the same words, of one place or more.
type saying struct {
	message, remedy string
	places          []string
	// deleted is true when the message says that a later layer deletes the
	// files.
	deleted bool
}

// file is that of the first place.
func (s saying) file() string {
	if len(s.places) == 0 {
		return ""
	}
	first := s.places[0]
	return first[:max(strings.LastIndexByte(first, ':'), 0)]
}

// add takes one place in, among those of which the same is said.
func add(list []saying, message, remedy, where string) []saying {
	i := slices.IndexFunc(list, func(s saying) bool { return s.message == message && s.remedy == remedy })
	if i < 0 {
		return append(list, saying{message: message, remedy: remedy, places: []string{where}})
	}
	if !slices.Contains(list[i].places, where) {
		list[i].places = append(list[i].places, where)
	}
	return list
}

// sayingsOf groups the findings of one rule by what is said of them.
func sayingsOf(findings []lint.Finding) []saying {
	var out []saying
	for i := range findings {
		out = addFinding(out, &findings[i])
	}
	return out
}

// addFinding is add for a finding, which says by itself whether it is about a
// file that is deleted.
func addFinding(list []saying, f *lint.Finding) []saying {
	list = add(list, f.Message, f.Remedy, lintPlace(f))
	i := slices.IndexFunc(list, func(s saying) bool { return s.message == f.Message && s.remedy == f.Remedy })
	list[i].deleted = f.Deleted
	return list
}

// lintPlace is where a finding is, with its layer as a location has it.
func lintPlace(f *lint.Finding) string {
	short := *f
	short.Layer = strings.TrimPrefix(shortDigest(f.Layer), "sha256:")
	return short.Place()
}

// inOne is what is said about a rule where more is said than an eye takes in:
// its title, and every place. What was found at one place is never said of
// another.
func (t *text) inOne(rule string, list []saying) saying {
	out := saying{remedy: list[0].remedy}
	for _, s := range list {
		for _, p := range s.places {
			if s.deleted {
				p += ", which a later layer deletes"
			}
			out.places = append(out.places, p)
		}
		if s.remedy != out.remedy {
			out.remedy = ""
		}
	}
	out.message = count(len(out.places), "place breaks this rule", "places break this rule")
	if i := slices.IndexFunc(t.r.Rules, func(r lint.Rule) bool { return r.ID == rule }); i >= 0 {
		out.message += ": " + t.r.Rules[i].Title
		out.remedy = cmp.Or(out.remedy, t.r.Rules[i].Remedy)
	}
	return out
}

// few are the sayings as they are, or one of all when there are too many.
func (t *text) few(rule string, list []saying) []saying {
	if len(list) > t.limit(maxPerKind, len(list)) {
		return []saying{t.inOne(rule, list)}
	}
	return list
}

// placesOfSaying names the first places, and how many more there are. Only
// verbose output has very long ones in full.
func (t *text) placesOfSaying(s saying, most int) string {
	shown := t.limit(most, len(s.places))
	var parts []string
	for _, p := range s.places[:shown] {
		if p = t.clean(p); !t.opts.Verbose {
			p = keepEnds(p, maxPlace)
		}
		parts = append(parts, p)
	}
	out := strings.Join(parts, ", ")
	if n := len(s.places) - shown; n > 0 {
		out += fmt.Sprintf(" and %d more", n)
	}
	return out
}

// repairs are for lint: each rule once, with what it says of which places. A
// reason is about one rule in one file; its evidence is "RULE PLACE".
func (t *text) repairs(reasons []policy.Reason) []cure {
	found := map[string][]lint.Finding{}
	for _, f := range t.r.Lint {
		if !f.Suppressed {
			at := f.Rule + " " + f.Place()
			found[at] = append(found[at], f)
		}
	}
	var rules []string
	said := map[string][]saying{}
	for _, r := range reasons {
		rule, message, ok := strings.Cut(r.Message, ": ")
		if !ok || len(r.Evidence) == 0 || !strings.HasPrefix(r.Evidence[0], rule+" ") {
			rule, message = r.Message, r.Message
		}
		if len(said[rule]) == 0 {
			rules = append(rules, rule)
		}
		for _, e := range r.Evidence {
			for _, f := range found[e] {
				said[rule] = addFinding(said[rule], &f)
			}
			if len(found[e]) == 0 { // The reason is of a policy that sees other things.
				said[rule] = add(said[rule], message, r.Remedy, strings.TrimPrefix(e, rule+" "))
			}
		}
		if len(r.Evidence) == 0 {
			said[rule] = append(said[rule], saying{message: message, remedy: r.Remedy})
		}
	}
	var out []cure
	for _, rule := range rules {
		slices.SortStableFunc(said[rule], func(a, b saying) int { return strings.Compare(a.file(), b.file()) })
		out = append(out, t.repair(rule, said[rule])...)
	}
	return out
}

// repair is one cure for each remedy of a rule.
func (t *text) repair(rule string, list []saying) []cure {
	var out []cure
	for _, s := range t.few(rule, list) {
		what := t.clean(s.message)
		if where := t.placesOfSaying(s, maxPerKind); where != "" {
			what = where + ": " + what
		}
		fix := t.clean(s.remedy)
		if i := slices.IndexFunc(out, func(c cure) bool { return c.fix == fix }); i >= 0 {
			out[i].what = append(out[i].what, what)
			continue
		}
		out = append(out, cure{t.word(rule), red, []string{what}, fix, rule})
	}
	return out
}
