package oci

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
)

func TestParseMirror(t *testing.T) {
	for in, want := range map[string]Mirror{
		"docker.io=mirror.example/hub":              {"docker.io", "mirror.example/hub"},
		"ghcr.io/team/=mirror.example:5000/":        {"ghcr.io/team", "mirror.example:5000"},
		"registry.example:5000/a/b=localhost:1/c/d": {"registry.example:5000/a/b", "localhost:1/c/d"},
	} {
		if got, err := ParseMirror(in); err != nil || got != want {
			t.Errorf("%q: %+v, %v", in, got, err)
		}
	}
	for _, in := range []string{"", "docker.io", "=x.example", "docker.io=", "hub=UPPER/Case", "docker.io=https://mirror.example", "docker.io=joe:hunter2@mirror.example", "docker.io=mirror.example/a:1"} {
		got, err := ParseMirror(in)
		if err == nil {
			t.Errorf("%q: %+v", in, got)
		} else if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q tells the password: %v", in, err)
		}
	}
}

func TestPlaces(t *testing.T) {
	opts := Options{Mirrors: []Mirror{
		{"docker.io", "mirror.example/hub"}, {"docker.io/library/python", "fast.example/py"}, {"index.docker.io/team", "team.example"},
		{"ghcr.io/you", "mirror.example"}, {"quay.io", "a.example/q"}, {"quay.io", "b.example/q"},
	}}
	digest := "sha256:" + strings.Repeat("0", 64)
	for in, want := range map[string][]string{
		"python:3.12":           {"fast.example/py:3.12", "mirror.example/hub/library/python:3.12", "index.docker.io/library/python:3.12"},
		"pythonic":              {"mirror.example/hub/library/pythonic:latest", "index.docker.io/library/pythonic:latest"},
		"team/app:1":            {"team.example/app:1", "mirror.example/hub/team/app:1", "index.docker.io/team/app:1"},
		"teams/app:1":           {"mirror.example/hub/teams/app:1", "index.docker.io/teams/app:1"},
		"ghcr.io/you/app:1":     {"mirror.example/app:1", "ghcr.io/you/app:1"},
		"ghcr.io/yours/app":     {"ghcr.io/yours/app:latest"},
		"other.io/a@" + digest:  {"other.io/a@" + digest},
		"quay.io/a@" + digest:   {"a.example/q/a@" + digest, "b.example/q/a@" + digest, "quay.io/a@" + digest},
		"python:3.12@" + digest: {"fast.example/py@" + digest, "mirror.example/hub/library/python@" + digest, "index.docker.io/library/python@" + digest},
	} {
		ref, err := opts.parse(in)
		if err != nil {
			t.Fatal(err)
		}
		places, err := opts.places(ref)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, p := range places {
			got = append(got, p.Name())
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", in, diff)
		}
	}
}

