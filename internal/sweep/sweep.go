// Package sweep audits a registry's worth of images, each digest once.
package sweep

import (
	"cmp"
	"context"
	"fmt"
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
	// Images has an entry a digest of a repository, sorted by reference.
	Images []Image `json:"images"`
	// Outcome is the worst of the images'; Undecided when there are none.
	Outcome policy.Outcome `json:"outcome"`
}

// Image is what became of one digest.
type Image struct {
	// Reference is REPOSITORY@DIGEST, or the reference as listed when it could
	// not be resolved.
	Reference string `json:"reference"`
	// Tags are the tags that name the digest, sorted.
	Tags    []string       `json:"tags"`
	Outcome policy.Outcome `json:"outcome"`
	// Error says why there is no report, "" when there is one.
	Error string `json:"error"`
	// Components and Gaps are how many there are.
	Components int `json:"components"`
	Gaps       int `json:"gaps"`
	// Findings counts gating findings by severity.
	Findings map[string]int `json:"findings"`
	// Lint is how many lint findings are of high risk.
	Lint int `json:"lint"`
	// Signatures is how many signatures or attestations verified.
	Signatures int `json:"signatures"`
	// Reasons are the messages of the deny and undecided reasons.
	Reasons []string `json:"reasons"`
}

// Sweep is one run. All fields but Progress and Parallel are required.
type Sweep struct {
	// Source names what is swept.
	Source string
	AsOf   time.Time
	// Resolve returns the digest that a reference names now.
	Resolve func(ctx context.Context, ref string) (digest string, err error)
	// Audit audits REPOSITORY@DIGEST.
	Audit func(ctx context.Context, ref string) (*audit.Report, error)
	// Parallel is how many images are looked at at once; 0 means 2.
	Parallel int
	// Progress is told before each image; nil for nobody.
	Progress func(done, all int, ref string)
}

// Run resolves the references, audits each digest once, and returns what came
// of it. An image that cannot be audited is undecided and never ends the sweep;
// only the end of ctx does.
func (s *Sweep) Run(ctx context.Context, refs []string) (*Result, error) {
	images, err := s.resolve(ctx, refs)
	if err != nil {
		return nil, err
	}
	work, limited := errgroup.WithContext(ctx)
	work.SetLimit(cmp.Or(s.Parallel, 2))
	for i := range images {
		if images[i].Error != "" {
			continue
		}
		work.Go(func() error {
			if s.Progress != nil {
				s.Progress(i, len(images), images[i].Reference)
			}
			r, err := s.Audit(limited, images[i].Reference)
			images[i].fill(r, err)
			return limited.Err()
		})
	}
	if err := work.Wait(); err != nil {
		return nil, fmt.Errorf("sweeping %q: %w", s.Source, err)
	}
	result := &Result{Version: Version, AsOf: s.AsOf.UTC().Truncate(time.Second), Source: s.Source, Images: images}
	result.Outcome = worst(images)
	return result, nil
}

// resolve groups the references by repository and digest.
func (s *Sweep) resolve(ctx context.Context, refs []string) ([]Image, error) {
	at := map[string]int{}
	images := []Image{}
	for _, ref := range refs {
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("sweeping %q: %w", s.Source, err)
		}
		repository, tag := split(ref)
		name, message := ref, ""
		digest, err := s.Resolve(ctx, ref)
		if err != nil {
			message = err.Error()
		} else {
			name = repository + "@" + digest
		}
		i, seen := at[name]
		if !seen {
			i = len(images)
			at[name] = i
			images = append(images, Image{Reference: name, Tags: []string{}, Findings: map[string]int{}, Reasons: []string{}, Error: message})
		}
		if tag != "" && !slices.Contains(images[i].Tags, tag) {
			images[i].Tags = append(images[i].Tags, tag)
		}
	}
	for i := range images {
		slices.Sort(images[i].Tags)
	}
	slices.SortFunc(images, func(x, y Image) int { return strings.Compare(x.Reference, y.Reference) })
	return images, nil
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
		if s.Status == policy.SignatureVerified {
			i.Signatures++
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
		if i.Outcome == policy.Denied {
			return policy.Denied
		}
		if i.Outcome == policy.Undecided {
			out = policy.Undecided
		}
	}
	return out
}
