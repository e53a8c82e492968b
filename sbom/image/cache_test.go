package image

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// newCache returns a cache in a folder of its own.
func newCache(t testing.TB, dir string, opts CacheOptions) *Cache {
	t.Helper()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	return NewCache(root, opts)
}

// counted is an image that counts how often the bytes of a layer are asked for.
type counted struct {
	v1.Image
	opened *atomic.Int32
}

type countedLayer struct {
	v1.Layer
	opened *atomic.Int32
}

func (c counted) Layers() ([]v1.Layer, error) {
	layers, err := c.Image.Layers()
	for i := range layers {
		layers[i] = countedLayer{layers[i], c.opened}
	}
	return layers, err
}

func (l countedLayer) Compressed() (io.ReadCloser, error) {
	l.opened.Add(1)
	return l.Layer.Compressed()
}

// readWith inventories img and returns how many layers were opened.
func readWith(t testing.TB, img v1.Image, c *Cache) (*Inventory, int) {
	t.Helper()
	var opened atomic.Int32
	inv, err := Read(t.Context(), counted{img, &opened}, Options{Cache: c})
	if err != nil {
		t.Fatal(err)
	}
	return inv, int(opened.Load())
}

// sameInventory compares what two reads say of an image.
func sameInventory(t testing.TB, want, got *Inventory) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(Inventory{}, "Known")); diff != "" {
		t.Errorf("the second read differs (-first +second):\n%s", diff)
	}
}

// TestCache: of each image that is read for the second time, no layer is
// opened, and it has the same packages and gaps.
func TestCache(t *testing.T) {
	dir := t.TempDir()
	for _, tc := range squashCases {
		t.Run(tc.name, func(t *testing.T) {
			img := imageOf(t, tarsOf(t, tc.layers)...)
			plain, _ := readWith(t, img, nil)
			first, _ := readWith(t, img, newCache(t, dir, CacheOptions{}))
			again, opened := readWith(t, img, newCache(t, dir, CacheOptions{}))
			if opened != 0 || again.Known != len(tc.layers) {
				t.Errorf("%d layers opened, %d known of %d", opened, again.Known, len(tc.layers))
			}
			sameInventory(t, plain, first)
			sameInventory(t, plain, again)
		})
	}
}

func oneLayer(t testing.TB) v1.Image {
	return imageOf(t, tarOf(t, item{site + "a-1.dist-info/METADATA", metadata("a", "1")}))
}

// onlyFile returns the path of the only file in dir.
func onlyFile(t testing.TB, dir string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(files) != 1 {
		t.Fatalf("%d files in the cache, %v", len(files), err)
	}
	return files[0]
}

// TestCacheAltered: a file of which one byte is another, or that is cut or
// longer, is not believed; the layer is read again and kept again.
func TestCacheAltered(t *testing.T) {
	dir, img := t.TempDir(), oneLayer(t)
	want, _ := readWith(t, img, newCache(t, dir, CacheOptions{}))
	file := onlyFile(t, dir)
	sound, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	altered := [][]byte{{}, sound[:1], sound[:len(sound)-1], sound[:len(sound)/2], append(bytes.Clone(sound), 0), bytes.Repeat([]byte{0}, 64)}
	for i := range sound {
		b := bytes.Clone(sound)
		b[i] ^= 1 << (i % 8)
		altered = append(altered, b)
	}
	for i, b := range altered {
		if err := os.WriteFile(file, b, 0o600); err != nil {
			t.Fatal(err)
		}
		got, opened := readWith(t, img, newCache(t, dir, CacheOptions{}))
		if opened != 1 || got.Known != 0 {
			t.Fatalf("altered file %d was believed", i)
		}
		sameInventory(t, want, got)
		if again, err := os.ReadFile(onlyFile(t, dir)); err != nil || !bytes.Equal(again, sound) {
			t.Fatalf("altered file %d was not written anew (%v)", i, err)
		}
	}
}

// TestCacheExchanged: sound facts under the name of another layer, of another
// program or of another analyser are not believed.
func TestCacheExchanged(t *testing.T) {
	dir, img := t.TempDir(), oneLayer(t)
	other := imageOf(t, tarOf(t, item{"empty", ""}))
	readWith(t, other, newCache(t, dir, CacheOptions{}))
	planted := onlyFile(t, dir)
	parts, err := split(img)
	if err != nil {
		t.Fatal(err)
	}
	c := newCache(t, dir, CacheOptions{})
	if err := os.Rename(planted, filepath.Join(dir, c.key(parts.layers[0]).file())); err != nil {
		t.Fatal(err)
	}
	if inv, opened := readWith(t, img, c); opened != 1 || len(inv.Document.Components) != 1 {
		t.Errorf("the facts of another layer were believed: %d opened", opened)
	}
	if _, opened := readWith(t, img, newCache(t, dir, CacheOptions{Tool: "2"})); opened != 1 {
		t.Error("the facts of another version of the program were used")
	}
}

