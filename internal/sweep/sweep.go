// Package sweep audits a registry's worth of images, each digest once.
package sweep

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/tallyman/tallyman/internal/audit"
	"github.com/tallyman/tallyman/policy"
)

// Version is the version of the Result's JSON. Fields may be added under the
// same version, never renamed or removed.
const Version = 1

// Result is the outcome of a sweep. docs/schema/sweep.schema.json.
type Result struct {
	// Version is Version.
	Version int `json:"version"`
	// AsOf is the time that the decisions were made for, UTC.
	AsOf time.Time `json:"as_of"`
	// Source is the registry or the list that was swept.
	Source string `json:"source"`
	// Images has an entry for each image of a repository, one a platform of an
	// index, sorted by reference and platform.
	Images []Image `json:"images"`
	// Skipped are the references behind which there is no image, sorted.
	Skipped []Skipped `json:"skipped"`
	// Outcome is the worst of the images'; Undecided when there are none.
	Outcome policy.Outcome `json:"outcome"`
	// Reports are the whole reports of Images, in their order, for an audit of
	// several targets; a sweep has none.
	Reports []*audit.Report `json:"reports,omitempty"`
}

// Skipped is a reference behind which there is no image.
type Skipped struct {
	// Reference is as listed.
	Reference string `json:"reference"`
	// Kind says what there is instead ("an artifact of type ...").
	Kind string `json:"kind"`
}

// Image is what became of one image.
type Image struct {
	// Reference is REPOSITORY@DIGEST, or the reference as listed when it could
	// not be resolved, or the repository when it could not be listed.
	Reference string `json:"reference"`
	// Platform is "os/architecture[/variant]" when Reference names an index, ""
	// otherwise.
	Platform string `json:"platform"`
	// Tags are the tags that name the digest, sorted.
	Tags    []string       `json:"tags"`
	Outcome policy.Outcome `json:"outcome"`
	// Role is what the image is to the folder that names it, "" for what the
	// user named.
	Role audit.ImageRole `json:"role,omitempty"`
	// Places are those of the folder that name the image.
	Places []audit.ImagePlace `json:"places,omitempty"`
	// ReportedOnly is true for an image that is only there for a build and does
	// not count for the outcome of all.
	ReportedOnly bool `json:"reported_only,omitempty"`
	// Error says why there is no report, "" when there is one.
	Error string `json:"error"`
	// Components and Gaps are how many there are.
	Components int `json:"components"`
	Gaps       int `json:"gaps"`
	// Findings counts gating findings by severity.
	Findings map[string]int `json:"findings"`
	// Lint is how many lint findings are of high risk.
	Lint int `json:"lint"`
	// Signatures is how many signatures verified, and Attestations how many
	// attestations, which make no image signed.
	Signatures   int `json:"signatures"`
	Attestations int `json:"attestations"`
	// Reasons are the messages of the deny and undecided reasons.
	Reasons []string `json:"reasons"`
}

// Found is what a reference leads to.
type Found struct {
	// Digest is that of the image or index that the reference names, "" for a
	// file, which nothing but its own name leads to.
	Digest string
	// Images are the images behind it: itself, or those of an index. None is
	// nothing to audit, for Artifact.
	Images []Entry
	// Artifact says what there is when there are no Images.
	Artifact string
}

// Entry is one image.
type Entry struct {
	Digest string
	// Platform is "os/architecture[/variant]", "" when no index names it.
	Platform string
}

// Unlisted is a repository whose tags could not be listed.
type Unlisted struct {
	Repository string
	Err        error
}

// Sweep is one run. All fields but Progress, Parallel and Unlisted are
// required.
type Sweep struct {
	// Source names what is swept.
	Source string
	AsOf   time.Time
	// Unlisted are undecided, each by itself.
	Unlisted []Unlisted
	// Resolve returns what a reference leads to now.
	Resolve func(ctx context.Context, ref string) (Found, error)
	// Audit audits the image of REPOSITORY@DIGEST that has the platform and
	// digest of one.
	Audit func(ctx context.Context, ref string, one Entry) (*audit.Report, error)
	// Parallel is how many images are looked at at once; 0 means 2.
	Parallel int
	// Progress is told before each image; nil for nobody.
	Progress func(done, all int, ref string)
}

