// Package size guards what the program links and what its start costs.
package size

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// unwanted are import path prefixes that the binary must not link: each costs
// start-up or megabytes, or brings the SDK of a cloud. docs/DEPENDENCIES.md.
var unwanted = []string{
	"github.com/mattn/go-runewidth",
	"github.com/diskfs/go-diskfs",
	"github.com/google/osv-scalibr/extractor/filesystem",
	"github.com/anchore/syft/syft/format",
	"github.com/aws/",
	"cloud.google.com/",
	"github.com/Azure/azure-sdk-for-go",
	"github.com/envoyproxy/",
	"google.golang.org/grpc/xds",
}

// unwantedExactly are packages whose children are fine.
var unwantedExactly = []string{"github.com/anchore/syft/syft"}

// maxStrippedBytes is the budget of the stripped binary.
const maxStrippedBytes = 75 << 20

func TestBinaryLinksNothingUnwanted(t *testing.T) {
	for _, pkg := range strings.Fields(goTool(t, "list", "-deps", "./cmd/tallyman")) {
		for _, prefix := range unwanted {
			if pkg == strings.TrimSuffix(prefix, "/") || strings.HasPrefix(pkg, strings.TrimSuffix(prefix, "/")+"/") {
				t.Errorf("the program links %s", pkg)
			}
		}
		if slices.Contains(unwantedExactly, pkg) {
			t.Errorf("the program links %s", pkg)
		}
	}
}

func TestBinaryFitsTheBudget(t *testing.T) {
	if testing.Short() {
		t.Skip("links the whole program; -short skips it")
	}
	info, err := os.Stat(build(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("stripped: %.1f MB", float64(info.Size())/(1<<20))
	if info.Size() > maxStrippedBytes {
		t.Errorf("the stripped binary has %d bytes, the budget is %d", info.Size(), maxStrippedBytes)
	}
}

// BenchmarkVersion is the start of the program as a process: what a pre-push
// hook pays before anything is read.
func BenchmarkVersion(b *testing.B) {
	processes(b, 0, build(b), "version")
}

// BenchmarkAuditGradio is the audit of all manifests of gradio-app/gradio
// against every advisory that we have, as a process.
func BenchmarkAuditGradio(b *testing.B) {
	data, program, cache := shared(b), build(b), b.TempDir()
	run(b, 0, program, "db", "update", "--from", filepath.Join(data, "osv"), "--cache-dir", cache)
	processes(b, 1, program, "audit", filepath.Join(data, "gradio"), "--offline", "--cache-dir", cache)
}

// BenchmarkUpdate compiles every advisory that we have, as a process.
func BenchmarkUpdate(b *testing.B) {
	data, program, cache := shared(b), build(b), b.TempDir()
	processes(b, 0, program, "db", "update", "--from", filepath.Join(data, "osv"), "--cache-dir", cache)
}

// processes runs a command again and again and reports its CPU time and, on
// systems that tell, its peak memory.
func processes(b *testing.B, code int, program string, args ...string) {
	b.ReportAllocs()
	var cpu, peak int64
	for b.Loop() {
		state := run(b, code, program, args...)
		cpu += int64(state.UserTime() + state.SystemTime())
		peak = max(peak, peakBytes(state))
	}
	b.ReportMetric(float64(cpu)/float64(b.N)/1e6, "cpu-ms/op")
	b.ReportMetric(float64(peak)/(1<<20), "peak-MB")
}

func run(b *testing.B, code int, program string, args ...string) *os.ProcessState {
	b.Helper()
	cmd := exec.Command(program, args...)
	if err := cmd.Run(); cmd.ProcessState == nil || cmd.ProcessState.ExitCode() != code {
		b.Fatalf("%v: %v, want exit code %d", args, err, code)
	}
	return cmd.ProcessState
}

// shared is ../shared/data; without it the benchmark is skipped.
func shared(b *testing.B) string {
	root := os.Getenv("TALLYMAN_SHARED")
	if root == "" {
		root = filepath.Join("..", "..", "..", "shared")
	}
	data, err := filepath.Abs(filepath.Join(root, "data"))
	if err != nil {
		b.Fatal(err)
	}
	if _, err := os.Stat(data); err != nil {
		b.Skipf("skipped: needs %s (set TALLYMAN_SHARED): %v", data, err)
	}
	return data
}

func build(t testing.TB) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "tallyman")
	if runtime.GOOS == "windows" {
		program += ".exe"
	}
	goTool(t, "build", "-buildvcs=false", "-ldflags", "-s -w", "-o", program, "./cmd/tallyman")
	return program
}

// goTool runs the go command in the repository's root and returns what it
// prints. The list is read here, not cached: the test depends on all sources.
func goTool(t testing.TB, args ...string) string {
	t.Helper()
	cmd := exec.Command("go", args...)
	cmd.Dir = filepath.Join("..", "..")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, stderr.String())
	}
	return string(out)
}
