package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/tallyman/tallyman/policy"
	"github.com/tallyman/tallyman/sbom"
)

// cure is one thing to do: what led to it, and the remedy.
type cure struct {
	label  string
	colour colour
	// what has a line for each place or sentence; what and fix are escaped.
	what []string
	fix  string
	// rule is the lint rule, "" for what is no lint.
	rule string
}

// cures lists what to do about the reasons of one effect, the gravest first.
func (t *text) cures(effect policy.Effect) {
	list := t.cureList(effect)
	shown := t.limit(maxCures, len(list))
	for _, c := range list[:shown] {
		t.cured[c.rule] = true
		t.cureLines(c)
	}
	if n := len(list) - shown; n > 0 {
		t.line("  ", fmt.Sprintf("and %d more (--verbose shows them)", n))
	}
}

func (t *text) cureLines(c cure) {
	head := "  " + t.paint(c.colour, pad(c.label, 11)) + "  "
	under := strings.Repeat(" ", cells(head))
	fix := t.paint(green, "fix: ") + c.fix
	if len(c.what) == 1 && c.fix != "" && cells(head)+cells(c.what[0])+2+cells(fix) <= t.width {
		t.line(head, c.what[0]+"; "+fix)
		return
	}
	for _, what := range c.what {
		t.wrapped(head, what)
		head = under
	}
	if c.fix != "" {
		t.wrapped(under+t.paint(green, "fix: "), c.fix)
	}
}

func (t *text) cureList(effect policy.Effect) []cure {
	var out []cure
	rules, byRule := t.byRule(effect)
	for _, rule := range rules {
		reasons := byRule[rule]
		if effect == policy.Warn && told(rule) && rule != "latent" {
			continue
		}
		switch rule {
		case "malicious":
			out = append(out, t.removals(reasons)...)
		case "vulnerability", "latent":
			out = append(out, t.upgrades(fate{effect, rule}, reasons)...)
		case "lint":
			out = append(out, t.repairs(reasons)...)
		case "gap":
			out = append(out, t.openings(effect, reasons)...)
		case "advisories-stale":
			out = append(out, t.stale(reasons)...)
		default:
			out = append(out, t.remedies(rule, effect, reasons)...)
		}
	}
	return out
}

// told are the rules of the default pack whose evidence another part of the
// text lists with its remedy: a warning of theirs needs no second mention.
func told(rule string) bool {
	return aboutPackages(rule) || slices.Contains([]string{"suppressed", "lint", "inherited-lint", "gap", "signature"}, rule)
}

// removals are for malware: each by itself, with every place of the package.
func (t *text) removals(reasons []policy.Reason) []cure {
	var out []cure
	for _, r := range reasons {
		what := t.clean(r.Message)
		if p, _ := t.places(t.placesOf(r.Package), t.width-15-cells(what)-2); p != "" {
			what += ": " + p
		}
		out = append(out, cure{"malware", boldRed, []string{what}, t.clean(r.Remedy), ""})
	}
	return out
}

// placesOf are the places of a package in all its versions.
func (t *text) placesOf(name string) []seen {
	var out []seen
	for _, b := range t.packages {
		if b.name == name && b.malicious() {
			out = append(out, b.places...)
		}
	}
	return out
}

// upgrades gathers the packages that are cured in one place: a person edits a
// file, or rebuilds an image, and not an advisory.
func (t *text) upgrades(what fate, reasons []policy.Reason) []cure {
	var sites []string
	bySite := map[string][]*block{}
	for _, b := range t.packages {
		if b.fate() != what {
			continue
		}
		s := t.site(b)
		if len(bySite[s]) == 0 {
			sites = append(sites, s)
		}
		bySite[s] = append(bySite[s], b)
	}
	if len(sites) == 0 { // The reasons are of a policy that sees other things.
		return t.remedies("vulnerable", what.effect, reasons)
	}
	var out []cure
	for _, s := range sites {
		blocks := bySite[s]
		names := map[packageKey]bool{}
		for _, b := range blocks {
			names[keyOf(&b.findings[0])] = true
		}
		label, c := "vulnerable", red
		if what.rule == "latent" {
			label, c = "floor", yellow
		}
		out = append(out, cure{label, c, []string{count(len(names), "package", "packages") + " " + s}, t.raise(blocks), ""})
	}
	return out
}

// site says where the version of a package is decided: every file that a
// person edits, else where it is installed.
func (t *text) site(b *block) string {
	var files []string
	for _, p := range b.places {
		if f := t.clean(p.location.File); p.location.Layer == "" && installDir(p.location.File) == "" && !slices.Contains(files, f) {
			files = append(files, f)
		}
	}
	first := b.places
	switch {
	case len(files) > 0:
		if shown := t.limit(maxPerKind, len(files)); shown < len(files) {
			files = append(files[:shown:shown], count(len(files)-shown, "more file", "more files"))
		}
		return "in " + sentence(files)
	case len(first) == 0:
		return "of no known place"
	case first[0].location.Layer == "":
		return "installed in " + t.clean(installDir(first[0].location.File))
	case distributed(b.ecosystem):
		return "of " + t.word(b.ecosystem) + " in the image"
	}
	return "installed in the image"
}

