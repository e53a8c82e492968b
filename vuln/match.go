package vuln

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tallyman/tallyman/internal/limit"
	"github.com/tallyman/tallyman/sbom"
)

// Match is MatchWith without options.
func Match(ctx context.Context, doc *sbom.Document, src Source) (*Result, error) {
	return MatchWith(ctx, doc, src, Options{})
}

// MatchWith holds every component of doc against the advisories of src.
//
// An exact version is judged by the evaluation algorithm of the OSV schema.
// Distribution packages are matched by their source package. A Python package
// that a distribution package owns is matched as that package, not as PyPI's.
// A package that no advisory names has nothing wrong with it, whatever its
// version. What cannot be judged is a Gap, as is an ecosystem that src does
// not have. The error is src's, or the context's.
//
// The requirements of a Python package without an exact version are judged by
// what they and the constraints beside them admit, see the verdicts. Lines
// that admit no version together are a Gap of kind conflict. A claimed
// component never gates.
func MatchWith(ctx context.Context, doc *sbom.Document, src Source, opts Options) (*Result, error) {
	m := &matcher{
		src: src, opts: opts, environments: opts.Environments, orders: map[string]*order{}, known: map[subject][]Advisory{},
		missing: map[string]int{}, claims: map[string]int{}, uncovered: map[uncovered][]string{}, unordered: map[string]int{},
		packages: map[string]*pack{}, through: map[place]string{}, steps: map[string]int{},
	}
	if len(m.environments) == 0 {
		m.environments, m.everywhere = DefaultEnvironments(), true
	}
	all := m.imply(doc)
	components := unite(all)
	m.names = namesOf(components)
	m.locks = locksOf(all)
	for i := range components {
		if err := m.component(ctx, &components[i]); err != nil {
			return nil, err
		}
	}
	lines := linesOf(all)
	if err := m.ranges(ctx, lines, newInstalls(doc.Together)); err != nil {
		return nil, err
	}
	if err := m.namesOnly(ctx, lines); err != nil {
		return nil, err
	}
	m.closeGaps()
	scopes := scopesAt(all)
	findings := sorted(m.findings)
	for i := range findings {
		findings[i].Scopes = scopes.of(&findings[i])
	}
	slices.SortFunc(m.gaps, sbom.CompareGaps)
	return &Result{Findings: findings, Gaps: append([]sbom.Gap{}, slices.Compact(m.gaps)...)}, nil
}

type matcher struct {
	src  Source
	opts Options
	// environments are those to judge for; everywhere is true when nobody
	// named them.
	environments []Environment
	everywhere   bool
	orders       map[string]*order // nil for an ecosystem without one
	known        map[subject][]Advisory
	packages     map[string]*pack    // PyPI, by normal name
	locks        map[string][]string // the versions that locks name, likewise
	names        map[string]bool
	steps        map[string]int   // spent on the versions of PyPI, likewise
	through      map[place]string // what brings in what no line names
	// nameless is what comes with another package in versions nobody told.
	nameless []sbom.Component
	// findings are in the lists that they were made in: they are large.
	findings [][]Finding
	gaps     []sbom.Gap
	// missing and unordered count the components of an ecosystem that src
	// does not have, or whose versions have no order; uncovered lists those
	// of a kind of package for which there are no advisories at all.
	missing, unordered map[string]int
	// claims count what is only claimed, likewise: it hides nothing.
	claims    map[string]int
	uncovered map[uncovered][]string
}

// subject is what advisories are looked up by.
type subject struct{ ecosystem, name string }

// unite joins components that differ in nothing that matching looks at into
// one with all their locations.
func unite(in []sbom.Component) []sbom.Component {
	type identity struct {
		ecosystem, name, version, specifier, purl, source, sourceVersion string
		evidence                                                         sbom.Evidence
		url, owner                                                       string
	}
	sorted := slices.Clone(in)
	slices.SortStableFunc(sorted, sbom.CompareComponents)
	at := map[identity]int{}
	var out []sbom.Component
	for _, c := range sorted {
		if c.Constraint && (c.Evidence == sbom.Declared || c.Evidence == sbom.Assumed) {
			continue // a line of a manifest; nothing else only constrains
		}
		k := identity{c.Ecosystem, c.NormalName(), c.Version, c.Specifier, c.PURL, c.Source, c.SourceVersion, c.Evidence, c.URL, c.Owner}
		i, seen := at[k]
		if !seen {
			i = len(out)
			at[k] = i
			c.Locations = slices.Clone(c.Locations)
			out = append(out, c)
			continue
		}
		out[i].Locations = append(out[i].Locations, c.Locations...)
	}
	for i := range out {
		slices.SortFunc(out[i].Locations, sbom.CompareLocations)
		out[i].Locations = slices.Compact(out[i].Locations)
	}
	return out
}

