package oci

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// counting is a registry that notes what it is asked, by kind, with the scheme
// of the credentials that came along.
type counting struct {
	back http.Handler
	url  string
	// scheme is how one logs in, "" for not at all; public has repositories that
	// anybody may read, once they have a token or where there is none.
	scheme string
	public bool
	// answers may answer first.
	answers func(w http.ResponseWriter, r *http.Request, what string, known bool) bool

	mu    sync.Mutex
	asked []string
}

func newCounting(t *testing.T, images map[string]v1.Image, index v1.ImageIndex) *counting {
	t.Helper()
	c := &counting{back: registry.New(registry.Logger(quiet()))}
	server := httptest.NewServer(c)
	t.Cleanup(server.Close)
	c.url = server.URL
	for tag, img := range images {
		push(t, c.host()+"/app:"+tag, img)
	}
	if index != nil {
		push(t, c.host()+"/app:index", index)
	}
	c.asked = nil
	return c
}

func (c *counting) host() string { return strings.TrimPrefix(c.url, "http://") }

func (c *counting) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	what := "ping"
	for _, kind := range []string{"manifests", "blobs", "referrers", "tags"} {
		if strings.Contains(r.URL.Path, "/"+kind+"/") {
			what = kind
		}
	}
	if r.URL.Path == "/token" {
		what = "token"
	}
	scheme, _, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	c.mu.Lock()
	c.asked = append(c.asked, strings.TrimSpace(what+" "+scheme))
	c.mu.Unlock()
	user, password, _ := r.BasicAuth()
	right := user == "joe" && password == "hunter2"
	known := c.scheme == "" || c.scheme == "Basic" && right || c.scheme == "Bearer" && r.Header.Get("Authorization") == "Bearer let-me-in"
	switch {
	case what == "token" && (right || c.public):
		w.Write([]byte(`{"token":"let-me-in"}`))
	case what == "token":
		w.WriteHeader(http.StatusUnauthorized)
	case c.answers != nil && c.answers(w, r, what, known):
	case !known:
		c.challenge(w)
	default:
		c.back.ServeHTTP(w, r)
	}
}

func (c *counting) challenge(w http.ResponseWriter) {
	w.Header().Set("WWW-Authenticate", c.scheme+` realm="`+c.url+`/token",service="test"`)
	w.WriteHeader(http.StatusUnauthorized)
	w.Write([]byte(`{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}`))
}

// code answers requests of one kind with a code, others not.
func code(kind string, status int, header ...string) func(http.ResponseWriter, *http.Request, string, bool) bool {
	return func(w http.ResponseWriter, _ *http.Request, what string, _ bool) bool {
		if what != kind {
			return false
		}
		for i := 0; i < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(status)
		return true
	}
}

