package spdx_test

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
	"github.com/tallyman/tallyman/sbom/spdx"
)

func encode(t testing.TB, d *sbom.Document, opts spdx.Options) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := spdx.Encode(&b, d, opts); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func decode(t testing.TB, data []byte) *sbom.Document {
	t.Helper()
	d, err := spdx.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// generated fills every field of a Document by reflection.
func generated(seed uint64) *sbom.Document {
	rng := rand.New(rand.NewPCG(seed, 0))
	d := &sbom.Document{}
	fill(rng, reflect.ValueOf(d).Elem())
	d.Normalize()
	d.Distrust() // what nobody would believe does not come back
	return d
}

func word(rng *rand.Rand) string {
	words := []string{"", "a", "b", "PyPI", "1.0", "sha256:" + strings.Repeat("0f", 32), "md5:", "<>&\"\\", "\x1b\n\u202e", "é", "tallyman:gap {"}
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
			v.Set(reflect.Append(v, e))
		}
	default:
		panic(fmt.Sprintf("fill does not know %s", v.Type()))
	}
}

func TestRoundTripOfGeneratedDocuments(t *testing.T) {
	for seed := range uint64(300) {
		want := generated(seed)
		if diff := cmp.Diff(want, decode(t, encode(t, want, spdx.Options{ToolVersion: "1", Timestamp: time.Unix(1e9, 0)}))); diff != "" {
			t.Fatalf("seed %d: decoding what was encoded (-want +got):\n%s", seed, diff)
		}
	}
}

func TestEqualDocumentsGiveEqualBytes(t *testing.T) {
	d := generated(5)
	want := encode(t, d, spdx.Options{})
	for i, j := 0, len(d.Components)-1; i < j; i, j = i+1, j-1 {
		d.Components[i], d.Components[j] = d.Components[j], d.Components[i]
	}
	if diff := cmp.Diff(string(want), string(encode(t, d, spdx.Options{}))); diff != "" {
		t.Error(diff)
	}
	if bytes.Equal(want, encode(t, generated(6), spdx.Options{})) {
		t.Error("different documents give equal bytes")
	}
}

// TestInterpreters: an interpreter is an application to SPDX, a package a library.
func TestInterpreters(t *testing.T) {
	d := &sbom.Document{Components: []sbom.Component{
		{Name: "python", Version: "3.11.7", PURL: sbom.GenericPURL("python", "3.11.7"), Evidence: sbom.Installed},
		{Name: "python", Version: "0.0.4", Ecosystem: "PyPI", PURL: sbom.PyPIPURL("python", "0.0.4"), Evidence: sbom.Installed},
	}}
	var out struct {
		Packages []struct {
			Version string `json:"versionInfo"`
			Purpose string `json:"primaryPackagePurpose"`
		}
	}
	if err := json.Unmarshal(encode(t, d, spdx.Options{}), &out); err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, p := range out.Packages {
		got[p.Version] = p.Purpose
	}
	if got["3.11.7"] != "APPLICATION" || got["0.0.4"] != "LIBRARY" {
		t.Errorf("got %v", got)
	}
	if back := decode(t, encode(t, d, spdx.Options{})); len(back.Components) != 2 {
		t.Errorf("read back %v", back.Components)
	}
}

func TestValidAgainstSchema(t *testing.T) {
	shared := os.Getenv("TALLYMAN_SHARED")
	if shared == "" {
		shared = filepath.Join("..", "..", "..", "shared")
	}
	file := filepath.Join(shared, "schemas", "spdx", "spdx-2.3.schema.json")
	if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
		t.Skipf("no %q: set TALLYMAN_SHARED to the folder that holds schemas/", file)
	}
	schema, err := jsonschema.NewCompiler().Compile(file)
	if err != nil {
		t.Fatal(err)
	}
	for seed := range uint64(100) {
		data := encode(t, generated(seed), spdx.Options{ToolVersion: "1.0"})
		value, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(value); err != nil {
			t.Fatalf("%v\n%s", err, data)
		}
	}
}