// TestCacheKnownContent: an image that names for its layer's bytes the content
// of a layer that is known is still found out.
func TestCacheKnownContent(t *testing.T) {
	dir, good := t.TempDir(), tarOf(t, item{"harmless", ""})
	readWith(t, withLayer(t, good, good), newCache(t, dir, CacheOptions{}))
	bad := tarOf(t, item{site + "evil-1.dist-info/METADATA", metadata("evil", "1")})
	_, err := Read(t.Context(), withLayer(t, bad, good), Options{Cache: newCache(t, dir, CacheOptions{})})
	if !errors.Is(err, ErrDamaged) {
		t.Errorf("got %v", err)
	}
}

// TestCacheDamagedLayer: of a layer that could not be read nothing is kept.
func TestCacheDamagedLayer(t *testing.T) {
	dir, data := t.TempDir(), tarOf(t, item{"a", "b"})
	if _, err := Read(t.Context(), withLayer(t, data[:700], data), Options{Cache: newCache(t, dir, CacheOptions{})}); err == nil {
		t.Fatal("a cut layer was read")
	}
	if files, _ := os.ReadDir(dir); len(files) != 0 {
		t.Errorf("kept %v", files)
	}
}

// TestCacheNotAFile: what stands in a file's place is not followed.
func TestCacheNotAFile(t *testing.T) {
	for name, plant := range map[string]func(file string) error{
		"folder": func(file string) error { return os.Mkdir(file, 0o700) },
		"link":   func(file string) error { return os.Symlink("/dev/zero", file) },
	} {
		t.Run(name, func(t *testing.T) {
			dir, img := t.TempDir(), oneLayer(t)
			readWith(t, img, newCache(t, dir, CacheOptions{}))
			file := onlyFile(t, dir)
			if err := errors.Join(os.Remove(file), plant(file)); err != nil {
				t.Fatal(err)
			}
			inv, opened := readWith(t, img, newCache(t, dir, CacheOptions{}))
			if opened != 1 || len(inv.Document.Components) != 1 || inv.CacheError == nil {
				t.Errorf("%d opened, %v", opened, inv.CacheError)
			}
		})
	}
}

// TestCacheUnusable: an image is read although nothing can be kept.
func TestCacheUnusable(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "gone")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	c := newCache(t, dir, CacheOptions{})
	if err := os.Remove(dir); err != nil {
		t.Fatal(err)
	}
	inv, opened := readWith(t, oneLayer(t), c)
	if opened != 1 || len(inv.Document.Components) != 1 || inv.CacheError == nil {
		t.Errorf("%d opened, %v", opened, inv.CacheError)
	}
}

// TestCachePruned: the layers that were not used for longest go first, what is
// not ours stays, and so does what is within the bound.
func TestCachePruned(t *testing.T) {
	dir := t.TempDir()
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	options := func(day int) CacheOptions {
		return CacheOptions{Now: at.AddDate(0, 0, day), MaxBytes: 1000}
	}
	var images []v1.Image
	for i := range 8 {
		images = append(images, imageOf(t, tarOf(t, item{site + fmt.Sprintf("a%d-1.dist-info/METADATA", i), metadata(fmt.Sprintf("a%d", i), "1")})))
	}
	if err := os.WriteFile(filepath.Join(dir, "notes.txt"), make([]byte, 4096), 0o600); err != nil {
		t.Fatal(err)
	}
	for day, img := range images {
		readWith(t, img, newCache(t, dir, options(day)))
		readWith(t, images[0], newCache(t, dir, options(day))) // always in use
	}
	if _, opened := readWith(t, images[0], newCache(t, dir, options(9))); opened != 0 {
		t.Error("the layer that is always in use is gone")
	}
	if _, opened := readWith(t, images[7], newCache(t, dir, options(9))); opened != 0 {
		t.Error("the newest layer is gone")
	}
	if _, opened := readWith(t, images[1], newCache(t, dir, options(9))); opened != 1 {
		t.Error("the layer that was not used for longest is there")
	}
	var total int64
	files, _ := filepath.Glob(filepath.Join(dir, "*"+factsSuffix))
	for _, f := range files {
		if info, err := os.Stat(f); err == nil {
			total += info.Size()
		}
	}
	if total > 1000 || len(files) < 2 {
		t.Errorf("%d files of %d bytes are kept", len(files), total)
	}
	if _, err := os.Stat(filepath.Join(dir, "notes.txt")); err != nil {
		t.Error(err)
	}
}

