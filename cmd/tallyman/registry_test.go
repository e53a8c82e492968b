package main

import (
	"bytes"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/rogpeppe/go-internal/testscript"
)

// faultyRegistry serves a registry in which the first part of a repository's
// name says what goes wrong ("403/app:1" is refused), and puts its HOST:PORT into
// $FAULTY and its requests into the file $REQUESTS. It has the image of LAYOUT, or
// a clean one, in every repository: faulty LAYOUT|clean.
func faultyRegistry(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: faulty LAYOUT|clean")
	}
	f := &faulty{back: registry.New(registry.Logger(log.New(io.Discard, "", 0))), log: ts.MkAbs("requests")}
	server := httptest.NewServer(f)
	ts.Defer(server.Close)
	host := strings.TrimPrefix(server.URL, "http://")
	img := cleanImage(ts)
	if args[0] != "clean" {
		img = layoutImage(ts, ts.MkAbs(args[0]))
	}
	f.pushing = true
	for _, repo := range []string{"fine", "login", "cut", "resumed", "moved"} {
		ref, err := name.ParseReference(host + "/" + repo + "/app:1")
		ts.Check(err)
		ts.Check(remote.Write(ref, img))
	}
	f.pushing = false
	digest, err := img.Digest()
	ts.Check(err)
	layers, err := img.Layers()
	ts.Check(err)
	f.layer, err = layers[0].Digest()
	ts.Check(err)
	ts.Setenv("DIGEST", digest.String())
	ts.Setenv("FAULTY", host)
	ts.Setenv("REQUESTS", f.log)
}

type faulty struct {
	back    http.Handler
	log     string
	pushing bool
	layer   v1.Hash

	mu     sync.Mutex
	broken bool // the layer of "resumed" broke off once
}

func (f *faulty) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if f.pushing {
		f.back.ServeHTTP(w, r)
		return
	}
	f.note(r)
	fault, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/v2/"), "/")
	switch manifest := strings.Contains(r.URL.Path, "/manifests/"); {
	case fault == "login":
		f.login(w, r)
	case fault == "cut", fault == "resumed":
		f.cut(w, r, fault == "resumed")
	case manifest:
		f.refuse(w, r, fault)
	default:
		f.back.ServeHTTP(w, r)
	}
}

// note adds a request to the log.
func (f *faulty) note(r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	log, err := os.OpenFile(f.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		panic(err)
	}
	defer log.Close()
	fmt.Fprintln(log, r.Method, r.URL.Path)
}

// login wants joe's password.
func (f *faulty) login(w http.ResponseWriter, r *http.Request) {
	if user, password, _ := r.BasicAuth(); user == "joe" && password == "hunter2" {
		f.back.ServeHTTP(w, r)
		return
	}
	w.WriteHeader(http.StatusUnauthorized)
	io.WriteString(w, `{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}`)
}

// cut breaks the first layer off in its midst; only once if it may be resumed.
func (f *faulty) cut(w http.ResponseWriter, r *http.Request, once bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if r.Method != http.MethodGet || !strings.HasSuffix(r.URL.Path, f.layer.String()) || once && f.broken {
		f.back.ServeHTTP(w, r)
		return
	}
	if f.broken = true; r.Header.Get("Range") != "" {
		w.WriteHeader(http.StatusForbidden)
		return
	}
	whole := httptest.NewRecorder()
	f.back.ServeHTTP(whole, r)
	w.Header().Set("Content-Length", fmt.Sprint(whole.Body.Len()))
	w.Write(whole.Body.Bytes()[:whole.Body.Len()/2])
	w.(http.Flusher).Flush()
	panic(http.ErrAbortHandler)
}

// refuse answers a manifest in the way that the repository's name says.
func (f *faulty) refuse(w http.ResponseWriter, r *http.Request, fault string) {
	answer := func(code int, body string) {
		w.WriteHeader(code)
		io.WriteString(w, body)
	}
	switch fault {
	case "401":
		answer(401, `{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}`)
	case "403":
		answer(403, `{"errors":[{"code":"DENIED","message":"requested access to the resource is denied"}]}`)
	case "404":
		answer(404, `{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}`)
	case "429":
		w.Header().Set("Retry-After", "21600")
		answer(429, `{"errors":[{"code":"TOOMANYREQUESTS","message":"You have reached your pull rate limit."}]}`)
	case "503":
		w.Header().Set("Retry-After", "7200")
		answer(503, "maintenance \x1b[31m")
	case "schema1":
		w.Header().Set("Content-Type", string(types.DockerManifestSchema1Signed))
		answer(200, `{"schemaVersion":1,"name":"app","fsLayers":[]}`)
	case "html":
		w.Header().Set("Content-Type", "text/html")
		answer(200, "<html>")
	case "broken":
		w.Header().Set("Content-Type", string(types.OCIManifestSchema1))
		answer(200, `{"schemaVersion":2,"config":`)
	case "huge":
		w.Header().Set("Content-Type", string(types.OCIManifestSchema1))
		w.Write(bytes.Repeat([]byte(" "), 17<<20))
	default:
		f.back.ServeHTTP(w, r)
	}
}

