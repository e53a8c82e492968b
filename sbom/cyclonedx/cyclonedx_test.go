package cyclonedx_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/tallyman/tallyman/sbom"
	"github.com/tallyman/tallyman/sbom/cyclonedx"
)

func encode(t testing.TB, d *sbom.Document, opts cyclonedx.Options) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := cyclonedx.Encode(&b, d, opts); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func decode(t testing.TB, data []byte) *sbom.Document {
	t.Helper()
	d, err := cyclonedx.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// sample is an inventory with everything that a Document can hold.
func sample() *sbom.Document {
	d := &sbom.Document{
		Name: "testdata/apps/chatbot",
		Components: []sbom.Component{
			{Name: "Gradio", Version: "4.19.1", Specifier: "==4.19.1", Ecosystem: "PyPI", PURL: sbom.PyPIPURL("Gradio", "4.19.1"), Evidence: sbom.Declared, Extras: []string{"oauth"}, Marker: `python_version >= "3.9"`, Hashes: []string{"sha256:" + strings.Repeat("ab", 32)}, Locations: []sbom.Location{{File: "requirements.txt", Line: 3}}},
			{Name: "Gradio", Version: "4.19.1", Ecosystem: "PyPI", PURL: sbom.PyPIPURL("Gradio", "4.19.1"), Evidence: sbom.Verified, Locations: []sbom.Location{{File: "/usr/lib/python3/METADATA", Layer: "sha256:" + strings.Repeat("1f", 32)}}},
			{Name: "fastapi", Specifier: ">=0.100", Ecosystem: "PyPI", PURL: sbom.PyPIPURL("fastapi", ""), Evidence: sbom.Declared, Constraint: true, Scope: "extra:api", Locations: []sbom.Location{{File: "constraints.txt", Line: 1}, {File: "constraints.txt", Line: 9}}},
			{Name: "models", Ecosystem: "PyPI", PURL: sbom.PyPIPURL("models", ""), URL: "git+https://example.org/m.git", Editable: true, Evidence: sbom.Declared, Hashes: []string{"sha256:01", "sha256:02"}, Locations: []sbom.Location{{File: "requirements.txt", Line: 4}}},
			{Name: "@gradio/client", Version: "1.0.0", Ecosystem: "npm", PURL: sbom.NPMPURL("@gradio/client", "1.0.0"), Evidence: sbom.Locked, Locations: []sbom.Location{{File: "package-lock.json"}}},
			{Name: "node", Version: "20.20.2", PURL: sbom.GenericPURL("node", "20.20.2"), Evidence: sbom.Installed, Locations: []sbom.Location{{File: "/usr/local/bin/node", Layer: "sha256:" + strings.Repeat("2e", 32)}}},
			{Name: "libssl3", Version: "3.0.11-1~deb12u1", Ecosystem: "Debian:12", PURL: sbom.DebPURL("debian", "libssl3", "3.0.11-1~deb12u1", "amd64", "debian-12", "openssl@3.0.11-1"), Source: "openssl", SourceVersion: "3.0.11-1", Owner: "libssl3 3", Evidence: sbom.Installed, Locations: []sbom.Location{{File: "/var/lib/dpkg/status", Layer: "sha256:" + strings.Repeat("2e", 32)}}},
		},
		Gaps: []sbom.Gap{
			sbom.NewGap(sbom.GapUnparsed, "requirements.txt", 7, "a line with \x1b[31m and \"quotes\""),
			{Kind: sbom.GapImage, Reason: "a layer", Layer: "sha256:00", Package: "x"},
			{Kind: sbom.GapUnversioned, Reason: "from a URL", Package: "models"},
		},
		Dependencies: []sbom.Dependency{
			{PURL: sbom.PyPIPURL("gradio", "4.19.1"), DependsOn: []string{sbom.PyPIPURL("fastapi", ""), sbom.PyPIPURL("models", "")}},
			{PURL: sbom.PyPIPURL("models", "")},
			{PURL: sbom.PyPIPURL("fastapi", ""), DependsOn: []string{sbom.PyPIPURL("absent", "1")}},
		},
	}
	d.Normalize()
	return d
}

func TestRoundTrip(t *testing.T) {
	want := sample()
	got := decode(t, encode(t, want, cyclonedx.Options{ToolVersion: "1", ImageDigest: "sha256:00", Timestamp: time.Unix(0, 0)}))
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("decoding what was encoded (-want +got):\n%s", diff)
	}
}

