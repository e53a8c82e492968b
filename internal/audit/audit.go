package audit

import (
	"cmp"
	"context"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/tallyman/tallyman/attest"
	"github.com/tallyman/tallyman/internal/oci"
	"github.com/tallyman/tallyman/policy"
	"github.com/tallyman/tallyman/policy/deploy"
	"github.com/tallyman/tallyman/policy/lint"
	"github.com/tallyman/tallyman/policy/python"
	"github.com/tallyman/tallyman/sbom"
	"github.com/tallyman/tallyman/sbom/image"
	"github.com/tallyman/tallyman/vuln"
	"github.com/tallyman/tallyman/vuln/osv"
)

// The stages of an audit.
const (
	StageSBOM   = "sbom"
	StageVuln   = "vuln"
	StageLint   = "lint"
	StageVerify = "verify"
)

// Auditor runs audits. The zero value runs no stage and decides nothing.
type Auditor struct {
	// Tool names the program in reports.
	Tool Tool
	// Command is the stage that the user asked for, see Report.Command.
	Command string
	// Now is the time that decisions are made for.
	Now time.Time
	// Stages are the parts to run.
	Stages []string
	// Advisories opens the advisory snapshot for the ecosystems in use; nil
	// means that there are none, which leaves the audit undecided.
	Advisories func(ctx context.Context, ecosystems []string) (*Advisories, error)
	// Modules are the user's own Rego modules, nil for none.
	Modules fs.FS
	// Parameters and Exceptions are the user's.
	Parameters policy.Parameters
	Exceptions []policy.Exception
	// Environments are where requirements are judged for; none means what the
	// folder says, else every supported Python on linux/amd64.
	Environments []vuln.Environment
	// Platforms are those that requirements are judged for when Environments
	// are left out ("linux/arm64"); none means linux/amd64.
	Platforms []string
	// Known has every version of a package that an index offers; see
	// vuln.Options.
	Known map[string][]string
	// Enable names lint rules that are off by default, or "all".
	Enable []string
	// Hub has the settings of the audited Space, nil for none.
	Hub *Hub
	// Images asks for the images that the folder's files name; see
	// Report.Images.
	Images bool
	// Layers keeps what is read of images' layers; nil keeps nothing. It changes
	// no decision: only Report.Base may name an image that was read before.
	Layers *image.Cache
	// Bases returns the images that the user says others are built on, for a
	// platform ("linux/amd64", "" for any); nil for none. Those that layers has
	// by digest need not be looked for.
	Bases func(ctx context.Context, platform string, layers *image.Cache) ([]BaseImage, error)
	// Verify says what a good signature is.
	Verify attest.Options
	// Compare holds the findings against those of another program and returns a
	// gap for each that only that one has; nil for no comparison.
	Compare func(*Report) (*Comparison, []sbom.Gap)
	// Progress is told what happens; nil for nobody. Leaving it out changes no
	// result.
	Progress func(step string)
	// Warn hears of what costs time and decides nothing, as a cache that cannot
	// be written; nil for nobody.
	Warn func(text string)
}

// Advisories is an opened snapshot.
type Advisories struct {
	// DB answers; nil when there is no snapshot.
	DB *osv.DB
	// Source is where it is from, credentials removed.
	Source string
	// Notes go into the report.
	Notes []string
	// Later says that the snapshot is of a later day than the audit, and that
	// the day has to be reconstructed from it. That decides nothing.
	Later bool
}

// Run audits one target. Problems of the target are in the report; an error
// means that no report could be made, which is never a pass.
func (a *Auditor) Run(ctx context.Context, t Target) (*Report, error) {
	one := *a
	one.Stages = slices.DeleteFunc(slices.Sorted(slices.Values(a.Stages)), func(stage string) bool {
		return stage == StageVerify && t.Image == nil
	})
	return one.run(ctx, t)
}

