package vuln_test

import (
	"net/http"
	"slices"
	"testing"

	"github.com/tallyman/tallyman/sbom"
	"github.com/tallyman/tallyman/vuln"
	"github.com/tallyman/tallyman/vuln/osv"
)

// TestGoModules holds modules of Go programs against the real advisories, in
// every form that their versions have.
func TestGoModules(t *testing.T) {
	source, dir := shared(t, "data/osv"), t.TempDir()
	if _, err := osv.Update(t.Context(), osv.Options{Dir: dir, From: source, Client: http.DefaultClient, Ecosystems: []string{"Go"}}); err != nil {
		t.Fatal(err)
	}
	db, err := osv.OpenCurrent(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, tc := range []struct {
		name, version, id string
		want              bool
	}{
		{"stdlib", "1.21.7", "GO-2024-2598", true}, // fixed in 1.21.8 and 1.22.1
		{"stdlib", "1.21.8", "GO-2024-2598", false},
		{"stdlib", "1.22.0-rc.1", "GO-2024-2598", true},
		{"stdlib", "1.22.1", "GO-2024-2598", false},
		{"golang.org/x/net", "v0.22.0", "GO-2024-2687", true}, // fixed in 0.23.0
		{"golang.org/x/net", "v0.23.0", "GO-2024-2687", false},
		{"golang.org/x/net", "v0.0.0-20220722155237-a158d28d115b", "GO-2024-2687", true},
		{"golang.org/x/net", "v0.23.1-0.20240404175642-abcdefabcdef", "GO-2024-2687", false},
		{"golang.org/x/net", "v0.22.1-0.20240404175642-abcdefabcdef+dirty", "GO-2024-2687", true},
		{"github.com/dgrijalva/jwt-go", "v3.2.0+incompatible", "GO-2020-0017", true},
		{"github.com/docker/distribution", "v2.7.1+incompatible", "GO-2022-0379", true}, // fixed in 2.8.0+incompatible
		{"github.com/docker/distribution", "v2.8.0+incompatible", "GO-2022-0379", false},
		{"github.com/Masterminds/goutils", "v1.1.0", "GO-2022-0411", true},
		{"github.com/masterminds/goutils", "v1.1.0", "GO-2022-0411", true},
		{"toolchain", "1.21.0", "GO-2023-2042", true}, // fixed in 1.21.1
		{"toolchain", "1.21.1", "GO-2023-2042", false},
	} {
		c := sbom.Component{
			Name: tc.name, Version: tc.version, Ecosystem: "Go", Evidence: sbom.Installed, PURL: sbom.GoPURL(tc.name, tc.version),
			Locations: []sbom.Location{{File: "/app/one"}, {File: "/app/two"}},
		}
		res, err := vuln.Match(t.Context(), &sbom.Document{Components: []sbom.Component{c}}, db)
		if err != nil {
			t.Fatal(err)
		}
		got := slices.ContainsFunc(res.Findings, func(f vuln.Finding) bool { return slices.Contains(f.IDs, tc.id) && len(f.Locations) == 2 })
		if got != tc.want || len(res.Gaps) > 0 {
			t.Errorf("%s %s: %s is %v, want %v; gaps %v", tc.name, tc.version, tc.id, got, tc.want, res.Gaps)
		}
	}
}