// Every field of a Document is filled by reflection, so that one
// which is added later and forgotten here fails.
func TestRoundTripOfGeneratedDocuments(t *testing.T) {
	for seed := range uint64(300) {
		want := generated(rand.New(rand.NewPCG(seed, 0)))
		if diff := cmp.Diff(want, decode(t, encode(t, want, cyclonedx.Options{}))); diff != "" {
			t.Fatalf("seed %d: decoding what was encoded (-want +got):\n%s", seed, diff)
		}
	}
}

func generated(rng *rand.Rand) *sbom.Document {
	d := &sbom.Document{}
	fill(rng, reflect.ValueOf(d).Elem())
	d.Normalize()
	d.Distrust() // what nobody would believe does not come back
	return d
}

func word(rng *rand.Rand) string {
	words := []string{"", "a", "b", "PyPI", "npm", "1.0", "sha256:" + strings.Repeat("0f", 32), "sha256:0f", "md5:", "<>&\"\\", "\x1b\n\u202e", "é", "tallyman:gap"}
	return words[rng.IntN(len(words))]
}

func fill(rng *rand.Rand, v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(word(rng))
	case reflect.Int:
		v.SetInt(int64(rng.IntN(3)))
	case reflect.Bool:
		v.SetBool(rng.IntN(2) == 0)
	case reflect.Struct:
		for i := range v.NumField() {
			fill(rng, v.Field(i))
		}
	case reflect.Slice:
		for range rng.IntN(5) {
			e := reflect.New(v.Type().Elem()).Elem()
			fill(rng, e)
			if e.Kind() != reflect.String || e.Len() > 0 { // A list holds no empty word.
				v.Set(reflect.Append(v, e))
			}
		}
	default:
		panic(fmt.Sprintf("fill does not know %s", v.Type()))
	}
}

func TestEqualDocumentsGiveEqualBytes(t *testing.T) {
	want := encode(t, sample(), cyclonedx.Options{})
	rng := rand.New(rand.NewPCG(1, 1))
	for range 5 {
		d := sample()
		rng.Shuffle(len(d.Components), func(i, j int) { d.Components[i], d.Components[j] = d.Components[j], d.Components[i] })
		rng.Shuffle(len(d.Gaps), func(i, j int) { d.Gaps[i], d.Gaps[j] = d.Gaps[j], d.Gaps[i] })
		if got := encode(t, d, cyclonedx.Options{}); !bytes.Equal(want, got) {
			t.Fatal(cmp.Diff(string(want), string(got)))
		}
	}
	other := sample()
	other.Components[0].Version = "other"
	if serial(t, want) == serial(t, encode(t, other, cyclonedx.Options{})) {
		t.Error("different documents have the same serial number")
	}
}

func serial(t *testing.T, data []byte) string {
	t.Helper()
	var bom struct{ SerialNumber string }
	if err := json.Unmarshal(data, &bom); err != nil {
		t.Fatal(err)
	}
	return bom.SerialNumber
}

// TestInterpreters: an interpreter is a platform to CycloneDX, and nothing else is.
func TestInterpreters(t *testing.T) {
	var bom struct{ Components []struct{ Type, Name string } }
	if err := json.Unmarshal(encode(t, sample(), cyclonedx.Options{}), &bom); err != nil {
		t.Fatal(err)
	}
	for _, c := range bom.Components {
		if want := map[bool]string{true: "platform", false: "library"}[c.Name == "node"]; c.Type != want {
			t.Errorf("%s is a %s, want %s", c.Name, c.Type, want)
		}
	}
}

