package osv_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tallyman/tallyman/vuln/osv"
)

// TestDocumentListsWhatIsEmbedded: docs/ADVISORIES.md has a row for each
// correction and each advisory of our own, and no other.
func TestDocumentListsWhatIsEmbedded(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("..", "..", "docs", "ADVISORIES.md"))
	if err != nil {
		t.Fatal(err)
	}
	corrections, err := osv.Corrections()
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, c := range corrections {
		want = append(want, fmt.Sprintf("| %s | %s | %s | <%s> |", c.ID, correctionEffect(&c), c.Reason+c.Note, c.Source))
	}
	if diff := cmp.Diff(want, rows(string(data), "corrections")); diff != "" {
		t.Errorf("corrections (-embedded +documented):\n%s", diff)
	}
	if diff := cmp.Diff(ownRows(t), rows(string(data), "own")); diff != "" {
		t.Errorf("our own (-embedded +documented):\n%s", diff)
	}
}

// correctionEffect is what a correction does, in a few words.
func correctionEffect(c *osv.Correction) string {
	switch {
	case len(c.Ranges) > 0 && len(c.Was) > 0:
		return "another range"
	case len(c.Ranges) > 0:
		return "a range for a record without one"
	case c.Withdrawn:
		return "taken out"
	case len(c.Aliases) > 0:
		return "alias " + strings.Join(c.Aliases, ", ")
	}
	return "a note"
}

// ownRows are the rows of our own advisories, as their files have them.
func ownRows(t *testing.T) (out []string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("own", "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var r struct {
			ID, Summary string
			Affected    []struct {
				Ranges []struct{ Events []struct{ Fixed string } }
			}
			References []struct{ URL string }
		}
		if err := json.Unmarshal(data, &r); err != nil {
			t.Fatal(err)
		}
		events := r.Affected[0].Ranges[0].Events
		out = append(out, fmt.Sprintf("| %s | %s | %s | <%s> |", r.ID, strings.NewReplacer("<", "`<", ">", ">`").Replace(r.Summary), events[len(events)-1].Fixed, r.References[0].URL))
	}
	return out
}

// rows are the rows of the table after a marker.
func rows(doc, marker string) (out []string) {
	_, rest, _ := strings.Cut(doc, "<!-- "+marker+" -->\n")
	lines := strings.Split(rest, "\n")
	for i, line := range lines {
		if !strings.HasPrefix(line, "|") {
			break
		}
		if i >= 2 {
			out = append(out, line)
		}
	}
	return out
}
