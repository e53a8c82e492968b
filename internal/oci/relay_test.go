package oci

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/authn"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/random"

	"github.com/tallyman/tallyman/sbom/image"
)

// place is a registry that has one image, and gives its layers as gives says.
type place struct {
	*counting
	// gives answers the nth request for a layer of these bytes from a byte on; nil
	// or false for as it is.
	gives func(w http.ResponseWriter, data []byte, from, nth int) bool
	mu    sync.Mutex
	nth   map[string]int
	from  []string
}

func newPlace(t *testing.T, img v1.Image, gives func(http.ResponseWriter, []byte, int, int) bool) *place {
	t.Helper()
	p := &place{counting: newCounting(t, map[string]v1.Image{"1": img}, nil), gives: gives, nth: map[string]int{}}
	blobs := map[string][]byte{}
	layers, err := img.Layers()
	if err != nil {
		t.Fatal(err)
	}
	for _, layer := range layers {
		r, err := layer.Compressed()
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		blobs[digestOf(t, layer).String()] = data
	}
	p.answers = func(w http.ResponseWriter, r *http.Request, _ string, known bool) bool {
		digest := r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:]
		data, layer := blobs[digest]
		if !layer || !known {
			return false
		}
		from := 0
		fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-", &from)
		p.mu.Lock()
		p.nth[digest]++
		nth := p.nth[digest]
		p.from = append(p.from, fmt.Sprint(from))
		p.mu.Unlock()
		if p.gives == nil || !p.gives(w, data, from, nth) {
			part(w, data, from, len(data))
		}
		return true
	}
	return p
}

// cut sends a part of data, up to a byte, and breaks off.
func cut(w http.ResponseWriter, data []byte, from, to int) {
	part(w, data[:to], from, len(data))
	w.(http.Flusher).Flush()
	panic(http.ErrAbortHandler)
}

// wrong are bytes of which none is that of data.
func wrong(data []byte) []byte {
	out := bytes.Clone(data)
	for i := range out {
		out[i] ^= 1
	}
	return out
}

// oneWrong has one other byte, in the content of a file.
func oneWrong(data []byte) []byte {
	out := bytes.Clone(data)
	out[1<<18] ^= 1
	return out
}

