package oci

import (
	"archive/tar"
	"errors"
	"io"
	"io/fs"
	"log"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	ggcrlayout "github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/google/go-containerregistry/pkg/v1/validate"
)

// testImage is a small image for linux/arch.
func testImage(t testing.TB, arch string) v1.Image {
	t.Helper()
	img, err := random.Image(256, 2)
	if err != nil {
		t.Fatal(err)
	}
	config, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	config = config.DeepCopy()
	config.OS, config.Architecture = "linux", arch
	if img, err = mutate.ConfigFile(img, config); err != nil {
		t.Fatal(err)
	}
	return img
}

// newRegistry starts a registry and returns its host.
func newRegistry(t testing.TB, opts ...registry.Option) string {
	t.Helper()
	opts = append(opts, registry.Logger(log.New(io.Discard, "", 0)))
	server := httptest.NewServer(registry.New(opts...))
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

func push(t testing.TB, ref string, what remote.Taggable) {
	t.Helper()
	parsed, err := name.ParseReference(ref)
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Push(parsed, what); err != nil {
		t.Fatal(err)
	}
}

// newLayoutDir writes a layout with one image called "1.0".
func newLayoutDir(t testing.TB, img v1.Image) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "layout")
	l, err := ggcrlayout.Write(dir, empty.Index)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.AppendImage(img, ggcrlayout.WithAnnotations(map[string]string{refName: "1.0"})); err != nil {
		t.Fatal(err)
	}
	return dir
}

// tarDir packs a folder.
func tarDir(t testing.TB, dir string) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), "layout.tar")
	f, err := os.Create(out)
	if err != nil {
		t.Fatal(err)
	}
	w := tar.NewWriter(f)
	if err := errors.Join(w.AddFS(os.DirFS(dir)), w.Close(), f.Close()); err != nil {
		t.Fatal(err)
	}
	return out
}

func tryOpen(t testing.TB, ref string, opts Options) (*Image, error) {
	t.Helper()
	parsed, err := Parse(ref)
	if err != nil {
		t.Fatal(err)
	}
	return Open(t.Context(), parsed, opts)
}

func open(t testing.TB, ref string, opts Options) *Image {
	t.Helper()
	img, err := tryOpen(t, ref, opts)
	if err != nil {
		t.Fatal(err)
	}
	return img
}