// proxy serves a proxy that knows of one host, registry.example, which it leads
// to the registry of faulty, over TLS too. It puts its URL into $PROXY, its
// certificate into $CERTIFICATE and what it is asked for into the file proxied.
func proxy(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: proxy")
	}
	target := &url.URL{Scheme: "http", Host: ts.Getenv("FAULTY")}
	secure := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { forward(w, r, target) }))
	ts.Defer(secure.Close)
	file := ts.MkAbs("proxied")
	var mu sync.Mutex
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		log, err := os.OpenFile(file, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
		if err != nil {
			panic(err)
		}
		fmt.Fprintln(log, r.Method, r.URL.Host)
		log.Close()
		mu.Unlock()
		if r.Method == http.MethodConnect {
			tunnel(w, secure.Listener.Addr().String())
			return
		}
		forward(w, r, target)
	}))
	ts.Defer(server.Close)
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: secure.Certificate().Raw})
	ts.Check(os.WriteFile(ts.MkAbs("proxy.pem"), certificate, 0o644))
	ts.Setenv("CERTIFICATE", ts.MkAbs("proxy.pem"))
	ts.Setenv("PROXY", server.URL)
}

// forward answers a request as target would.
func forward(w http.ResponseWriter, r *http.Request, target *url.URL) {
	r = r.Clone(r.Context())
	r.URL.Scheme, r.URL.Host, r.RequestURI = target.Scheme, target.Host, ""
	answer, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	defer answer.Body.Close()
	for key, values := range answer.Header {
		w.Header()[key] = values
	}
	w.WriteHeader(answer.StatusCode)
	io.Copy(w, answer.Body)
}

// tunnel connects a client of CONNECT with addr.
func tunnel(w http.ResponseWriter, addr string) {
	there, err := net.Dial("tcp", addr)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	w.WriteHeader(http.StatusOK)
	here, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		there.Close()
		return
	}
	go func() {
		defer here.Close()
		defer there.Close()
		io.Copy(there, here)
	}()
	go func() {
		defer here.Close()
		defer there.Close()
		io.Copy(here, there)
	}()
}

// engine serves a container engine's API on a unix socket, for the image of
// LAYOUT under NAME, and puts its address into $DOCKER_HOST: engine LAYOUT NAME.
func engine(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: engine LAYOUT NAME")
	}
	img := layoutImage(ts, ts.MkAbs(args[0]))
	tag, err := name.NewTag(args[1])
	ts.Check(err)
	id, err := img.ConfigName()
	ts.Check(err)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /images/"+args[1]+"/json", func(w http.ResponseWriter, _ *http.Request) {
		json.NewEncoder(w).Encode(map[string]any{"Id": id.String(), "RepoDigests": []string{tag.Context().Name() + "@" + id.String()}})
	})
	mux.HandleFunc("GET /images/"+args[1]+"/get", func(w http.ResponseWriter, _ *http.Request) { tarball.Write(tag, img, w) })
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprint(w, `{"message":"No such image: \u001b[31mnone"}`)
	})
	// A socket's path may have 108 bytes, and that of the script has more; so
	// may a TMPDIR deep in a build folder.
	base := os.TempDir()
	if len(base) > 80 {
		base = "/tmp"
	}
	dir, err := os.MkdirTemp(base, "e")
	ts.Check(err)
	ts.Defer(func() { os.RemoveAll(dir) })
	listener, err := net.Listen("unix", filepath.Join(dir, "s"))
	ts.Check(err)
	server := &http.Server{Handler: mux}
	go server.Serve(listener)
	ts.Defer(func() { server.Close() })
	ts.Setenv("DOCKER_HOST", "unix://"+filepath.Join(dir, "s"))
}

// save writes the image of LAYOUT as "docker save" does: save LAYOUT NAME FILE.
func save(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 || len(args)%2 == 0 {
		ts.Fatalf("usage: save LAYOUT|clean NAME [LAYOUT|clean NAME]... FILE")
	}
	images := map[name.Tag]v1.Image{}
	for pair := range slices.Chunk(args[:len(args)-1], 2) {
		tag, err := name.NewTag(pair[1])
		ts.Check(err)
		if images[tag] = cleanImage(ts); pair[0] != "clean" {
			images[tag] = layoutImage(ts, ts.MkAbs(pair[0]))
		}
	}
	ts.Check(tarball.MultiWriteToFile(ts.MkAbs(args[len(args)-1]), images))
}

// envFile writes a file with the variables of FROM filled in: envfile FILE FROM.
func envFile(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: envfile FILE FROM")
	}
	file := ts.MkAbs(args[0])
	ts.Check(os.MkdirAll(filepath.Dir(file), 0o755))
	ts.Check(os.WriteFile(file, []byte(os.Expand(ts.ReadFile(args[1]), ts.Getenv)), 0o644))
}
