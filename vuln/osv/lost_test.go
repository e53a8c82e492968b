package osv_test

import (
	"strings"
	"testing"
)

// TestRecordsThatWereSilentlyLost: however a record spells what it is about,
// it is found, or it is counted as refused.
func TestRecordsThatWereSilentlyLost(t *testing.T) {
	good := recordJSON("PYSEC-0", "PyPI", "other", "2025-01-01T00:00:00Z", "")
	spoken := recordJSON("PYSEC-1", "PyPI", "demo", "2025-01-01T00:00:00Z", "")
	const exact = `"ecosystem":"PyPI","name":"demo"`
	if !strings.Contains(spoken, exact) {
		t.Fatalf("%s has no %s", spoken, exact)
	}
	as := func(with string) string { return strings.Replace(spoken, exact, with, 1) }
	for _, tt := range []struct {
		name, file, data string
		found            bool
	}{
		{"as the schema has it", "PyPI/a.json", spoken, true},
		{"ecosystem in lower case", "PyPI/a.json", as(`"ecosystem":"pypi","name":"demo"`), true},
		{"ecosystem in upper case, with spaces", "PyPI/a.json", as(`"ecosystem":" PYPI ","name":"demo"`), true},
		{"package URL alone", "PyPI/a.json", as(`"purl":"pkg:pypi/demo"`), true},
		{"package URL and name", "PyPI/a.json", as(`"name":"demo","purl":"pkg:pypi/demo@1.0"`), true},
		{"package URL that tells no ecosystem", "PyPI/a.json", as(`"purl":"pkg:generic/demo"`), false},
		{"package URL that is none", "PyPI/a.json", as(`"purl":"demo"`), false},
		{"name alone", "PyPI/a.json", as(`"name":"demo"`), false},
		{"ecosystem that OSV does not know", "PyPI/a.json", as(`"ecosystem":"pip","name":"demo"`), false},
		{"nothing affected", "PyPI/a.json", `{"id":"PYSEC-1","modified":"2025-01-01T00:00:00Z"}`, false},
		{"file name in upper case", "PyPI/A.JSON", spoken, true},
		{"folder in lower case", "pypi/a.json", spoken, true},
		{"zip in upper case", "PyPI/ALL.ZIP", string(zipOf(t, "A.JSON", spoken)), true},
		{"zip beside the folders", "pypi.ZIP", string(zipOf(t, "A.JSON", spoken)), true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			db := compile(t, folder(t, "PyPI/good.json", good, tt.file, tt.data))
			list, err := db.Advisories(t.Context(), "PyPI", "demo")
			if err != nil || (len(list) == 1) != tt.found {
				t.Errorf("found %v, %v", list, err)
			}
			if tt.found {
				return
			}
			status, err := db.StatusOf("PyPI", now)
			if err != nil || status.Refused != 1 {
				t.Errorf("status %+v, %v, want one refused", status, err)
			}
		})
	}
}

// TestCanonicalRelease: the release suffix of a distribution stays as it is.
func TestCanonicalRelease(t *testing.T) {
	db := compile(t, folder(t, "debian/a.json", recordJSON("DEBIAN-1", "DEBIAN:12", "demo", "2025-01-01T00:00:00Z", "")))
	if list, err := db.Advisories(t.Context(), "Debian:12", "demo"); err != nil || len(list) != 1 {
		t.Errorf("found %v, %v", list, err)
	}
}
