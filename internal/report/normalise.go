package report

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"

	"github.com/tallyman/tallyman/internal/audit"
	"github.com/tallyman/tallyman/policy"
	"github.com/tallyman/tallyman/policy/lint"
	"github.com/tallyman/tallyman/sbom"
	"github.com/tallyman/tallyman/vuln"
)

// normalised returns a copy of r with every list sorted and none nil, so that
// what is written does not depend on the order in which it was found.
func normalised(r *audit.Report) *audit.Report {
	out := *r
	doc := document(r)
	out.Components, out.Gaps = doc.Components, doc.Gaps
	out.Findings = normalisedFindings(r.Findings)
	out.Lint = lint.Sort(copied(r.Lint))
	for i := range out.Lint {
		out.Lint[i].Aliases = copied(out.Lint[i].Aliases)
	}
	out.Rules = sortedBy(r.Rules, func(x lint.Rule) string { return x.ID })
	for i := range out.Rules {
		out.Rules[i].Aliases = copied(out.Rules[i].Aliases)
	}
	out.Signatures = sortedBy(r.Signatures, jsonKey[policy.Signature])
	out.Notes = copied(r.Notes)
	out.Stages = copied(r.Stages)
	if p, err := r.Parameters.WithDefaults(); err == nil {
		out.Parameters = p
	}
	out.Snapshot.Ecosystems = sortedBy(r.Snapshot.Ecosystems, func(s policy.AdvisoryStatus) string { return s.Ecosystem })
	out.Decision = normalisedDecision(r.Decision)
	out.Image = normalisedImage(r.Image)
	if r.Compared != nil {
		compared := *r.Compared
		compared.OnlyOurs, compared.OnlyTheirs = copied(compared.OnlyOurs), copied(compared.OnlyTheirs)
		out.Compared = &compared
	}
	return &out
}

// document returns the inventory of r, sorted.
func document(r *audit.Report) *sbom.Document {
	name := r.Target.Name
	if name == "" {
		name = r.Target.Image
	}
	doc := &sbom.Document{Components: r.Components, Gaps: r.Gaps}
	if r.Image != nil {
		doc.Layers = r.Image.History
	}
	return sbom.Merge(name, doc)
}

func normalisedFindings(in []vuln.Finding) []vuln.Finding {
	out := copied(in)
	for i := range out {
		out[i].IDs = copied(out[i].IDs)
		out[i].Records = copied(out[i].Records)
		out[i].Locations = copied(out[i].Locations)
		slices.SortFunc(out[i].Locations, sbom.CompareLocations)
	}
	slices.SortStableFunc(out, compareFindings)
	return out
}

// compareFindings orders findings by ecosystem, package, version, specifier
// and ids, then by every other field.
func compareFindings(a, b vuln.Finding) int {
	if c := cmp.Or(
		strings.Compare(a.Ecosystem, b.Ecosystem),
		strings.Compare(a.Package, b.Package),
		strings.Compare(a.Version, b.Version),
		strings.Compare(a.Specifier, b.Specifier),
		slices.Compare(a.IDs, b.IDs),
	); c != 0 {
		return c
	}
	return strings.Compare(jsonKey(a), jsonKey(b))
}

func normalisedDecision(d policy.Decision) policy.Decision {
	d.Exceptions = sortedBy(d.Exceptions, jsonKey[policy.Exception])
	reasons := copied(d.Reasons)
	for i := range reasons {
		reasons[i].Evidence = copied(reasons[i].Evidence)
	}
	slices.SortStableFunc(reasons, func(a, b policy.Reason) int {
		return cmp.Or(
			cmp.Compare(effectRank(a.Effect), effectRank(b.Effect)),
			strings.Compare(a.Rule, b.Rule),
			strings.Compare(a.Package, b.Package),
			strings.Compare(a.Message, b.Message),
			strings.Compare(a.File, b.File),
			cmp.Compare(a.Line, b.Line),
			slices.Compare(a.Evidence, b.Evidence),
		)
	})
	d.Reasons = reasons
	if d.Digests == nil {
		d.Digests = map[string]string{}
	}
	return d
}

// normalisedImage makes the lists of an image not nil; their order means
// something and stays.
func normalisedImage(in *policy.Image) *policy.Image {
	if in == nil {
		return nil
	}
	out := *in
	for _, list := range []*[]string{&out.ExposedPorts, &out.Entrypoint, &out.Cmd, &out.EnvNames, &out.SecretEnvNames, &out.Layers} {
		*list = copied(*list)
	}
	out.History = copied(out.History)
	for _, m := range []*map[string]string{&out.GradioEnv, &out.Labels} {
		if *m == nil {
			*m = map[string]string{}
		}
	}
	return &out
}

// effectRank gives the order in which reports list reasons; an effect that is
// none of the three comes first, because nobody knows what it means.
func effectRank(e policy.Effect) int {
	return slices.Index([]policy.Effect{policy.Deny, policy.Undecide, policy.Warn}, e)
}

// copied returns a copy that is never nil.
func copied[T any](in []T) []T { return append([]T{}, in...) }

func sortedBy[T any](in []T, key func(T) string) []T {
	out := copied(in)
	slices.SortStableFunc(out, func(a, b T) int {
		if c := strings.Compare(key(a), key(b)); c != 0 {
			return c
		}
		return strings.Compare(jsonKey(a), jsonKey(b))
	})
	return out
}

// jsonKey is a total order over plain data: equal keys are equal values.
func jsonKey[T any](v T) string {
	key, err := json.Marshal(v)
	if err != nil {
		panic("report: a report is plain data: " + err.Error())
	}
	return string(key)
}
