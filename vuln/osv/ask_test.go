package osv_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/tallyman/tallyman/vuln"
)

const asked = "2025-01-01T00:00:00Z"

// TestLookup: by its id, by an alias that no record has, by what it was made
// from, and through two aliases.
func TestLookup(t *testing.T) {
	db := compile(t, folder(t,
		"PyPI/1.json", recordJSON("PYSEC-1", "PyPI", "a", asked, `,"aliases":["CVE-1","GHSA-1"],"details":"é"`),
		"PyPI/2.json", recordJSON("GHSA-1", "PyPI", "a", asked, `,"aliases":["CVE-1"]`),
		"PyPI/3.json", recordJSON("GHSA-2", "PyPI", "a", asked, `,"aliases":["PYSEC-1","CVE-2"]`),
		"Debian/1.json", recordJSON("DSA-1", "Debian:12", "a", asked, `,"upstream":["CVE-1"]`)))
	for id, want := range map[string]struct{ records, aliases []string }{
		"CVE-1":   {[]string{"GHSA-1 alias", "PYSEC-1 alias", "DSA-1 upstream"}, []string{"CVE-2", "GHSA-1", "GHSA-2", "PYSEC-1"}},
		"PYSEC-1": {[]string{"PYSEC-1 itself", "GHSA-2 alias"}, []string{"CVE-1", "CVE-2", "GHSA-1", "GHSA-2"}},
		"DSA-1":   {[]string{"DSA-1 itself"}, nil},
		"CVE-3":   {nil, nil},
		"":        {nil, nil},
		// One of ours, which is in no snapshot.
		"x_TM-GRADIO-2026-1": {[]string{"x_TM-GRADIO-2026-1 itself"}, nil},
	} {
		got, err := db.Lookup(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		var records []string
		for _, r := range got.Records {
			records = append(records, r.ID+" "+r.Relation)
			original, err := db.Original(t.Context(), r.ID)
			if strings.HasPrefix(r.ID, "x_") {
				original = r.Original
			}
			if err != nil || string(original) != string(r.Original) || len(original) == 0 {
				t.Errorf("%s: original %s, %v", r.ID, original, err)
			}
		}
		slices.Sort(got.Aliases)
		if !slices.Equal(records, want.records) || !slices.Equal(got.Aliases, want.aliases) {
			t.Errorf("%s: records %v, aliases %v", id, records, got.Aliases)
		}
	}
}

// TestOriginalOfTheNewest: of two files with one id, the one that counts.
func TestOriginalOfTheNewest(t *testing.T) {
	fresh := recordJSON("X-1", "PyPI", "a", asked, "")
	db := compile(t, folder(t, "npm/a.json", recordJSON("X-1", "npm", "a", "2020-01-01T00:00:00Z", ""), "PyPI/b.json", fresh))
	got, err := db.Original(t.Context(), "X-1")
	if err != nil || string(got) != fresh {
		t.Errorf("%s, %v", got, err)
	}
	if got, err := db.Original(t.Context(), "X-2"); err != nil || got != nil {
		t.Errorf("%s, %v", got, err)
	}
}

func TestSearch(t *testing.T) {
	db := compile(t, folder(t,
		"PyPI/1.json", recordJSON("PYSEC-1", "PyPI", "a", asked, ""),
		"PyPI/2.json", `{"id":"PYSEC-2","modified":"`+asked+`","affected":[{"package":{"ecosystem":"PyPI","name":"a"}}]}`,
		"Debian/1.json", recordJSON("DSA-1", "Debian:12", "a", asked, "")))
	for _, tt := range []struct{ ecosystem, name, version, want string }{
		{"PyPI", "A", "1.9", "PYSEC-1 yes 2.0, PYSEC-2 unknown "},
		{"PyPI", "a", "2.0", "PYSEC-1 no , PYSEC-2 unknown "},
		{"PyPI", "a", "", "PYSEC-1  , PYSEC-2  "},
		{"PyPI", "a", "no version", "PYSEC-1 unknown , PYSEC-2 unknown "},
		{"PyPI", "b", "1", ""},
		{"Debian:12", "a", "1.0-1", "DSA-1 yes 2.0"},
	} {
		hits, err := db.Search(t.Context(), tt.ecosystem, tt.name, tt.version)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for i, h := range hits {
			if i > 0 {
				got += ", "
			}
			got += h.Advisory.ID + " " + h.Affects + " " + h.Fixed
		}
		if got != tt.want {
			t.Errorf("%s %s %s: %q, want %q", tt.ecosystem, tt.name, tt.version, got, tt.want)
		}
	}
	if _, err := db.Search(t.Context(), "Debian:11", "a", "1"); !errors.Is(err, vuln.ErrNoEcosystem) {
		t.Errorf("Debian:11: %v", err)
	}
}
