package oci

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// quick makes retries not wait.
var quick = Backoff{Attempts: 2, First: time.Millisecond}

// front starts a registry behind a handler that may answer first. The handler
// runs for one request at a time: who pushes makes several at once.
func front(t testing.TB, first func(w http.ResponseWriter, r *http.Request) (answered bool)) string {
	t.Helper()
	back := registry.New(registry.Logger(quiet()))
	var mu sync.Mutex
	alone := func(w http.ResponseWriter, r *http.Request) bool {
		mu.Lock()
		defer mu.Unlock() // also when it panics to break the connection
		return first(w, r)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !alone(w, r) {
			back.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

// TestRegistryAnswers has registries that refuse in each way.
func TestRegistryAnswers(t *testing.T) {
	manifest := func(r *http.Request) bool { return strings.Contains(r.URL.Path, "/manifests/") }
	for _, tc := range []struct {
		name   string
		answer func(w http.ResponseWriter, r *http.Request) bool
		want   error
		says   string
	}{
		{"401", func(w http.ResponseWriter, r *http.Request) bool {
			w.Header().Set("WWW-Authenticate", `Basic realm="here"`)
			w.WriteHeader(http.StatusUnauthorized)
			return true
		}, ErrUnauthorized, "docker login 127.0.0.1"},
		{"403", func(w http.ResponseWriter, r *http.Request) bool {
			if manifest(r) {
				http.Error(w, `{"errors":[{"code":"DENIED","message":"requested access to the resource is denied"}]}`, http.StatusForbidden)
			}
			return manifest(r)
		}, ErrUnauthorized, "does not exist, or who is logged in may not read it"},
		{"404", func(w http.ResponseWriter, r *http.Request) bool {
			if manifest(r) {
				http.Error(w, `{"errors":[{"code":"MANIFEST_UNKNOWN","message":"Unknown manifest"}]}`, http.StatusNotFound)
			}
			return manifest(r)
		}, ErrNotFound, "check name, tag and registry"},
		{"429", func(w http.ResponseWriter, r *http.Request) bool {
			if manifest(r) {
				http.Error(w, `{"errors":[{"code":"TOOMANYREQUESTS","message":"slow down"}]}`, http.StatusTooManyRequests)
			}
			return manifest(r)
		}, ErrRateLimited, "wait, or log in"},
		{"500", func(w http.ResponseWriter, r *http.Request) bool {
			if manifest(r) {
				http.Error(w, "oops", http.StatusInternalServerError)
			}
			return manifest(r)
		}, ErrUnavailable, "try again later, or ask who runs 127.0.0.1"},
		{"schema 1", func(w http.ResponseWriter, r *http.Request) bool {
			if manifest(r) {
				w.Header().Set("Content-Type", string(types.DockerManifestSchema1Signed))
				fmt.Fprint(w, `{"schemaVersion":1,"name":"app","fsLayers":[]}`)
			}
			return manifest(r)
		}, ErrSchema1, "push it again"},
		{"media type", func(w http.ResponseWriter, r *http.Request) bool {
			if manifest(r) {
				w.Header().Set("Content-Type", "text/html")
				fmt.Fprint(w, `<html>`)
			}
			return manifest(r)
		}, ErrMediaType, "text/html"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			host := front(t, tc.answer)
			_, err := tryOpen(t, host+"/app:1", Options{Backoff: quick})
			if !errors.Is(err, tc.want) || !strings.Contains(err.Error(), host+"/app:1") || !strings.Contains(err.Error(), tc.says) {
				t.Errorf("got %v", err)
			}
			var ours *Error
			if !errors.As(err, &ours) || ours.Hint == "" && tc.want != ErrMediaType {
				t.Errorf("%v does not say what to do", err)
			}
		})
	}
}

// TestToken goes through the token flow, with the right password and with a
// wrong one.
func TestToken(t *testing.T) {
	back := registry.New(registry.Logger(quiet()))
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	mux.HandleFunc("/token", func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		if user != "joe" || password != "hunter2" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		json.NewEncoder(w).Encode(map[string]string{"token": "let-me-in"})
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer let-me-in" {
			w.Header().Set("WWW-Authenticate", `Bearer realm="`+server.URL+`/token",service="test"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		back.ServeHTTP(w, r)
	})
	host := strings.TrimPrefix(server.URL, "http://")
	img := testImage(t, "amd64")
	right := Options{Keychain: keychain{"joe", "hunter2"}, Backoff: quick}
	store := &Repository{&registryStore{repo: mustRepo(t, host+"/app"), options: right, name: host + "/app"}}
	if err := store.Put(t.Context(), "1", img); err != nil {
		t.Fatal(err)
	}
	if got := open(t, host+"/app:1", right); got.Digest() != digestOf(t, img) {
		t.Errorf("opened %s", got.Digest())
	}
	_, err := tryOpen(t, host+"/app:1", Options{Keychain: keychain{"joe", "swordfish"}, Backoff: quick})
	if !errors.Is(err, ErrUnauthorized) {
		t.Errorf("a wrong password: %v", err)
	}
	for _, secret := range []string{"swordfish", "hunter2", "let-me-in"} {
		if strings.Contains(err.Error(), secret) {
			t.Errorf("the error tells %q: %v", secret, err)
		}
	}
}

// keychain has one user for every registry.
type keychain struct{ user, password string }

func (k keychain) Resolve(authn.Resource) (authn.Authenticator, error) {
	return &authn.Basic{Username: k.user, Password: k.password}, nil
}

// TestTagIsResolvedOnce moves a tag after it was opened.
func TestTagIsResolvedOnce(t *testing.T) {
	byTag := 0
	host := front(t, func(_ http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, "/manifests/1") {
			byTag++
		}
		return false
	})
	before, after := testImage(t, "amd64"), testImage(t, "amd64")
	push(t, host+"/app:1", before)
	got := open(t, host+"/app:1", Options{})
	push(t, host+"/app:1", after)
	if err := readLayers(got.Image()); err != nil {
		t.Error(err)
	}
	if digest := digestOf(t, got.Image()); digest != digestOf(t, before) || got.Digest() != digest || byTag != 1 {
		t.Errorf("digest %s, the tag was asked for %d times", digest, byTag)
	}
}

// TestExchangedBytes has a registry that serves other bytes than those that the
// digest names.
func TestExchangedBytes(t *testing.T) {
	img := testImage(t, "amd64")
	layers, err := img.Layers()
	if err != nil {
		t.Fatal(err)
	}
	config, err := img.ConfigName()
	if err != nil {
		t.Fatal(err)
	}
	for what, digest := range map[string]v1.Hash{"manifest": digestOf(t, img), "configuration": config, "layer": digestOf(t, layers[1])} {
		lie := false
		host := front(t, func(w http.ResponseWriter, r *http.Request) bool {
			if !lie || r.Method != http.MethodGet || !strings.HasSuffix(r.URL.Path, digest.String()) {
				return false
			}
			w.Header().Set("Content-Type", string(types.DockerManifestSchema2))
			io.WriteString(w, `{"schemaVersion":2}`)
			return true
		})
		push(t, host+"/app:1", img)
		lie = true
		got, err := tryOpen(t, host+"/app@"+digestOf(t, img).String(), Options{Backoff: quick})
		if err == nil {
			err = readLayers(got.Image())
		}
		if err == nil {
			t.Errorf("%s exchanged: read as sound", what)
		}
	}
}

func TestOffline(t *testing.T) {
	asked := false
	host := front(t, func(http.ResponseWriter, *http.Request) bool { asked = true; return false })
	opts := Options{Offline: true}
	for what, err := range map[string]error{
		"open":    second(tryOpen(t, host+"/app:1", opts)),
		"catalog": second(Catalog(t.Context(), host, "", opts)),
		"tags":    second(Tags(t.Context(), host+"/app", opts)),
	} {
		if !errors.Is(err, ErrOffline) || !strings.Contains(err.Error(), host) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if asked {
		t.Error("the registry was asked although offline")
	}
}

func second[T any](_ T, err error) error { return err }

// TestPlainHTTP has a registry on another machine that does not speak TLS, and
// one that sends its clients to such a place.
func TestPlainHTTP(t *testing.T) {
	host := front(t, func(w http.ResponseWriter, r *http.Request) bool {
		if strings.Contains(r.URL.Path, "/manifests/") {
			w.Header().Set("Location", "http://registry.example"+r.URL.Path)
			w.WriteHeader(http.StatusTemporaryRedirect)
			return true
		}
		return false
	})
	for _, ref := range []string{"10.1.2.3:5000/app:1", host + "/app:1"} {
		outside := 0
		transport := only{host, &outside}
		_, err := tryOpen(t, ref, Options{Transport: transport, Backoff: quick})
		if !errors.Is(err, ErrPlainHTTP) || outside > 0 {
			t.Errorf("%s: %v, %d plain requests left this machine", ref, err, outside)
		}
		if _, err := tryOpen(t, ref, Options{Transport: transport, Backoff: quick, Insecure: true}); err == nil || outside == 0 {
			t.Errorf("%s: insecure was asked for, and %d plain requests were made: %v", ref, outside, err)
		}
	}
	for host, want := range map[string]bool{"localhost": true, "127.0.0.1": true, "::1": true, "127.example": false, "localhost.example": false, "10.0.0.1": false, "": false} {
		if loopback(host) != want {
			t.Errorf("loopback(%q) = %v", host, !want)
		}
	}
}

// only lets requests to one host pass, refuses TLS, and counts plain ones to
// other hosts.
type only struct {
	host    string
	outside *int
}

func (o only) RoundTrip(r *http.Request) (*http.Response, error) {
	switch {
	case r.URL.Scheme == "https":
		return nil, errors.New("no TLS here")
	case r.URL.Host == o.host:
		return http.DefaultTransport.RoundTrip(r)
	}
	*o.outside++
	return nil, errors.New("unreachable")
}

func TestLists(t *testing.T) {
	host := newRegistry(t)
	img := testImage(t, "amd64")
	for _, ref := range []string{"team/b:2", "team/a:1", "team/a:0", "other:1"} {
		push(t, host+"/"+ref, img)
	}
	repos, err := Catalog(t.Context(), host, "team/", Options{})
	if diff := cmp.Diff([]string{"team/a", "team/b"}, repos); err != nil || diff != "" {
		t.Errorf("catalog: %v\n%s", err, diff)
	}
	tags, err := Tags(t.Context(), host+"/team/a", Options{})
	if diff := cmp.Diff([]string{"0", "1"}, tags); err != nil || diff != "" {
		t.Errorf("tags: %v\n%s", err, diff)
	}
	if _, err := Tags(t.Context(), host+"/none", Options{}); !errors.Is(err, ErrNotFound) {
		t.Errorf("tags of nothing: %v", err)
	}
	if _, err := Catalog(t.Context(), "joe:hunter2@"+host+"/x", "", Options{}); err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("a registry with credentials: %v", err)
	}
}

// TestEndlessList has a registry that always has one more page.
func TestEndlessList(t *testing.T) {
	names := make([]string, 1000)
	host := front(t, func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.HasSuffix(r.URL.Path, "/tags/list") {
			return false
		}
		w.Header().Set("Link", `</v2/app/tags/list?last=x>; rel="next"`)
		json.NewEncoder(w).Encode(map[string]any{"name": "app", "tags": names})
		return true
	})
	if _, err := Tags(t.Context(), host+"/app", Options{}); err == nil || !strings.Contains(err.Error(), "larger than the bound") {
		t.Errorf("a list without end: %v", err)
	}
}

func TestContextEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	host := front(t, func(http.ResponseWriter, *http.Request) bool { cancel(); return false })
	ref, err := Parse(host + "/app:1")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Open(ctx, ref, Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("the context was cancelled: %v", err)
	}
}

// A registry that gives no answer is an error that says what to do next.
func TestUnreachable(t *testing.T) {
	// Port 1 is nobody's, and unlike one that a server had a moment ago it is
	// given to no other program meanwhile.
	for name, c := range map[string]struct {
		ref       string
		transport http.RoundTripper
		says      string
	}{
		"refused": {"127.0.0.1:1/app:1", nil, "nothing answers there: check host and port"},
		"no host": {"registry.invalid/app:1", fails{&net.DNSError{Err: "no such host", Name: "registry.invalid", IsNotFound: true}}, "no host of that name"},
		"reset":   {"registry.invalid/app:1", fails{syscall.ECONNRESET}, "broke: try again"},
	} {
		_, err := tryOpen(t, c.ref, Options{Transport: c.transport, Backoff: quick})
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: error %v, want one with %q", name, err, c.says)
		}
	}
}

type fails struct{ err error }

func (f fails) RoundTrip(*http.Request) (*http.Response, error) { return nil, f.err }