// Run resolves the references, audits each image once, and returns what came
// of it. An image that cannot be audited is undecided and never ends the sweep;
// only the end of ctx does.
func (s *Sweep) Run(ctx context.Context, refs []string) (*Result, error) {
	result := &Result{Version: Version, AsOf: s.AsOf.UTC().Truncate(time.Second), Source: s.Source, Skipped: []Skipped{}}
	rows, err := s.resolve(ctx, refs, result)
	if err != nil {
		return nil, err
	}
	work, limited := errgroup.WithContext(ctx)
	work.SetLimit(cmp.Or(s.Parallel, 2))
	for i, row := range rows {
		if row.Error != "" {
			continue
		}
		work.Go(func() error {
			if s.Progress != nil {
				s.Progress(i, len(rows), row.Reference)
			}
			r, err := s.Audit(limited, row.Reference, row.entry)
			row.fill(r, err)
			return limited.Err()
		})
	}
	if err := work.Wait(); err != nil {
		return nil, fmt.Errorf("sweeping %q: %w", s.Source, err)
	}
	result.Images = make([]Image, len(rows))
	for i, row := range rows {
		result.Images[i] = row.Image
	}
	result.Outcome = worst(result.Images)
	return result, nil
}

// row is an image on its way.
type row struct {
	Image
	entry Entry
}

// resolve makes a row of every image, whatever number of tags lead to it, and
// of everything that could not be looked at.
func (s *Sweep) resolve(ctx context.Context, refs []string, result *Result) ([]*row, error) {
	rows := map[[2]string]*row{}
	add := func(ref, platform string, e Entry, tag string, err error) {
		r, seen := rows[[2]string{ref, platform}]
		if !seen {
			r = &row{entry: e, Image: Image{Reference: ref, Platform: platform, Tags: []string{}, Findings: map[string]int{}, Reasons: []string{}}}
			rows[[2]string{ref, platform}] = r
		}
		if err != nil {
			r.Error = err.Error()
		}
		if tag != "" && !slices.Contains(r.Tags, tag) {
			r.Tags = append(r.Tags, tag)
			slices.Sort(r.Tags)
		}
	}
	for _, u := range s.Unlisted {
		add(u.Repository, "", Entry{}, "", u.Err)
	}
	for _, ref := range refs {
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("sweeping %q: %w", s.Source, err)
		}
		found, err := s.Resolve(ctx, ref)
		if err != nil {
			add(ref, "", Entry{}, tagOf(ref), err)
			continue
		}
		if len(found.Images) == 0 {
			result.Skipped = append(result.Skipped, Skipped{Reference: ref, Kind: found.Artifact})
		}
		for i, e := range found.Images {
			name, platform := found.name(i, ref)
			add(name, platform, e, tagOf(ref), nil)
		}
	}
	slices.SortFunc(result.Skipped, func(x, y Skipped) int { return strings.Compare(x.Reference, y.Reference) })
	return slices.SortedFunc(maps.Values(rows), func(x, y *row) int {
		return cmp.Or(strings.Compare(x.Reference, y.Reference), strings.Compare(x.Platform, y.Platform))
	}), nil
}

// name is how the image i is told from all others: by the digest of the index
// and the platform, else, where the index has that platform twice or does not
// name it, by its own digest.
func (f *Found) name(i int, ref string) (reference, platform string) {
	repository, _ := split(ref)
	e := f.Images[i]
	if e.Digest == f.Digest {
		return repository + "@" + f.Digest, ""
	}
	first := slices.IndexFunc(f.Images, func(o Entry) bool { return o.Platform == e.Platform })
	if f.Digest == "" && first == i {
		return ref, e.Platform
	}
	if e.Platform == "" || first != i {
		return repository + "@" + e.Digest, ""
	}
	return repository + "@" + f.Digest, e.Platform
}

func tagOf(ref string) string {
	_, tag := split(ref)
	return tag
}

// split cuts the tag or digest off a reference.
func split(ref string) (repository, tag string) {
	ref, _, _ = strings.Cut(ref, "@")
	if i := strings.LastIndex(ref, ":"); i > strings.LastIndex(ref, "/") {
		return ref[:i], ref[i+1:]
	}
	return ref, ""
}

func (i *Image) fill(r *audit.Report, err error) {
	if err != nil {
		i.Error = err.Error()
		return
	}
	i.Outcome, i.Components, i.Gaps = r.Decision.Outcome, len(r.Components), len(r.Gaps)
	for _, f := range r.Findings {
		if f.Gates {
			i.Findings[string(f.Severity)]++
		}
	}
	for _, f := range r.Lint {
		if f.Risk == "high" && !f.Suppressed {
			i.Lint++
		}
	}
	for _, s := range r.Signatures {
		switch {
		case s.Status != policy.SignatureVerified:
		case s.Kind == "signature":
			i.Signatures++
		default:
			i.Attestations++
		}
	}
	for _, reason := range r.Decision.Reasons {
		if reason.Effect != policy.Warn {
			i.Reasons = append(i.Reasons, reason.Message)
		}
	}
}

// worst is the outcome whose exit code a sweep has: denied, then undecided,
// then allowed; nothing swept is undecided.
func worst(images []Image) policy.Outcome {
	if len(images) == 0 {
		return policy.Undecided
	}
	out := policy.Allowed
	for _, i := range images {
		if !i.ReportedOnly {
			out = out.Worse(i.Outcome)
		}
	}
	return out
}
