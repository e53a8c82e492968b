package syftjson_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tallyman/tallyman/sbom"
	"github.com/tallyman/tallyman/sbom/syftjson"
)

func TestDecode(t *testing.T) {
	got, err := syftjson.Decode(strings.NewReader(`{"artifacts":[
	 {"id":"1","name":"gradio","version":"4.19.1","type":"python","purl":"pkg:pypi/gradio@4.19.1","locations":[{"path":"/app/METADATA","layerID":"sha256:11","accessPath":"/x"}],"metadata":{"files":[]}},
	 {"id":"2","name":"libssl3","version":"3.0.11","type":"deb","purl":"pkg:deb/debian/libssl3@3.0.11?upstream=openssl","locations":[]},
	 {"id":"3","name":"busybox","version":"1.36","type":"binary","purl":""}],
	 "source":{"name":"ghcr.io/example/chatbot"},"distro":{"id":"debian","versionID":"12"},"schema":{"version":"16.0.0"}}`))
	if err != nil {
		t.Fatal(err)
	}
	want := &sbom.Document{
		Name: "ghcr.io/example/chatbot",
		Components: []sbom.Component{
			{Name: "gradio", Version: "4.19.1", Ecosystem: "PyPI", PURL: "pkg:pypi/gradio@4.19.1", Evidence: sbom.Locked, Locations: []sbom.Location{{File: "/app/METADATA", Layer: "sha256:11"}}},
			{Name: "libssl3", Version: "3.0.11", Ecosystem: "Debian:12", PURL: "pkg:deb/debian/libssl3@3.0.11?upstream=openssl", Source: "openssl", Evidence: sbom.Locked},
			{Name: "busybox", Version: "1.36", Evidence: sbom.Locked},
		},
		Gaps: []sbom.Gap{{Kind: sbom.GapUnversioned, Package: "busybox", Reason: `"busybox" has no package URL, so no advisories can be looked up for it`}},
	}
	want.Normalize()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Name, version, package URL and layer of exact components survive.
func TestRoundTrip(t *testing.T) {
	d := &sbom.Document{Name: "app", Components: []sbom.Component{
		{Name: "gradio", Version: "4.19.1", Ecosystem: "PyPI", PURL: "pkg:pypi/gradio@4.19.1", Evidence: sbom.Declared, Locations: []sbom.Location{{File: "a.txt", Line: 1}, {File: "a.txt", Line: 9}}},
		{Name: "fastapi", Specifier: ">=1", Ecosystem: "PyPI", PURL: "pkg:pypi/fastapi", Evidence: sbom.Declared},
		{Name: "curl", Version: "7", Ecosystem: "Debian:12", PURL: sbom.DebPURL("debian", "curl", "7", "amd64", "debian-12", ""), Evidence: sbom.Installed, Locations: []sbom.Location{{File: "/var/lib/dpkg/status", Layer: "sha256:11"}}},
	}}
	for _, digest := range []string{"", "sha256:" + strings.Repeat("ab", 32)} {
		var first, second bytes.Buffer
		for _, b := range []*bytes.Buffer{&first, &second} {
			if err := syftjson.Encode(b, d, syftjson.Options{ToolVersion: "1.0.0", ImageDigest: digest}); err != nil {
				t.Fatal(err)
			}
		}
		if first.String() != second.String() {
			t.Error("the same document gives different bytes")
		}
		got, err := syftjson.Decode(&first)
		if err != nil {
			t.Fatal(err)
		}
		want := &sbom.Document{Name: "app", Components: []sbom.Component{d.Components[0], d.Components[2]}}
		for i := range want.Components {
			want.Components[i].Evidence = sbom.Locked
		}
		want.Components[0].Locations = []sbom.Location{{File: "a.txt"}}
		want.Normalize()
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	for _, in := range []string{"", "{}", `{"artifacts":null}`, `{"artifacts":{}}`, `{"artifacts":[]}{}`} {
		if d, err := syftjson.Decode(strings.NewReader(in)); err == nil {
			t.Errorf("Decode(%q) = %+v, want an error", in, d)
		}
	}
}

// Each artifact gives a component, and each that is not exact a gap.
func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"artifacts":[{"name":"a","version":"1","purl":"pkg:pypi/a@1"},{"name":"b","version":"^1"}],"distro":{"id":"debian","versionID":"12"}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		d, err := syftjson.Decode(bytes.NewReader(data))
		if err != nil {
			return
		}
		for _, c := range d.Components {
			if (c.Version == "" || c.Ecosystem == "") && len(d.Gaps) == 0 {
				t.Fatalf("%+v leaves no gap", c)
			}
		}
	})
}
