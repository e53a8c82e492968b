package oci

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/registry"
)

// TestRedirectsTakeNoCredentials has a registry that asks for a password or a
// token, and sends its clients elsewhere for blobs or for everything: neither
// gets there.
func TestRedirectsTakeNoCredentials(t *testing.T) {
	img := testImage(t, "amd64")
	for _, c := range []struct{ scheme, what string }{{"Basic", "/blobs/"}, {"Basic", "/manifests/"}, {"Bearer", "/blobs/"}, {"Bearer", "/manifests/"}} {
		scheme, what := c.scheme, c.what
		back := registry.New(registry.Logger(quiet()))
		elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			for header, values := range r.Header {
				if text := strings.Join(values, " "); header == "Authorization" || header == "Cookie" || strings.Contains(text, "let-me-in") {
					t.Errorf("%s, %s: %s: %s arrives elsewhere", scheme, what, header, text)
				}
			}
			back.ServeHTTP(w, r)
		}))
		t.Cleanup(elsewhere.Close)
		arrived, moved := 0, false
		var front *httptest.Server
		front = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			switch user, password, _ := r.BasicAuth(); {
			case r.URL.Path == "/token":
				w.Write([]byte(`{"token":"let-me-in"}`))
			case r.Header.Get("Authorization") != "Bearer let-me-in" && (user != "joe" || password != "let-me-in"):
				w.Header().Set("WWW-Authenticate", scheme+` realm="`+front.URL+`/token",service="test"`)
				w.WriteHeader(http.StatusUnauthorized)
			case moved && strings.Contains(r.URL.Path, what):
				arrived++
				// The name is another one; an address of this machine is refused.
				w.Header().Set("Location", strings.Replace(elsewhere.URL, "127.0.0.1", "localhost", 1)+r.URL.Path)
				w.WriteHeader(http.StatusTemporaryRedirect)
			default:
				back.ServeHTTP(w, r)
			}
		}))
		t.Cleanup(front.Close)
		host := strings.TrimPrefix(front.URL, "http://")
		opts := Options{Keychain: keychain{"joe", "let-me-in"}, Backoff: quick}
		store := &Repository{&registryStore{repo: mustRepo(t, host+"/app"), options: opts, name: host + "/app"}}
		if err := store.Put(t.Context(), "1", img); err != nil {
			t.Fatal(err)
		}
		moved = true
		if err := readLayers(open(t, host+"/app:1", opts).Image()); err != nil {
			t.Errorf("%s, %s: %v", scheme, what, err)
		}
		if arrived == 0 {
			t.Errorf("%s, %s: nothing was sent elsewhere", scheme, what)
		}
	}
}

// The address to which a registry sends its clients holds a key to what is there,
// and gets into no message.
func TestKeysInAddressesAreNotTold(t *testing.T) {
	img := testImage(t, "amd64")
	for _, what := range []string{"/manifests/", "/blobs/"} {
		moved := false
		host := front(t, func(w http.ResponseWriter, r *http.Request) bool {
			switch {
			case !moved:
				return false
			case strings.Contains(r.URL.RawQuery, "hunter2"):
				panic(http.ErrAbortHandler)
			case strings.Contains(r.URL.Path, what):
				w.Header().Set("Location", "http://joe:swordfish@"+r.Host+r.URL.Path+"?X-Amz-Signature=hunter2")
				w.WriteHeader(http.StatusTemporaryRedirect)
				return true
			}
			return false
		})
		push(t, host+"/app:1", img)
		moved = true
		got, err := tryOpen(t, host+"/app:1", Options{Backoff: quick})
		if err == nil {
			err = readLayers(got.Image())
		}
		if err == nil {
			t.Fatalf("%s: opened", what)
		}
		for _, secret := range []string{"hunter2", "swordfish"} {
			if strings.Contains(err.Error(), secret) {
				t.Errorf("%s: %q is told: %v", what, secret, err)
			}
		}
	}
}

// secured answers what is asked of https://registry.example by a handler, and
// lets all else pass.
type secured struct{ http.Handler }

func (s secured) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Scheme == "https" && r.URL.Host == "registry.example" {
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		answer := w.Result()
		answer.Request = r
		return answer, nil
	}
	return http.DefaultTransport.RoundTrip(r)
}

// What listens on this machine without TLS trusts who is on it. A registry on
// another machine has no way to ask it anything: neither as the place of a
// manifest nor as that of a token.
func TestRegistriesElsewhereReachNothingHere(t *testing.T) {
	reached := 0
	inside := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		reached++
		w.Write([]byte(`{"token":"x"}`))
	}))
	t.Cleanup(inside.Close)
	// The library knows addresses, and not names.
	named := strings.Replace(inside.URL, "127.0.0.1", "localhost", 1)
	for name, answer := range map[string]http.HandlerFunc{
		"redirect": func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/v2/" {
				http.Redirect(w, r, named+"/v1/agent/leave?x=1", http.StatusTemporaryRedirect)
			}
		},
		"token": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("WWW-Authenticate", `Bearer realm="`+named+`/v1/agent/leave?x=1",service="test"`)
			w.WriteHeader(http.StatusUnauthorized)
		},
	} {
		_, err := tryOpen(t, "registry.example/app:1", Options{Transport: secured{answer}, Backoff: quick})
		if err == nil || reached > 0 {
			t.Errorf("%s: %d requests reached this machine: %v", name, reached, err)
		}
	}
}
