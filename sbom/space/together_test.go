package space_test

import (
	"context"
	"fmt"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/tallyman/tallyman/sbom"
	"github.com/tallyman/tallyman/sbom/pyreq"
	"github.com/tallyman/tallyman/sbom/space"
	"github.com/tallyman/tallyman/vuln"
)

// advisories has one for uvicorn before 0.20.
type advisories struct{}

func (advisories) Advisories(_ context.Context, ecosystem, name string) ([]vuln.Advisory, error) {
	if ecosystem != "PyPI" || name != "uvicorn" {
		return nil, nil
	}
	affected := vuln.Affected{Ecosystem: ecosystem, Name: name, Ranges: []vuln.Range{{Type: "ECOSYSTEM", Events: []vuln.Event{{Introduced: "0"}, {Fixed: "0.20"}}}}}
	return []vuln.Advisory{{ID: "PYSEC-2025-1", Affected: []vuln.Affected{affected}}}, nil
}

// One call of pip installs requirements.txt and what the builder adds, so that
// the lines of both limit each other: the builder's uvicorn>=0.14.0 alone admits
// an affected version.
func TestTogether(t *testing.T) {
	fsys := fstest.MapFS{
		"app/README.md":         {Data: []byte("---\nsdk: gradio\nsdk_version: '6.26.0'\n---\n")},
		"app/requirements.txt":  {Data: []byte("-r more.txt\n")},
		"app/more.txt":          {Data: []byte("uvicorn>=0.30\n")},
		"else/requirements.txt": {Data: []byte("uvicorn>=0.30\n")},
	}
	s, reqs := space.Read(fsys, "app/README.md"), pyreq.Read(fsys, "app/requirements.txt", pyreq.Options{})
	if diff := cmp.Diff([]string{"app/requirements.txt"}, s.Requirements); diff != "" {
		t.Fatalf("-want +got\n%s", diff)
	}
	s.Requirements = reqs.Files
	verdicts := func(docs ...*sbom.Document) []string {
		result, err := vuln.Match(t.Context(), sbom.Merge("", docs...), advisories{})
		if err != nil {
			t.Fatal(err)
		}
		var out []string
		for _, f := range result.Findings {
			out = append(out, fmt.Sprintf("%s %s %s", f.Package, f.Specifier, f.Verdict))
		}
		return out
	}
	latent := []string{"uvicorn >=0.14.0 latent"}
	if diff := cmp.Diff(latent, verdicts(s.Document())); diff != "" {
		t.Errorf("by itself: -want +got\n%s", diff)
	}
	if diff := cmp.Diff([]string(nil), verdicts(s.Document(), reqs.Document())); diff != "" {
		t.Errorf("with its requirements: -want +got\n%s", diff)
	}
	other := pyreq.Read(fsys, "else/requirements.txt", pyreq.Options{})
	if diff := cmp.Diff(latent, verdicts(s.Document(), other.Document())); diff != "" {
		t.Errorf("with another folder's requirements: -want +got\n%s", diff)
	}
}
