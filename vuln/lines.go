package vuln

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/tallyman/tallyman/sbom"
	"github.com/tallyman/tallyman/sbom/pep440"
	"github.com/tallyman/tallyman/sbom/pep508"
)

// line is one place where a requirement or constraint names a package.
type line struct {
	component  *sbom.Component
	at         sbom.Location
	specifiers pep440.Specifiers
	marker     *pep508.Marker
	// unread says why specifier or marker cannot be read, "" if they can.
	unread string
}

// demand is what an installer is asked for in one go: the lines about one
// package that apply together, in some environments.
type demand struct {
	// lines are the requirements, then the constraints.
	lines []*line
	// requirements is how many of lines bring the package in.
	requirements int
	// environments are indexes, sorted; nil stands for another platform.
	environments []int
	// alone is true when no other demand has one of the lines.
	alone bool
	// joined is true when each line is a demand of its own.
	joined bool
	// spots and clauses are locations and specifier, once asked for.
	spots   []sbom.Location
	clauses *string
}

// isLine reports whether a component is a line that limits the versions of a
// package: a direct reference does not, nor does what an SBOM claims.
func isLine(c *sbom.Component) bool {
	return c.Ecosystem == pypi && c.URL == "" && (c.Evidence == sbom.Declared || c.Evidence == sbom.Assumed)
}

// linesOf returns the lines of a document by normal name, each name's sorted.
func linesOf(components []sbom.Component) map[string][]*line {
	out := map[string][]*line{}
	for i := range components {
		c := &components[i]
		if !isLine(c) {
			continue
		}
		l := line{component: c}
		var err error
		if l.specifiers, err = pep440.ParseSpecifiers(c.Specifier); err != nil {
			l.unread = fmt.Sprintf("the specifier %.80q cannot be read", c.Specifier)
		} else if c.Specifier == "" && c.Version != "" {
			l.specifiers, err = pep440.ParseSpecifiers("==" + c.Version)
			if err != nil {
				l.unread = fmt.Sprintf("the version %.80q cannot be read", c.Version)
			}
		}
		if c.Marker != "" {
			if l.marker, err = pep508.ParseMarker(c.Marker); err != nil {
				l.unread = fmt.Sprintf("the marker %.80q cannot be read", c.Marker)
			}
		}
		name := c.NormalName()
		for _, at := range c.Locations {
			one := l
			one.at = at
			out[name] = append(out[name], &one)
		}
		if len(c.Locations) == 0 {
			out[name] = append(out[name], &l)
		}
	}
	for _, lines := range out {
		slices.SortStableFunc(lines, compareLines)
	}
	return out
}

// compareLines puts requirements before constraints.
func compareLines(a, b *line) int {
	switch {
	case a.component.Constraint == b.component.Constraint:
		return sbom.CompareLocations(a.at, b.at)
	case b.component.Constraint:
		return -1
	}
	return 1
}

// installs knows which files are installed together.
type installs struct {
	// sets are the sets of files, each sorted; of are the sets of each file.
	sets [][]string
	of   map[string][]int
}

func newInstalls(together [][]string) *installs {
	in := &installs{of: map[string][]int{}}
	for _, files := range together {
		in.add(files)
	}
	return in
}

func (in *installs) add(files []string) {
	for _, f := range files {
		in.of[f] = append(in.of[f], len(in.sets))
	}
	in.sets = append(in.sets, files)
}

// maxSteps bounds how often the lines of one package are looked at: a hostile
// file can name one package for ten thousand extras.
const maxSteps = 1 << 20

// split parts the lines of one package into those that are installed
// together. What stands in one file is; what stands in different ones is when
// the document says so. A constraint of a file that the document says nothing
// of counts everywhere, but for a project's, which is the project's own. It
// returns nil when that would be too many.
func (in *installs) split(lines []*line) [][]*line {
	steps := 0
	groups := map[int][]*line{}
	alone := map[sbom.Location][]*line{} // by file and layer
	var everywhere []*line
	var order []func() []*line
	for i, l := range lines {
		sets := in.of[l.at.File]
		key := sbom.Location{File: l.at.File, Layer: l.at.Layer}
		if l.at.File == "" {
			key.Line = -i - 1
		} else if isDockerfile(l.at.File) {
			key.Line = l.at.Line
		}
		switch {
		case l.at.Layer == "" && len(sets) > 0:
			if steps += len(sets); steps > maxSteps {
				return nil
			}
			for _, n := range sets {
				if groups[n] == nil {
					order = append(order, func() []*line { return groups[n] })
				}
				groups[n] = append(groups[n], l)
			}
		case l.component.Constraint && !isProject(l.at.File):
			everywhere = append(everywhere, l)
		default:
			if alone[key] == nil {
				order = append(order, func() []*line { return alone[key] })
			}
			alone[key] = append(alone[key], l)
		}
	}
	if len(order)*len(everywhere) > maxSteps {
		return nil
	}
	out := make([][]*line, 0, len(order))
	for _, group := range order {
		together := slices.Concat(group(), everywhere)
		slices.SortStableFunc(together, compareLines)
		if !together[0].component.Constraint {
			out = append(out, together)
		}
	}
	return out
}

