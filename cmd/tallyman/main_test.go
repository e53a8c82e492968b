package main

import (
	"flag"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/tallyman/tallyman/internal/cli"
)

var update = flag.Bool("update", false, "rewrite the expectations of the scripts; read the diff")

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		// TALLYMAN_TEST_NOW pins the clock. Only this test binary reads it.
		"tallyman": func() { os.Exit(cli.Main(cli.System("", os.Getenv("TALLYMAN_TEST_NOW")))) },
	})
}

// TestScripts runs testdata/script/*.txtar: transcripts of what a user types
// and sees.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("testdata", "script"),
		UpdateScripts:       *update,
		RequireExplicitExec: true,
		Setup:               setup,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"bucket":       startBucket,
			"engine":       engine,
			"envfile":      envFile,
			"exit":         exitCode,
			"faulty":       faultyRegistry,
			"derive":       derive,
			"emptykeypair": emptyKeypair,
			"registry":     startRegistry,
			"large":        large,
			"push":         push,
			"index":        pushIndex,
			"keypair":      keypair,
			"patch":        patch,
			"proxy":        proxy,
			"rootfs":       rootfs,
			"rpmdb":        rpmdbFixture,
			"save":         save,
			"script":       script,
		},
	})
}

// setup gives each script the example's data, an empty home and an empty cache.
func setup(env *testscript.Env) error {
	home := filepath.Join(env.WorkDir, ".home")
	env.Setenv("HOME", home)
	env.Setenv("XDG_CACHE_HOME", filepath.Join(home, "cache"))
	env.Setenv("DOCKER_CONFIG", filepath.Join(home, "docker"))
	env.Setenv("GIT_CONFIG_GLOBAL", filepath.Join(home, "gitconfig"))
	env.Setenv("NO_COLOR", "1")
	env.Setenv("TALLYMAN_TEST_NOW", "2026-11-22T12:00:00Z")
	if err := os.MkdirAll(home, 0o755); err != nil {
		return err
	}
	identity := "[user]\n\tname = Test\n\temail = test@example.com\n[init]\n\tdefaultBranch = main\n"
	if err := os.WriteFile(filepath.Join(home, "gitconfig"), []byte(identity), 0o644); err != nil {
		return err
	}
	// Copied by this process, so that go test's cache sees what is read.
	return os.CopyFS(filepath.Join(env.WorkDir, "testdata"), os.DirFS(filepath.Join("..", "..", "testdata")))
}

// exitCode runs a command and checks its exact exit code: exit 3 tallyman ...
func exitCode(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exit CODE PROGRAM ARG...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	if err != nil {
		code, ok := strings.CutPrefix(err.Error(), "exit status ")
		if !ok {
			ts.Fatalf("%s: %v", strings.Join(args[1:], " "), err)
		}
		got, err = strconv.Atoi(code)
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("%s: exit code %d, want %d\nstdout:\n%sstderr:\n%s", strings.Join(args[1:], " "), got, want,
			ts.ReadFile("stdout"), ts.ReadFile("stderr"))
	}
}

// startRegistry serves a registry on loopback until the script ends and puts
// its HOST:PORT into $REGISTRY: registry [tags REPOSITORY], which cannot list the
// tags of one.
func startRegistry(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 && (len(args) != 2 || args[0] != "tags") {
		ts.Fatalf("usage: registry [tags REPOSITORY]")
	}
	back := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if len(args) == 2 && r.URL.Path == "/v2/"+args[1]+"/tags/list" {
			http.Error(w, "out of order", http.StatusInternalServerError)
			return
		}
		back.ServeHTTP(w, r)
	}))
	ts.Defer(server.Close)
	ts.Setenv("REGISTRY", strings.TrimPrefix(server.URL, "http://"))
}

// large writes a requirement file of the size given in MiB: large 50 FILE.
func large(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: large MIB FILE")
	}
	size, err := strconv.Atoi(args[0])
	ts.Check(err)
	line := []byte(strings.Repeat("gradio==4.19.1\n", 1<<10))
	f, err := os.Create(ts.MkAbs(args[1]))
	ts.Check(err)
	for written := 0; written < size<<20; written += len(line) {
		_, err := f.Write(line)
		ts.Check(err)
	}
	ts.Check(f.Close())
}
