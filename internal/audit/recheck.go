package audit

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"reflect"
	"slices"

	"github.com/tallyman/tallyman/policy"
	"github.com/tallyman/tallyman/sbom"
)

// ErrTampered is wrapped by Recheck's error when a report's decision is not
// the one that its evidence gives.
var ErrTampered = errors.New("the report does not hold together")

// String is how a decision names its tool.
func (t Tool) String() string { return t.Name + " " + t.Version }

// input is the policy's view of a report.
func (r *Report) input(exceptions []policy.Exception) policy.Input {
	return policy.Input{
		Target: r.Target, AsOf: r.AsOf, Components: r.Components, Findings: r.Findings, Lint: r.Lint,
		Signatures: r.Signatures, Gaps: r.Gaps, Image: r.Image, Advisories: r.Snapshot.Ecosystems,
		SnapshotDigest: r.Snapshot.Digest, Exceptions: slices.Clone(exceptions), Parameters: r.Parameters,
		Stages: r.Stages,
	}
}

// Recheck decides again from the evidence in the report, with the built-in
// policy and modules, the user's own (nil for none), and requires the same
// decision: the digest of every part, the outcome, every reason. A report that
// was read from a file says nothing before that.
//
// It finds a report of which a part was changed. It cannot find one that was
// made up as a whole: for that a report has to be attested.
func (r *Report) Recheck(ctx context.Context, modules fs.FS) error {
	if !slices.Equal(r.Target.NamedImages, namesOf(r.Images)) {
		return fmt.Errorf("%w: the images that it names are not those that it was decided with", ErrTampered)
	}
	exceptions := slices.Clone(r.Decision.Exceptions)
	for i := range exceptions {
		exceptions[i].Used, exceptions[i].Expired = 0, false
	}
	again, err := policy.Decide(ctx, r.input(exceptions), policy.Options{Modules: modules, Tool: r.Tool.String()})
	if err != nil {
		return fmt.Errorf("deciding again: %w", err)
	}
	if err := sameDigests(r.Decision.Digests, again.Digests); err != nil {
		return err
	}
	if r.Decision.Outcome != again.Outcome {
		return fmt.Errorf("%w: it says %q and its evidence gives %q", ErrTampered, r.Decision.Outcome, again.Outcome)
	}
	if r.Decision.Digest() != again.Digest() {
		return fmt.Errorf("%w: its reasons or its accepted risks are not those that its evidence gives", ErrTampered)
	}
	return nil
}

// sameDigests names the first part that differs. The policy comes last: where
// nothing else differs, nobody need have changed the report.
func sameDigests(got, want map[string]string) error {
	parts := slices.Concat(slices.Collect(maps.Keys(got)), slices.Collect(maps.Keys(want)))
	slices.SortFunc(parts, func(x, y string) int {
		return cmp.Or(cmp.Compare(rank(x), rank(y)), cmp.Compare(x, y))
	})
	for _, part := range slices.Compact(parts) {
		switch {
		case got[part] == want[part]:
		case part == "policy":
			return fmt.Errorf("%w: it was decided with another policy: read it with the same version of tallyman and the same --policy", ErrTampered)
		default:
			return fmt.Errorf("%w: the part %q has digest %q and the decision rests on %q", ErrTampered, part, want[part], got[part])
		}
	}
	return nil
}

func rank(part string) int {
	if part == "policy" {
		return 1
	}
	return 0
}

// valid puts U+FFFD for everything in the report that is not UTF-8, as JSON
// does when it writes it: what is decided on is what can be read again.
func (r *Report) valid() error {
	if validText(reflect.ValueOf(r)) {
		return nil
	}
	data, err := json.Marshal(r)
	if err != nil {
		return err
	}
	var out Report
	if err := json.Unmarshal(data, &out); err != nil {
		return fmt.Errorf("reading the report back: %w", err)
	}
	doc := sbom.Merge("", &sbom.Document{Components: out.Components, Gaps: out.Gaps})
	out.Components, out.Gaps = orEmpty(doc.Components), orEmpty(doc.Gaps)
	*r = out
	return nil
}
