package sbom_test

import (
	"testing"

	"github.com/tallyman/tallyman/sbom"
)

func TestFromSBOM(t *testing.T) {
	for _, c := range []struct {
		name, version, purl string
		evidence            sbom.Evidence
		gap                 sbom.GapKind
	}{
		{"gradio", "4.19.1", "pkg:pypi/gradio@4.19.1", sbom.Locked, "-"},
		{"gradio", "4.19.1", "pkg:pypi/gradio", sbom.Locked, "-"},
		{"gradio", "5.0.0", "pkg:pypi/gradio@4.19.1", sbom.Locked, sbom.GapConflict},
		{"gradio", "", "pkg:pypi/gradio", sbom.Declared, sbom.GapUnversioned},
		{"gradio", ">= 4, < 5", "pkg:pypi/gradio", sbom.Declared, sbom.GapRange},
		{"lodash", "^4.17.0", "pkg:npm/lodash", sbom.Declared, sbom.GapRange},
		{"gradio", "4.19.1", "", sbom.Locked, sbom.GapUnversioned},
		{"gradio", "4.19.1", "pkg:gradio", sbom.Locked, sbom.GapUnparsed},
		{"github.com/Masterminds/goutils", "v1.1.0", "pkg:golang/github.com/masterminds/goutils@v1.1.0", sbom.Locked, "-"},
		{"github.com/masterminds/goutils", "v1.1.0", "pkg:golang/github.com/masterminds/goutils@v1.1.0", sbom.Locked, "-"},
		{"github.com/Masterminds/goutils", "v1.1.0", "pkg:golang/github.com/Masterminds/goutils@v1.1.0", sbom.Locked, "-"},
		{"curl", "7", "pkg:deb/debian/curl@7", sbom.Locked, sbom.GapEcosystem},
		{"thing", "1", "pkg:generic/thing@1", sbom.Locked, sbom.GapEcosystem},
	} {
		got, gaps := sbom.FromSBOM(c.name, c.version, c.purl, "")
		if got.Evidence != c.evidence || got.Name != c.name {
			t.Errorf("FromSBOM(%q, %q, %q) = %+v, want evidence %q", c.name, c.version, c.purl, got, c.evidence)
		}
		if (got.Version == "") == (c.evidence == sbom.Locked) {
			t.Errorf("FromSBOM(%q, %q, %q) has version %q", c.name, c.version, c.purl, got.Version)
		}
		if c.gap == "-" != (len(gaps) == 0) || len(gaps) > 0 && (gaps[0].Kind != c.gap || !gaps[0].Hides) {
			t.Errorf("FromSBOM(%q, %q, %q) leaves %+v, want one of %q", c.name, c.version, c.purl, gaps, c.gap)
		}
	}
}
