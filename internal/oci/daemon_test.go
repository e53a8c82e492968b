package oci

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// socketDir is a folder of its own with a path that leaves room for the name of
// a socket: together they may have 108 bytes, which t.TempDir, and a TMPDIR deep
// in a build folder, do not keep to.
func socketDir(t testing.TB) string {
	t.Helper()
	base := os.TempDir()
	if len(base) > 80 {
		base = "/tmp"
	}
	dir, err := os.MkdirTemp(base, "d")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// fakeDaemon serves a container engine's API on a socket and returns its path.
func fakeDaemon(t testing.TB, handler http.Handler) string {
	t.Helper()
	socket := filepath.Join(socketDir(t), "s")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Skipf("no unix sockets here: %v", err)
	}
	server := &http.Server{Handler: handler}
	go server.Serve(listener)
	t.Cleanup(func() { server.Close() })
	return socket
}

// engineOf has one image, example.test/app:1, under id and as the tar data.
func engineOf(id string, data []byte) *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /images/example.test/app:1/json", func(w http.ResponseWriter, _ *http.Request) {
		json.NewEncoder(w).Encode(map[string]any{"Id": id, "RepoDigests": []string{"example.test/app@" + id}, "Size": 1})
	})
	mux.HandleFunc("GET /images/example.test/app:1/get", func(w http.ResponseWriter, _ *http.Request) { w.Write(data) })
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprint(w, `{"message":"No such image: \u001b[31mnone"}`)
	})
	return mux
}

const engineRef = "docker:example.test/app:1"

func idOf(t testing.TB, img v1.Image) string {
	t.Helper()
	id, err := img.ConfigName()
	if err != nil {
		t.Fatal(err)
	}
	return id.String()
}

// hosts is an environment.
func hosts(pairs ...string) func(string) string {
	return func(name string) string {
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] == name {
				return pairs[i+1]
			}
		}
		return ""
	}
}

func withDaemon(t testing.TB, handler http.Handler) Options {
	t.Helper()
	opts := Options{Getenv: hosts("DOCKER_HOST", "unix://"+fakeDaemon(t, handler))}
	opts.Spools, _ = spools(t)
	return opts
}