func digestOf(t testing.TB, what interface{ Digest() (v1.Hash, error) }) v1.Hash {
	t.Helper()
	h, err := what.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func TestOpenKinds(t *testing.T) {
	img := testImage(t, "amd64")
	dir := newLayoutDir(t, img)
	packed := tarDir(t, dir)
	archive := filepath.Join(t.TempDir(), "image.tar")
	tag, err := name.NewTag("example.test/app:1.0")
	if err != nil {
		t.Fatal(err)
	}
	if err := tarball.WriteToFile(archive, tag, img); err != nil {
		t.Fatal(err)
	}
	host := newRegistry(t)
	push(t, host+"/app:1.0", img)
	digest := digestOf(t, img).String()
	gz, zst, archiveGz := filepath.Join(t.TempDir(), "a.tar.gz"), filepath.Join(t.TempDir(), "a.tar.zst"), filepath.Join(t.TempDir(), "b.tgz")
	for _, c := range []struct {
		to, from string
		pack     func(testing.TB, []byte) []byte
	}{{gz, packed, gzipped}, {zst, packed, zstandard}, {archiveGz, archive, gzipped}} {
		data, err := os.ReadFile(c.from)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(c.to, c.pack(t, data), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	spools := NewSpools(t.TempDir())
	t.Cleanup(func() { spools.Close() })
	for _, tc := range []struct {
		ref  string
		kind Kind
		name string
	}{
		{dir, KindLayout, "oci:" + dir},
		{"oci:" + dir, KindLayout, "oci:" + dir},
		{"oci:" + dir + ":1.0", KindLayout, "oci:" + dir + ":1.0"},
		{dir + ":1.0", KindLayout, "oci:" + dir + ":1.0"},
		{"oci:" + dir + "@" + digest, KindLayout, "oci:" + dir + "@" + digest},
		{packed, KindLayout, "oci:" + packed},
		{packed + "@" + digest, KindLayout, "oci:" + packed + "@" + digest},
		{archive, KindDockerArchive, "docker-archive:" + archive},
		{gz, KindLayout, "oci:" + gz},
		{gz + ":1.0", KindLayout, "oci:" + gz + ":1.0"},
		{"docker-archive:" + gz, KindLayout, "oci:" + gz},
		{zst, KindLayout, "oci:" + zst},
		{zst + "@" + digest, KindLayout, "oci:" + zst + "@" + digest},
		{archiveGz, KindDockerArchive, "docker-archive:" + archiveGz},
		{"docker-archive:" + archive + ":1.0", KindDockerArchive, "docker-archive:" + archive + ":1.0"},
		{host + "/app:1.0", KindRegistry, host + "/app:1.0"},
		{"registry:" + host + "/app:1.0", KindRegistry, host + "/app:1.0"},
		{host + "/app@" + digest, KindRegistry, host + "/app@" + digest},
	} {
		got := open(t, tc.ref, Options{Spools: spools})
		if got.Kind() != tc.kind || got.Name() != tc.name {
			t.Errorf("%s: opened %s as %q", tc.ref, got.Kind(), got.Name())
		}
		if again, err := Parse(got.Name()); err != nil || again != got.Ref() {
			t.Errorf("%s: %q parses as %+v, %v", tc.ref, got.Name(), again, err)
		}
		if tc.kind != KindDockerArchive && got.Digest().String() != digest {
			t.Errorf("%s: digest %s, want %s", tc.ref, got.Digest(), digest)
		}
		if err := validate.Image(got.Image()); err != nil {
			t.Errorf("%s: %v", tc.ref, err)
		}
	}
}

// TestDockerArchiveUncompressed has the layers as "docker save" writes them.
func TestDockerArchiveUncompressed(t *testing.T) {
	img := testImage(t, "amd64")
	config, err := img.RawConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	layers, err := img.Layers()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	names := []string{}
	for i, l := range layers {
		r, err := l.Uncompressed()
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, `"`+string(rune('a'+i))+`/layer.tar"`)
		writeTestFile(t, filepath.Join(dir, string(rune('a'+i)), "layer.tar"), data)
	}
	writeTestFile(t, filepath.Join(dir, "config.json"), config)
	writeTestFile(t, filepath.Join(dir, "manifest.json"), []byte(`[{"Config":"config.json","RepoTags":["app:1","app:2"],"Layers":[`+strings.Join(names, ",")+`]}]`))
	got := open(t, "docker-archive:"+tarDir(t, dir), Options{})
	if err := readLayers(got.Image()); err != nil {
		t.Error(err)
	}
	want, _ := img.ConfigName()
	if name, err := got.Image().ConfigName(); err != nil || name != want {
		t.Errorf("image id %s, %v, want %s", name, err, want)
	}
	if _, err := got.Store(); !errors.Is(err, ErrNoStore) {
		t.Errorf("a docker-archive has a store: %v", err)
	}
	writeTestFile(t, filepath.Join(dir, "a", "layer.tar"), []byte("exchanged"))
	got = open(t, "docker-archive:"+tarDir(t, dir), Options{})
	if err := readLayers(got.Image()); !errors.Is(err, ErrDigest) {
		t.Errorf("an exchanged layer: %v", err)
	}
}

func writeTestFile(t testing.TB, file string, data []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, data, 0o644); err != nil {
		t.Fatal(err)
	}
}

// readLayers reads all layers to their end.
func readLayers(img v1.Image) error {
	layers, err := img.Layers()
	if err != nil {
		return err
	}
	for _, l := range layers {
		r, err := l.Compressed()
		if err != nil {
			return err
		}
		if _, err := io.Copy(io.Discard, r); err != nil {
			return err
		}
		r.Close()
	}
	return nil
}

// TestAlteredLayout changes each file of a layout in turn: a byte of it, its
// end, all of it, and its being a file of the layout at all.
func TestAlteredLayout(t *testing.T) {
	img := testImage(t, "amd64")
	outside := filepath.Join(t.TempDir(), "outside")
	alter := map[string]func(t *testing.T, file string, data []byte){
		"a byte": func(t *testing.T, file string, data []byte) { data[len(data)/2] ^= 1; writeTestFile(t, file, data) },
		"cut":    func(t *testing.T, file string, data []byte) { writeTestFile(t, file, data[:len(data)-1]) },
		"longer": func(t *testing.T, file string, data []byte) { writeTestFile(t, file, append(data, ' ')) },
		"empty":  func(t *testing.T, file string, _ []byte) { writeTestFile(t, file, nil) },
		"removed": func(t *testing.T, file string, _ []byte) {
			if err := os.Remove(file); err != nil {
				t.Fatal(err)
			}
		},
		"a link out": func(t *testing.T, file string, data []byte) {
			writeTestFile(t, outside, data)
			if err := errors.Join(os.Remove(file), os.Symlink(outside, file)); err != nil {
				t.Skipf("no symbolic links here: %v", err)
			}
		},
	}
	n := 4 // manifest, configuration, two layers
	for what, change := range alter {
		for i := range n {
			t.Run(what, func(t *testing.T) {
				dir := newLayoutDir(t, img)
				files, err := filepath.Glob(filepath.Join(dir, "blobs", "sha256", "*"))
				if err != nil || len(files) != n {
					t.Fatalf("%d blobs, %v", len(files), err)
				}
				data, err := os.ReadFile(files[i])
				if err != nil {
					t.Fatal(err)
				}
				change(t, files[i], data)
				got, err := tryOpen(t, dir, Options{})
				if err == nil {
					err = readLayers(got.Image())
				}
				if err == nil {
					t.Errorf("%s: %s: read as sound", what, filepath.Base(files[i]))
				}
			})
		}
	}
}

func TestNotThere(t *testing.T) {
	dir := t.TempDir()
	host := newRegistry(t)
	layout := newLayoutDir(t, testImage(t, "amd64"))
	for _, ref := range []string{
		"oci:" + dir, "oci:" + dir + "/none", "docker-archive:" + dir + "/none.tar", host + "/none:1",
		"oci:" + layout + ":2.0", "oci:" + layout + "@sha256:" + strings.Repeat("0", 64),
	} {
		_, err := tryOpen(t, ref, Options{})
		if !errors.Is(err, ErrNotFound) && !errors.Is(err, fs.ErrNotExist) || err == nil || !strings.Contains(err.Error(), ref) {
			t.Errorf("%s: %v", ref, err)
		}
	}
}

func TestParseErrors(t *testing.T) {
	dir := t.TempDir()
	for ref, want := range map[string]string{
		"":                                   "not valid",
		"oci:":                               "names no file",
		"./" + "nothing-here":                "there is no such file or folder",
		dir:                                  "neither an OCI layout",
		"missing.tar":                        "there is no such file or folder",
		"https://registry.test/app":          "leave out the scheme",
		"registry:UPPER CASE":                "not valid",
		"app@sha256:beef":                    "not valid",
		"https://joe:hunter2@registry.test/": "leave out the scheme",
		"joe:hunter2@registry.test/app":      "credentials do not belong",
		"registry:joe:hunter2@registry.test/app:1": "credentials do not belong",
	} {
		_, err := Parse(ref)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Parse(%q): %v, want %q", ref, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("Parse(%q) tells the password: %v", ref, err)
		}
	}
}