// TestMirrorFailsInTheMidst has mirrors that give manifest and configuration and
// fail at a layer, each in its way. What is read is the layer, from the next
// place on, or an error.
func TestMirrorFailsInTheMidst(t *testing.T) {
	const half = 1 << 19
	type gives = func(w http.ResponseWriter, data []byte, from, nth int) bool
	answer := func(code int) gives {
		return func(w http.ResponseWriter, _ []byte, _, _ int) bool { w.WriteHeader(code); return true }
	}
	// breaks off, and what comes after that.
	breaks := func(then gives) gives {
		return func(w http.ResponseWriter, data []byte, from, nth int) bool {
			if nth == 1 {
				cut(w, data, from, half)
			}
			return then(w, data, from, nth)
		}
	}
	gone := func(http.ResponseWriter, []byte, int, int) bool { panic(http.ErrAbortHandler) }
	nothing := func(w http.ResponseWriter, data []byte, from, _ int) bool { cut(w, data, from, from); return true }
	lies := func(w http.ResponseWriter, data []byte, from, _ int) bool {
		part(w, wrong(data), from, len(data))
		return true
	}
	for name, c := range map[string]struct {
		mirror, second, registry gives // second is another mirror, nil for none
		// from are the bytes at which each place was asked to begin.
		mirrored, seconded, registered string
		says                           string
		fails                          error
	}{
		"cut, then gone":       {mirror: breaks(gone), registered: "524288", says: "broke off in layer"},
		"cut, then 503":        {mirror: breaks(answer(503)), mirrored: "0 524288 524288", registered: "524288", says: "broke off in layer"},
		"cut, then 404":        {mirror: breaks(answer(404)), mirrored: "0 524288", registered: "524288", says: "broke off in layer"},
		"not there":            {mirror: answer(404), mirrored: "0", registered: "0", says: "does not give layer"},
		"refused":              {mirror: answer(403), mirrored: "0", registered: "0", says: "does not give layer"},
		"out of order":         {mirror: answer(503), mirrored: "0 0", registered: "0", says: "does not give layer"},
		"a part for the whole": {mirror: answer(206), mirrored: "0", registered: "0", says: "does not give layer"},
		"other bytes":          {mirror: lies, mirrored: "0", registered: "0", says: "cannot be read as the mirror"},
		"one other byte": {
			mirror: func(w http.ResponseWriter, data []byte, from, _ int) bool {
				part(w, oneWrong(data), from, len(data))
				return true
			},
			mirrored: "0", registered: "0", says: "cannot be read as the mirror",
		},
		"other bytes, then cut": {
			mirror: func(w http.ResponseWriter, data []byte, from, nth int) bool {
				if nth == 1 {
					cut(w, oneWrong(data), from, half)
				}
				return answer(404)(w, data, from, nth)
			},
			mirrored: "0 524288", registered: "524288 0", says: "cannot be read as the mirror",
		},
		"another length": {
			mirror:   func(w http.ResponseWriter, data []byte, _, _ int) bool { w.Write(data[:100]); return true },
			mirrored: "0", registered: "0", says: "does not give layer",
		},
		"ends too early": {
			mirror: func(w http.ResponseWriter, data []byte, _, _ int) bool {
				w.Write(data[:half])
				w.(http.Flusher).Flush() // so that no length is said
				return true
			},
			mirrored: "0", registered: "524288", says: "broke off in layer",
		},
		"ends too late": {
			mirror: func(w http.ResponseWriter, data []byte, _, _ int) bool {
				w.Write(data)
				w.(http.Flusher).Flush()
				w.Write(data)
				return true
			},
			mirrored: "0", registered: "0", says: "cannot be read as the mirror",
		},
		"a registry without ranges": {
			mirror: breaks(answer(404)), mirrored: "0 524288", says: "broke off in layer",
			registry:   func(w http.ResponseWriter, data []byte, _, _ int) bool { w.Write(data); return true },
			registered: "524288",
		},
		"a registry that breaks off too": {
			mirror: breaks(answer(404)), mirrored: "0 524288", says: "broke off in layer",
			registry: func(w http.ResponseWriter, data []byte, from, nth int) bool {
				if nth == 1 {
					cut(w, data, from, half+100)
				}
				return false
			},
			registered: "524288 524388",
		},
		"two mirrors": {
			mirror: breaks(answer(404)), mirrored: "0 524288", second: nothing, seconded: "524288 524288", says: "broke off in layer",
			registered: "524288",
		},
		"two mirrors, and the second lies": {
			mirror: breaks(answer(404)), mirrored: "0 524288", second: lies, seconded: "524288 0", registered: "0", says: "cannot be read as the mirror",
		},
		"nobody has it": {
			mirror: answer(404), mirrored: "0", registry: answer(404), registered: "0", says: "does not give layer", fails: errAny,
		},
		"nobody has the rest": {
			mirror: breaks(answer(404)), mirrored: "0 524288", registry: answer(404), registered: "524288", says: "broke off in layer", fails: io.ErrUnexpectedEOF,
		},
		"all lie": {mirror: lies, mirrored: "0", registry: lies, registered: "0", says: "cannot be read as the mirror", fails: errAny},
	} {
		t.Run(name, func(t *testing.T) {
			img, err := random.Image(1<<20, 1)
			if err != nil {
				t.Fatal(err)
			}
			mirror, registry := newPlace(t, img, c.mirror), newPlace(t, img, c.registry)
			opts := Options{Backoff: quick, Mirrors: []Mirror{{registry.host(), mirror.host()}}}
			second := newPlace(t, img, c.second)
			if c.second != nil {
				opts.Mirrors = append(opts.Mirrors, Mirror{registry.host(), second.host()})
			}
			var said []string
			opts.Notify = func(text string) { said = append(said, text) }
			got := open(t, registry.host()+"/app:1", opts)
			_, err = image.Read(t.Context(), got.Image(), image.Options{})
			if (err == nil) != (c.fails == nil) || c.fails != nil && c.fails != errAny && !errors.Is(err, c.fails) {
				t.Errorf("got %v, want %v", err, c.fails)
			}
			if c.mirrored != "" {
				check(t, "mirror", c.mirrored, mirror)
			}
			check(t, "second mirror", c.seconded, second)
			check(t, "registry", c.registered, registry)
			for what, texts := range map[string][]string{"notes": got.Notes(), "messages": said} {
				if !strings.Contains(strings.Join(texts, "\n"), c.says) {
					t.Errorf("%s %q lack %q", what, texts, c.says)
				}
			}
		})
	}
}

// errAny stands for an error of whatever kind.
var errAny = errors.New("any")

