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
	digests := map[string]string{"r/a:1": "sha256:aa", "r/a:2": "sha256:aa", "r/a:3": "sha256:bb", "r/b:1": "sha256:aa"}
	return &Sweep{
		Source: "r", AsOf: time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC), Parallel: 3,
		Resolve: func(_ context.Context, ref string) (string, error) {
			if d, ok := digests[ref]; ok {
				return d, nil
			}
			return "", errors.New("not found")
		},
		Audit: func(_ context.Context, ref string) (*audit.Report, error) {
			audited.Add(1)
			if ref == "r/a@sha256:bb" {
				return nil, errors.New("layer is damaged")
			}
			return &audit.Report{Decision: policy.Decision{Outcome: policy.Allowed}}, nil
		},
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