// indexOf makes an index of images by platform.
func indexOf(t testing.TB, images map[string]v1.Image, attestation bool) v1.ImageIndex {
	t.Helper()
	var index v1.ImageIndex = empty.Index
	for platform, img := range images {
		p, err := v1.ParsePlatform(platform)
		if err != nil {
			t.Fatal(err)
		}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: img, Descriptor: v1.Descriptor{Platform: p}})
	}
	if attestation {
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: testImage(t, "unknown"), Descriptor: v1.Descriptor{
			Platform:    &v1.Platform{OS: "unknown", Architecture: "unknown"},
			Annotations: map[string]string{"vnd.docker.reference.type": "attestation-manifest"},
		}})
	}
	return index
}

func TestPlatforms(t *testing.T) {
	amd, arm := testImage(t, "amd64"), testImage(t, "arm64")
	both := indexOf(t, map[string]v1.Image{"linux/amd64": amd, "linux/arm64": arm}, true)
	one := indexOf(t, map[string]v1.Image{"linux/s390x": testImage(t, "s390x")}, true)
	host := newRegistry(t)
	push(t, host+"/app:both", both)
	push(t, host+"/app:one", one)
	push(t, host+"/app:single", amd)
	dir := filepath.Join(t.TempDir(), "layout")
	l, err := ggcrlayout.Write(dir, empty.Index)
	if err != nil {
		t.Fatal(err)
	}
	for tag, index := range map[string]v1.ImageIndex{"both": both, "one": one} {
		if err := l.AppendIndex(index, ggcrlayout.WithAnnotations(map[string]string{refName: tag})); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.AppendImage(amd, ggcrlayout.WithAnnotations(map[string]string{refName: "example.test/app:single"})); err != nil {
		t.Fatal(err)
	}
	for _, where := range []string{host + "/app", "oci:" + dir} {
		got := open(t, where+":both", Options{Platform: "linux/arm64"})
		if got.Digest() != digestOf(t, arm) || got.Index() != digestOf(t, both) {
			t.Errorf("%s: opened %s of index %s", where, got.Digest(), got.Index())
		}
		if got := open(t, where+":single", Options{}); got.Index() != (v1.Hash{}) || got.Digest() != digestOf(t, amd) {
			t.Errorf("%s: single: opened %s of index %s", where, got.Digest(), got.Index())
		}
		if _, err := tryOpen(t, where+":one", Options{}); err != nil {
			t.Errorf("%s: the only platform: %v", where, err)
		}
		_, err := tryOpen(t, where+":both", Options{Platform: "windows/amd64"})
		if !errors.Is(err, ErrPlatform) || !strings.Contains(err.Error(), "linux/amd64, linux/arm64") || !strings.Contains(err.Error(), where) {
			t.Errorf("%s: a platform that is not there: %v", where, err)
		}
		for _, tag := range []string{":one", ":single"} {
			if _, err := tryOpen(t, where+tag, Options{Platform: "linux/arm64"}); !errors.Is(err, ErrPlatform) {
				t.Errorf("%s%s: asked for arm64: %v", where, tag, err)
			}
		}
	}
	if _, err := tryOpen(t, host+"/app:both", Options{Platform: "arm64"}); err == nil {
		t.Error("a platform without operating system was taken")
	}
	_, err = tryOpen(t, "oci:"+dir, Options{})
	if !errors.Is(err, ErrAmbiguous) || !strings.Contains(err.Error(), "both, example.test/app:single, one") {
		t.Errorf("a layout of several images: %v", err)
	}
}

func TestNotAnImage(t *testing.T) {
	host := newRegistry(t)
	chart := mutate.ConfigMediaType(testImage(t, "amd64"), "application/vnd.cncf.helm.config.v1+json")
	push(t, host+"/chart:1", chart)
	dir := newLayoutDir(t, chart)
	for _, ref := range []string{host + "/chart:1", "oci:" + dir} {
		if _, err := tryOpen(t, ref, Options{}); !errors.Is(err, ErrMediaType) || !strings.Contains(err.Error(), ref) {
			t.Errorf("%s: %v", ref, err)
		}
	}
}

func TestDescriptorsThatAreNoPlatform(t *testing.T) {
	image := v1.Descriptor{MediaType: types.OCIManifestSchema1}
	for name, tc := range map[string]struct {
		change func(*v1.Descriptor)
		want   bool
	}{
		"image":       {func(*v1.Descriptor) {}, false},
		"named":       {func(d *v1.Descriptor) { d.Annotations = map[string]string{refName: "example.test/app:sha256-1"} }, false},
		"index":       {func(d *v1.Descriptor) { d.MediaType = types.DockerManifestList }, false},
		"unknown":     {func(d *v1.Descriptor) { d.Platform = &v1.Platform{OS: "unknown", Architecture: "unknown"} }, true},
		"attestation": {func(d *v1.Descriptor) { d.Annotations = map[string]string{"vnd.docker.reference.type": "x"} }, true},
		"signature": {func(d *v1.Descriptor) {
			d.Annotations = map[string]string{refName: "a/b:sha256-" + strings.Repeat("0", 64) + ".sig"}
		}, true},
		"fallback": {func(d *v1.Descriptor) {
			d.Annotations = map[string]string{refName: "sha256-" + strings.Repeat("0", 64)}
		}, true},
		"cosign's":     {func(d *v1.Descriptor) { d.Annotations = map[string]string{cosignKind: cosignAtts} }, true},
		"artifact":     {func(d *v1.Descriptor) { d.ArtifactType = "application/vnd.dev.sigstore.bundle.v0.3+json" }, true},
		"artifact too": {func(d *v1.Descriptor) { d.ArtifactType = string(types.OCIConfigJSON) }, false},
		"a layer":      {func(d *v1.Descriptor) { d.MediaType = types.OCILayer }, true},
	} {
		d := image
		tc.change(&d)
		if got := notPlatform(d); got != tc.want {
			t.Errorf("%s: notPlatform = %v", name, got)
		}
	}
}

func TestRedact(t *testing.T) {
	for in, want := range map[string]string{
		"https://a:b@c/d":            "https://c/d",
		"a:b@c":                      "c",
		"a:b@c/d@sha256:00":          "c/d@sha256:00",
		"app@sha256:00":              "app@sha256:00",
		"registry.test/app:1":        "registry.test/app:1",
		"a:p@ss@registry.test/app:1": "registry.test/app:1",
	} {
		if diff := cmp.Diff(want, redact(in)); diff != "" {
			t.Errorf("redact(%q):\n%s", in, diff)
		}
	}
}