func (a *Auditor) run(ctx context.Context, t Target) (*Report, error) {
	r := &Report{Version: ReportVersion, Tool: a.Tool, AsOf: a.Now.UTC().Truncate(time.Second), Command: a.Command}
	r.Target = policy.Target{Name: t.Name}
	docs, s, err := a.inventory(ctx, t, r)
	if err != nil {
		return nil, err
	}
	doc := sbom.Merge(cmp.Or(t.Name, r.Target.Image), docs...)
	r.Components, r.Gaps = doc.Components, doc.Gaps
	if s != nil {
		a.together(doc, r)
	}
	if slices.Contains(a.Stages, StageVuln) {
		if err := a.match(ctx, doc, r); err != nil {
			return nil, err
		}
	}
	r.malicious()
	if s.rescopes(r.Components) {
		r.Components = sbom.Merge("", &sbom.Document{Components: s.scoped(r.Components, r.Findings)}).Components
	}
	if a.Compare != nil {
		compared, gaps := a.Compare(r)
		r.Compared, r.Gaps = compared, sbom.Merge("", &sbom.Document{Gaps: slices.Concat(r.Gaps, gaps)}).Gaps
	}
	if slices.Contains(a.Stages, StageVerify) {
		a.step("checking signatures")
		a.verify(ctx, t, r)
	}
	if err := a.decide(ctx, r); err != nil {
		return nil, err
	}
	return r, nil
}

func (a *Auditor) step(format string, args ...any) {
	if a.Progress != nil {
		a.Progress(fmt.Sprintf(format, args...))
	}
}

func (a *Auditor) warn(text string) {
	if a.Warn != nil {
		a.Warn(text)
	}
}

// inventory reads the folder, the image and the SBOM.
func (a *Auditor) inventory(ctx context.Context, t Target, r *Report) (docs []*sbom.Document, s *source, err error) {
	if t.SBOM != nil {
		docs = append(docs, t.SBOM)
	}
	linted := 0
	if t.Folder != nil {
		a.step("reading %s", t.Name)
		if s, err = a.collect(ctx, t.Folder); err != nil {
			return nil, nil, err
		}
		a.Environments = a.environments(s)
		docs = append(docs, s.docs...)
		if r.Target.LeftOut = s.leftOut; len(s.leftOut) > 0 {
			r.Notes = append(r.Notes, s.leftOutNote(t.Folder))
		}
		if len(s.ignored) > 0 {
			r.Target.LeftOut = slices.Sorted(slices.Values(slices.Concat(s.leftOut, s.ignored)))
			r.Notes = append(r.Notes, s.ignoredNote())
		}
		r.Lint = append(r.Lint, s.lint...)
		linted += s.linted
		if a.Images {
			images, gaps := s.images(t.Folder.folderOf())
			r.Images, docs = images, append(docs, &sbom.Document{Gaps: gaps})
		}
	}
	if t.Image != nil {
		a.step("reading image %s", t.Image.Name())
		doc, findings, err := a.readImage(ctx, t, s, r)
		if err != nil {
			return nil, nil, err
		}
		docs = append(docs, doc)
		r.Lint = append(r.Lint, findings...)
		linted++
	}
	if slices.Equal(a.Stages, []string{StageLint}) && linted == 0 {
		docs = append(docs, &sbom.Document{Gaps: []sbom.Gap{sbom.NewGap(sbom.GapNothing, "", 0, "nothing to lint was found")}})
	}
	a.Hub.judge(r, a.Enable)
	r.Lint = lint.Sort(r.Lint)
	if !slices.Contains(a.Stages, StageLint) {
		r.Lint = nil
	}
	return docs, s, nil
}

// chosen is the platform of an image that was chosen among several, "" of one
// that is the only one of its reference.
func chosen(t Target) string {
	if _, one := t.Image.IndexDescriptor(); !one || t.Platform != "" {
		return t.Platform
	}
	config, err := t.Image.Image().ConfigFile()
	if err != nil || config.Platform() == nil {
		return "" // what is wrong with it is said by whoever reads it
	}
	return config.Platform().String()
}

// notesOf are what led to an image. A mirror's answer is repeated there.
func notesOf(img *oci.Image) []string {
	out := slices.Clone(img.Notes())
	for i := range out {
		out[i] = sbom.RedactMessage(out[i])
	}
	return out
}

