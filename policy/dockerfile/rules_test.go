package dockerfile

import (
	"slices"
	"strings"
	"testing"

	"github.com/tallyman/tallyman/policy/lint"
	"github.com/tallyman/tallyman/sbom/dockerfile"
)

// ids returns the rules that fire on a source.
func ids(t *testing.T, src string, opts Options) []string {
	t.Helper()
	f := dockerfile.Parse("Dockerfile", []byte(src))
	if len(f.Gaps) > 0 {
		t.Fatalf("gaps in %q: %v", src, f.Gaps)
	}
	var out []string
	for _, found := range Check(f, opts) {
		if !found.Suppressed {
			out = append(out, found.Rule)
		}
	}
	return slices.Compact(out)
}

func TestEveryRuleFiresOnBadAndNotOnGood(t *testing.T) {
	everything := Options{Enable: []string{"all"}}
	for _, r := range Rules() {
		t.Run(r.ID, func(t *testing.T) {
			if !slices.Contains(ids(t, r.Bad, everything), r.ID) {
				t.Errorf("silent on its bad example:\n%s", r.Bad)
			}
			if slices.Contains(ids(t, r.Good, everything), r.ID) {
				t.Errorf("fires on its good example:\n%s", r.Good)
			}
		})
	}
}

func TestRulesAreDocumented(t *testing.T) {
	var seen []string
	for _, r := range Rules() {
		for name, text := range map[string]string{"Title": r.Title, "Why": r.Why, "Remedy": r.Remedy, "Source": r.Source} {
			if strings.TrimSpace(text) == "" {
				t.Errorf("%s: %s is empty", r.ID, name)
			}
		}
		if !strings.HasPrefix(r.Source, "https://") {
			t.Errorf("%s: Source %q is no URL", r.ID, r.Source)
		}
		if !slices.IsSorted(r.Aliases) {
			t.Errorf("%s: Aliases %v are not sorted", r.ID, r.Aliases)
		}
		if !slices.Contains([]lint.Severity{lint.Error, lint.Warning, lint.Info, lint.Style}, r.Severity) {
			t.Errorf("%s: severity %q", r.ID, r.Severity)
		}
		if !slices.Contains([]lint.Risk{lint.RiskHigh, lint.RiskMedium, lint.RiskLow}, r.Risk) {
			t.Errorf("%s: risk %q", r.ID, r.Risk)
		}
		seen = append(seen, r.ID)
	}
	if !slices.IsSorted(seen) || len(slices.Compact(slices.Clone(seen))) != len(seen) {
		t.Errorf("rules are not sorted or not unique: %v", seen)
	}
}