// namesOf lists the packages of distributions as "name version", to know
// whether an owner is there.
func namesOf(components []sbom.Component) map[string]bool {
	names := map[string]bool{}
	for i := range components {
		if c := &components[i]; ofDistribution(c) {
			names[c.Name+" "+c.Version] = true
		}
	}
	return names
}

// distributions are the ecosystems of distributions besides rpmFamilies.
// https://ossf.github.io/osv-schema/#defined-ecosystems
var distributions = [...]string{"Debian", "Ubuntu", "Alpine", "Alpaquita", "Wolfi", "Chainguard", "Echo", "MinimOS", "BellSoft Hardened Containers", "CleanStart", "Docker Hardened Images"}

// ofDistribution reports whether a component is a package of a distribution
// that advisories are about, by its package URL and its ecosystem alike.
func ofDistribution(c *sbom.Component) bool {
	switch purlType(c.PURL) {
	case "deb", "apk", "rpm":
		family, _, _ := strings.Cut(c.Ecosystem, ":")
		return slices.Contains(distributions[:], family) || slices.Contains(rpmFamilies[:], family)
	}
	return false
}

// owned reports whether the component is matched through the distribution
// package that owns its files. Without that package in the inventory nothing
// would speak for it, so it is then matched for itself.
func (m *matcher) owned(c *sbom.Component) bool {
	return c.Evidence == sbom.OSOwned && m.names[c.Owner]
}

func (m *matcher) component(ctx context.Context, c *sbom.Component) error {
	if m.owned(c) || c.Version == "" && c.URL != "" {
		return nil // the second has its Gap from the reader: unversioned
	}
	if name := sbom.RuntimeOf(c); name != "" {
		m.gaps = append(m.gaps, runtimeGap(c, name))
		return nil
	}
	if c.Ecosystem == "" {
		kind := uncoveredBy(c)
		m.uncovered[kind] = append(m.uncovered[kind], c.Name)
		return nil
	}
	seen := map[string]bool{}
	for _, s := range subjectsOf(c) {
		list, err := m.lookup(ctx, subject{c.Ecosystem, s.name})
		if errors.Is(err, ErrNoEcosystem) {
			if c.Evidence == sbom.Claimed {
				m.claims[c.Ecosystem]++
			} else {
				m.missing[c.Ecosystem]++
			}
			return nil
		}
		if err != nil {
			return fmt.Errorf("looking up advisories for %q: %w", s.name, err)
		}
		live := make([]*Advisory, 0, len(list))
		for i := range list {
			if list[i].Withdrawn.IsZero() && !seen[list[i].ID] {
				if a := sameBuild(c, s.version, &list[i]); a != nil {
					seen[list[i].ID] = true
					live = append(live, a)
				}
			}
		}
		switch {
		case len(live) == 0:
		case s.version == "" && isLine(c):
			// ranges judges it with the lines beside it.
		case c.Ecosystem == pypi && m.tooMany(c, len(live)):
		case s.version == "":
			m.matchUnversioned(c, live)
		default:
			m.matchVersion(c, s, live)
		}
	}
	return nil
}

// tooMany counts the work on the versions of one Python package, and says once
// from which component on they are not judged.
func (m *matcher) tooMany(c *sbom.Component, advisories int) bool {
	name := c.NormalName()
	before := m.steps[name]
	m.steps[name] += advisories
	if before <= limit.RangeSteps && m.steps[name] > limit.RangeSteps {
		m.gap(c, sbom.GapRange, fmt.Sprintf("too many different versions of %s are named: they are not judged from here on", name))
	}
	return m.steps[name] > limit.RangeSteps
}

func (m *matcher) lookup(ctx context.Context, s subject) ([]Advisory, error) {
	if list, ok := m.known[s]; ok {
		return list, nil
	}
	list, err := m.src.Advisories(ctx, s.ecosystem, s.name)
	if err == nil {
		list, err = m.ofEveryRelease(ctx, s, list)
	}
	if err == nil {
		list = notYetWithdrawn(list, m.opts.Now)
		m.known[s] = list
	}
	return list, err
}