// readImage reads the image's packages and judges its configuration.
func (a *Auditor) readImage(ctx context.Context, t Target, s *source, r *Report) (*sbom.Document, []lint.Finding, error) {
	r.Target.Image, r.Target.ImageDigest = t.Image.Name(), t.Image.Digest().String()
	if index, ok := t.Image.IndexDescriptor(); ok {
		r.Target.IndexDigest = index.Digest.String()
	}
	r.Target.Platform = chosen(t)
	if slices.Equal(a.Stages, []string{StageVerify}) {
		r.Notes = append(r.Notes, notesOf(t.Image)...)
		return &sbom.Document{}, nil, nil
	}
	inventory, err := image.Read(ctx, t.Image.Image(), image.Options{Cache: a.Layers})
	r.Notes = append(r.Notes, notesOf(t.Image)...) // now, for what was said of its layers
	if err != nil {
		return nil, nil, fmt.Errorf("reading image %q: %w", t.Image.Name(), err)
	}
	if inventory.CacheError != nil {
		a.warn(inventory.CacheError.Error())
	}
	if inventory.Unhistoried {
		r.Notes = append(r.Notes, "the image's history is not that of its layers: no instruction is named for them")
	}
	at, err := a.attribute(ctx, t, s, inventory)
	if err != nil {
		return nil, nil, fmt.Errorf("looking for the base of image %q: %w", t.Image.Name(), err)
	}
	r.Base, r.Notes = at.known, append(r.Notes, at.notes...)
	r.Image = imageFacts(t.Image.Digest().String(), inventory)
	r.Image.Base = at.base
	a.remember(r, at.layers)
	inventory.Document.Gaps = append(inventory.Document.Gaps, passedBy(t.Image.Others(), platform(inventory.Config))...)
	findings := append(deploy.CheckImage(imageConfig(inventory, at.refuted)), deploy.CheckFiles(inventory.Document)...)
	if t.Base {
		findings = slices.DeleteFunc(findings, func(f lint.Finding) bool { return deploy.AboutRunning(f.Rule) })
		r.Notes = append(r.Notes, "the image is what others are built on: how it runs (its user, its health check) is not judged")
	}
	findings = append(findings, python.CheckInterpreters(a.Now, imageInterpreters(inventory.Document.Components))...)
	if s != nil && slices.Contains(a.Stages, StageLint) {
		config, err := t.Image.Image().ConfigFile()
		if err != nil {
			return nil, nil, fmt.Errorf("reading image %q: %w", t.Image.Name(), err)
		}
		findings = append(findings, a.drifted(s, inventory, config)...)
	}
	return inventory.Document, findings, nil
}

// passedBy are the gaps for what the index of an image, which is for own, has
// for other platforms: whoever pulls the index may get one of those.
func passedBy(others []oci.Other, own string) []sbom.Gap {
	var gaps []sbom.Gap
	for _, o := range others {
		if o.Absent {
			continue
		}
		reason := fmt.Sprintf("the index has %s too, which was not audited", o.Platform)
		if own != "" {
			reason += "; --platform " + own + " says that this one is meant"
		}
		gaps = append(gaps, sbom.NewGap(sbom.GapUnchosen, "", 0, reason))
	}
	return gaps
}

// match holds the inventory against the advisories.
func (a *Auditor) match(ctx context.Context, doc *sbom.Document, r *Report) error {
	inUse := ecosystems(doc)
	var opened *Advisories
	if a.Advisories != nil {
		var err error
		if opened, err = a.Advisories(ctx, inUse); err != nil {
			return err
		}
	}
	if opened == nil {
		opened = &Advisories{}
	}
	r.Notes = append(r.Notes, opened.Notes...)
	var err error
	if r.Snapshot, err = a.snapshot(opened, inUse); err != nil {
		return fmt.Errorf("reading the advisory snapshot: %w", err)
	}
	a.step("matching %d components", len(doc.Components))
	var src vuln.Source = none{}
	if opened.DB != nil {
		src = opened.DB
	}
	var past *vuln.Past
	if opened.DB != nil && opened.Later {
		past = vuln.AsOf(src, a.Now)
		src = past
	}
	result, err := vuln.MatchWith(ctx, doc, src, vuln.Options{Now: a.Now, Environments: a.Environments, Known: a.Known})
	if err != nil {
		return fmt.Errorf("matching advisories: %w", err)
	}
	if past != nil {
		result.Gaps = append(result.Gaps, reconstructed(past, a.Now))
	}
	r.Findings = result.Findings
	r.Gaps = sbom.Merge("", &sbom.Document{Gaps: slices.Concat(r.Gaps, result.Gaps)}).Gaps
	return nil
}