// TestCacheShared has many readers of the same layers at once, each with a cache
// of its own in one folder that is too small for them.
func TestCacheShared(t *testing.T) {
	dir := t.TempDir()
	var images []v1.Image
	var want []*Inventory
	for _, tc := range squashCases[:6] {
		img := imageOf(t, tarsOf(t, tc.layers)...)
		inv, _ := readWith(t, img, nil)
		images, want = append(images, img), append(want, inv)
	}
	var readers sync.WaitGroup
	for range 8 {
		c := newCache(t, dir, CacheOptions{Now: time.Unix(1, 0), MaxBytes: 3000})
		readers.Go(func() {
			for range 5 {
				for i, img := range images {
					inv, err := Read(t.Context(), img, Options{Cache: c})
					if err != nil {
						t.Error(err)
						return
					}
					if inv.CacheError != nil {
						t.Errorf("that others prune is no error: %v", inv.CacheError)
					}
					if diff := cmp.Diff(want[i].Document, inv.Document); diff != "" {
						t.Errorf("the inventory differs:\n%s", diff)
					}
				}
			}
		})
	}
	readers.Wait()
	if left, _ := filepath.Glob(filepath.Join(dir, "*"+tempSuffix)); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

// TestAnalyserVersion: layers that were read before give the facts that they
// gave then, or analyserVersion is another: facts that were kept must not be
// taken for those that would be read today.
func TestAnalyserVersion(t *testing.T) {
	const file = "testdata/facts.txt"
	now := map[string]string{}
	for _, tc := range squashCases {
		for _, data := range tarsOf(t, tc.layers) {
			facts, err := walk(bytes.NewReader(data), "sha256:00")
			if err != nil {
				t.Fatal(err)
			}
			written := sha256.New()
			k := keeper{out: bufio.NewWriter(written)}
			k.value(reflect.ValueOf(facts))
			if err := errors.Join(k.err, k.out.Flush()); err != nil {
				t.Fatal(err)
			}
			now[fmt.Sprintf("%x", sha256.Sum256(data))[:16]] = fmt.Sprintf("%x", written.Sum(nil))[:16]
		}
	}
	if *update {
		var out strings.Builder
		fmt.Fprintf(&out, "analyser %d\n", analyserVersion)
		for _, data := range slices.Sorted(maps.Keys(now)) {
			fmt.Fprintln(&out, data, now[data])
		}
		if err := errors.Join(os.MkdirAll("testdata", 0o755), os.WriteFile(file, []byte(out.String()), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	kept, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	version, rest, _ := strings.Cut(string(kept), "\n")
	if version != fmt.Sprintf("analyser %d", analyserVersion) {
		t.Fatalf("%s has %q, the analyser is version %d: go test -update", file, version, analyserVersion)
	}
	same, other := 0, 0
	for line := range strings.Lines(rest) {
		data, facts, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch got, there := now[data]; {
		case !there: // a case that is no more
		case got != facts:
			other++
		default:
			same++
		}
	}
	if other > 0 {
		t.Errorf("%d layers give other facts than with the analyser %d that was committed: raise analyserVersion by one, then go test ./sbom/image -run TestAnalyserVersion -update",
			other, analyserVersion)
	} else if same < 20 {
		t.Errorf("%d layers compared: go test -update", same)
	}
}

// BenchmarkKnown reads an image of a real Debian root, the layer of which is in
// the cache: TALLYMAN_DEBOOTSTRAP as for TestDebian.
func BenchmarkKnown(b *testing.B) {
	img := imageOfLayers(b, layerOf(b, debianRoot(b), "."))
	dir := b.TempDir()
	first := newCache(b, dir, CacheOptions{})
	readWith(b, img, first)
	parts, err := split(img)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("Get", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if facts, err := first.get(parts.layers[0]); facts == nil || err != nil {
				b.Fatal(err)
			}
		}
	})
	facts, err := first.get(parts.layers[0])
	if err != nil {
		b.Fatal(err)
	}
	b.Run("Squash", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := squash(b.Context(), []*layerFacts{facts}); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("Read", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if inv, opened := readWith(b, img, newCache(b, dir, CacheOptions{})); opened != 0 || len(inv.Document.Components) == 0 {
				b.Fatal("not known")
			}
		}
	})
}
