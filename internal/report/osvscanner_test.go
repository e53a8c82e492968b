package report_test

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/osv-scanner/v2/pkg/models"

	"github.com/tallyman/tallyman/internal/audit"
	"github.com/tallyman/tallyman/internal/report"
	"github.com/tallyman/tallyman/sbom"
	"github.com/tallyman/tallyman/vuln"
)

// What we write is what osv-scanner's own types hold, no field more or less.
func TestOSVScannerTypes(t *testing.T) {
	for _, r := range []*audit.Report{denied(), allowed(), {}} {
		ours := write(t, report.FormatOSVScanner, r, report.Options{})
		var theirs models.VulnerabilityResults
		dec := json.NewDecoder(bytes.NewReader(ours))
		dec.DisallowUnknownFields()
		if err := dec.Decode(&theirs); err != nil {
			t.Fatal(err)
		}
		back, err := json.Marshal(&theirs)
		if err != nil {
			t.Fatal(err)
		}
		var want, got any
		if err := errors.Join(json.Unmarshal(ours, &want), json.Unmarshal(back, &got)); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("osv-scanner's types give back something else (-ours +theirs):\n%s", diff)
		}
	}
}

func TestOSVScannerGolden(t *testing.T) {
	r := interop()
	r.Components = append(r.Components, denied().Components...)
	golden(t, "osv-scanner.json", write(t, report.FormatOSVScanner, r, report.Options{}))
}

