package pep508_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tallyman/tallyman/sbom/pep508"
)

// oracle reads the answers of pypa/packaging, which live outside of the
// repository.
func oracle(t *testing.T, name string, into any) {
	t.Helper()
	shared := os.Getenv("TALLYMAN_SHARED")
	if shared == "" {
		shared = filepath.Join("..", "..", "..", "shared")
	}
	data, err := os.ReadFile(filepath.Join(shared, "data", "oracles", name))
	if os.IsNotExist(err) {
		t.Skipf("no ../shared (or TALLYMAN_SHARED): %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, into); err != nil {
		t.Fatalf("reading %q: %v", name, err)
	}
}

func TestOracleMarkers(t *testing.T) {
	var want struct {
		Environments []struct {
			Name string
			Env  map[pep508.Variable]string
		}
		Markers []struct {
			Marker, Normalized string
			Results            map[string]any
		}
		Invalid []string
	}
	oracle(t, "pep508_markers.json", &want)
	for _, w := range want.Markers {
		m, err := pep508.ParseMarker(w.Marker)
		if err != nil {
			t.Errorf("ParseMarker(%q): %v", w.Marker, err)
			continue
		}
		if got := m.String(); got != w.Normalized {
			t.Errorf("ParseMarker(%q) prints %q, want %q", w.Marker, got, w.Normalized)
		}
		for _, e := range want.Environments {
			// Where packaging raises UndefinedComparison or
			// UndefinedEnvironmentName, the answer is Undecided.
			wanted := pep508.Undecided
			if b, ok := w.Results[e.Name].(bool); ok {
				wanted = pep508.False
				if b {
					wanted = pep508.True
				}
			}
			if got := m.Evaluate(pep508.Environment{Values: e.Env}); got != wanted {
				t.Errorf("%q in %s is %v, want %v", w.Marker, e.Name, got, wanted)
			}
		}
	}
	for _, text := range want.Invalid {
		if m, err := pep508.ParseMarker(text); err == nil {
			t.Errorf("ParseMarker(%q) = %q, want an error", text, m)
		}
	}
	t.Logf("%d markers in %d environments, %d invalid", len(want.Markers), len(want.Environments), len(want.Invalid))
}

func TestOracleRequirements(t *testing.T) {
	var want struct {
		Valid []struct {
			Input, Name, Canonical, Specifier, URL, Marker, Str string
			Extras                                              []string
		}
		Invalid []struct{ Input string }
	}
	oracle(t, "pep508_requirements.json", &want)
	for _, w := range want.Valid {
		r, err := pep508.Parse(w.Input)
		if err != nil {
			t.Errorf("Parse(%q): %v", w.Input, err)
			continue
		}
		// packaging keeps the spelling of extras. The specification has them
		// compared in normal form ("Extras", PEP 685), and so do we keep them.
		var extras []string
		for _, e := range w.Extras {
			extras = append(extras, pep508.NormalizeName(e))
			w.Str = strings.Replace(w.Str, e, pep508.NormalizeName(e), 1)
		}
		slices.Sort(extras)
		text := r.String()
		got := []string{r.Name, pep508.NormalizeName(r.Name), r.Specifiers.String(), r.URL, r.Marker.String(), text}
		if diff := cmp.Diff([]string{w.Name, w.Canonical, w.Specifier, w.URL, w.Marker, w.Str}, got); diff != "" {
			t.Errorf("Parse(%q) (-want +got):\n%s", w.Input, diff)
		}
		if diff := cmp.Diff(extras, r.Extras); diff != "" {
			t.Errorf("Parse(%q).Extras (-want +got):\n%s", w.Input, diff)
		}
	}
	for _, w := range want.Invalid {
		if r, err := pep508.Parse(w.Input); err == nil {
			t.Errorf("Parse(%q) = %q, want an error", w.Input, r)
		}
	}
	t.Logf("%d requirements, %d invalid", len(want.Valid), len(want.Invalid))
}

func TestOracleNamesAndFilenames(t *testing.T) {
	var want struct {
		Names     []struct{ Input, Canonical string }
		Filenames []struct {
			Input, Name, Version, Error string
			Build                       []any
			Tags                        []string
		}
	}
	oracle(t, "pep503_names_and_filenames.json", &want)
	for _, w := range want.Names {
		if got := pep508.NormalizeName(w.Input); got != w.Canonical {
			t.Errorf("NormalizeName(%q) = %q, want %q", w.Input, got, w.Canonical)
		}
	}
	for _, w := range want.Filenames {
		parse := pep508.ParseSdist
		if strings.HasSuffix(w.Input, ".whl") {
			parse = pep508.ParseWheel
		}
		f, err := parse(w.Input)
		if err != nil || w.Error != "" {
			if (err != nil) != (w.Error != "") {
				t.Errorf("%q: error %v, want %q", w.Input, err, w.Error)
			}
			continue
		}
		build := ""
		for _, part := range w.Build {
			if n, ok := part.(float64); ok {
				part = strconv.Itoa(int(n))
			}
			build += part.(string)
		}
		got := []string{f.Name, f.Version.String(), f.Build}
		if diff := cmp.Diff([]string{w.Name, w.Version, build}, got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", w.Input, diff)
		}
		if diff := cmp.Diff(w.Tags, f.Tags); diff != "" {
			t.Errorf("%q: tags (-want +got):\n%s", w.Input, diff)
		}
	}
	t.Logf("%d names, %d file names", len(want.Names), len(want.Filenames))
}
