package oracle

import (
	"archive/zip"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/osv-scalibr/binary/proto/config_go_proto"
	"github.com/google/osv-scalibr/enricher/vulnmatch/osvlocal"
	"github.com/google/osv-scalibr/extractor"
	rpm "github.com/google/osv-scalibr/extractor/filesystem/os/rpm/metadata"
	cdx "github.com/google/osv-scalibr/extractor/filesystem/sbom/cdx/metadata"
	"github.com/google/osv-scalibr/inventory"
	"github.com/google/osv-scalibr/plugin/config"
	"github.com/google/osv-scalibr/purl"
	"github.com/google/osv-scanner/v2/pkg/models"
	"github.com/google/osv-scanner/v2/pkg/osvscanner"
)

// database lays the zips of a bucket's folder out as the reference wants them,
// and returns the folder to name as LocalDBPath.
func database(tb testing.TB, zips map[string]string) string {
	tb.Helper()
	dir := tb.TempDir()
	for ecosystem, path := range zips {
		to := filepath.Join(dir, "osv-scalibr", ecosystem)
		if err := os.MkdirAll(to, 0o755); err != nil {
			tb.Fatal(err)
		}
		path, err := filepath.Abs(path)
		if err != nil {
			tb.Fatal(err)
		}
		if err := os.Symlink(path, filepath.Join(to, "all.zip")); err != nil {
			tb.Fatal(err)
		}
	}
	return dir
}

// askScanner asks osv-scanner about all pairs with one custom lock file.
// unimportant are the ids that it marks so.
func askScanner(tb testing.TB, dbPath string, pairs []pair) (out, unimportant answers) {
	tb.Helper()
	osvscanner.SetLogger(slog.DiscardHandler)
	res, err := osvscanner.DoScan(osvscanner.ScannerActions{
		LockfilePaths: []string{lockfile(tb, pairs)}, CompareOffline: true, LocalDBPath: dbPath, PluginNetworkDisabled: true, NoIgnore: true,
		ShowAllPackages: true, ShowAllVulns: true,
		ExperimentalScannerActions: osvscanner.ExperimentalScannerActions{TransitiveScanning: osvscanner.TransitiveScanningActions{Disabled: true}},
	})
	if err != nil && !errors.Is(err, osvscanner.ErrVulnerabilitiesFound) {
		tb.Fatal(err)
	}
	asked := map[[3]string]pair{}
	for _, p := range pairs {
		asked[[3]string{p.ecosystem, p.spelled, p.version}] = p
	}
	out, unimportant = answers{}, answers{}
	seen := 0
	for _, source := range res.Results {
		for _, in := range source.Packages {
			p, ok := asked[[3]string{in.Package.Ecosystem, in.Package.Inventory.Name, in.Package.Inventory.Version}]
			if !ok {
				tb.Fatalf("osv-scanner answers for %s %s %s, which nobody asked about", in.Package.Ecosystem, in.Package.Inventory.Name, in.Package.Inventory.Version)
			}
			seen++
			for _, v := range in.Vulnerabilities {
				out.add(p, v.GetId())
			}
			for _, g := range in.Groups {
				for id, a := range g.ExperimentalAnalysis {
					if a.Unimportant {
						unimportant.add(p, id)
					}
				}
			}
		}
	}
	if seen != len(pairs) {
		tb.Fatalf("osv-scanner answered for %d pairs of %d", seen, len(pairs))
	}
	return out, unimportant
}

// lockfile writes the pairs in osv-scanner's own form, or, for packages of a
// distribution, which that form cannot name offline, as a CycloneDX document.
func lockfile(tb testing.TB, pairs []pair) string {
	tb.Helper()
	if isDeb(pairs[0].ecosystem) {
		path := filepath.Join(tb.TempDir(), "bom.cdx.json")
		writeJSON(tb, path, cycloneDX(pairs))
		return path
	}
	packages := make([]any, 0, len(pairs))
	for _, p := range pairs {
		packages = append(packages, map[string]any{"package": models.PackageInfo{Name: p.spelled, Version: p.version, Ecosystem: p.ecosystem}})
	}
	path := filepath.Join(tb.TempDir(), "osv-scanner-custom.json")
	writeJSON(tb, path, map[string]any{"results": []any{map[string]any{"packages": packages}}})
	return "osv-scanner:" + path
}

func isDeb(ecosystem string) bool {
	return strings.HasPrefix(ecosystem, "Debian:") || strings.HasPrefix(ecosystem, "Ubuntu:")
}