func TestDecodeForeign(t *testing.T) {
	got := decode(t, []byte(`{"spdxVersion":"SPDX-2.3","SPDXID":"SPDXRef-DOCUMENT","name":"chatbot","dataLicense":"CC0-1.0","documentNamespace":"https://example.org/1",
	 "packages":[
	  {"SPDXID":"SPDXRef-root","name":"chatbot","downloadLocation":"NONE"},
	  {"SPDXID":"SPDXRef-1","name":"gradio","versionInfo":"4.19.1","downloadLocation":"NOASSERTION","externalRefs":[{"referenceCategory":"SECURITY","referenceType":"cpe23Type","referenceLocator":"cpe"},{"referenceCategory":"PACKAGE-MANAGER","referenceType":"purl","referenceLocator":"pkg:pypi/gradio@4.19.1"}]},
	  {"SPDXID":"SPDXRef-2","name":"libssl3","versionInfo":"3","externalRefs":[{"referenceType":"purl","referenceLocator":"pkg:deb/debian/libssl3@3"}]},
	  {"SPDXID":"SPDXRef-3","name":"debian","versionInfo":"12","primaryPackagePurpose":"OPERATING-SYSTEM"},
	  {"SPDXID":"SPDXRef-4","name":"loner","versionInfo":"NOASSERTION"}],
	 "relationships":[{"spdxElementId":"SPDXRef-DOCUMENT","relationshipType":"DESCRIBES","relatedSpdxElement":"SPDXRef-root"}]}`))
	want := &sbom.Document{
		Name: "chatbot",
		Components: []sbom.Component{
			{Name: "gradio", Version: "4.19.1", Ecosystem: "PyPI", PURL: "pkg:pypi/gradio@4.19.1", Evidence: sbom.Locked},
			{Name: "libssl3", Version: "3", Ecosystem: "Debian:12", PURL: "pkg:deb/debian/libssl3@3", Evidence: sbom.Locked},
			{Name: "loner", Evidence: sbom.Declared},
		},
		Gaps: []sbom.Gap{{Kind: sbom.GapUnversioned, Package: "loner", Reason: `"loner" has no package URL, so no advisories can be looked up for it`}},
	}
	want.Normalize()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// A tool that edits a package of ours without its annotation is not believed.
func TestDecodeRefuses(t *testing.T) {
	d := &sbom.Document{Components: []sbom.Component{{Name: "gradio", Version: "4.19.1", PURL: "pkg:pypi/gradio@4.19.1"}}}
	ours := string(encode(t, d, spdx.Options{}))
	for name, in := range map[string]string{
		"nothing":             "",
		"SPDX 3":              `{"spdxVersion":"SPDX-3.0"}`,
		"CycloneDX":           `{"bomFormat":"CycloneDX"}`,
		"a changed version":   strings.Replace(ours, `"versionInfo": "4.19.1"`, `"versionInfo": "5.0.0"`, 1),
		"a changed purl":      strings.Replace(ours, `"referenceLocator": "pkg:pypi/gradio@4.19.1"`, `"referenceLocator": "pkg:pypi/other@1"`, 1),
		"no annotation":       strings.Replace(ours, `tallyman:component`, `x`, 1),
		"a later format":      strings.Replace(ours, `{\"format\":1`, `{\"format\":2`, 1),
		"a cut document":      ours[:len(ours)/2],
		"a document appended": ours + ours,
	} {
		if in == ours {
			t.Fatalf("%s: nothing was changed", name)
		}
		if got, err := spdx.Decode(strings.NewReader(in)); err == nil {
			t.Errorf("%s: Decode = %+v, want an error", name, got)
		}
	}
}

// Whatever Decode accepts, Encode keeps.
func FuzzDecode(f *testing.F) {
	f.Add(encode(f, generated(3), spdx.Options{}))
	f.Add([]byte(`{"spdxVersion":"SPDX-2.2","packages":[{"name":"a","versionInfo":"1","externalRefs":[{"referenceType":"purl","referenceLocator":"pkg:pypi/a@1"}]}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		want, err := spdx.Decode(bytes.NewReader(data))
		if err != nil {
			return
		}
		if diff := cmp.Diff(want, decode(t, encode(t, want, spdx.Options{}))); diff != "" {
			t.Fatalf("(-want +got):\n%s", diff)
		}
	})
}

// TestForgedAnnotation: a file that says to be tallyman's is not believed what
// its package URLs do not say.
func TestForgedAnnotation(t *testing.T) {
	forged := &sbom.Document{Components: []sbom.Component{{
		Name: "gradio", Version: "4.19.1", Ecosystem: "npm", PURL: "pkg:pypi/gradio@4.19.1", Evidence: sbom.Installed, Source: "six", Constraint: true,
	}}}
	d := decode(t, encode(t, forged, spdx.Options{}))
	if c := d.Components[0]; c.Constraint || c.Source != "" || c.Ecosystem != "PyPI" || len(d.Gaps) != 2 || !d.Gaps[0].Hides {
		t.Errorf("got %+v", d)
	}
}
