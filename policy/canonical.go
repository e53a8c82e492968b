package policy

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tallyman/tallyman/policy/lint"
	"github.com/tallyman/tallyman/sbom"
	"github.com/tallyman/tallyman/vuln"
)

// DefaultMaxAge is the age from which advisories are stale when
// Parameters.MaxAgeSeconds is 0.
const DefaultMaxAge = 7 * 24 * time.Hour

// ErrUsage is wrapped by every error of Decide that is the user's to correct:
// a parameter that means nothing, a policy module that cannot be compiled.
// Nothing was decided then.
var ErrUsage = errors.New("policy cannot be used")

// canonical returns a sorted deep enough copy of in, with defaults made
// explicit and with nothing null that is a list.
func canonical(in Input) (Input, error) {
	parameters, err := in.Parameters.WithDefaults()
	if err != nil {
		return Input{}, err
	}
	if in.AsOf.IsZero() {
		return Input{}, fmt.Errorf("%w: there is no as-of time", ErrUsage)
	}
	in.Parameters = parameters
	in.AsOf = in.AsOf.UTC().Truncate(time.Second)
	in.Components = sorted(in.Components, sbom.CompareComponents)
	in.Findings = sorted(in.Findings, compareFindings)
	in.Lint = sorted(in.Lint, lint.Compare)
	in.Signatures = sorted(in.Signatures, compareSignatures)
	in.Gaps = sorted(in.Gaps, sbom.CompareGaps)
	for i := range in.Gaps {
		// Never milder than the kind, whoever made the gap.
		in.Gaps[i].Hides = in.Gaps[i].Hides || in.Gaps[i].Kind.Hides()
	}
	fillLists(&in)
	in.Advisories = sorted(in.Advisories, func(a, b AdvisoryStatus) int { return strings.Compare(a.Ecosystem, b.Ecosystem) })
	in.Exceptions = sorted(in.Exceptions, compareExceptions)
	in.Stages = sorted(in.Stages, strings.Compare)
	return in, nil
}

// fillLists makes absent lists empty in what canonical copied, so that rules
// and readers of the JSON never meet null.
func fillLists(in *Input) {
	for i := range in.Components {
		fill(&in.Components[i].Locations)
	}
	for i := range in.Findings {
		fill(&in.Findings[i].IDs)
		fill(&in.Findings[i].Records)
		fill(&in.Findings[i].Locations)
	}
	for i := range in.Lint {
		fill(&in.Lint[i].Aliases)
	}
	if in.Image == nil {
		return
	}
	image := *in.Image
	for _, list := range []*[]string{
		&image.ExposedPorts, &image.Entrypoint, &image.Cmd, &image.EnvNames, &image.SecretEnvNames, &image.Layers,
	} {
		fill(list)
	}
	fill(&image.History)
	if image.GradioEnv == nil {
		image.GradioEnv = map[string]string{}
	}
	if image.Labels == nil {
		image.Labels = map[string]string{}
	}
	newBaseLayers(&image)
	in.Image = &image
}

func fill[T any](list *[]T) {
	if *list == nil {
		*list = []T{}
	}
}

func sorted[T any](in []T, compare func(a, b T) int) []T {
	out := append(make([]T, 0, len(in)), in...)
	if !slices.IsSortedFunc(out, compare) { // as most that comes here is
		slices.SortStableFunc(out, compare)
	}
	return out
}

// WithDefaults returns p with every default written out. A value that means
// nothing is an error that wraps ErrUsage.
func (p Parameters) WithDefaults() (Parameters, error) {
	p.FailOn = cmp.Or(p.FailOn, vuln.SeverityHigh)
	p.Unfixed = cmp.Or(p.Unfixed, "warn")
	p.Pack = cmp.Or(p.Pack, PackDefault)
	switch p.Pack {
	case PackDefault:
		p.Unresolved, p.GateScopes = cmp.Or(p.Unresolved, "warn"), cmp.Or(p.GateScopes, GateShipped)
	case PackRelease:
		p.Unresolved, p.GateScopes = cmp.Or(p.Unresolved, "undecided"), cmp.Or(p.GateScopes, GateAll)
	default:
		return p, fmt.Errorf("%w: pack %q is not default or release", ErrUsage, p.Pack)
	}
	p.MaxAgeSeconds = cmp.Or(p.MaxAgeSeconds, int64(DefaultMaxAge/time.Second))
	switch p.FailOn {
	case vuln.SeverityLow, vuln.SeverityMedium, vuln.SeverityHigh, vuln.SeverityCritical:
	default:
		return p, fmt.Errorf("%w: fail_on %q is not low, medium, high or critical", ErrUsage, p.FailOn)
	}
	switch p.Unfixed {
	case "deny", "warn", "ignore":
	default:
		return p, fmt.Errorf("%w: unfixed %q is not deny, warn or ignore", ErrUsage, p.Unfixed)
	}
	switch p.Unresolved {
	case "deny", "undecided", "warn":
	default:
		return p, fmt.Errorf("%w: unresolved %q is not deny, undecided or warn", ErrUsage, p.Unresolved)
	}
	switch p.GateScopes {
	case GateShipped, GateAll:
	default:
		return p, fmt.Errorf("%w: gate_scopes %q is not shipped or all", ErrUsage, p.GateScopes)
	}
	const longest = int64(1<<63-1) / int64(time.Second)
	if p.MaxAgeSeconds < 0 || p.MaxAgeSeconds > longest {
		return p, fmt.Errorf("%w: max_age_seconds %d is out of range", ErrUsage, p.MaxAgeSeconds)
	}
	return p, nil
}

func compareFindings(a, b vuln.Finding) int {
	if c := strings.Compare(a.Ecosystem, b.Ecosystem); c != 0 {
		return c
	}
	return cmp.Or(
		strings.Compare(sbom.NormalName(a.Ecosystem, a.Package), sbom.NormalName(b.Ecosystem, b.Package)),
		strings.Compare(a.Version, b.Version),
		strings.Compare(a.Specifier, b.Specifier),
		slices.Compare(a.IDs, b.IDs),
		strings.Compare(string(a.Evidence), string(b.Evidence)),
		strings.Compare(string(a.Verdict), string(b.Verdict)),
		strings.Compare(a.PURL, b.PURL),
		strings.Compare(a.Package, b.Package),
		slices.CompareFunc(a.Locations, b.Locations, sbom.CompareLocations),
	)
}

func compareSignatures(a, b Signature) int {
	return cmp.Or(
		strings.Compare(a.Kind, b.Kind),
		strings.Compare(a.Format, b.Format),
		strings.Compare(a.PredicateType, b.PredicateType),
		strings.Compare(a.Digest, b.Digest),
		strings.Compare(a.Signer, b.Signer),
		strings.Compare(a.Subject, b.Subject),
		strings.Compare(string(a.Status), string(b.Status)),
		strings.Compare(a.Reason, b.Reason),
	)
}