func cycloneDX(pairs []pair) any {
	type component struct {
		Type    string `json:"type"`
		Name    string `json:"name"`
		Version string `json:"version"`
		PURL    string `json:"purl"`
	}
	var out struct {
		Format     string      `json:"bomFormat"`
		Spec       string      `json:"specVersion"`
		Version    int         `json:"version"`
		Components []component `json:"components"`
	}
	out.Format, out.Spec, out.Version = "CycloneDX", "1.5", 1
	for _, p := range pairs {
		u := debURL(p)
		out.Components = append(out.Components, component{"library", p.spelled, p.version, u.String()})
	}
	return out
}

func debURL(p pair) purl.PackageURL {
	vendor, release, _ := strings.Cut(p.ecosystem, ":")
	vendor = strings.ToLower(vendor)
	release = strings.TrimSuffix(release, ":LTS")
	return purl.PackageURL{
		Type: purl.TypeDebian, Namespace: vendor, Name: p.spelled, Version: p.version,
		Qualifiers: purl.QualifiersFromMap(map[string]string{"arch": "source", "distro": vendor + "-" + release}),
	}
}

func writeJSON(tb testing.TB, path string, v any) {
	tb.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		tb.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o644); err != nil {
		tb.Fatal(err)
	}
}

// inventoryOf is a pair as an extractor of osv-scalibr would give it.
func inventoryOf(p pair) *extractor.Package {
	family, release, _ := strings.Cut(p.ecosystem, ":")
	out := &extractor.Package{Name: p.spelled, Version: p.version}
	switch family {
	case "PyPI":
		out.PURLType = purl.TypePyPi
	case "Go":
		out.PURLType = purl.TypeGolang
	case "npm":
		out.PURLType = purl.TypeNPM
	case "crates.io":
		out.PURLType = purl.TypeCargo
	case "Debian", "Ubuntu":
		u := debURL(p)
		out.PURLType, out.Metadata = purl.TypeDebian, &cdx.Metadata{PURL: &u}
	case "AlmaLinux":
		m := &rpm.Metadata{PackageName: p.spelled, OSID: "almalinux", OSVersionID: release}
		// An RPM database keeps the epoch apart.
		if epoch, rest, has := strings.Cut(p.version, ":"); has {
			m.Epoch, _ = strconv.Atoi(epoch)
			out.Version = rest
		}
		out.PURLType, out.Metadata = purl.TypeRPM, m
	}
	return out
}

// askEnricher asks osv-scalibr's own matcher without the scanner around it.
func askEnricher(tb testing.TB, dbPath string, pairs []pair) answers {
	tb.Helper()
	e, err := osvlocal.New(&config.PluginConfig{
		ClientFactories: config.NewDefaultClientFactories(""),
		ProtoConfig: &config_go_proto.PluginConfig{PluginSpecific: []*config_go_proto.PluginSpecificConfig{{
			Config: &config_go_proto.PluginSpecificConfig_Osvlocal{Osvlocal: &config_go_proto.OSVLocalConfig{LocalPath: dbPath}},
		}}},
	})
	if err != nil {
		tb.Fatal(err)
	}
	inv := &inventory.Inventory{}
	asked := map[*extractor.Package]pair{}
	for _, p := range pairs {
		in := inventoryOf(p)
		asked[in] = p
		inv.Packages = append(inv.Packages, in)
	}
	if err := e.Enrich(tb.Context(), nil, inv); err != nil {
		tb.Fatal(err)
	}
	out := answers{}
	for _, found := range inv.PackageVulns {
		out.add(asked[found.Package], found.Vulnerability.GetId())
	}
	return out
}

// askMatcher asks osv-scalibr's matcher about each pair with nothing but the
// records that name its package.
func (r *records) askMatcher(pairs []pair) answers {
	out := answers{}
	for _, p := range pairs {
		for _, v := range osvlocal.VulnerabilitiesAffectingPackage(r.of[p.subject], inventoryOf(p)) {
			out.add(p, v.GetId())
		}
	}
	return out
}

// about writes those records of a zip that name a package of the pairs, as they
// are: the reference compares the name of every entry with that of every pair.
func (r *records) about(tb testing.TB, path string, pairs []pair) string {
	tb.Helper()
	wanted := map[string]bool{}
	for _, p := range pairs {
		for _, v := range r.of[p.subject] {
			wanted[v.GetId()+".json"] = true
		}
	}
	z, err := zip.OpenReader(path)
	if err != nil {
		tb.Fatal(err)
	}
	defer z.Close()
	file := filepath.Join(tb.TempDir(), "all.zip")
	out, err := os.Create(file)
	if err != nil {
		tb.Fatal(err)
	}
	defer out.Close()
	w := zip.NewWriter(out)
	n := 0
	for _, f := range z.File {
		if wanted[filepath.Base(f.Name)] {
			if err := w.Copy(f); err != nil {
				tb.Fatal(err)
			}
			n++
		}
	}
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	if n != len(wanted) {
		tb.Fatalf("%q has %d of %d records under their ids", path, n, len(wanted))
	}
	return file
}
