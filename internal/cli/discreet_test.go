package cli

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// secret is the password of every login of these tests.
const secret = "s3cretW0rd"

// logins are the ways in which a login is written.
func logins() []string {
	return []string{
		"https://bob:" + secret + "@127.0.0.1:9/x",
		"bob:" + secret + "@127.0.0.1:9/x:1",
		"https://127.0.0.1:9/x?access_token=" + secret,
		"git+https://" + secret + "@127.0.0.1:9/x.git",
	}
}

// world is a run of the program in a folder with an application.
func world(t *testing.T, env map[string]string, args ...string) (code int, out string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	lookup := func(name string) (string, bool) { v, ok := env[name]; return v, ok }
	code = Main(Env{
		Args: args, Stdin: strings.NewReader(""), Stdout: &stdout, Stderr: &stderr,
		Getenv: func(name string) string { return env[name] }, LookupEnv: lookup,
		Now: func() time.Time { return time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC) },
		Dir: t.TempDir(), CacheDir: t.TempDir(), TempDir: t.TempDir(), StderrTerminal: true,
	})
	return code, stdout.String() + stderr.String()
}

// TestNoLoginIsShown gives a login to every command as its word, and to every
// flag of every command as its value: whatever is wrong with it, the password
// is not said.
func TestNoLoginIsShown(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "app")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	check := func(env map[string]string, args ...string) {
		t.Helper()
		if code, out := world(t, env, args...); strings.Contains(out, secret) {
			t.Errorf("tallyman %q, exit %d, shows the password: %s", args, code, out)
		}
	}
	runs := 0
	visit(new(app).root(), func(cmd *cobra.Command) {
		path := strings.Fields(cmd.CommandPath())[1:]
		for i, login := range logins() {
			for _, word := range []string{login, "registry:" + login, "oci:" + login, "docker:" + login} {
				check(nil, with(cmd, path, word)...)
				runs++
			}
			cmd.Flags().VisitAll(func(f *pflag.Flag) {
				if f.Value.Type() == "bool" || i > 1 {
					return
				}
				check(nil, append(with(cmd, path, folder), "--"+f.Name+"="+login)...)
				check(nil, append(with(cmd, path, folder), "--"+f.Name+"=docker.io="+login)...)
				runs += 2
			})
		}
	})
	if runs < 500 {
		t.Errorf("%d runs of the program: the commands were not found", runs)
	}
}

// TestNoLoginOfTheEnvironmentIsShown does the same with what is set around the
// program.
func TestNoLoginOfTheEnvironmentIsShown(t *testing.T) {
	for _, name := range []string{"TALLYMAN_MIRROR", "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "DOCKER_HOST", "CONTAINER_HOST", "DOCKER_CONFIG", "TALLYMAN_CACHE_DIR"} {
		for _, login := range logins() {
			for _, args := range [][]string{
				{"audit", "docker:app"}, {"audit", "podman:app"}, {"audit", "127.0.0.1:9/x:1"}, {"db", "status"},
			} {
				code, out := world(t, map[string]string{name: login}, append(args, "--timeout", "2s")...)
				if strings.Contains(out, secret) {
					t.Errorf("%s=%s tallyman %q, exit %d: %s", name, login, args, code, out)
				}
			}
		}
	}
}

// TestDiscreet holds what is removed, and what must stay readable.
func TestDiscreet(t *testing.T) {
	const digest = "@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	for _, tt := range []struct{ in, want string }{
		{"image app:v1" + digest + ": not found", "image app:v1" + digest + ": not found"},
		{"image 127.0.0.1:5000/app:v1" + digest, "image 127.0.0.1:5000/app:v1" + digest},
		{"bob:x@h/app:v1" + digest, "h/app:v1" + digest},
		{"signed by https://github.com/o/r/.github/workflows/a.yml@refs/heads/main", "signed by https://github.com/o/r/.github/workflows/a.yml@refs/heads/main"},
		{"pkg:pypi/gradio@4.19.1", "pkg:pypi/gradio@4.19.1"},
		{"at https://h/x?access_token=y", "at https://h/x?access_token=***"},
		{"a\x1b[2Jb", `a\x1b[2Jb`},
	} {
		if got := discreet(tt.in); got != tt.want {
			t.Errorf("discreet(%q) = %q, want %q", tt.in, got, tt.want)
		}
	}
}

// visit calls f with every command below cmd.
func visit(cmd *cobra.Command, f func(*cobra.Command)) {
	for _, c := range cmd.Commands() {
		f(c)
		visit(c, f)
	}
}

// with is a call of a command with a word, which touches no network.
func with(cmd *cobra.Command, path []string, word string) []string {
	args := append([]string{}, path...)
	args = append(args, word)
	if cmd.Flags().Lookup("offline") != nil {
		args = append(args, "--offline")
	}
	return args
}

// TestNoLoginOfAnAnswerIsShown has a registry, and a mirror of it, that say a
// login in what they answer: where it is repeated, the password is not.
func TestNoLoginOfAnAnswerIsShown(t *testing.T) {
	there := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/v2/there/") && !strings.Contains(r.URL.Path, "referrers") || r.URL.Path == "/v2/" && r.Method == http.MethodGet {
			there.ServeHTTP(w, r)
			return
		}
		w.WriteHeader(http.StatusForbidden)
		fmt.Fprintf(w, `{"errors":[{"code":"DENIED","message":"see https://bob:%s@h.example/login?key=%s"}]}`, secret, secret)
	}))
	defer server.Close()
	host := strings.TrimPrefix(server.URL, "http://")
	img, err := mutate.ConfigFile(empty.Image, &v1.ConfigFile{OS: "linux", Architecture: "amd64"})
	if err != nil {
		t.Fatal(err)
	}
	ref, err := name.ParseReference(host + "/there/x:1")
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(ref, img); err != nil {
		t.Fatal(err)
	}
	key := filepath.Join(t.TempDir(), "key.pub")
	if err := os.WriteFile(key, publicKey(t), 0o600); err != nil {
		t.Fatal(err)
	}
	list := filepath.Join(t.TempDir(), "list")
	if err := os.WriteFile(list, []byte(host+"/x:1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	layout := filepath.Join(t.TempDir(), "Dockerfile")
	if err := os.WriteFile(layout, []byte("FROM "+host+"/x:1\nFROM "+host+"/y:1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"audit", host + "/x:1"}, {"audit", host + "/x:1", "--mirror", host + "=" + host + "/m"}, {"verify", host + "/x:1"},
		{"audit", filepath.Dir(layout), "--images"}, {"audit", host + "/x:1", "--platform", "all"}, {"sweep", host}, {"sweep", "--list", list},
		{"audit", host + "/there/x:1", "--mirror", host + "/there=" + host + "/m", "--verbose"}, {"verify", host + "/there/x:1", "--key", key},
	} {
		for _, format := range []string{"text", "json"} {
			code, out := world(t, nil, append(args, "--format", format)...)
			if code == ExitAllowed || format == "json" && !strings.Contains(out, "h.example/login") || strings.Contains(out, secret) {
				t.Errorf("tallyman %q as %s, exit %d: %s", args, format, code, out)
			}
		}
	}
}

// publicKey is a key of which nobody has the other half.
func publicKey(t *testing.T) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}