// isProject reports whether a file is a project or a script, whose constraints
// and overrides are read where that is resolved and nowhere else.
// https://docs.astral.sh/uv/reference/settings/#constraint-dependencies
func isProject(file string) bool {
	return path.Base(file) == "pyproject.toml" || path.Ext(file) == ".py"
}

// isDockerfile reports whether a file is a list of commands, each of which
// installs what it names by itself, and not a list of requirements.
func isDockerfile(file string) bool {
	base := strings.ToLower(path.Base(file))
	return strings.HasPrefix(base, "dockerfile") || strings.HasPrefix(base, "containerfile") || strings.HasSuffix(base, ".dockerfile")
}

// demands returns what is asked for of one package in each environment, lines
// that apply in the same way joined. lines are installed together.
func (m *matcher) demands(lines []*line) []*demand {
	var out []*demand
	at := map[string]*demand{}
	applied := map[*line]bool{}
	for e := range m.environments {
		for _, way := range ways(lines, m.environments[e].Markers) {
			for _, s := range scopesOf(way) {
				d, key := demandFor(way, s, applied)
				known := at[key]
				if known == nil {
					known = d
					at[key] = d
					out = append(out, d)
				}
				known.environments = append(known.environments, e)
			}
		}
	}
	for _, d := range out {
		slices.Sort(d.environments)
		d.environments = slices.Compact(d.environments)
	}
	if m.everywhere {
		out = append(out, leftOut(lines, applied)...)
	}
	return out
}

// demandFor is what those of lines that apply ask for a scope, and a key that
// is the same for the same lines. It marks the lines of the scope itself.
func demandFor(lines []*line, scope string, applied map[*line]bool) (*demand, string) {
	d := &demand{}
	var key strings.Builder
	for _, l := range lines {
		if !counts(l, scope) {
			continue
		}
		fmt.Fprintf(&key, "%p ", l)
		d.lines = append(d.lines, l)
		if !l.component.Constraint {
			d.requirements++
		}
		if l.component.Scope == scope {
			applied[l] = true
		}
	}
	return d, key.String()
}

// ways are the lines that may apply together in an environment. A line whose
// marker cannot be decided applies, but it must not narrow what others ask
// for: so there are all of them, those that are sure, and those with the
// lines of each undecided marker alone.
func ways(lines []*line, env pep508.Environment) [][]*line {
	truth := make(map[*line]pep508.Truth, len(lines))
	var markers []string
	for _, l := range lines {
		if truth[l] = l.marker.Evaluate(env); truth[l] == pep508.Undecided {
			markers = append(markers, l.marker.String())
		}
	}
	with := func(undecided func(*line) bool) []*line {
		var out []*line
		for _, l := range lines {
			if truth[l] == pep508.True || truth[l] == pep508.Undecided && undecided(l) {
				out = append(out, l)
			}
		}
		return out
	}
	out := [][]*line{with(func(*line) bool { return true })}
	if len(markers) == 0 {
		return out
	}
	out = append(out, with(func(*line) bool { return false }))
	slices.Sort(markers)
	for _, marker := range slices.Compact(markers) {
		out = append(out, with(func(l *line) bool { return l.marker.String() == marker }))
	}
	return out
}

// markersOf counts the different markers of lines.
func markersOf(lines []*line) int {
	seen := map[string]bool{}
	for _, l := range lines {
		if l.marker != nil {
			seen[l.marker.String()] = true
		}
	}
	return len(seen)
}

// joinDemands makes one of demands that differ in nothing but the places of
// their lines, where no other demand has one of these lines: 60,000 times the
// same line is judged once. What has the very same lines is one anyway.
func joinDemands(all []*demand) []*demand {
	used := map[*line]int{}
	for _, d := range all {
		for _, l := range d.lines {
			used[l]++
		}
	}
	at := map[string]*demand{}
	var out []*demand
	for _, d := range all {
		l := d.lines[0]
		d.alone = !slices.ContainsFunc(d.lines, func(l *line) bool { return used[l] > 1 })
		if len(d.lines) > 1 || used[l] > 1 || l.unread != "" || l.component.Evidence != sbom.Declared {
			out = append(out, d)
			continue
		}
		key := fmt.Sprintf("%q %q %q %q %v %t", l.component.Name, l.component.Version, l.component.Specifier, l.component.PURL, d.environments, d.environments == nil)
		known := at[key]
		if known == nil || known.specifiersEmpty() {
			at[key] = d
			out = append(out, d)
			continue
		}
		known.lines = append(known.lines, l)
		known.requirements++
		known.joined = true
	}
	return out
}