// ofEveryRelease adds to the advisories of a package of a release those that
// name its ecosystem without one. The schema's suffix scopes a package to a
// release; without it a record speaks of all of them. Such records alone do not
// make a source one that has the release.
// https://ossf.github.io/osv-schema/#defined-ecosystems
func (m *matcher) ofEveryRelease(ctx context.Context, s subject, list []Advisory) ([]Advisory, error) {
	family, _, release := strings.Cut(s.ecosystem, ":")
	if !release {
		return list, nil
	}
	more, err := m.src.Advisories(ctx, family, s.name)
	if errors.Is(err, ErrNoEcosystem) || err == nil && len(more) == 0 {
		return list, nil
	}
	if err != nil {
		return nil, err
	}
	list = slices.Clone(list)
	for _, a := range more {
		i, found := slices.BinarySearchFunc(list, a.ID, func(b Advisory, id string) int { return strings.Compare(b.ID, id) })
		if found {
			list[i].Affected = slices.Concat(list[i].Affected, a.Affected)
		} else {
			list = slices.Insert(list, i, a)
		}
	}
	return list, nil
}

// notYetWithdrawn takes the date of withdrawal off the advisories that are
// withdrawn after now only: until then they count.
func notYetWithdrawn(list []Advisory, now time.Time) []Advisory {
	if now.IsZero() {
		return list
	}
	list = slices.Clone(list)
	for i := range list {
		if list[i].Withdrawn.After(now) {
			list[i].Withdrawn = time.Time{}
		}
	}
	return list
}

// named is a name that advisories may use for a component.
type named struct {
	name, version string
	// source is true when it is the source package.
	source bool
}

// rpmFamilies are the distributions whose advisories name binary packages,
// source packages, or both.
var rpmFamilies = [...]string{"AlmaLinux", "Rocky Linux", "Red Hat", "openSUSE", "SUSE", "Mageia", "openEuler", "Azure Linux", "Photon OS"}

// apkFamilies are the distributions of apk packages whose advisories name "the
// package", which may be either. https://ossf.github.io/osv-schema/#defined-ecosystems
var apkFamilies = [...]string{"Wolfi", "Chainguard", "MinimOS", "CleanStart", "Docker Hardened Images"}

// subjectsOf lists the names to look a component up by. Debian, Ubuntu, Alpine
// and the like speak of source packages only, and a source package may have
// the name of another source's binary. Nothing else has a source package.
func subjectsOf(c *sbom.Component) []named {
	own := named{name: c.NormalName(), version: c.Version}
	if c.Source == "" || c.Source == c.Name || !ofDistribution(c) {
		if c.SourceVersion != "" && ofDistribution(c) {
			own.version = c.SourceVersion
		}
		return []named{own}
	}
	source := named{name: c.Source, version: cmp.Or(c.SourceVersion, c.Version), source: true}
	family, _, _ := strings.Cut(c.Ecosystem, ":")
	if slices.Contains(rpmFamilies[:], family) || slices.Contains(apkFamilies[:], family) {
		return []named{own, source}
	}
	return []named{source}
}

func (m *matcher) orderOf(ecosystem string) *order {
	o, ok := m.orders[ecosystem]
	if !ok {
		o, _ = newOrder(ecosystem)
		m.orders[ecosystem] = o
	}
	return o
}

// matchVersion judges a component with an exact version.
func (m *matcher) matchVersion(c *sbom.Component, s named, list []*Advisory) {
	o := m.orderOf(c.Ecosystem)
	if o == nil {
		m.unordered[c.Ecosystem]++
		return
	}
	v, err := o.parse(s.version)
	if err != nil {
		m.gap(c, sbom.GapVersion, fmt.Sprintf("version %.80q of %s is not one that %s can order, and %s it", s.version, s.name, c.Ecosystem, advisoriesName(len(list))))
		list = slices.DeleteFunc(slices.Clone(list), func(a *Advisory) bool { return !spells(a, s.version) })
	}
	judge := func(a *Advisory) judgement {
		if err != nil {
			return judgement{outcome: yes, basis: "versions"}
		}
		return o.judge(v, a)
	}
	groups := m.group(c, list, judge)
	floors := m.pinFloors(c, v, groups)
	for i := range groups {
		g := &groups[i]
		if len(g.affecting) > 0 {
			f := newFinding(c, g)
			f.Verdict = AffectedVersion
			f.Version, f.Specifier = c.Version, c.Specifier
			if err == nil {
				if f.Fixed = o.fixFor(v, g.affecting); floors != nil {
					f.Fixed = floors.pack.fixFor(v, g)
				}
				f.Floor = floors.of(g)
			}
			if s.source {
				f.SourcePackage = s.name
			}
			if by := m.through[place{c.NormalName(), placeOf(c)}]; c.Evidence == sbom.Assumed && by != "" && f.Fixed != "" {
				f.Caps = []string{c.Name + c.Specifier + " (" + by + ")"}
			}
			m.add(f)
			continue
		}
		if g.decided {
			continue
		}
		for _, u := range g.unsure {
			m.doubtAt(c, placeOf(c), u, fmt.Sprintf("%s names %s and cannot be judged for version %.80s: %s", u.advisory.ID, s.name, s.version, u.why))
		}
	}
}

