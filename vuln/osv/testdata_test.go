package osv_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/tallyman/tallyman/sbom"
	"github.com/tallyman/tallyman/vuln"
	"github.com/tallyman/tallyman/vuln/osv"
)

// example is the project's own advisories.
var example = filepath.Join("..", "..", "testdata", "osv")

func exampleFiles(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(example, "*", "*.json"))
	if err != nil || len(files) < 36 {
		t.Fatalf("%d example advisories, %v", len(files), err)
	}
	return files
}

// TestExampleAdvisoriesAreOld: the program is run with clocks from 2026 on and
// has to find the same in each year, so all records must lie before that.
func TestExampleAdvisoriesAreOld(t *testing.T) {
	last := time.Date(2025, 12, 1, 0, 0, 0, 0, time.UTC)
	for _, file := range exampleFiles(t) {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var r struct {
			ID                             string
			Modified, Published, Withdrawn time.Time
		}
		if err := json.Unmarshal(data, &r); err != nil {
			t.Errorf("%s: %v", file, err)
		}
		if r.ID+".json" != filepath.Base(file) {
			t.Errorf("%s holds %q", file, r.ID)
		}
		for _, d := range []time.Time{r.Modified, r.Published, r.Withdrawn} {
			if !d.Before(last) {
				t.Errorf("%s has a date of %s", file, d)
			}
		}
	}
}

// TestExampleAdvisoriesMatchTheSchema holds them against OSV's own schema.
func TestExampleAdvisoriesMatchTheSchema(t *testing.T) {
	schema, err := jsonschema.NewCompiler().Compile(shared(t, "schemas/osv/osv-schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range exampleFiles(t) {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		if err := schema.Validate(doc); err != nil {
			t.Errorf("%s: %v", file, err)
		}
	}
}

func openExample(t *testing.T) *osv.DB {
	t.Helper()
	db, note, err := osv.Cached(t.Context(), example, osv.CacheOptions{CacheDir: t.TempDir()})
	if err != nil || note != "" {
		t.Fatalf("%v, note %q", err, note)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// TestExampleApplication: what the pins of testdata/apps/chatbot run into.
func TestExampleApplication(t *testing.T) {
	db := openExample(t)
	if refused, err := db.Refused(); err != nil || len(refused) > 0 {
		t.Fatalf("refused %v, %v", refused, err)
	}
	var doc sbom.Document
	for name, version := range map[string]string{
		"gradio": "4.19.1", "pillow": "10.2.0", "jinja2": "3.1.2", "python-multipart": "0.0.6", "pyyaml": "5.3.1",
		"requests": "2.31.0", "certifi": "2024.7.4", "colorama": "0.4.6", "gradio-helpers-pro": "1.0.3", "aiohttp": "3.8.1",
	} {
		doc.Components = append(doc.Components, sbom.Component{Name: name, Version: version, Ecosystem: "PyPI", PURL: sbom.PyPIPURL(name, version)})
	}
	for name, specifier := range map[string]string{"fastapi": ">=0.104,<1.0", "numpy": ">=1.26,<3", "pilloww": ""} {
		doc.Components = append(doc.Components, sbom.Component{Name: name, Specifier: specifier, Ecosystem: "PyPI", PURL: sbom.PyPIPURL(name, ""), Evidence: sbom.Declared})
	}
	res, err := vuln.Match(t.Context(), &doc, db)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range res.Findings {
		got = append(got, f.Package+" "+f.IDs[0]+" "+string(f.Verdict)+" "+string(f.Severity)+" "+f.Fixed)
	}
	want := []string{
		"aiohttp CVE-2024-23334 affected high 3.9.2",
		"fastapi CVE-2024-24762 latent high 0.109.1",
		"gradio CVE-2024-1727 affected medium 4.19.2",
		"gradio CVE-2024-1728 affected critical 4.19.2",
		"gradio CVE-2024-1729 affected medium 4.19.2",
		"gradio CVE-2024-4941 affected high 4.31.4",
		"gradio CVE-2024-34510 affected unknown 4.20.0",
		"gradio CVE-2024-47084 affected high 4.44.0",
		"gradio CVE-2024-47164 affected medium 5.0.0",
		"gradio CVE-2024-47167 affected critical 5.0.0",
		"gradio CVE-2024-47868 affected high 5.0.0",
		"gradio CVE-2024-47869 affected low 4.44.0",
		"gradio CVE-2024-47871 affected critical 5.0.0",
		"gradio x_TM-GRADIO-2026-1 affected medium 6.22.0",
		"gradio x_TM-GRADIO-2026-4 affected medium 6.24.0",
		"gradio x_TM-GRADIO-2026-6 affected medium 6.21.0",
		"gradio x_TM-GRADIO-2026-7 affected medium 6.25.0",
		"gradio-helpers-pro MAL-2025-990001 affected critical ",
		"jinja2 CVE-2024-22195 affected medium 3.1.3",
		"jinja2 CVE-2024-34064 affected medium 3.1.4",
		"jinja2 CVE-2024-56201 affected high 3.1.5",
		"jinja2 CVE-2024-56326 affected high 3.1.5",
		"jinja2 CVE-2025-27516 affected medium 3.1.6",
		"pillow CVE-2024-28219 affected medium 10.3.0",
		"pilloww MAL-2023-1943 forced critical ",
		"python-multipart CVE-2024-24762 affected high 0.0.7",
		"python-multipart CVE-2024-53981 affected high 0.0.18",
		"pyyaml CVE-2020-14343 affected critical 5.4",
		"requests CVE-2024-35195 affected medium 2.32.0",
		"requests CVE-2024-47081 affected medium 2.32.4",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("findings (-want +got):\n%s", diff)
	}
	if len(res.Gaps) != 0 {
		t.Errorf("gaps %v, want none", res.Gaps)
	}
}

// TestExampleOrderIsStable: the same folder gives the same bytes.
func TestExampleOrderIsStable(t *testing.T) {
	a, b := openExample(t), openExample(t)
	if a.Digest() != b.Digest() {
		t.Errorf("two compilations differ: %s and %s", a.Digest(), b.Digest())
	}
	status, err := a.Status(time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC))
	if err != nil {
		t.Fatal(err)
	}
	names := []string{}
	for _, s := range status {
		names = append(names, s.Name)
	}
	if want := []string{"Debian:12", "PyPI", "npm"}; !slices.Equal(names, want) {
		t.Errorf("ecosystems %v, want %v", names, want)
	}
}
