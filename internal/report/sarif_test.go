package report_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/tallyman/tallyman/internal/audit"
	"github.com/tallyman/tallyman/internal/report"
	"github.com/tallyman/tallyman/policy"
	"github.com/tallyman/tallyman/policy/lint"
)

// shared returns the folder of data beside the project, or skips.
func shared(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("TALLYMAN_SHARED")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared")
	}
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		t.Skipf("no %q: set TALLYMAN_SHARED to the folder that holds schemas/", dir)
	}
	return dir
}

func validate(t *testing.T, schemaFile string, data []byte) {
	t.Helper()
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	schema, err := compiler.Compile(schemaFile)
	if err != nil {
		t.Fatal(err)
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	if err := schema.Validate(value); err != nil {
		t.Errorf("%v\n%.2000s", err, data)
	}
}

func TestSARIFValid(t *testing.T) {
	file := filepath.Join(shared(t), "schemas", "sarif", "sarif-schema-2.1.0.json")
	for _, r := range []*audit.Report{denied(), allowed(), hostile(), {}} {
		validate(t, file, write(t, report.FormatSARIF, r, report.Options{}))
	}
}

type sarifRun struct {
	Tool struct {
		Driver struct {
			Rules []struct{ ID string }
		}
	}
	Results []struct {
		RuleID              string
		RuleIndex           int
		PartialFingerprints map[string]string
		Suppressions        []struct{ Kind string }
		Locations           []struct {
			PhysicalLocation struct {
				ArtifactLocation struct{ URI, URIBaseID string }
				Region           struct{ StartLine int }
			}
		}
	}
}

func sarifOf(t *testing.T, r *audit.Report) sarifRun {
	t.Helper()
	var log struct{ Runs []sarifRun }
	if err := json.Unmarshal(write(t, report.FormatSARIF, r, report.Options{}), &log); err != nil {
		t.Fatal(err)
	}
	return log.Runs[0]
}

func TestSARIFGolden(t *testing.T) {
	r := denied()
	r.Findings = r.Findings[:5]
	r.Signatures = append(r.Signatures, policy.Signature{Status: policy.SignatureFailed, Kind: "signature", Reason: "the signature is about another digest"})
	golden(t, "denied.sarif", write(t, report.FormatSARIF, r, report.Options{}))
}

func TestSARIFFingerprintsAreUniqueAndPointToRules(t *testing.T) {
	r := denied()
	r.Lint = append(r.Lint, r.Lint[0], lint.Finding{Rule: "DL3008", File: "Dockerfile", Line: 40, Message: r.Lint[0].Message})
	run := sarifOf(t, r)
	seen := map[string]bool{}
	for _, result := range run.Results {
		for name, f := range result.PartialFingerprints {
			if seen[name+f] {
				t.Errorf("two results have the fingerprint %s", f)
			}
			seen[name+f] = true
		}
		if len(result.PartialFingerprints) != 1 || run.Tool.Driver.Rules[result.RuleIndex].ID != result.RuleID {
			t.Errorf("result %+v has no fingerprint or the wrong rule", result)
		}
	}
	if want := len(r.Findings) + len(r.Lint) - 1; len(run.Results) != want {
		t.Errorf("%d results, want %d", len(run.Results), want)
	}
}

// A line added at the top of every file moves findings and makes none new.
func TestSARIFFingerprintsSurviveMovedLines(t *testing.T) {
	before, moved := denied(), denied()
	for i := range moved.Lint {
		moved.Lint[i].Line++
	}
	for i := range moved.Findings {
		if l := moved.Findings[i].Locations; l[0].Line > 0 {
			l[0].Line++
		}
	}
	prints := func(r *audit.Report) (out []string) {
		for _, result := range sarifOf(t, r).Results {
			out = append(out, result.PartialFingerprints["tallyman/v1"])
		}
		return out
	}
	if diff := cmp.Diff(prints(before), prints(moved)); diff != "" {
		t.Errorf("fingerprints moved with the lines:\n%s", diff)
	}
}

func TestSARIFSuppressions(t *testing.T) {
	kinds := map[string]int{}
	for _, result := range sarifOf(t, denied()).Results {
		for _, s := range result.Suppressions {
			kinds[s.Kind]++
		}
	}
	if diff := cmp.Diff(map[string]int{"inSource": 1, "external": 1}, kinds); diff != "" {
		t.Errorf("suppressions (-want +got):\n%s", diff)
	}
}

// A file name can lead a viewer neither out of the folder nor to a host.
func TestSARIFLocationsStayInside(t *testing.T) {
	for file, want := range map[string]string{
		"a/b c.txt": "a/b%20c.txt", "../../etc/passwd": "etc/passwd", "//evil.example/x": "evil.example/x",
		"javascript:alert(1)": "./javascript:alert%281%29", "/usr/lib/x": "usr/lib/x", "": ".", "a?b#c": "a%3Fb%23c",
	} {
		r := &audit.Report{Lint: []lint.Finding{{Rule: "X", File: file, Line: 1}}}
		got := sarifOf(t, r).Results[0].Locations[0].PhysicalLocation.ArtifactLocation
		if strings.ReplaceAll(strings.ReplaceAll(got.URI, "(", "%28"), ")", "%29") != want || got.URIBaseID != "TARGET" {
			t.Errorf("%q is written as %+v, want %q", file, got, want)
		}
	}
}

// What OSV does not have is not looked for there.
func TestSARIFHelpOfOwnAdvisories(t *testing.T) {
	r := denied()
	r.Findings = r.Findings[:2]
	r.Findings[0].IDs = []string{"x_TM-GRADIO-2026-1"}
	out := string(write(t, report.FormatSARIF, r, report.Options{}))
	if strings.Contains(out, "osv.dev/vulnerability/x_TM") || !strings.Contains(out, "osv.dev/vulnerability/CVE-2024-1561") {
		t.Error("an advisory of tallyman's own is looked for at osv.dev, or another one is not")
	}
	if !strings.Contains(out, "docs/ADVISORIES.md") {
		t.Error("no help for an advisory of tallyman's own")
	}
}

// A finding about the image's files lies in the image, one about a Dockerfile
// in the folder, also when both are audited together.
func TestSARIFPlacesOfImageFindings(t *testing.T) {
	r := denied()
	r.Lint = []lint.Finding{
		{Rule: "TM-FILE-01", File: "usr/bin/openssl", Message: "altered"},
		{Rule: "GR-SEC-01", File: "app/a b.pem", Layer: "sha256:a1", Message: "a private key"},
		{Rule: "GR-IMG-06", File: "image config", Message: "no health check"},
		{Rule: "GR-IMG-03", File: "Dockerfile", Line: 1, Message: "not pinned"},
	}
	got := map[string]int{}
	for _, base := range []string{"IMAGE", "TARGET"} {
		for _, uri := range []string{"usr/bin/openssl", "app/a%20b.pem", "image%20config", "Dockerfile"} {
			place := fmt.Sprintf(`"uri": %q, "uriBaseId": %q`, uri, base)
			text := strings.Join(strings.Fields(string(write(t, report.FormatSARIF, r, report.Options{}))), " ")
			if strings.Contains(text, place) {
				got[base+" "+uri]++
			}
		}
	}
	want := map[string]int{"IMAGE usr/bin/openssl": 1, "IMAGE app/a%20b.pem": 1, "IMAGE image%20config": 1, "TARGET Dockerfile": 1}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("want -, got +\n%s", diff)
	}
}
