package sweep

import (
	"strings"
	"testing"

	"github.com/tallyman/tallyman/policy"
)

// A row of zeros that is no pass says why in words.
func TestTableSaysWhyAnImageIsUndecided(t *testing.T) {
	r := &Result{Outcome: policy.Denied, Images: []Image{
		{Reference: "r/a@sha256:aa", Platform: "linux/amd64", Outcome: policy.Undecided, Reasons: []string{"the advisories for PyPI are old\x1b[2J", "another"}},
		{Reference: "r/b@sha256:bb", Outcome: policy.Denied, Lint: 2, Reasons: []string{"gradio is vulnerable"}},
		{Reference: "r/c@sha256:cc", Outcome: policy.Allowed},
		{Reference: "r/d", Outcome: policy.Undecided, Error: "listing its tags: 500"},
	}}
	var b strings.Builder
	if err := r.WriteTable(&b, func(s string) string { return strings.ReplaceAll(s, "\x1b", "?") }); err != nil {
		t.Fatal(err)
	}
	out := b.String()
	for _, want := range []string{
		"\nr/a@sha256:aa linux/amd64: undecided: the advisories for PyPI are old?[2J (and 1 more)\n",
		"\nr/d: listing its tags: 500\n", "DENYING-LINT", "4 images: 1 denied, 2 undecided, 1 allowed",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in:\n%s", want, out)
		}
	}
	for _, ref := range []string{"r/b@", "r/c@"} {
		if strings.Count(out, ref) != 1 {
			t.Errorf("%s is named twice:\n%s", ref, out)
		}
	}
}
