package sweep_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tallyman/tallyman/internal/audit"
	"github.com/tallyman/tallyman/internal/sweep"
	"github.com/tallyman/tallyman/policy"
)

// target is one that ends in an outcome for a rule, or in an error.
func target(name string, o policy.Outcome, rule string, err error) sweep.Target {
	return sweep.Target{
		Image: sweep.Image{Reference: name},
		Audit: func(context.Context) (*audit.Report, error) {
			effect := policy.Warn
			if o == policy.Denied {
				effect = policy.Deny
			}
			return &audit.Report{Decision: policy.Decision{Outcome: o, Reasons: []policy.Reason{{Effect: effect, Rule: rule, Message: name}}}}, err
		},
		Refused: func(_ context.Context, why error) (*audit.Report, error) {
			return &audit.Report{Decision: policy.Decision{Reasons: []policy.Reason{{Effect: policy.Undecide, Rule: "gap", Message: why.Error()}}}}, nil
		},
	}
}

func forBuild(t sweep.Target) sweep.Target {
	t.ReportedOnly, t.Role = true, audit.RoleBuild
	return t
}

// outcomes are the rows in their order, and the outcome of all.
func outcomes(t *testing.T, r *sweep.Result) []string {
	t.Helper()
	if len(r.Images) != len(r.Reports) {
		t.Fatalf("%d rows and %d reports", len(r.Images), len(r.Reports))
	}
	var out []string
	for i, row := range r.Images {
		if row.Outcome != r.Reports[i].Decision.Outcome {
			t.Errorf("%s is %s, its report %s", row.Reference, row.Outcome, r.Reports[i].Decision.Outcome)
		}
		out = append(out, row.Reference+" "+row.Outcome.String())
	}
	return append(out, r.Outcome.String())
}

func TestEach(t *testing.T) {
	gone := errors.New("not found")
	for _, test := range []struct {
		name    string
		targets []sweep.Target
		want    []string
	}{
		{"none", nil, []string{"undecided"}},
		{"in their order", []sweep.Target{target("b", policy.Allowed, "", nil), target("a", policy.Allowed, "", nil)}, []string{"b allowed", "a allowed", "allowed"}},
		{"one cannot be had, the others are audited", []sweep.Target{target("a", policy.Allowed, "", gone), target("b", policy.Allowed, "", nil)}, []string{"a undecided", "b allowed", "undecided"}},
		{"denied outranks undecided", []sweep.Target{target("a", policy.Allowed, "", gone), target("b", policy.Denied, "vulnerability", nil)}, []string{"a undecided", "b denied", "denied"}},
		{"only for a build", []sweep.Target{target("a", policy.Allowed, "", nil), forBuild(target("b", policy.Denied, "vulnerability", nil)), forBuild(target("c", policy.Allowed, "", gone))},
			[]string{"a allowed", "b denied", "c undecided", "allowed"}},
		{"malware counts in a build too", []sweep.Target{target("a", policy.Allowed, "", nil), forBuild(target("b", policy.Denied, "malicious", nil))}, []string{"a allowed", "b denied", "denied"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			result, err := (&sweep.Sweep{Source: "app"}).Each(t.Context(), test.targets)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, outcomes(t, result)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if err := compiled(t).Validate(decoded(t, &sweep.Result{Images: result.Images, Skipped: result.Skipped})); err != nil {
				t.Errorf("not what the schema says: %v", err)
			}
		})
	}
}

// What is not audited when the time is over is undecided, and what was audited
// before stays; whoever is interrupted gets nothing.
func TestEachWhenTheTimeIsOver(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
	defer cancel()
	over, done := context.WithDeadline(ctx, time.Unix(0, 0))
	defer done()
	result, err := (&sweep.Sweep{}).Each(over, []sweep.Target{target("a", policy.Allowed, "", nil)})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"a undecided", "undecided"}, outcomes(t, result)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	cancel()
	if result, err := (&sweep.Sweep{}).Each(ctx, []sweep.Target{target("a", policy.Allowed, "", nil)}); err == nil {
		t.Errorf("interrupted, and got %v", outcomes(t, result))
	}
}