// TestMirror has a registry and a mirror, of which each may fail.
func TestMirror(t *testing.T) {
	ours, theirs := testImage(t, "amd64"), testImage(t, "amd64")
	byTag, byDigest := "app:1", "app@"+digestOf(t, ours).String()
	status := func(code int) func(http.ResponseWriter, *http.Request) bool {
		return func(w http.ResponseWriter, r *http.Request) bool {
			if strings.Contains(r.URL.Path, "/manifests/") && r.Method == http.MethodGet {
				w.WriteHeader(code)
				return true
			}
			return false
		}
	}
	fine := func(http.ResponseWriter, *http.Request) bool { return false }
	for name, c := range map[string]struct {
		ref            string
		mirror, origin func(http.ResponseWriter, *http.Request) bool
		copy           v1.Image
		want           v1.Image // nil for an error
		note           string
	}{
		"has it":                 {byTag, fine, status(500), ours, ours, "read from the mirror MIRROR/hub/app"},
		"has another under tag":  {byTag, fine, fine, theirs, theirs, "read from the mirror MIRROR/hub/app"},
		"has another for digest": {byDigest, fine, fine, theirs, ours, "the mirror MIRROR/hub/app does not give it"},
		"by digest":              {byDigest, fine, status(500), ours, ours, "read from the mirror MIRROR/hub/app"},
		"has none":               {byTag, status(404), fine, nil, ours, "the mirror MIRROR/hub/app does not give it"},
		"refuses":                {byTag, status(403), fine, ours, ours, "the mirror MIRROR/hub/app does not give it"},
		"is out of order":        {byTag, status(503), fine, ours, ours, "the mirror MIRROR/hub/app does not give it"},
		"and origin fail":        {byTag, status(404), status(403), ours, nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			mirror, origin := front(t, c.mirror), front(t, c.origin)
			push(t, origin+"/app:1", ours)
			if c.copy != nil {
				push(t, mirror+"/hub/app:1", c.copy)
			}
			opts := Options{Backoff: quick, Mirrors: []Mirror{{origin, mirror + "/hub"}}}
			got, err := tryOpen(t, origin+"/"+c.ref, opts)
			if c.want == nil {
				if !errors.Is(err, ErrUnauthorized) || !strings.Contains(err.Error(), "403") || !strings.Contains(err.Error(), "404") {
					t.Errorf("both fail: %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got.Digest() != digestOf(t, c.want) || got.Name() != origin+"/"+c.ref || got.Repository() != origin+"/app" {
				t.Errorf("opened %s as %q of %q", got.Digest(), got.Name(), got.Repository())
			}
			if err := readLayers(got.Image()); err != nil {
				t.Error(err)
			}
			note := strings.ReplaceAll(c.note, "MIRROR", mirror)
			if notes := strings.Join(got.Notes(), "\n"); !strings.Contains(notes, note) {
				t.Errorf("notes %q lack %q", notes, note)
			}
			survey, err := Look(t.Context(), got.Ref(), opts)
			if err != nil || survey.Digest != digestOf(t, c.want) {
				t.Errorf("looked at %v, %v", survey, err)
			}
		})
	}
}

// Signatures are looked for in the mirror and in the registry, and are absent
// only when both say so.
func TestMirrorsOfSignatures(t *testing.T) {
	down := false
	origin := front(t, func(w http.ResponseWriter, _ *http.Request) bool {
		if down {
			w.WriteHeader(http.StatusForbidden)
		}
		return down
	})
	mirror := newRegistry(t)
	img, signature := testImage(t, "amd64"), testImage(t, "amd64")
	push(t, origin+"/app:1", img)
	push(t, mirror+"/app:1", img)
	push(t, origin+"/app:there", signature)
	push(t, mirror+"/app:copy", signature)
	opts := Options{Backoff: quick, Mirrors: []Mirror{{origin, mirror}}}
	got := open(t, origin+"/app:1", opts)
	store, err := got.Store()
	if err != nil {
		t.Fatal(err)
	}
	for _, tag := range []string{"there", "copy"} {
		if found, err := store.Artifact(t.Context(), tag); err != nil || digestOf(t, found) != digestOf(t, signature) {
			t.Errorf("%s: %v", tag, err)
		}
	}
	if _, err := store.Artifact(t.Context(), "none"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("in neither: %v", err)
	}
	if err := store.Put(t.Context(), "new", signature); err != nil {
		t.Error(err)
	}
	if _, err := tryOpen(t, mirror+"/app:new", Options{}); !errors.Is(err, ErrNotFound) {
		t.Errorf("a new signature went to the mirror: %v", err)
	}
	if found, err := store.Referrers(t.Context(), got.Digest()); err != nil || len(found) > 0 {
		t.Errorf("referrers %v, %v", found, err)
	}
	down = true
	if _, err := store.Artifact(t.Context(), "none"); err == nil || errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the registry cannot be asked: %v", err)
	}
	if _, err := store.Referrers(t.Context(), got.Digest()); err == nil {
		t.Error("the registry cannot be asked for referrers, and that went unnoticed")
	}
}

// to sends every request to one place, whatever its host is.
type to struct {
	host string
	seen *[]string
}

func (to to) RoundTrip(r *http.Request) (*http.Response, error) {
	*to.seen = append(*to.seen, r.URL.Scheme+"://"+r.URL.Host)
	if r.URL.Scheme != "http" {
		return nil, &net.OpError{Op: "dial", Err: errors.New("no TLS here")}
	}
	r = r.Clone(r.Context())
	r.URL.Host = to.host
	return http.DefaultTransport.RoundTrip(r)
}

// TestInsecureHosts allows plain HTTP to one registry, and to no other, also not
// where that one sends its clients.
func TestInsecureHosts(t *testing.T) {
	redirect := ""
	host := front(t, func(w http.ResponseWriter, r *http.Request) bool {
		if redirect == "" || !strings.Contains(r.URL.Path, "/manifests/") {
			return false
		}
		w.Header().Set("Location", redirect+r.URL.Path)
		w.WriteHeader(http.StatusTemporaryRedirect)
		return true
	})
	push(t, host+"/app:1", testImage(t, "amd64"))
	var seen []string
	opts := Options{Backoff: quick, InsecureHosts: []string{"registry.example:5000"}, Transport: to{host, &seen}}
	open(t, "registry.example:5000/app:1", opts)
	for _, ref := range []string{"registry.example/app:1", "registry.example:5001/app:1", "other.example/app:1"} {
		seen = nil
		if _, err := tryOpen(t, ref, opts); err == nil || strings.Contains(strings.Join(seen, " "), "http://") {
			t.Errorf("%s: %v after %q", ref, err, seen)
		}
	}
	redirect = "http://elsewhere.example"
	seen = nil
	_, err := tryOpen(t, "registry.example:5000/app:1", opts)
	if !errors.Is(err, ErrPlainHTTP) || strings.Contains(strings.Join(seen, " "), "elsewhere") {
		t.Errorf("sent elsewhere: %v after %q", err, seen)
	}
	if !strings.Contains(err.Error(), "--insecure-registry elsewhere.example") {
		t.Errorf("%v does not say what to do", err)
	}
	if _, err := Tags(context.Background(), "registry.example:5000/app", opts); err != nil {
		t.Errorf("tags: %v", err)
	}
}