// spells reports whether an advisory lists the very spelling of a version.
func spells(a *Advisory, version string) bool {
	return slices.ContainsFunc(a.Affected, func(e Affected) bool { return slices.Contains(e.Versions, version) })
}

func advisoriesName(n int) string {
	if n == 1 {
		return "1 advisory names"
	}
	return fmt.Sprintf("%d advisories name", n)
}

func (m *matcher) gap(c *sbom.Component, kind sbom.GapKind, reason string) {
	m.gapAt(c, placeOf(c), kind, reason)
}

// placeOf is the first location of a component, the zero one without any.
func placeOf(c *sbom.Component) sbom.Location {
	if len(c.Locations) == 0 {
		return sbom.Location{}
	}
	return c.Locations[0]
}

// doubtAt is gapAt for an advisory that could not be judged.
func (m *matcher) doubtAt(c *sbom.Component, at sbom.Location, d doubt, reason string) {
	m.gapAt(c, at, sbom.GapAdvisory, reason)
	m.gaps[len(m.gaps)-1].Advisory = d.advisory.ID
}

func (m *matcher) gapAt(c *sbom.Component, at sbom.Location, kind sbom.GapKind, reason string) {
	if c.Evidence == sbom.Claimed {
		kind = sbom.GapClaim
	}
	g := sbom.NewGap(kind, at.File, at.Line, reason)
	g.Package, g.Layer = c.NormalName(), at.Layer
	m.gaps = append(m.gaps, g)
}

func (m *matcher) add(list ...Finding) {
	for i := range list {
		f := &list[i]
		if f.Evidence == sbom.Assumed && len(f.Locations) > 0 {
			f.Through = m.through[place{sbom.NormalName(f.Ecosystem, f.Package), f.Locations[0]}]
		}
		f.Gates = f.Verdict.Gating() && f.Evidence != sbom.Claimed
	}
	m.findings = append(m.findings, list)
}

// closeGaps writes the gaps that are one for many components.
func (m *matcher) closeGaps() {
	for eco, n := range m.missing {
		m.gaps = append(m.gaps, sbom.NewGap(sbom.GapEcosystem, "", 0,
			fmt.Sprintf("the advisory snapshot has nothing for %s: %s not matched", eco, components(n))))
	}
	for eco, n := range m.claims {
		m.gaps = append(m.gaps, sbom.NewGap(sbom.GapClaim, "", 0,
			fmt.Sprintf("the advisory snapshot has nothing for %s: %s that are only claimed", eco, components(n))))
	}
	for eco, n := range m.unordered {
		m.gaps = append(m.gaps, sbom.NewGap(sbom.GapEcosystem, "", 0,
			fmt.Sprintf("the version order of %s is not known: %s not matched", eco, components(n))))
	}
	for u, names := range m.uncovered {
		m.gaps = append(m.gaps, u.gap(names))
	}
}

func components(n int) string {
	if n == 1 {
		return "1 component was"
	}
	return fmt.Sprintf("%d components were", n)
}

// purlType is the type of a package URL, "unknown" if there is none.
func purlType(purl string) string {
	rest, ok := strings.CutPrefix(purl, "pkg:")
	kind, _, found := strings.Cut(rest, "/")
	if !ok || !found || kind == "" {
		return "unknown"
	}
	return kind
}

func compareFindings(a, b *Finding) int {
	if c := cmp.Or(
		strings.Compare(a.Ecosystem, b.Ecosystem),
		strings.Compare(sbom.NormalName(a.Ecosystem, a.Package), sbom.NormalName(b.Ecosystem, b.Package)),
		strings.Compare(a.Version, b.Version),
		strings.Compare(a.Specifier, b.Specifier),
	); c != 0 {
		return c
	}
	if c := slices.CompareFunc(a.IDs, b.IDs, CompareIDs); c != 0 {
		return c
	}
	return cmp.Or(
		strings.Compare(string(a.Evidence), string(b.Evidence)),
		strings.Compare(a.PURL, b.PURL),
		strings.Compare(a.SourcePackage, b.SourcePackage),
		strings.Compare(string(a.Verdict), string(b.Verdict)),
		slices.Compare(a.Environments, b.Environments),
		slices.CompareFunc(a.Locations, b.Locations, sbom.CompareLocations),
	)
}

// sorted returns findings in their order. Findings are large: pointers move.
func sorted(lists [][]Finding) []Finding {
	var order []*Finding
	for _, list := range lists {
		for i := range list {
			order = append(order, &list[i])
		}
	}
	slices.SortFunc(order, compareFindings)
	out := make([]Finding, len(order))
	for i, f := range order {
		out[i] = *f
	}
	return out
}