// raise names the versions that cure packages.
func (t *text) raise(blocks []*block) string {
	verb, to := "raise ", " to "
	switch {
	case distributed(blocks[0].ecosystem):
		verb, to = "rebuild the image with ", " "
	case blocks[0].fate().rule == "latent":
		verb, to = "raise the floor of ", " to "
	}
	var fixed, open []string
	for _, b := range byPackage(blocks) {
		if version, left := b.remedy(); version != "" {
			word := t.word(b.name) + to + t.word(version)
			if left > 0 && !distributed(b.ecosystem) {
				word += " (no known version cures all)"
			}
			if by := t.capped(b, version); by != "" {
				word += " (" + by + ")"
			}
			fixed = append(fixed, word)
		} else {
			open = append(open, t.word(b.name))
		}
	}
	var out []string
	if len(fixed) > 0 {
		out = append(out, verb+t.some(fixed))
	}
	if len(open) > 0 {
		out = append(out, "replace "+t.some(open)+", for which no fix is known, or accept the risk with a reason and an expiry date")
	}
	return strings.Join(out, "; ")
}

// byPackage joins the blocks of one package, of several versions or ranges: it
// is raised once, to what cures all of them.
func byPackage(blocks []*block) []*block {
	var out []*block
	at := map[packageKey]int{}
	for _, b := range blocks {
		key := keyOf(&b.findings[0])
		i, known := at[key]
		if !known {
			at[key] = len(out)
			out = append(out, b)
			continue
		}
		joined := *out[i]
		joined.findings = slices.Concat(joined.findings, b.findings)
		joined.places = slices.Concat(joined.places, b.places)
		out[i] = &joined
	}
	return out
}

// some joins as many words as an eye takes in.
func (t *text) some(words []string) string {
	shown := t.limit(maxNames, len(words))
	if n := len(words) - shown; n > 0 {
		words = append(slices.Clone(words[:shown]), fmt.Sprintf("%d more", n))
	}
	return sentence(words)
}

// openings are for gaps: the places of each kind, and what closes them.
func (t *text) openings(effect policy.Effect, reasons []policy.Reason) []cure {
	var out []cure
	for _, r := range reasons {
		kind, gaps := t.gapsOf(r)
		gaps = slices.DeleteFunc(gaps, t.absence)
		if len(gaps) == 0 {
			out = append(out, t.remedies("gap", effect, []policy.Reason{r})...)
			continue
		}
		shown := t.limit(maxPerKind, len(gaps))
		var lines []string
		for _, g := range gaps[:shown] {
			lines = append(lines, t.gap(g))
		}
		if n := len(gaps) - shown; n > 0 {
			lines = append(lines, fmt.Sprintf("and %d more (--verbose shows them)", n))
		}
		t.opened[kind] = true
		out = append(out, cure{t.gapName(kind), yellow, lines, t.clean(r.Remedy), ""})
	}
	return out
}

// gapsOf returns the gaps of the kind that a reason is about. Its evidence is
// some of their places, each with the gap's own reason.
func (t *text) gapsOf(r policy.Reason) (kind sbom.GapKind, gaps []sbom.Gap) {
	about := func(g sbom.Gap) bool {
		return slices.Contains(r.Evidence, strings.TrimPrefix(place(g.File, g.Line)+": "+g.Reason, ": "))
	}
	i := slices.IndexFunc(t.r.Gaps, about)
	if i < 0 {
		return "", nil
	}
	for _, g := range t.r.Gaps {
		if g.Kind == t.r.Gaps[i].Kind && g.Hides == t.r.Gaps[i].Hides && acceptedGap(t.r, g) == acceptedGap(t.r, t.r.Gaps[i]) {
			gaps = append(gaps, g)
		}
	}
	return t.r.Gaps[i].Kind, gaps
}

// stale names the ecosystems whose advisories are old, with their dates: the
// evidence of the reasons.
func (t *text) stale(reasons []policy.Reason) []cure {
	var names []string
	for _, r := range reasons {
		names = append(names, t.clean(strings.Join(r.Evidence, ", ")))
	}
	return []cure{{"stale", yellow, []string{"advisories of " + t.some(names)}, t.clean(reasons[0].Remedy), ""}}
}

// remedies are for every other rule, such as those of the user's own policy:
// what one remedy cures stands together.
func (t *text) remedies(rule string, effect policy.Effect, reasons []policy.Reason) []cure {
	label, known := map[string]string{
		"verdict": "verdict", "signature": "signature", "signature-missing": "signature", "gap": "gap",
		"stale": "advisories", "advisories-absent": "advisories", "no-advisories": "advisories",
		"nothing-found": "nothing", "nothing-ran": "nothing", "vulnerable": "vulnerable",
	}[rule]
	c := map[policy.Effect]colour{policy.Deny: red, policy.Undecide: yellow}[effect]
	var out []cure
	for _, r := range reasons {
		what := t.clean(r.Message)
		if rule == "advisories-absent" {
			what = t.clean(t.unmatched(r))
		}
		if !known {
			if r.File != "" {
				what = t.clean(place(r.File, r.Line)) + ": " + what
			}
			what += " (" + t.word(rule) + ")"
		}
		i := slices.IndexFunc(out, func(o cure) bool { return o.fix == t.clean(r.Remedy) && r.Remedy != "" })
		if i >= 0 {
			out[i].what = append(out[i].what, what)
			continue
		}
		out = append(out, cure{cmp.Or(label, "policy"), c, []string{what}, t.clean(r.Remedy), ""})
	}
	return out
}