// TestDaemon reads an image from an engine that keeps configurations and from
// one that keeps manifests, which name their images by the one or the other.
func TestDaemon(t *testing.T) {
	img := testImage(t, "amd64")
	for name, c := range map[string]struct {
		id   string
		data []byte
	}{
		"docker":               {idOf(t, img), saved(t, img)},
		"podman":               {strings.TrimPrefix(idOf(t, img), "sha256:"), saved(t, img)},
		"docker on containerd": {digestOf(t, img).String(), exported(t, img)},
	} {
		opts := withDaemon(t, engineOf(c.id, c.data))
		got := open(t, engineRef, opts)
		if err := readLayers(got.Image()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if got.Name() != engineRef || idOf(t, got.Image()) != idOf(t, img) {
			t.Errorf("%s: opened %q, %s", name, got.Name(), idOf(t, got.Image()))
		}
		if diff := cmp.Diff([]string{"example.test/app@" + c.id}, got.RepoDigests()); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		all, err := Platforms(t.Context(), got.Ref(), opts)
		if err != nil || len(all) != 1 || all[0].Platform != "linux/amd64" {
			t.Errorf("%s: %v, %v", name, all, err)
		}
	}
}

// The user's sockets are found without being named.
func TestSockets(t *testing.T) {
	img := testImage(t, "amd64")
	socket := fakeDaemon(t, engineOf(idOf(t, img), saved(t, img)))
	home := filepath.Dir(socket)
	for _, path := range []string{"podman/podman.sock", "docker.sock", ".docker/run/docker.sock"} {
		link := filepath.Join(home, filepath.FromSlash(path))
		if err := errors.Join(os.MkdirAll(filepath.Dir(link), 0o755), os.Symlink(socket, link)); err != nil {
			t.Skipf("no symbolic links here: %v", err)
		}
		kind := KindDocker
		if strings.HasPrefix(path, "podman") {
			kind = KindPodman
		}
		places := Options{Getenv: hosts("XDG_RUNTIME_DIR", home, "HOME", home)}.sockets(kind)
		if !strings.Contains(strings.Join(places, "\n"), link) {
			t.Errorf("%s is not among %q", link, places)
		}
	}
	opts := Options{Getenv: hosts("XDG_RUNTIME_DIR", home)}
	opts.Spools, _ = spools(t)
	if got := open(t, "podman:example.test/app:1", opts); idOf(t, got.Image()) != idOf(t, img) {
		t.Errorf("opened %s", idOf(t, got.Image()))
	}
}

// TestDaemonLies has engines that send what they were not asked for.
func TestDaemonLies(t *testing.T) {
	img, other := testImage(t, "amd64"), testImage(t, "amd64")
	for name, c := range map[string]struct {
		id   string
		data []byte
		want error
	}{
		"another image":           {idOf(t, img), saved(t, other), ErrDigest},
		"another image's layout":  {digestOf(t, img).String(), exported(t, other), ErrDigest},
		"no id":                   {"", saved(t, img), ErrDigest},
		"the digest of a layer":   {digestOf(t, other).String(), saved(t, img), ErrDigest},
		"no image":                {idOf(t, img), make([]byte, 1024), ErrMediaType},
		"words":                   {idOf(t, img), []byte("hello"), errNoTar},
		"nothing":                 {idOf(t, img), nil, errEmpty},
		"an archive that is cut":  {idOf(t, img), saved(t, img)[:1500], nil},
		"an archive of two of it": {idOf(t, img), twice(t, img, other), ErrAmbiguous},
	} {
		_, err := tryOpen(t, engineRef, withDaemon(t, engineOf(c.id, c.data)))
		if err == nil || c.want != nil && !errors.Is(err, c.want) || !strings.Contains(err.Error(), engineRef) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// twice is a docker-archive of two images.
func twice(t testing.TB, images ...v1.Image) []byte {
	t.Helper()
	dir := t.TempDir()
	var entries []archiveEntry
	for i, img := range images {
		config, err := img.RawConfigFile()
		if err != nil {
			t.Fatal(err)
		}
		file := fmt.Sprintf("%d.json", i)
		writeTestFile(t, filepath.Join(dir, file), config)
		entries = append(entries, archiveEntry{Config: file})
	}
	manifest, err := json.Marshal(entries)
	if err != nil {
		t.Fatal(err)
	}
	writeTestFile(t, filepath.Join(dir, "manifest.json"), manifest)
	data, err := os.ReadFile(tarDir(t, dir))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestDaemonBreaksOff has an engine that ends in the midst of what it sends,
// also where a tar could end.
func TestDaemonBreaksOff(t *testing.T) {
	img := testImage(t, "amd64")
	data := saved(t, img)
	for _, n := range []int{0, 1, 512, 1024, 1536, len(data) / 2, len(data) - 1025, len(data) - 1024} {
		mux := engineOf(idOf(t, img), nil)
		outer := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if !strings.HasSuffix(r.URL.Path, "/get") {
				mux.ServeHTTP(w, r)
				return
			}
			w.Write(data[:n])
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		})
		if _, err := tryOpen(t, engineRef, withDaemon(t, outer)); err == nil {
			t.Errorf("%d of %d bytes: opened", n, len(data))
		}
	}
}

// TestDaemonHangs has an engine that answers nothing, at first and in the midst.
func TestDaemonHangs(t *testing.T) {
	img := testImage(t, "amd64")
	data := saved(t, img)
	for _, at := range []string{"/json", "/get"} {
		ctx, cancel := context.WithCancel(t.Context())
		mux := engineOf(idOf(t, img), data)
		opts := withDaemon(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if !strings.HasSuffix(r.URL.Path, at) {
				mux.ServeHTTP(w, r)
				return
			}
			w.Write(data[:len(data)/2])
			w.(http.Flusher).Flush()
			cancel()
			<-r.Context().Done()
		}))
		ref, err := Parse(engineRef)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Open(ctx, ref, opts); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", at, err)
		}
		cancel()
	}
}