func check(t *testing.T, what, want string, p *place) {
	t.Helper()
	if diff := cmp.Diff(want, strings.Join(p.from, " ")); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// TestLayersAfterABrokenMirror: who broke off, or is out of order, is not asked
// for the layers after that; who only lacks one is. The registry is asked to log
// in once, with its own password only.
func TestLayersAfterABrokenMirror(t *testing.T) {
	img, err := random.Image(1<<16, 5)
	if err != nil {
		t.Fatal(err)
	}
	layers, err := img.Layers()
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		gives func(http.ResponseWriter, []byte, int, int) bool
		// mirrored and registered are how often each is asked for a layer.
		mirrored, registered int
	}{
		"broken": {func(w http.ResponseWriter, data []byte, from, _ int) bool {
			if from > 0 {
				w.WriteHeader(http.StatusNotFound)
				return true
			}
			cut(w, data, from, len(data)/2)
			return true
		}, 2, 5},
		"out of order": {func(w http.ResponseWriter, _ []byte, _, _ int) bool {
			w.WriteHeader(http.StatusServiceUnavailable)
			return true
		}, 2, 5},
		"without": {func(w http.ResponseWriter, _ []byte, _, _ int) bool { w.WriteHeader(http.StatusNotFound); return true }, 5, 5},
		"sound":   {nil, 5, 0},
	} {
		t.Run(name, func(t *testing.T) {
			mirror, registry := newPlace(t, img, c.gives), newPlace(t, img, nil)
			registry.scheme = "Bearer"
			opts := Options{
				Backoff: quick, Mirrors: []Mirror{{registry.host(), mirror.host()}},
				Keychain: of{registry.host(): {Username: "joe", Password: "hunter2"}},
			}
			got := open(t, registry.host()+"/app:1", opts)
			for _, layer := range layers {
				found, err := got.Image().LayerByDigest(digestOf(t, layer))
				if err != nil {
					t.Fatal(err)
				}
				r, err := found.Compressed()
				if err != nil {
					t.Fatal(err)
				}
				if _, err := io.Copy(io.Discard, r); err != nil {
					t.Error(err)
				}
				r.Close()
			}
			want := append([]string{"manifests", "blobs"}, slices.Repeat([]string{"blobs"}, c.mirrored)...)
			if diff := cmp.Diff(want, mirror.asked); diff != "" {
				t.Errorf("the mirror (-want +got):\n%s", diff)
			}
			want = nil
			if c.registered > 0 {
				want = append([]string{"ping", "token Basic"}, slices.Repeat([]string{"blobs Bearer"}, c.registered)...)
			}
			if diff := cmp.Diff(want, registry.asked); diff != "" {
				t.Errorf("the registry (-want +got):\n%s", diff)
			}
		})
	}
}

// of has the credentials of some registries.
type of map[string]authn.AuthConfig

func (k of) Resolve(r authn.Resource) (authn.Authenticator, error) {
	if config, ok := k[r.RegistryStr()]; ok {
		return authn.FromConfig(config), nil
	}
	return authn.Anonymous, nil
}

// TestMirrorSendsInside has a mirror that sends its clients to addresses that
// only this machine's network has.
func TestMirrorSendsInside(t *testing.T) {
	img, err := random.Image(1<<16, 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, address := range []string{"10.1.2.3", "169.254.169.254", "[fe80::1]", "[::ffff:10.1.2.3]", "2130706433", "0x7f.1", "0300.1.2.3"} {
		registry := newPlace(t, img, nil)
		mirror := newPlace(t, img, func(w http.ResponseWriter, _ []byte, _, _ int) bool {
			w.Header().Set("Location", "https://"+address+"/x")
			w.WriteHeader(http.StatusTemporaryRedirect)
			return true
		})
		var outside []string
		transport := roundTrip(func(r *http.Request) (*http.Response, error) {
			if r.URL.Host != mirror.host() && r.URL.Host != registry.host() {
				outside = append(outside, r.URL.Host)
			}
			return http.DefaultTransport.RoundTrip(r)
		})
		got := open(t, registry.host()+"/app:1", Options{Backoff: quick, Transport: transport, Mirrors: []Mirror{{registry.host(), mirror.host()}}})
		if _, err := image.Read(t.Context(), got.Image(), image.Options{}); err != nil || len(outside) > 0 {
			t.Errorf("%s: %v; asked for %q", address, err, outside)
		}
	}
	for host, want := range map[string]bool{"registry.example": false, "8.8.8.8": false, "a.1x.example": false, "127.0.0.1": true, "::1": true, "fd00::1": true, "1.2.3": true} {
		if inward(host) != want {
			t.Errorf("inward(%q) = %v", host, !want)
		}
	}
}

// TestKeysInAddressesOfLayers: where a mirror sends its clients is told without
// what opens it.
func TestKeysInAddressesOfLayers(t *testing.T) {
	img, err := random.Image(1<<16, 1)
	if err != nil {
		t.Fatal(err)
	}
	store := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
	t.Cleanup(store.Close)
	mirror := newPlace(t, img, func(w http.ResponseWriter, _ []byte, _, _ int) bool {
		w.Header().Set("Location", strings.Replace(store.URL, "127.0.0.1", "joe:swordfish@localhost", 1)+"/x?X-Amz-Signature=hunter2")
		w.WriteHeader(http.StatusTemporaryRedirect)
		return true
	})
	registry := newPlace(t, img, nil)
	var mu sync.Mutex
	var said []string
	got := open(t, registry.host()+"/app:1", Options{
		Backoff: Backoff{Attempts: 2, First: time.Millisecond}, Mirrors: []Mirror{{registry.host(), mirror.host()}},
		Notify: func(text string) { mu.Lock(); defer mu.Unlock(); said = append(said, text) },
	})
	if _, err := image.Read(t.Context(), got.Image(), image.Options{}); err != nil {
		t.Fatal(err)
	}
	texts := strings.Join(append(said, got.Notes()...), "\n")
	if strings.Contains(texts, "hunter2") || strings.Contains(texts, "swordfish") || !strings.Contains(texts, "does not give layer") {
		t.Errorf("said %s", texts)
	}
}
