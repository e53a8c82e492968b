package deploy

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tallyman/tallyman/sbom"
)

func filesDocument(t *testing.T, example string) *sbom.Document {
	t.Helper()
	f := sbom.Files{Name: "a", Version: "1", List: "/usr/lib/a.dist-info/RECORD"}
	if err := json.Unmarshal([]byte(example), &f); err != nil {
		t.Fatal(err)
	}
	return &sbom.Document{Files: []sbom.Files{f}}
}

func TestFileRulesFireOnBadAndNotOnGood(t *testing.T) {
	for _, r := range fileRules() {
		if r.Title == "" || r.Why == "" || r.Remedy == "" || !strings.HasPrefix(r.Source, "https://") {
			t.Errorf("documentation is incomplete: %+v", r.Rule)
		}
		bad := CheckFiles(filesDocument(t, r.Bad))
		if len(bad) != 1 || bad[0].Rule != r.ID || bad[0].File != "usr/lib/a.dist-info/RECORD" {
			t.Errorf("Bad gives %+v, want one finding of %s", bad, r.ID)
		}
		if good := CheckFiles(filesDocument(t, r.Good)); len(good) != 0 {
			t.Errorf("Good gives %+v", good)
		}
	}
}

func TestCheckFilesNamesSomeAndCountsTheRest(t *testing.T) {
	f := sbom.Files{Name: "a", Version: "1", List: "/l"}
	for i := range 8 {
		f.Altered = append(f.Altered, fmt.Sprintf("/f%d", i))
	}
	var got []string
	for _, finding := range CheckFiles(&sbom.Document{Files: []sbom.Files{f}}) {
		got = append(got, finding.Message)
	}
	want := []string{"files of a 1 have another content than its list: /f0, /f1, /f2, /f3, /f4 and 3 more"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("messages (-want +got):\n%s", diff)
	}
}

// TestCheckFilesTellsLayersApart: an altered file of the base never hides one
// that was altered on top of it, nor the other way round.
func TestCheckFilesTellsLayersApart(t *testing.T) {
	f := sbom.Files{Name: "a", Version: "1", List: "/l", Altered: []string{"/a", "/b", "/c"}}
	f.Locations = []sbom.Location{{File: "/a", Layer: "sha256:b0"}, {File: "/b", Layer: "sha256:a1"}, {File: "/c", Layer: "sha256:b0"}}
	var got []string
	for _, finding := range CheckFiles(&sbom.Document{Files: []sbom.Files{f}}) {
		got = append(got, finding.Layer+" "+finding.Message)
	}
	want := []string{"sha256:b0 files of a 1 have another content than its list: /a, /c", "sha256:a1 files of a 1 have another content than its list: /b"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("messages (-want +got):\n%s", diff)
	}
}
