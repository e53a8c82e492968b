package image

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tallyman/tallyman/internal/oci"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// TestChatbot reads the example image as a user does, and compares everything
// that was found.
func TestChatbot(t *testing.T) {
	ref, err := oci.Parse(filepath.Join("..", "..", "testdata", "images", "chatbot"))
	if err != nil {
		t.Fatal(err)
	}
	img, err := oci.Open(t.Context(), ref, oci.Options{})
	if err != nil {
		t.Fatal(err)
	}
	components, gaps, inv := read(t, img.Image())
	got, err := json.MarshalIndent(map[string]any{
		"components": components, "gaps": gaps, "config": inv.Config, "distribution": inv.Distribution, "document": inv.Document,
	}, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	golden := filepath.Join("testdata", "chatbot.json")
	if *update {
		if err := os.WriteFile(golden, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("the example's inventory (-want +got):\n%s", diff)
	}
}

// BenchmarkChatbot reads the example image: 240 kB in eight layers.
func BenchmarkChatbot(b *testing.B) {
	ref, err := oci.Parse(filepath.Join("..", "..", "testdata", "images", "chatbot"))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		img, err := oci.Open(b.Context(), ref, oci.Options{})
		if err != nil {
			b.Fatal(err)
		}
		if _, err := Read(b.Context(), img.Image(), Options{}); err != nil {
			b.Fatal(err)
		}
	}
}