func TestWriteTargets(t *testing.T) {
	result, err := (&sweep.Sweep{}).Each(t.Context(), []sweep.Target{target("app\x1b[2J", policy.Allowed, "", nil), forBuild(target("b:1", policy.Denied, "lint", nil))})
	if err != nil {
		t.Fatal(err)
	}
	result.Images[1].Places = []audit.ImagePlace{{File: "Dockerfile", Line: 1, By: "FROM"}, {File: "b/Dockerfile", Line: 1, By: "FROM"}}
	result.Skipped = []sweep.Skipped{{Reference: "c:1", Kind: "built here"}}
	var b bytes.Buffer
	if err := result.WriteTargets(&b, func(s string) string { return strings.ReplaceAll(s, "\x1b", "?") }); err != nil {
		t.Fatal(err)
	}
	want := `OUTCOME   CRITICAL  HIGH  OTHER  DENYING-LINT  SIGNED  GAPS  TARGET   PLATFORM  NAMED BY
allowed   0         0     0      0             0       0     app?[2J  -         -
(denied)  0         0     0      0             0       0     b:1      -         Dockerfile:1 (FROM) and 1 more

What stands in parentheses is only there for a build, and decides nothing unless it is malicious (--gate-scopes all).

c:1: skipped: built here

ALLOWED: 2 targets: 0 denied, 0 undecided, 1 allowed, 1 denied (only builds); 1 skipped
`
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// Whoever edits the JSON of several reports makes no image count for less: the
// reports say which there are and what each is for.
func TestRecountFindsWhatWasRemoved(t *testing.T) {
	two := func() *sweep.Result {
		folder := &audit.Report{Images: []audit.NamedImage{{Reference: "b:1", Role: audit.RoleRuns}, {Reference: "c:1", Role: audit.RoleBuild}, {Reference: "d:1", Role: audit.RoleRuns, Skipped: "built"}}}
		b, c := &audit.Report{}, &audit.Report{}
		folder.Decision.Outcome, b.Decision.Outcome, c.Decision.Outcome = policy.Allowed, policy.Denied, policy.Allowed
		b.Target.Image, c.Target.Image = "b:1", "c:1"
		return &sweep.Result{
			Images:  []sweep.Image{{Reference: "app"}, {Reference: "b:1", Role: audit.RoleRuns}, {Reference: "c:1", Role: audit.RoleBuild}},
			Reports: []*audit.Report{folder, b, c},
		}
	}
	for _, test := range []struct {
		name string
		edit func(r *sweep.Result)
		ok   bool
	}{
		{"nothing", func(*sweep.Result) {}, true},
		{"the row is said to be reported only", func(r *sweep.Result) { r.Images[1].ReportedOnly = true }, true},
		{"the role", func(r *sweep.Result) { r.Images[1].Role, r.Images[1].ReportedOnly = audit.RoleBuild, true }, false},
		{"the role and the name", func(r *sweep.Result) {
			r.Images[1] = sweep.Image{Reference: "c:1", Role: audit.RoleBuild, ReportedOnly: true}
		}, false},
		{"the report", func(r *sweep.Result) {
			r.Images, r.Reports = append(r.Images[:1], r.Images[2]), append(r.Reports[:1], r.Reports[2])
		}, false},
	} {
		r := two()
		test.edit(r)
		switch err := r.Recount(); {
		case test.ok != (err == nil) || err != nil && !errors.Is(err, audit.ErrTampered):
			t.Errorf("%s: %v", test.name, err)
		case err == nil && r.Outcome != policy.Denied:
			t.Errorf("%s: %v, and an image is denied", test.name, r.Outcome)
		}
	}
}