// specifiersEmpty reports whether no version satisfies the first line: each of
// those says so for itself.
func (d *demand) specifiersEmpty() bool { return d.lines[0].specifiers.Set().IsEmpty() }

// leftOut are the requirements that applied nowhere and would on another
// platform. Each stands alone: what excludes whom is not known there.
func leftOut(lines []*line, applied map[*line]bool) []*demand {
	var out []*demand
	for _, l := range lines {
		if l.component.Constraint || applied[l] {
			continue
		}
		if slices.ContainsFunc(otherPlatforms(), func(e Environment) bool { return l.marker.Evaluate(e.Markers) != pep508.False }) {
			out = append(out, &demand{lines: []*line{l}, requirements: 1})
		}
	}
	return out
}

// scopesOf are the scopes of the requirements among lines, sorted.
func scopesOf(lines []*line) []string {
	var out []string
	for _, l := range lines {
		if !l.component.Constraint {
			out = append(out, l.component.Scope)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// counts reports whether a line limits what is installed for a scope. An extra
// comes on top of what runs always; a group may be installed without it.
func counts(l *line, scope string) bool {
	own := l.component.Scope
	return own == scope || l.component.Constraint ||
		strings.HasPrefix(scope, "extra:") && (own == "" || own == "runtime")
}

// admitted is the intersection of all that the lines ask for. unread is why
// one of them could not be read, "" if all could.
func (d *demand) admitted() (s *admitted, unread *line) {
	sets := make([]pep440.Set, 0, len(d.lines))
	s = &admitted{}
	for _, l := range d.lines {
		if l.unread != "" {
			return s, l
		}
		sets = append(sets, l.specifiers.Set())
		s.prereleases = s.prereleases || l.specifiers.NamesPrerelease()
	}
	s.set = pep440.IntersectionOf(sets...)
	return s, nil
}

// specifier is the clauses of all lines, each once.
func (d *demand) specifier() string {
	if d.clauses == nil {
		text := d.joinClauses()
		d.clauses = &text
	}
	return *d.clauses
}

func (d *demand) joinClauses() string {
	own := d.lines[0].component.Specifier
	if !slices.ContainsFunc(d.lines, func(l *line) bool { return l.component.Specifier != own || own == "" && l.component.Version != "" }) {
		return own
	}
	var clauses []string
	for _, l := range d.lines {
		if own := l.component.Specifier; own != "" {
			clauses = append(clauses, strings.Split(own, ",")...)
		} else if l.component.Version != "" {
			clauses = append(clauses, "=="+l.component.Version)
		}
	}
	slices.Sort(clauses)
	return strings.Join(slices.Compact(clauses), ",")
}

// pinned reports whether a requirement has an exact version, which is judged
// as such and leaves nothing to say about the others.
func (d *demand) pinned() bool {
	return slices.ContainsFunc(d.lines[:d.requirements], func(l *line) bool { return l.component.Version != "" })
}

// locations are those of all lines, sorted, each once.
func (d *demand) locations() []sbom.Location {
	if d.spots != nil {
		return d.spots
	}
	out := make([]sbom.Location, 0, len(d.lines))
	for _, l := range d.lines {
		if l.at != (sbom.Location{}) {
			out = append(out, l.at)
		}
	}
	slices.SortFunc(out, sbom.CompareLocations)
	d.spots = slices.Clip(slices.Compact(out))
	return d.spots
}

// words quotes the first lines: "pillow >=8 (requirements.txt:3)".
func (d *demand) words(through map[place]string) string {
	const most = 4
	var out []string
	for i, l := range d.lines {
		if i == most {
			out = append(out, fmt.Sprintf("%d more", len(d.lines)-most))
			break
		}
		text := fmt.Sprintf("%.120s", strings.TrimSpace(l.component.Name+" "+l.component.Specifier))
		if l.at.File != "" {
			text += fmt.Sprintf(" (%s:%d", l.at.File, l.at.Line)
			if by := through[place{l.component.NormalName(), l.at}]; by != "" && l.component.Evidence == sbom.Assumed {
				text += ", through " + by
			}
			text += ")"
		}
		out = append(out, text)
	}
	return strings.Join(slices.Compact(out), " and ")
}