// TestRequests counts what opening an image costs: nothing but what has to be
// asked, each once. The wanted requests are those of a registry that answers as
// each case says.
func TestRequests(t *testing.T) {
	img := testImage(t, "amd64")
	index := indexOf(t, map[string]v1.Image{"linux/amd64": testImage(t, "amd64"), "linux/arm64": testImage(t, "arm64")}, false)
	joe := keychain{"joe", "hunter2"}
	for name, c := range map[string]struct {
		ref            string
		keys           authn.Keychain
		scheme         string
		public         bool
		answers        func(http.ResponseWriter, *http.Request, string, bool) bool
		want           string
		fails          error
		says, saysNot  string
		alsoReferences bool
	}{
		"an image":                {want: "manifests, blobs"},
		"an image, by digest":     {ref: "@" + digestOf(t, img).String(), want: "manifests, blobs"},
		"an index":                {ref: ":index", want: "manifests, manifests, blobs"},
		"credentials nobody asks": {keys: joe, want: "manifests, blobs"},
		"a signature too":         {alsoReferences: true, want: "manifests, blobs, manifests"},
		"a signature and a token": {keys: joe, scheme: "Bearer", alsoReferences: true, want: "manifests, token Basic, manifests Bearer, blobs Bearer, manifests Bearer"},
		"a password":              {keys: joe, scheme: "Basic", want: "manifests, manifests Basic, blobs Basic"},
		"a password, and an index": {
			ref: ":index", keys: joe, scheme: "Basic", want: "manifests, manifests Basic, manifests Basic, blobs Basic",
		},
		"a wrong password": {
			keys: keychain{"joe", "swordfish"}, scheme: "Basic", want: "manifests, manifests Basic", fails: ErrUnauthorized, saysNot: "swordfish",
		},
		"no password": {scheme: "Basic", want: "manifests", fails: ErrUnauthorized, says: "authentication required"},
		"a token":     {keys: joe, scheme: "Bearer", want: "manifests, token Basic, manifests Bearer, blobs Bearer"},
		"a token for anybody": {
			scheme: "Bearer", public: true, want: "manifests, token, manifests Bearer, blobs Bearer",
		},
		"no token": {scheme: "Bearer", want: "manifests, token", fails: ErrUnauthorized},
		"no such image": {
			ref: ":none", want: "manifests, ping", fails: ErrNotFound, says: "MANIFEST_UNKNOWN",
		},
		"no such image, to who is known": {
			ref: ":none", keys: joe, scheme: "Basic", want: "manifests, manifests Basic", fails: ErrNotFound, says: "MANIFEST_UNKNOWN",
		},
		"no such image, and no /v2/": {
			ref: ":none", answers: code("ping", 404), want: "manifests, ping", fails: ErrNotFound, says: "MANIFEST_UNKNOWN",
		},
		"no /v2/": {answers: code("ping", 404), want: "manifests, blobs"},
		"hidden from strangers": {keys: joe, scheme: "Basic", answers: func(w http.ResponseWriter, _ *http.Request, what string, known bool) bool {
			if what != "manifests" || known {
				return false
			}
			w.WriteHeader(http.StatusNotFound)
			return true
		}, want: "manifests, ping, manifests Basic, blobs Basic"},
		"refused to strangers": {keys: joe, scheme: "Bearer", answers: func(w http.ResponseWriter, _ *http.Request, what string, known bool) bool {
			if what != "manifests" || known {
				return false
			}
			w.WriteHeader(http.StatusForbidden)
			return true
		}, want: "manifests, ping, token Basic, manifests Bearer, blobs Bearer"},
		"401 without a challenge": {keys: joe, scheme: "Bearer", answers: func(w http.ResponseWriter, _ *http.Request, what string, known bool) bool {
			if what != "manifests" || known {
				return false
			}
			w.WriteHeader(http.StatusUnauthorized)
			return true
		}, want: "manifests, ping, token Basic, manifests Bearer, blobs Bearer"},
		"401 without a challenge, for good": {answers: code("manifests", 401), want: "manifests, ping", fails: ErrUnauthorized},
		"403 for good":                      {keys: joe, answers: code("manifests", 403), want: "manifests, ping, manifests Basic", fails: ErrUnauthorized, says: "403"},
		"404, and a ping that fails":        {ref: ":none", answers: code("ping", 503, "Retry-After", "7200"), want: "manifests, ping", fails: ErrUnavailable},
		"429 for long":                      {answers: code("manifests", 429, "Retry-After", "7200"), want: "manifests", fails: ErrRateLimited},
		"503 for long":                      {answers: code("manifests", 503, "Retry-After", "7200"), want: "manifests", fails: ErrUnavailable},
		"blobs for the known": {keys: joe, scheme: "Basic", answers: func(w http.ResponseWriter, r *http.Request, what string, known bool) bool {
			if what != "manifests" || known {
				return false
			}
			w.Header().Set("Content-Type", string(mediaTypeOf(t, img)))
			raw, _ := img.RawManifest()
			w.Write(raw)
			return true
		}, want: "manifests, blobs, ping, blobs Basic"},
		"sent elsewhere": {answers: func(w http.ResponseWriter, r *http.Request, what string, _ bool) bool {
			if what != "manifests" || r.URL.Query().Has("moved") {
				return false
			}
			http.Redirect(w, r, r.URL.Path+"?moved=1", http.StatusTemporaryRedirect)
			return true
		}, want: "manifests, ping, manifests, blobs"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newCounting(t, map[string]v1.Image{"1": img}, index)
			r.scheme, r.public, r.answers = c.scheme, c.public, c.answers
			if c.ref == "" {
				c.ref = ":1"
			}
			if c.keys == nil {
				c.keys = authn.NewMultiKeychain()
			}
			got, err := tryOpen(t, r.host()+"/app"+c.ref, Options{Platform: "linux/amd64", Keychain: c.keys, Backoff: quick})
			if err == nil && c.alsoReferences {
				store, _ := got.Store()
				if _, err := store.Artifact(t.Context(), "sha256-none.sig"); !errors.Is(err, ErrNotFound) {
					t.Errorf("a signature: %v", err)
				}
			}
			if diff := cmp.Diff(c.want, strings.Join(r.asked, ", ")); diff != "" {
				t.Errorf("requests (-want +got):\n%s", diff)
			}
			if !errors.Is(err, c.fails) || err != nil && !strings.Contains(err.Error(), c.says) || err != nil && c.saysNot != "" && strings.Contains(err.Error(), c.saysNot) {
				t.Errorf("got %v, want %v", err, c.fails)
			}
		})
	}
}

func mediaTypeOf(t *testing.T, img v1.Image) string {
	t.Helper()
	m, err := img.MediaType()
	if err != nil {
		t.Fatal(err)
	}
	return string(m)
}

// TestCredentialsAreForHTTPS has a registry on another machine for which plain
// HTTP is allowed, and which answers by TLS: the first request is made once by
// each scheme at most, and the password goes by TLS.
func TestCredentialsAreForHTTPS(t *testing.T) {
	r := newCounting(t, map[string]v1.Image{"1": testImage(t, "amd64")}, nil)
	r.scheme = "Basic"
	var plain []string
	transport := roundTrip(func(q *http.Request) (*http.Response, error) {
		if q.URL.Scheme != "https" {
			plain = append(plain, q.Header.Get("Authorization"))
			return nil, errors.New("no plain HTTP here")
		}
		w := httptest.NewRecorder()
		r.ServeHTTP(w, q)
		answer := w.Result()
		answer.Request = q
		return answer, nil
	})
	_, err := tryOpen(t, "registry.example/app:1", Options{
		InsecureHosts: []string{"registry.example"}, Transport: transport, Keychain: keychain{"joe", "hunter2"}, Backoff: quick,
	})
	if err != nil {
		t.Fatal(err)
	}
	if want := "manifests, manifests Basic, blobs Basic"; strings.Join(r.asked, ", ") != want || len(plain) > 0 {
		t.Errorf("asked for %q; %q by plain HTTP", r.asked, plain)
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
