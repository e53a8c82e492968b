package sbom_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tallyman/tallyman/sbom"
)

func TestMergeDependencies(t *testing.T) {
	a := &sbom.Document{Dependencies: []sbom.Dependency{
		{PURL: "pkg:pypi/b@1", DependsOn: []string{"pkg:pypi/z@1", "pkg:pypi/a@1", "pkg:pypi/z@1"}},
		{PURL: "pkg:pypi/a@1"},
	}}
	b := &sbom.Document{Dependencies: []sbom.Dependency{
		{PURL: "pkg:pypi/b@1", DependsOn: []string{"pkg:pypi/c@1"}},
		{PURL: "pkg:pypi/b@2", DependsOn: []string{"pkg:pypi/a@1"}},
	}}
	want := []sbom.Dependency{
		{PURL: "pkg:pypi/a@1", DependsOn: []string{}},
		{PURL: "pkg:pypi/b@1", DependsOn: []string{"pkg:pypi/a@1", "pkg:pypi/c@1", "pkg:pypi/z@1"}},
		{PURL: "pkg:pypi/b@2", DependsOn: []string{"pkg:pypi/a@1"}},
	}
	got := sbom.Merge("", a, nil, b)
	if diff := cmp.Diff(want, got.Dependencies); diff != "" {
		t.Errorf("Merge (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"pkg:pypi/z@1", "pkg:pypi/a@1", "pkg:pypi/z@1"}, a.Dependencies[0].DependsOn); diff != "" {
		t.Errorf("Merge changed its argument (-want +got):\n%s", diff)
	}
	if none := sbom.Merge("", &sbom.Document{}); none.Dependencies != nil {
		t.Errorf("Merge of nothing has dependencies %v", none.Dependencies)
	}
}

func TestMergeTogether(t *testing.T) {
	a := &sbom.Document{Together: [][]string{{"z.txt", "base.txt", "z.txt"}, {"alone.txt"}, {"a.txt"}, nil}}
	b := &sbom.Document{Together: [][]string{{"base.txt", "z.txt"}, {"a.txt", "base.txt"}}}
	want := [][]string{{"a.txt"}, {"a.txt", "base.txt"}, {"base.txt", "z.txt"}}
	if diff := cmp.Diff(want, sbom.Merge("", a, b).Together); diff != "" {
		t.Errorf("Merge (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"z.txt", "base.txt", "z.txt"}, a.Together[0]); diff != "" {
		t.Errorf("Merge changed its argument (-want +got):\n%s", diff)
	}
}