// reconstructed says what findings of a past day rest on.
func reconstructed(past *vuln.Past, day time.Time) sbom.Gap {
	later, edited := past.Reconstructed()
	return sbom.NewGap(sbom.GapReconstructed, "", 0, fmt.Sprintf(
		"no advisories of %s were kept: they are reconstructed from later ones (records of later left out: %d; edited since: %d), which allows nothing",
		day.UTC().Format(time.DateOnly), later, edited))
}

// none is the source of advisories when there is no snapshot.
type none struct{}

func (none) Advisories(context.Context, string, string) ([]vuln.Advisory, error) {
	return nil, vuln.ErrNoEcosystem
}

// ecosystems are the ecosystems in whose advisories the document's components
// are looked up: a component that a distribution package owns is looked up as
// that package. What is only claimed asks for no advisories.
func ecosystems(doc *sbom.Document) []string {
	var out []string
	for _, c := range doc.Components {
		if c.Ecosystem != "" && c.Evidence != sbom.OSOwned && c.Evidence != sbom.Claimed && !slices.Contains(out, c.Ecosystem) {
			out = append(out, c.Ecosystem)
		}
	}
	slices.Sort(out)
	return out
}

// snapshot says what the advisories have for each ecosystem in use.
func (a *Auditor) snapshot(opened *Advisories, inUse []string) (Snapshot, error) {
	out := Snapshot{Source: opened.Source, Ecosystems: []policy.AdvisoryStatus{}}
	if opened.DB != nil {
		out.Digest = opened.DB.Digest()
	}
	maxAge := cmp.Or(a.Parameters.MaxAgeSeconds, int64(policy.DefaultMaxAge/time.Second))
	for _, name := range inUse {
		entry := policy.AdvisoryStatus{Ecosystem: name}
		if opened.DB != nil {
			s, err := opened.DB.StatusOf(name, a.Now)
			if err != nil {
				return Snapshot{}, err
			}
			if s != nil {
				entry = policy.AdvisoryStatus{Ecosystem: name, Present: true, Records: s.Records, Refused: s.Refused, Date: s.Date, Newest: s.Newest}
				entry.Stale = a.Now.Unix()-s.Date.Unix() > maxAge
			}
		}
		out.Ecosystems = append(out.Ecosystems, entry)
	}
	return out, nil
}

// decide asks the policy and completes the report.
func (a *Auditor) decide(ctx context.Context, r *Report) error {
	a.step("deciding")
	r.Parameters, r.Stages = a.Parameters, slices.Clone(a.Stages)
	r.normalize()
	if err := r.valid(); err != nil {
		return err
	}
	r.Target.NamedImages = namesOf(r.Images)
	decision, err := policy.Decide(ctx, r.input(a.Exceptions), policy.Options{Modules: a.Modules, Tool: r.Tool.String()})
	if err != nil {
		return err
	}
	r.Decision = decision
	return nil
}

// normalize makes empty lists of missing ones and documents the rules in use.
func (r *Report) normalize() {
	r.Components = orEmpty(r.Components)
	r.Findings = orEmpty(r.Findings)
	r.Lint = orEmpty(r.Lint)
	r.Signatures = orEmpty(r.Signatures)
	r.Gaps = orEmpty(r.Gaps)
	r.Notes = orEmpty(r.Notes)
	r.Stages = orEmpty(r.Stages)
	r.Snapshot.Ecosystems = orEmpty(r.Snapshot.Ecosystems)
	r.Rules = []lint.Rule{}
	for _, rule := range allRules() {
		used := slices.ContainsFunc(r.Lint, func(f lint.Finding) bool { return f.Rule == rule.ID })
		if used && !slices.ContainsFunc(r.Rules, func(o lint.Rule) bool { return o.ID == rule.ID }) {
			r.Rules = append(r.Rules, rule)
		}
	}
	slices.SortFunc(r.Rules, func(x, y lint.Rule) int { return strings.Compare(x.ID, y.ID) })
}

func orEmpty[T any](in []T) []T {
	if in == nil {
		return []T{}
	}
	return in
}