// Our own output, read back as another scanner's, agrees with the report.
func TestCompareWithOurselves(t *testing.T) {
	r := denied()
	theirs, err := report.ReadOSVScanner(bytes.NewReader(write(t, report.FormatOSVScanner, r, report.Options{})))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(audit.Comparison{OnlyOurs: []string{"Debian:12/libssl3@3.0.11-1~deb12u1 CVE-2023-5678"}, OnlyTheirs: []string{}, Both: 44}, report.Compare(r, theirs)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestCompareListsWhatOnlyOneFound(t *testing.T) {
	theirs, err := report.ReadOSVScanner(strings.NewReader(`{"results":[{"source":{"path":"x","type":"lockfile"},"packages":[
	 {"package":{"name":"Gradio","version":"4.19.1","ecosystem":"PyPI"},
	  "vulnerabilities":[{"id":"GHSA-1"},{"id":"GHSA-loner","aliases":["CVE-1"]}],
	  "groups":[{"ids":["GHSA-1"],"aliases":["CVE-2024-1","GHSA-1"]}]},
	 {"package":{"name":"pillow","version":"9.5.0","ecosystem":"PyPI"},"groups":[{"ids":["PYSEC-9"],"aliases":[]}]}]}]}`))
	if err != nil {
		t.Fatal(err)
	}
	exact := func(pkg, version string, ids ...string) vuln.Finding {
		return vuln.Finding{Ecosystem: "PyPI", Package: pkg, Version: version, IDs: ids}
	}
	r := &audit.Report{Findings: []vuln.Finding{
		exact("gradio", "4.19.1", "CVE-2024-1"), exact("gradio", "4.19.1", "CVE-2024-1"), exact("gradio", "4.19.1", "CVE-2024-2"),
		exact("pillow", "9.5.1", "PYSEC-9"), exact("fastapi", "", "PYSEC-38"),
	}}
	want := audit.Comparison{
		OnlyOurs:   []string{"PyPI/gradio@4.19.1 CVE-2024-2", "PyPI/pillow@9.5.1 PYSEC-9"},
		OnlyTheirs: []string{"PyPI/Gradio@4.19.1 CVE-1", "PyPI/pillow@9.5.0 PYSEC-9"}, Both: 1,
	}
	if diff := cmp.Diff(want, report.Compare(r, theirs)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// A result that is none must not count as one that found nothing.
func TestReadOSVScannerRefuses(t *testing.T) {
	for _, in := range []string{``, `[]`, `{}`, `{"results":null}`, `{"findings":[]}`, `{"results":{}}`} {
		if got, err := report.ReadOSVScanner(strings.NewReader(in)); err == nil {
			t.Errorf("ReadOSVScanner(%q) = %v, want an error", in, got)
		}
	}
}

// record is an OSV record about every version of a package before fixed.
func record(id, ecosystem, name, fixed string, aliases ...string) map[string]any {
	return map[string]any{
		"schema_version": "1.7.0", "id": id, "modified": "2025-01-02T00:00:00Z", "published": "2025-01-02T00:00:00Z", "aliases": aliases, "summary": "of " + name,
		"affected": []any{map[string]any{
			"package": map[string]any{"ecosystem": ecosystem, "name": name},
			"ranges":  []any{map[string]any{"type": "ECOSYSTEM", "events": []any{map[string]any{"introduced": "0"}, map[string]any{"fixed": fixed}}}},
		}},
	}
}

// interop is a report whose findings are what records() says.
func interop() *audit.Report {
	exact := func(name, version, ecosystem, source string) sbom.Component {
		return sbom.Component{Name: name, Version: version, Ecosystem: ecosystem, Source: source, PURL: "pkg:x/" + name, Evidence: sbom.Locked, Locations: at("lock", 1)}
	}
	found := func(name, version, ecosystem string, ids ...string) vuln.Finding {
		return vuln.Finding{Package: name, Version: version, Ecosystem: ecosystem, IDs: ids, Evidence: sbom.Locked, Verdict: vuln.AffectedVersion,
			BasisDate: day(2025, 1, 2), Severity: vuln.SeverityHigh, SeveritySource: ids[0] + " CVSS:3.1 7.5", Gates: true, Summary: "of " + name}
	}
	return &audit.Report{
		Version: 1, Command: "audit",
		Components: []sbom.Component{
			exact("gradio", "4.19.1", "PyPI", ""), exact("Pillow", "9.5.0", "PyPI", ""), exact("ruamel.yaml", "0.1", "PyPI", ""), exact("clean", "9", "PyPI", ""),
			exact("@gradio/client", "1.0.0", "npm", ""), exact("libssl3", "3.0.11-1~deb12u1", "Debian:12", "openssl"),
		},
		Findings: []vuln.Finding{
			found("gradio", "4.19.1", "PyPI", "CVE-2024-1", "PYSEC-2024-1"), found("gradio", "4.19.1", "PyPI", "PYSEC-2024-2"),
			found("Pillow", "9.5.0", "PyPI", "PYSEC-2024-3"), found("ruamel.yaml", "0.1", "PyPI", "PYSEC-2024-4"),
			found("@gradio/client", "1.0.0", "npm", "GHSA-2222-2222-2222"),
		},
	}
}

func records() map[string][]map[string]any {
	return map[string][]map[string]any{
		"PyPI": {
			record("PYSEC-2024-1", "PyPI", "gradio", "4.20.0", "CVE-2024-1"), record("PYSEC-2024-2", "PyPI", "gradio", "5.0.0"),
			record("PYSEC-2024-3", "PyPI", "pillow", "10.0.1"), record("PYSEC-2024-4", "PyPI", "ruamel-yaml", "0.2"), record("PYSEC-2024-9", "PyPI", "clean", "9"),
		},
		"npm": {record("GHSA-2222-2222-2222", "npm", "@gradio/client", "1.0.1")},
	}
}

// The stock osv-scanner v2.5.1 reads the file and finds by itself, in a local
// database, what the report says about every exact component.
func TestStockOSVScannerAgrees(t *testing.T) {
	scanner := os.Getenv("TALLYMAN_OSV_SCANNER")
	if scanner == "" {
		t.Skip("TALLYMAN_OSV_SCANNER does not name the osv-scanner v2.5.1 command (go install github.com/google/osv-scanner/v2/cmd/osv-scanner@v2.5.1)")
	}
	dir := t.TempDir()
	writeDatabase(t, dir)
	r := interop()
	file := filepath.Join(dir, "audit.json")
	if err := os.WriteFile(file, write(t, report.FormatOSVScanner, r, report.Options{}), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(scanner, "scan", "source", "-L", "osv-scanner:"+file, "--offline", "--local-db-path", dir, "--format", "json")
	cmd.Env = append(os.Environ(), "HOME="+dir)
	cmd.Dir = dir
	out, err := cmd.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() != 1 { // 1 says that there are findings.
		t.Fatalf("%v: %s", err, exit.Stderr)
	} else if exit == nil {
		t.Fatalf("osv-scanner found nothing: %v\n%s", err, out)
	}
	theirs, err := report.ReadOSVScanner(bytes.NewReader(out))
	if err != nil {
		t.Fatal(err)
	}
	want := audit.Comparison{OnlyOurs: []string{}, OnlyTheirs: []string{}, Both: len(r.Findings)}
	if diff := cmp.Diff(want, report.Compare(r, theirs)); diff != "" {
		t.Errorf("(-want +got):\n%s\n%s", diff, out)
	}
	if diff := cmp.Diff(idsOf(write(t, report.FormatOSVScanner, r, report.Options{})), idsOf(out)); diff != "" {
		t.Errorf("the ids differ (-ours +theirs):\n%s", diff)
	}
}

// idsOf lists "ecosystem name version ids" of a result.
func idsOf(data []byte) []string {
	all, _ := report.ReadOSVScanner(bytes.NewReader(data))
	var out []string
	for _, m := range all {
		out = append(out, fmt.Sprintf("%s %s %s %v", m.Ecosystem, m.Package, m.Version, m.IDs))
	}
	slices.Sort(out)
	return out
}

// writeDatabase lays out the records as v2.5.1 looks for them (its documentation
// still says "osv-scanner" where the program says "osv-scalibr").
func writeDatabase(t *testing.T, dir string) {
	t.Helper()
	for ecosystem, records := range records() {
		var b bytes.Buffer
		z := zip.NewWriter(&b)
		for _, r := range records {
			f, err := z.Create(fmt.Sprint(r["id"], ".json"))
			if err != nil {
				t.Fatal(err)
			}
			if err := json.NewEncoder(f).Encode(r); err != nil {
				t.Fatal(err)
			}
		}
		path := filepath.Join(dir, "osv-scalibr", ecosystem, "all.zip")
		if err := errors.Join(z.Close(), os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, b.Bytes(), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
}

func FuzzReadOSVScanner(f *testing.F) {
	f.Add([]byte(`{"results":[{"packages":[{"package":{"name":"a","version":"1","ecosystem":"PyPI"},"groups":[{"ids":["A"]}],"vulnerabilities":[{"id":"B"}]}]}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		matches, err := report.ReadOSVScanner(bytes.NewReader(data))
		if err != nil {
			return
		}
		// Against a report without findings, everything is only theirs.
		if c := report.Compare(&audit.Report{}, matches); c.Both != 0 || len(c.OnlyOurs) != 0 || len(matches) > 0 && len(c.OnlyTheirs) == 0 {
			t.Fatalf("%d matches compare as %+v", len(matches), c)
		}
	})
}

// A result of osv-scanner about an image names the source package.
func TestCompareDistributionPackage(t *testing.T) {
	theirs, err := report.ReadOSVScanner(strings.NewReader(`{"results":[{"source":{"path":"x","type":"os"},"packages":[
	 {"package":{"name":"openssl","os_package_name":"libssl3","version":"3.0.11-1~deb12u1","ecosystem":"Debian:12"},"groups":[{"ids":["DEBIAN-CVE-2023-5678"],"aliases":["DEBIAN-CVE-2023-5678"]}]}]}]}`))
	if err != nil {
		t.Fatal(err)
	}
	if c := report.Compare(denied(), theirs); c.Both != 1 || len(c.OnlyTheirs) != 0 {
		t.Errorf("Compare = %+v, want the one of openssl in both", c)
	}
}
