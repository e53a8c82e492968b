package drift_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tallyman/tallyman/internal/oci"
	"github.com/tallyman/tallyman/policy/drift"
	"github.com/tallyman/tallyman/sbom"
	"github.com/tallyman/tallyman/sbom/dockerfile"
	"github.com/tallyman/tallyman/sbom/image"
	"github.com/tallyman/tallyman/sbom/pep508"
	"github.com/tallyman/tallyman/sbom/pyreq"
)

// chatbot reads the example's folder and image as an audit does. Created has
// the history of the image's configuration by layer.
func chatbot(tb testing.TB) (source, img *sbom.Document, opts drift.Options) {
	tb.Helper()
	root := filepath.Join("..", "..", "testdata")
	app, err := os.OpenRoot(filepath.Join(root, "apps", "chatbot"))
	if err != nil {
		tb.Fatal(err)
	}
	defer app.Close()
	src, err := app.ReadFile("Dockerfile")
	if err != nil {
		tb.Fatal(err)
	}
	file := dockerfile.Parse("Dockerfile", src)
	source = sbom.Merge("chatbot", pyreq.Read(app.FS(), "requirements.txt", pyreq.Options{}).Document(), file.Document())

	ref, err := oci.Parse(filepath.Join(root, "images", "chatbot"))
	if err != nil {
		tb.Fatal(err)
	}
	opened, err := oci.Open(tb.Context(), ref, oci.Options{})
	if err != nil {
		tb.Fatal(err)
	}
	inventory, err := image.Read(tb.Context(), opened.Image(), image.Options{})
	if err != nil {
		tb.Fatal(err)
	}
	config, err := opened.Image().ConfigFile()
	if err != nil {
		tb.Fatal(err)
	}
	opts.Created = map[string]string{}
	at := 0
	for _, h := range config.History {
		if !h.EmptyLayer && at < len(inventory.Layers) {
			opts.Created[inventory.Layers[at]] = h.CreatedBy
			at++
		}
	}
	python := ""
	if versions := file.PythonVersions(); len(versions) == 1 {
		python = versions[0]
	}
	opts.Environment = pep508.NewEnvironment(python, "linux/amd64")
	return source, inventory.Document, opts
}

// TestChatbot compares the example's folder with its image: what the ranges
// brought along has no lock to explain it, and the install beside the
// requirement file brought tqdm.
func TestChatbot(t *testing.T) {
	source, img, opts := chatbot(t)
	found := drift.Check(source, img, opts)
	if len(found) != 1 {
		t.Fatalf("%d findings: %+v", len(found), found)
	}
	f := found[0]
	place := []any{f.Rule, f.File, string(f.Severity), string(f.Risk)}
	if diff := cmp.Diff(place, []any{"TM-DRIFT-06", "requirements.txt", "info", "low"}); diff != "" {
		t.Errorf("got -, want +\n%s", diff)
	}
	for _, want := range []string{
		"16 installed packages are declared by no manifest",
		"(RUN pip install hf-transfer): tqdm 4.66.2",
		"(RUN pip install -r requirements.txt): aiofiles 23.2.1, anyio 4.3.0, charset-normalizer 3.3.2, ",
		"h11 0.14.0", "starlette 0.36.3",
	} {
		if !strings.Contains(f.Message, want) {
			t.Errorf("the message does not say %q: %s", want, f.Message)
		}
	}
	for _, declared := range []string{"gradio-helpers-pro", "gradio 4", "prompt-tools", "certifi", "pip 24", "setuptools", "hf-transfer 0"} {
		if strings.Contains(f.Message, declared) {
			t.Errorf("%s is declared or a tool: %s", declared, f.Message)
		}
	}
}

// TestChatbotLocked is the example with a lock of what its first install
// brought, in which two things are not as they should be.
func TestChatbotLocked(t *testing.T) {
	source, img, opts := chatbot(t)
	lock := &sbom.Document{}
	for _, c := range img.Components {
		if c.Ecosystem != "PyPI" || c.Evidence != sbom.Installed && c.Evidence != sbom.Verified || c.Name == "tqdm" || c.Name == "h11" {
			continue
		}
		version := c.Version
		if c.Name == "starlette" {
			version = "0.36.4"
		}
		lock.Components = append(lock.Components, sbom.Component{
			Name: c.Name, Version: version, Ecosystem: "PyPI", Evidence: sbom.Locked, Locations: []sbom.Location{{File: "uv.lock", Line: len(lock.Components) + 1}},
		})
	}
	var got []string
	for _, f := range drift.Check(sbom.Merge("", source, lock), img, opts) {
		subject, _, _ := strings.Cut(f.Message, " ")
		got = append(got, f.Rule+" "+subject)
	}
	want := []string{"TM-DRIFT-01 h11", "TM-DRIFT-01 tqdm", "TM-DRIFT-02 starlette"}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("got -, want +\n%s", diff)
	}
}

// BenchmarkCheck compares the example's folder (14 requirements) with its image
// (49 components).
func BenchmarkCheck(b *testing.B) {
	source, img, opts := chatbot(b)
	b.ReportAllocs()
	for b.Loop() {
		drift.Check(source, img, opts)
	}
}