// TestDaemonRefuses has engines that say no, and places where none is.
func TestDaemonRefuses(t *testing.T) {
	answer := func(code int, body string) Options {
		return withDaemon(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "http://elsewhere.test/")
			w.WriteHeader(code)
			fmt.Fprint(w, body)
		}))
	}
	dead := filepath.Join(socketDir(t), "none")
	for name, c := range map[string]struct {
		opts Options
		want error
		says []string
	}{
		"no image":     {answer(404, `{"message":"No such image: \u001b[31mx"}`), ErrNotFound, []string{`404: "No such image: \x1b[31mx"`, "docker pull example.test/app:1", "registry:example.test/app:1"}},
		"out of order": {answer(500, `{"message":"disk"}`), nil, []string{`docker answers 500: "disk"`}},
		"podman's way": {answer(500, `{"cause":"disk"}`), nil, []string{`docker answers 500: "disk"`}},
		"a long text":  {answer(500, strings.Repeat("x", 5000)), nil, []string{`x…`}},
		"elsewhere":    {answer(302, ""), nil, []string{"docker answers 302"}},
		"no JSON":      {answer(200, "<html>"), nil, []string{"what docker says of the image"}},
		"too much":     {answer(200, `{"Id":"`+strings.Repeat("x", 9<<20)), nil, []string{"larger than the bound"}},
		"absent":       {Options{Getenv: hosts("DOCKER_HOST", "unix://"+dead)}, ErrNoDaemon, []string{"is docker running?", "DOCKER_HOST", "none"}},
		"tcp":          {Options{Getenv: hosts("DOCKER_HOST", "tcp://joe:hunter2@192.0.2.1:2375")}, ErrNoDaemon, []string{`"tcp://192.0.2.1:2375", and only unix sockets`, "docker save example.test/app:1 | tallyman audit -"}},
		"ssh":          {Options{Getenv: hosts("DOCKER_HOST", "ssh://joe@192.0.2.1")}, ErrNoDaemon, []string{"only unix sockets"}},
		"a path":       {Options{Getenv: hosts("DOCKER_HOST", "/var/run/docker.sock")}, ErrNoDaemon, []string{"only unix sockets"}},
	} {
		_, err := tryOpen(t, engineRef, c.opts)
		if err == nil || c.want != nil && !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for _, text := range append(c.says, engineRef) {
			if !strings.Contains(err.Error(), text) {
				t.Errorf("%s: %v\nlacks %q", name, err, text)
			}
		}
		if text := err.Error(); strings.Contains(text, "hunter2") || len(text) > 1000 {
			t.Errorf("%s: %s", name, text)
		}
	}
}

// A socket file that nobody listens at, and one that is not ours.
func TestDaemonSocketThatIsDead(t *testing.T) {
	dir := socketDir(t)
	socket := filepath.Join(dir, "s")
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: socket, Net: "unix"})
	if err != nil {
		t.Skipf("no unix sockets here: %v", err)
	}
	listener.SetUnlinkOnClose(false)
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	opts := Options{Getenv: hosts("DOCKER_HOST", "unix://"+socket)}
	if _, err := tryOpen(t, engineRef, opts); !errors.Is(err, ErrNoDaemon) || !strings.Contains(err.Error(), "is docker running?") {
		t.Errorf("nobody listens: %v", err)
	}
	if os.Getuid() == 0 {
		t.Skip("root may use every socket")
	}
	if err := os.Chmod(dir, 0); err != nil {
		t.Fatal(err)
	}
	if _, err := tryOpen(t, engineRef, opts); !errors.Is(err, ErrUnauthorized) || !strings.Contains(err.Error(), "you may not use") {
		t.Errorf("no permission: %v", err)
	}
}

// podman saves an image without its service, and the message says so; docker
// cannot.
func TestHintWithoutEngine(t *testing.T) {
	dead := filepath.Join(socketDir(t), "none")
	opts := Options{Getenv: hosts("CONTAINER_HOST", "unix://"+dead, "DOCKER_HOST", "unix://"+dead)}
	const hint = "podman save app:dev | tallyman audit -"
	if _, err := tryOpen(t, "podman:app:dev", opts); err == nil || !strings.Contains(err.Error(), hint) {
		t.Errorf("%v lacks %q", err, hint)
	}
	if _, err := tryOpen(t, "docker:app:dev", opts); err == nil || strings.Contains(err.Error(), "save") {
		t.Errorf("%v: docker save needs the engine that is not there", err)
	}
	if _, err := Parse("podman:"); err == nil || !strings.Contains(err.Error(), "as in podman:app:dev") {
		t.Error(err)
	}
}