func TestValidAgainstSchema(t *testing.T) {
	schema := schema(t, "cyclonedx/bom-1.6.schema.json", "cyclonedx/spdx.schema.json", "cyclonedx/jsf-0.82.schema.json", "cyclonedx/cryptography-defs.schema.json")
	documents := []*sbom.Document{sample(), {}}
	for seed := range uint64(100) {
		documents = append(documents, generated(rand.New(rand.NewPCG(seed, 7))))
	}
	for _, d := range documents {
		for _, opts := range []cyclonedx.Options{{}, {Timestamp: time.Unix(1e9, 0), ToolVersion: "1.0.0", ImageDigest: "sha256:00"}} {
			data := encode(t, d, opts)
			value, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
			if err != nil {
				t.Fatal(err)
			}
			if err := schema.Validate(value); err != nil {
				t.Fatalf("%v\n%s", err, data)
			}
		}
	}
}

// schema compiles the first of the named files of ../shared/schemas, which may
// refer to the others.
func schema(t *testing.T, names ...string) *jsonschema.Schema {
	t.Helper()
	shared := os.Getenv("TALLYMAN_SHARED")
	if shared == "" {
		shared = filepath.Join("..", "..", "..", "shared")
	}
	compiler := jsonschema.NewCompiler()
	first := ""
	for _, name := range names {
		data, err := os.ReadFile(filepath.Join(shared, "schemas", name))
		if errors.Is(err, fs.ErrNotExist) {
			t.Skipf("no %s in %q: set TALLYMAN_SHARED to the folder that holds schemas/", name, shared)
		}
		if err != nil {
			t.Fatal(err)
		}
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		id, _ := doc.(map[string]any)["$id"].(string)
		if first == "" {
			first = id
		}
		if err := compiler.AddResource(id, doc); err != nil {
			t.Fatal(err)
		}
	}
	out, err := compiler.Compile(first)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestDecodeForeign(t *testing.T) {
	const document = `{"bomFormat":"CycloneDX","specVersion":"1.4","metadata":{"tools":[{"vendor":"x","name":"y"}],
	  "component":{"type":"application","name":"app"}},
	 "components":[
	  {"type":"application","name":"app","components":[
	    {"type":"library","name":"gradio","version":"4.19.1","purl":"pkg:pypi/gradio@4.19.1",
	     "properties":[{"name":"syft:location:0:path","value":"/app/uv.lock"},{"name":"syft:location:0:layerID","value":"sha256:11"}],
	     "components":[{"type":"library","name":"inner","version":"1","purl":"pkg:npm/inner@1"}]}]},
	  {"type":"library","name":"libssl3","version":"3.0.11","purl":"pkg:deb/debian/libssl3@3.0.11",
	   "properties":[{"name":"aquasecurity:trivy:SrcName","value":"openssl"},{"name":"aquasecurity:trivy:SrcVersion","value":"3.0.11"}]},
	  {"type":"operating-system","name":"debian","version":"12"},
	  {"type":"file","name":"/etc/passwd"},
	  {"type":"library","name":"nameless"}]}`
	want := &sbom.Document{
		Name: "app",
		Components: []sbom.Component{
			{Name: "app", Evidence: sbom.Declared},
			{Name: "nameless", Evidence: sbom.Declared},
			{Name: "libssl3", Version: "3.0.11", Ecosystem: "Debian:12", PURL: "pkg:deb/debian/libssl3@3.0.11", Source: "openssl", SourceVersion: "3.0.11", Evidence: sbom.Locked},
			{Name: "gradio", Version: "4.19.1", Ecosystem: "PyPI", PURL: "pkg:pypi/gradio@4.19.1", Evidence: sbom.Locked, Locations: []sbom.Location{{File: "/app/uv.lock", Layer: "sha256:11"}}},
			{Name: "inner", Version: "1", Ecosystem: "npm", PURL: "pkg:npm/inner@1", Evidence: sbom.Locked},
		},
		Gaps: []sbom.Gap{
			{Kind: sbom.GapUnversioned, Package: "app", Reason: `"app" has no package URL, so no advisories can be looked up for it`},
			{Kind: sbom.GapUnversioned, Package: "nameless", Reason: `"nameless" has no package URL, so no advisories can be looked up for it`},
		},
	}
	want.Normalize()
	if diff := cmp.Diff(want, decode(t, []byte(document))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Evidence in properties counts only in a document of our own: a component that
// says of itself that it is a mere claim would never gate.
func TestForeignComponentCannotNameItsEvidence(t *testing.T) {
	d := decode(t, []byte(`{"bomFormat":"CycloneDX","specVersion":"1.6","components":[{"type":"library","name":"gradio","version":"1","purl":"pkg:pypi/gradio@1",
	 "properties":[{"name":"tallyman:evidence","value":"claimed"},{"name":"tallyman:ecosystem","value":"none"}]}]}`))
	if c := d.Components[0]; c.Evidence != sbom.Locked || c.Ecosystem != "PyPI" {
		t.Errorf("got %+v, want it locked and of PyPI", c)
	}
}

func TestDecodeRefuses(t *testing.T) {
	for name, in := range map[string]string{
		"nothing":          ``,
		"another format":   `{"spdxVersion":"SPDX-2.3"}`,
		"a cut document":   string(encode(t, sample(), cyclonedx.Options{})[:900]),
		"two documents":    `{"bomFormat":"CycloneDX","specVersion":"1.6"}{}`,
		"later properties": `{"bomFormat":"CycloneDX","specVersion":"1.6","properties":[{"name":"tallyman:format","value":"2"}]}`,
		"a broken gap":     `{"bomFormat":"CycloneDX","specVersion":"1.6","properties":[{"name":"tallyman:format","value":"1"},{"name":"tallyman:gap","value":"{"}]}`,
		"an added nesting": `{"bomFormat":"CycloneDX","specVersion":"1.6","properties":[{"name":"tallyman:format","value":"1"}],"components":[{"type":"library","name":"a","components":[{"type":"library","name":"b"}]}]}`,
	} {
		if d, err := cyclonedx.Decode(strings.NewReader(in)); err == nil {
			t.Errorf("%s: Decode = %+v, want an error", name, d)
		}
	}
}

// Whatever Decode accepts, Encode keeps.
func FuzzDecode(f *testing.F) {
	f.Add(encode(f, sample(), cyclonedx.Options{}))
	f.Add([]byte(`{"bomFormat":"CycloneDX","specVersion":"1.4","metadata":{"tools":[{"name":"y"}]},"components":[{"type":"library","name":"a","purl":"pkg:pypi/a@1","evidence":{"occurrences":[{"location":"x","line":-1}]}}]}`))
	f.Add([]byte(`{"bomFormat":"CycloneDX","specVersion":"1.6","properties":[{"name":"tallyman:format","value":"1"}],"components":[{"type":"library","name":"a","properties":[{"name":"tallyman:extra","value":""}]}]}`))
	f.Add([]byte(`{"bomFormat":"CycloneDX","specVersion":"1.6","components":[{"type":"library","name":"gradio","version":"4.19.1","purl":"x:pypi/gradio@4.19.1",
	 "evidence":{"occurrences":[{"location":"requirements.txt","line":3}]}}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		want, err := cyclonedx.Decode(bytes.NewReader(data))
		if err != nil {
			return
		}
		if diff := cmp.Diff(want, decode(t, encode(t, want, cyclonedx.Options{}))); diff != "" {
			t.Fatalf("(-want +got):\n%s", diff)
		}
	})
}

// TestForgedProperties: a file that says to be tallyman's is not believed what
// its package URLs do not say.
func TestForgedProperties(t *testing.T) {
	for _, forged := range []string{"ecosystem", "source", "constraint"} {
		value := map[string]string{"ecosystem": "npm", "source": "six", "constraint": "true"}[forged]
		d := decode(t, []byte(`{"bomFormat":"CycloneDX","specVersion":"1.6","properties":[{"name":"tallyman:format","value":"1"}],
			"components":[{"type":"library","name":"gradio","version":"4.19.1","purl":"pkg:pypi/gradio@4.19.1","properties":[
			{"name":"tallyman:evidence","value":"installed"},{"name":"tallyman:`+forged+`","value":"`+value+`"},{"name":"tallyman:ecosystem","value":"PyPI"}]}]}`))
		if c := d.Components[0]; c.Constraint || c.Source != "" || c.Ecosystem != "PyPI" {
			t.Errorf("%s forged: %+v", forged, c)
		}
		if forged != "constraint" && (len(d.Gaps) != 1 || d.Gaps[0].Kind != sbom.GapConflict) {
			t.Errorf("%s forged: gaps %+v", forged, d.Gaps)
		}
	}
}
