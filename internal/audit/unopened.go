package audit

import (
	"context"
	"time"

	"github.com/tallyman/tallyman/policy"
	"github.com/tallyman/tallyman/sbom"
)

// Unopened is the report of an image that could not be audited: it has nothing
// but the reason, and is undecided. place is where the image is named, the zero
// value when the user named it; platform is the one that was asked for, "" for
// none.
func (a *Auditor) Unopened(ctx context.Context, image string, platform string, place ImagePlace, why error) (*Report, error) {
	one := *a
	// Of no inventory: that nothing was found in it would be said besides.
	one.Stages = []string{StageLint}
	r := &Report{Version: ReportVersion, Tool: a.Tool, AsOf: a.Now.UTC().Truncate(time.Second), Command: a.Command}
	r.Target = policy.Target{Image: image, Platform: platform}
	doc := sbom.Merge("", &sbom.Document{Gaps: []sbom.Gap{sbom.NewGap(sbom.GapUnpulled, place.File, place.Line, why.Error())}})
	r.Gaps = doc.Gaps
	if err := one.decide(ctx, r); err != nil {
		return nil, err
	}
	return r, nil
}
