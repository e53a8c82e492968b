package pyproject_test

import (
	"context"
	"fmt"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/tallyman/tallyman/sbom"
	"github.com/tallyman/tallyman/sbom/pyproject"
	"github.com/tallyman/tallyman/vuln"
)

// advisories has one for demo from 2 to 3.
type advisories struct{}

func (advisories) Advisories(_ context.Context, ecosystem, name string) ([]vuln.Advisory, error) {
	if ecosystem != "PyPI" || name != "demo" {
		return nil, nil
	}
	affected := vuln.Affected{Ecosystem: ecosystem, Name: name, Ranges: []vuln.Range{{Type: "ECOSYSTEM", Events: []vuln.Event{{Introduced: "2.0"}, {Fixed: "3.0"}}}}}
	return []vuln.Advisory{{ID: "PYSEC-2025-1", Affected: []vuln.Affected{affected}}}, nil
}

// The files that a project takes its dependencies from are installed in one go,
// and an extra's with them; what the project always needs is also installed
// without the extra.
func TestTogether(t *testing.T) {
	const head = "[project]\nname = 'x'\nversion = '1'\n"
	for _, tt := range []struct {
		name, project string
		files         map[string]string
		together      [][]string
		want, apart   []string
	}{
		{"two files of dependencies", head + "dynamic = ['dependencies']\n[tool.setuptools.dynamic]\ndependencies = {file = ['a.txt', 'b.txt']}\n",
			map[string]string{"a.txt": "demo>=2\n", "b.txt": "demo<3\n"},
			[][]string{{"a.txt", "b.txt", "pyproject.toml"}}, []string{"demo<3,>=2 forced"}, []string{"demo<3 current", "demo>=2 latent"}},
		{"an extra on top", head + "dependencies = ['demo>=2']\ndynamic = ['optional-dependencies']\n[tool.setuptools.dynamic]\noptional-dependencies.more = {file = ['more.txt']}\n",
			map[string]string{"more.txt": "demo<3\n"},
			[][]string{{"more.txt", "pyproject.toml"}, {"pyproject.toml"}}, []string{"demo<3,>=2 forced"}, []string{"demo<3 current", "demo>=2 latent"}},
		{"an extra that would cure", head + "dependencies = ['demo>=2']\ndynamic = ['optional-dependencies']\n[tool.setuptools.dynamic]\noptional-dependencies.more = {file = ['more.txt']}\n",
			map[string]string{"more.txt": "demo>=3\n"},
			[][]string{{"more.txt", "pyproject.toml"}, {"pyproject.toml"}}, []string{"demo>=2 latent"}, []string{"demo>=2 latent"}},
		{"one file", head + "dependencies = ['demo>=3']\n", nil, nil, nil, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			fsys := fstest.MapFS{"pyproject.toml": {Data: []byte(tt.project)}}
			for name, text := range tt.files {
				fsys[name] = &fstest.MapFile{Data: []byte(text)}
			}
			doc := pyproject.Read(fsys, "pyproject.toml").Document()
			if diff := cmp.Diff(tt.together, doc.Together); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
			if diff := cmp.Diff(tt.want, verdicts(t, doc)); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
			doc.Together = nil
			if diff := cmp.Diff(tt.apart, verdicts(t, doc)); diff != "" {
				t.Errorf("if each file were installed by itself: -want +got\n%s", diff)
			}
		})
	}
}

func verdicts(t *testing.T, doc *sbom.Document) []string {
	t.Helper()
	result, err := vuln.Match(t.Context(), doc, advisories{})
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, f := range result.Findings {
		out = append(out, fmt.Sprintf("%s%s %s", f.Package, f.Specifier, f.Verdict))
	}
	return out
}
