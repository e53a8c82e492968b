package pep440_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tallyman/tallyman/sbom/pep440"
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

// oracleVersion is what packaging says of one version.
type oracleVersion struct {
	Input, Str, Public, Base string
	Epoch                    json.Number
	Release                  []json.Number
	Pre                      []any
	Post, Dev                *json.Number
	Local                    string
	Prerelease               bool `json:"is_prerelease"`
	Postrelease              bool `json:"is_postrelease"`
	Devrelease               bool `json:"is_devrelease"`
}

func (w oracleVersion) parts() pep440.Parts {
	p := pep440.Parts{Epoch: w.Epoch.String(), Local: w.Local}
	for _, n := range w.Release {
		p.Release = append(p.Release, n.String())
	}
	if w.Pre != nil {
		p.Pre = w.Pre[0].(string)
		number, _ := json.Marshal(w.Pre[1])
		p.PreNumber = string(number)
	}
	if w.Post != nil {
		p.Post = w.Post.String()
	}
	if w.Dev != nil {
		p.Dev = w.Dev.String()
	}
	return p
}

func TestOracleVersions(t *testing.T) {
	var want struct {
		Valid   []oracleVersion
		Invalid []string
	}
	oracle(t, "pep440_versions.json", &want)
	for _, w := range want.Valid {
		v, err := pep440.Parse(w.Input)
		if err != nil {
			t.Errorf("Parse(%q): %v", w.Input, err)
			continue
		}
		if diff := cmp.Diff(w.parts(), v.Parts()); diff != "" {
			t.Errorf("Parse(%q).Parts() (-want +got):\n%s", w.Input, diff)
		}
		got := []string{v.String(), v.Public().String(), v.Base().String()}
		if diff := cmp.Diff([]string{w.Str, w.Public, w.Base}, got); diff != "" {
			t.Errorf("Parse(%q): text, public, base (-want +got):\n%s", w.Input, diff)
		}
		kinds := []bool{v.IsPrerelease(), v.IsPostrelease(), v.IsDevrelease(), v.HasLocal()}
		if diff := cmp.Diff([]bool{w.Prerelease, w.Postrelease, w.Devrelease, w.Local != ""}, kinds); diff != "" {
			t.Errorf("Parse(%q): pre, post, dev, local (-want +got):\n%s", w.Input, diff)
		}
	}
	for _, s := range want.Invalid {
		if v, err := pep440.Parse(s); err == nil {
			t.Errorf("Parse(%q) = %q, want an error", s, v)
		}
	}
	t.Logf("%d versions, %d invalid", len(want.Valid), len(want.Invalid))
}

func TestOracleOrder(t *testing.T) {
	var want struct {
		Ascending [][]string `json:"ascending_groups_equal_within"`
	}
	oracle(t, "pep440_versions.json", &want)
	type placed struct {
		pep440.Version
		group int
	}
	var all []placed
	for i, group := range want.Ascending {
		for _, s := range group {
			all = append(all, placed{pep440.MustParse(s), i})
		}
	}
	for _, v := range all {
		for _, w := range all {
			if got, want := v.Compare(w.Version), sign(v.group-w.group); got != want {
				t.Errorf("%q.Compare(%q) = %d, want %d", v, w, got, want)
			}
		}
	}
	t.Logf("%d pairs", len(all)*len(all))
}

func TestOracleSpecifiers(t *testing.T) {
	var want struct {
		Versions   []string
		Specifiers []struct {
			Specifier, Normalized string
			Prereleases           *bool
			Contains              []int
			Allowed               []int `json:"contains_prereleases_true"`
		}
		Invalid []string
	}
	oracle(t, "pep440_specifiers.json", &want)
	var versions []pep440.Version
	for _, s := range want.Versions {
		versions = append(versions, pep440.MustParse(s))
	}
	for _, w := range want.Specifiers {
		s, err := pep440.ParseSpecifiers(w.Specifier)
		if err != nil {
			t.Errorf("ParseSpecifiers(%q): %v", w.Specifier, err)
			continue
		}
		if got := s.String(); got != w.Normalized {
			t.Errorf("ParseSpecifiers(%q) prints %q, want %q", w.Specifier, got, w.Normalized)
		}
		if got := s.NamesPrerelease(); got != (w.Prereleases != nil && *w.Prereleases) {
			t.Errorf("%q names a pre-release: %v, want %v", s, got, !got)
		}
		set := s.Set()
		for i, v := range versions {
			inAllowed := slices.Contains(w.Allowed, i)
			if got := s.Contains(v, pep440.PrereleasesAllowed); got != inAllowed {
				t.Errorf("%q contains %q: %v, want %v", s, v, got, inAllowed)
			}
			if got := set.Contains(v); got != inAllowed {
				t.Errorf("the set %v of %q contains %q: %v, want %v", set, s, v, got, inAllowed)
			}
			in := slices.Contains(w.Contains, i)
			if got := s.Contains(v, pep440.PrereleasesDefault); got != in {
				t.Errorf("%q contains %q by default: %v, want %v", s, v, got, in)
			}
		}
	}
	for _, text := range want.Invalid {
		if s, err := pep440.ParseSpecifiers(text); err == nil {
			t.Errorf("ParseSpecifiers(%q) = %q, want an error", text, s)
		}
	}
	t.Logf("%d specifiers over %d versions, %d invalid", len(want.Specifiers), len(versions), len(want.Invalid))
}
