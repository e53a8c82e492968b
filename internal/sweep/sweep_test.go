package sweep

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tallyman/tallyman/internal/audit"
	"github.com/tallyman/tallyman/policy"
)

// world is a registry's worth of references and what an audit of each says.
func world(audited *atomic.Int64) *Sweep {
	one := func(digest string) Found { return Found{Digest: digest, Images: []Entry{{Digest: digest}}} }
	found := map[string]Found{
		"r/a:1": one("sha256:aa"), "r/a:2": one("sha256:aa"), "r/a:3": one("sha256:bb"), "r/b:1": one("sha256:aa"),
		"r/a:sig": {Digest: "sha256:cc", Artifact: "an artifact of type text/plain"},
		"r/i:1": {Digest: "sha256:dd", Images: []Entry{
			{"sha256:aa", "linux/amd64"}, {"sha256:ee", "linux/arm64"}, {"sha256:bb", "linux/arm64"}, {"sha256:ff", ""},
		}},
	}
	return &Sweep{
		Source: "r", AsOf: time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC), Parallel: 3,
		Resolve: func(_ context.Context, ref string) (Found, error) {
			if f, ok := found[ref]; ok {
				return f, nil
			}
			return Found{}, errors.New("not found")
		},
		Audit: func(_ context.Context, _ string, e Entry) (*audit.Report, error) {
			audited.Add(1)
			if e.Digest == "sha256:bb" {
				return nil, errors.New("layer is damaged")
			}
			return &audit.Report{Decision: policy.Decision{Outcome: policy.Allowed}}, nil
		},
	}
}

// Every image of an index has a row, also one whose platform another one has
// or that has none: an attacker cannot put one where nobody looks.
func TestEveryImageOfAnIndexWhereAnAttackerHidesOne(t *testing.T) {
	var audited atomic.Int64
	result, err := world(&audited).Run(t.Context(), []string{"r/i:1"})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]policy.Outcome{}
	for _, i := range result.Images {
		got[i.Reference+" "+i.Platform] = i.Outcome
	}
	want := map[string]policy.Outcome{
		"r/i@sha256:dd linux/amd64": policy.Allowed, "r/i@sha256:dd linux/arm64": policy.Allowed,
		"r/i@sha256:bb ": policy.Undecided, "r/i@sha256:ff ": policy.Allowed,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("images (-want +got):\n%s", diff)
	}
}

// What is no image is listed, and nothing but that is not a pass.
func TestArtifactsAreListed(t *testing.T) {
	var audited atomic.Int64
	result, err := world(&audited).Run(t.Context(), []string{"r/a:sig"})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]Skipped{{"r/a:sig", "an artifact of type text/plain"}}, result.Skipped); diff != "" {
		t.Errorf("skipped (-want +got):\n%s", diff)
	}
	if result.Outcome != policy.Undecided || audited.Load() != 0 {
		t.Errorf("outcome %v after %d audits", result.Outcome, audited.Load())
	}
}

// A repository whose tags an attacker makes unlistable is undecided, and the
// others are audited.
func TestSweepGoesOnWhereAnAttackerStopsAListing(t *testing.T) {
	var audited atomic.Int64
	s := world(&audited)
	s.Unlisted = []Unlisted{{"r/c", errors.New("500")}}
	result, err := s.Run(t.Context(), []string{"r/a:1"})
	if err != nil {
		t.Fatal(err)
	}
	if len(result.Images) != 2 || result.Images[1].Error != "500" || result.Outcome != policy.Undecided || audited.Load() != 1 {
		t.Errorf("result %+v after %d audits", result, audited.Load())
	}
}

func TestEachDigestOnce(t *testing.T) {
	var audited atomic.Int64
	result, err := world(&audited).Run(t.Context(), []string{"r/a:1", "r/a:2", "r/b:1"})
	if err != nil {
		t.Fatal(err)
	}
	if audited.Load() != 2 {
		t.Errorf("%d audits, want one a digest of a repository", audited.Load())
	}
	got := map[string][]string{}
	for _, i := range result.Images {
		got[i.Reference] = i.Tags
	}
	want := map[string][]string{"r/a@sha256:aa": {"1", "2"}, "r/b@sha256:aa": {"1"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("images (-want +got):\n%s", diff)
	}
	if result.Outcome != policy.Allowed {
		t.Errorf("outcome %v", result.Outcome)
	}
}

// An image that cannot be looked at is undecided, and so is the sweep: an
// attacker who damages or removes one image must not turn it into a pass.
func TestSweepIsUndecidedWhenAnAttackerDamagesAnImage(t *testing.T) {
	for name, refs := range map[string][]string{
		"damaged": {"r/a:1", "r/a:3"},
		"removed": {"r/a:1", "r/gone:1"},
		"all":     {},
	} {
		var audited atomic.Int64
		result, err := world(&audited).Run(t.Context(), refs)
		if err != nil {
			t.Fatal(err)
		}
		if result.Outcome != policy.Undecided {
			t.Errorf("%s: outcome %v, want undecided", name, result.Outcome)
		}
	}
}

func TestSweepEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var audited atomic.Int64
	if _, err := world(&audited).Run(ctx, []string{"r/a:1"}); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want that of the context", err)
	}
}

func TestSplit(t *testing.T) {
	for ref, want := range map[string][2]string{
		"r/a:1":              {"r/a", "1"},
		"localhost:5000/a":   {"localhost:5000/a", ""},
		"localhost:5000/a:1": {"localhost:5000/a", "1"},
		"r/a@sha256:aa":      {"r/a", ""},
		"r/a:1@sha256:aa":    {"r/a", "1"},
	} {
		repository, tag := split(ref)
		if got := [2]string{repository, tag}; got != want {
			t.Errorf("split(%q) = %q, want %q", ref, got, want)
		}
	}
}
