package vuln_test

import (
	"fmt"
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

// TestClosureOfNames: of a release whose ranges nobody told, only what every
// version has is sure, and the rest is a gap.
func TestClosureOfNames(t *testing.T) {
	src := fake{"PyPI": {
		"starlette":     {advisory("PYSEC-2025-1", "introduced 0", "fixed 1.3")},
		"gradio-client": {advisory("PYSEC-2025-2", "introduced 0", "fixed 2.7")},
		"pydub":         {advisory("PYSEC-2025-3", "introduced 0")},
		"ruff":          {advisory("PYSEC-2025-4", "introduced 0")},
		"urllib3":       {advisory("PYSEC-2025-5", "introduced 0")},
	}}
	const gap = "gap closure requirements.txt:1 in which versions gradio ==5.25.2 brings in aiofiles, anyio, audioop-lts, fastapi and 24 more packages is not known: no lock says it"
	const client = "PYSEC-2025-2 gradio_client==1.8.0 affected floor 2.7 requirements.txt:1"
	for _, test := range []struct {
		name  string
		lines []sbom.Component
		want  []string
	}{
		{"alone", []sbom.Component{pypi("gradio", "5.25.2", "", 1)}, []string{
			client, "PYSEC-2025-3 pydub forced requirements.txt:1", "PYSEC-2025-4 ruff forced requirements.txt:1", gap}},
		{"spelled otherwise, with a line of its own", []sbom.Component{pypi("gradio", "5.25.2", "", 1), pypi("starlette", "", ">=1", 2), pypi("pydub", "", ">=9", 3)}, []string{
			client, "PYSEC-2025-3 pydub>=9 forced requirements.txt:3", "PYSEC-2025-4 ruff forced requirements.txt:1",
			"PYSEC-2025-1 starlette>=1 latent floor 1.3 requirements.txt:2", gap}},
	} {
		if diff := cmp.Diff(test.want, describe(match(t, src, test.lines...))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
}

// TestGradioBounds: the upper bounds of gradio's own requirements are part of
// what is admitted.
func TestGradioBounds(t *testing.T) {
	src := fake{"PyPI": {
		"pillow":  {advisory("PYSEC-2026-1", "introduced 0", "fixed 13.1")},
		"fastapi": {advisory("PYSEC-2026-2", "introduced 0", "fixed 0.120"), advisory("PYSEC-2026-3", "introduced 0.119", "fixed 1.2")},
	}}
	gradio := pypi("gradio", "6.25.0", "", 1)
	got := describe(match(t, src, gradio, pypi("pillow", "", ">=13", 2), pypi("fastapi", "", ">=1.0", 3)))
	want := []string{
		"gap conflict requirements.txt:1 no version satisfies fastapi <1.0,>=0.115.2 (requirements.txt:1, through gradio 6.25.0) and fastapi >=1.0 (requirements.txt:3)",
		"gap conflict requirements.txt:1 no version satisfies pillow <13.0,>=8.0 (requirements.txt:1, through gradio 6.25.0) and pillow >=13 (requirements.txt:2)",
		"gap conflict requirements.txt:2 no version satisfies pillow <13.0,>=8.0 (requirements.txt:1, through gradio 6.25.0) and pillow >=13 (requirements.txt:2)",
		"gap conflict requirements.txt:3 no version satisfies fastapi <1.0,>=0.115.2 (requirements.txt:1, through gradio 6.25.0) and fastapi >=1.0 (requirements.txt:3)",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("with what it excludes (-want +got):\n%s", diff)
	}
	got = describe(match(t, src, gradio, pypi("fastapi", "", ">=0.119", 3)))
	if !slices.Contains(got, "PYSEC-2026-3 fastapi<1.0,>=0.115.2,>=0.119 forced fixed 1.2 requirements.txt:1 requirements.txt:3") {
		t.Errorf("the bound counts beside a line of the user's own; got %q", got)
	}
}

// TestCapsAreNamed: what keeps a fix out is named where only gradio says it.
func TestCapsAreNamed(t *testing.T) {
	src := fake{"PyPI": {
		"pydantic":      {advisory("PYSEC-2026-1", "introduced 0", "fixed 2.13")},
		"mcp":           {advisory("PYSEC-2026-2", "introduced 0", "fixed 2.0")},
		"authlib":       {advisory("PYSEC-2026-3", "introduced 0", "fixed 1.7")},
		"gradio-client": {advisory("PYSEC-2026-4", "introduced 0", "fixed 2.7")},
	}}
	gradio := pypi("gradio", "6.25.0", "", 1)
	gradio.Extras = []string{"mcp", "oauth"}
	got := map[string][]string{}
	for _, f := range match(t, src, gradio, pypi("pydantic", "", ">=2.12", 2)).Findings {
		got[f.Package] = append([]string{f.Through}, f.Caps...)
	}
	want := map[string][]string{
		"pydantic":      {"", "pydantic<=2.12.5,>=2.11.10 (gradio[mcp] 6.25.0)"},
		"mcp":           {"gradio[mcp] 6.25.0", "mcp<2.0.0,>=1.21.0 (gradio[mcp] 6.25.0)"},
		"authlib":       {"gradio[oauth] 6.25.0"},
		"gradio_client": {"gradio 6.25.0", "gradio_client==2.6.0 (gradio 6.25.0)"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	gradio.Extras = nil
	for _, f := range match(t, src, gradio, pypi("pydantic", "", ">=2.12", 2)).Findings {
		if f.Package == "pydantic" && (f.Floor != "2.13" || f.Caps != nil) {
			t.Errorf("without the extra: floor %q, caps %q, want 2.13 and none", f.Floor, f.Caps)
		}
	}
}

// TestManyGradioLines: what nobody knows is said once a file, however many
// lines a hostile file has, and the work on what is known is bounded.
func TestManyGradioLines(t *testing.T) {
	const lines = 20_000
	doc := &sbom.Document{}
	for i := range lines {
		doc.Components = append(doc.Components, pypi("gradio", fmt.Sprintf("0.0.%d", i), "", i+1))
	}
	res, err := vuln.Match(t.Context(), doc, fake{"PyPI": nil})
	if err != nil {
		t.Fatal(err)
	}
	const unknown = "gap closure requirements.txt:1 what gradio ==0.0.0, and gradio at 19999 more lines here, brings in is not known: no lock says it"
	kinds := map[sbom.GapKind]int{}
	for _, g := range res.Gaps {
		kinds[g.Kind]++
	}
	if got := describe(res)[0]; got != unknown {
		t.Errorf("different lines: got %q, want %q", got, unknown)
	}
	if diff := cmp.Diff(map[sbom.GapKind]int{sbom.GapClosure: 1, sbom.GapConflict: 100}, kinds); diff != "" {
		t.Errorf("different lines (-want +got):\n%s", diff)
	}
	doc = &sbom.Document{}
	for i := range lines {
		doc.Components = append(doc.Components, pypi("gradio", "6.25.0", "", i+1))
	}
	if res, err = vuln.Match(t.Context(), doc, fake{"PyPI": {"starlette": {advisory("PYSEC-2026-1", "introduced 0", "fixed 1.3")}}}); err != nil {
		t.Fatal(err)
	}
	if len(res.Gaps) != 1 || res.Gaps[0].Kind != sbom.GapTooLarge || !res.Gaps[0].Hides || len(res.Findings) != 1 {
		t.Errorf("equal lines: %d findings, gaps %.300v; want one of each, which hides", len(res.Findings), res.Gaps)
	}
}
