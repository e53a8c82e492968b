package oci

import (
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/random"

	"github.com/tallyman/tallyman/sbom/image"
)

// TestKnownLayersCostNothing: of an image in a registry whose layers are known,
// the manifest and the configuration are asked for, and nothing else.
func TestKnownLayersCostNothing(t *testing.T) {
	var mu sync.Mutex
	var asked []string
	back := registry.New(registry.Logger(quiet()))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		asked = append(asked, r.Method+" "+r.URL.Path)
		mu.Unlock()
		back.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	ref := strings.TrimPrefix(server.URL, "http://") + "/app:1"
	img, err := random.Image(4096, 5)
	if err != nil {
		t.Fatal(err)
	}
	push(t, ref, img)
	root, err := os.OpenRoot(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	read := func() []string {
		asked = nil
		cache := image.NewCache(root, image.CacheOptions{})
		if _, err := image.Read(t.Context(), open(t, ref, Options{}).Image(), image.Options{Cache: cache}); err != nil {
			t.Fatal(err)
		}
		return slices.Clone(asked)
	}
	config, err := img.ConfigName()
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"GET /v2/app/manifests/1", "GET /v2/app/blobs/" + config.String()}
	if first := read(); len(first) != len(want)+5 {
		t.Errorf("the first time asked for %q", first)
	}
	if diff := cmp.Diff(want, read()); diff != "" {
		t.Errorf("requests for known layers (-want +got):\n%s", diff)
	}
}
