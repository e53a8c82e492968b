package decode_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/tallyman/tallyman/sbom"
	"github.com/tallyman/tallyman/sbom/decode"
)

func TestDecodeTellsFormats(t *testing.T) {
	for format, in := range map[string]string{
		decode.CycloneDX: "\xef\xbb\xbf" + `{"bomFormat":"CycloneDX","specVersion":"1.7","components":[{"type":"library","name":"a","purl":"pkg:pypi/a@1"},{"type":"library","name":"b"}]}`,
		decode.SPDX:      `{"spdxVersion":"SPDX-2.3","packages":[{"name":"a","externalRefs":[{"referenceType":"purl","referenceLocator":"pkg:pypi/a@1"}]},{"name":"b"}]}`,
		decode.SyftJSON:  `{"artifacts":[{"name":"a","purl":"pkg:pypi/a@1"},{"name":"b"}]}`,
		decode.JSON:      `{"version":1,"command":"sbom","components":[{"name":"a","version":"1","ecosystem":"PyPI","purl":"pkg:pypi/a@1","evidence":"locked"},{"name":"b"}],"gaps":[{"kind":"unversioned","package":"b"}]}`,
	} {
		d, got, err := decode.Decode(strings.NewReader(in))
		if err != nil || got != format {
			t.Errorf("Decode = %q, %v, want %s", got, err, format)
			continue
		}
		decode.Place(d, "some.json")
		if len(d.Components) != 2 || d.Components[1].Name != "a" || d.Components[1].Version != "1" || d.Components[1].Evidence != sbom.Locked {
			t.Errorf("%s: components are %+v", format, d.Components)
		}
		for _, c := range d.Components {
			if len(c.Locations) != 1 || c.Locations[0].File != "some.json" {
				t.Errorf("%s: %s is at %+v, want it in some.json", format, c.Name, c.Locations)
			}
		}
		if len(d.Gaps) != 1 || d.Gaps[0].File != "some.json" || !d.Gaps[0].Hides {
			t.Errorf("%s: gaps are %+v, want one that hides in some.json", format, d.Gaps)
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	for name, in := range map[string]string{
		"nothing": "", "a requirement file": "gradio==4.19.1\n", "other JSON": `{"a":1}`, "a list": `[]`, "XML": "<bom/>",
		"two formats":       `{"bomFormat":"CycloneDX","spdxVersion":"SPDX-2.3"}`,
		"a report of vuln":  `{"version":1,"command":"vuln","findings":[]}`,
		"a null components": `{"version":1,"command":"sbom","components":null}`,
	} {
		if d, _, err := decode.Decode(strings.NewReader(in)); !errors.Is(err, decode.ErrUnknown) {
			t.Errorf("%s: Decode = %+v, %v, want ErrUnknown", name, d, err)
		}
	}
	if d, _, err := decode.Decode(strings.NewReader(`{"version":2,"command":"sbom","components":[]}`)); err == nil {
		t.Errorf("a later version: Decode = %+v, want an error", d)
	}
}

// Detect says what Decode then reads, or both refuse.
func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"spdxVersion":"SPDX-2.3","packages":[{"name":"a"}]}`))
	f.Add([]byte(`{"version":1,"command":"sbom","components":[{"name":"a"}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		d, format, err := decode.Decode(strings.NewReader(string(data)))
		if err != nil {
			return
		}
		if format == "" || d == nil {
			t.Fatalf("Decode = %v, %q and no error", d, format)
		}
		decode.Place(d, "f")
		for _, c := range d.Components {
			if len(c.Locations) == 0 {
				t.Fatalf("%+v is nowhere", c)
			}
		}
	})
}
