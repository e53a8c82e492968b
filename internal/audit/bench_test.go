package audit

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/tallyman/tallyman/vuln/osv"
)

// shared returns a path below ../shared, and skips when it is not there.
func shared(t testing.TB, elem ...string) string {
	t.Helper()
	root := os.Getenv("TALLYMAN_SHARED")
	if root == "" {
		root = filepath.Join("..", "..", "..", "shared")
	}
	path := filepath.Join(append([]string{root}, elem...)...)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("skipped: needs %s (set TALLYMAN_SHARED): %v", path, err)
	}
	return path
}

// auditor returns an auditor of all stages over the real advisories.
func auditor(t testing.TB) *Auditor {
	t.Helper()
	made, err := osv.Update(t.Context(), osv.Options{Dir: t.TempDir(), From: shared(t, "data", "osv")})
	if err != nil {
		t.Fatal(err)
	}
	return &Auditor{
		Tool: Tool{Name: "tallyman", Version: "test"}, Command: "audit",
		Now:    time.Date(2026, 7, 24, 0, 0, 0, 0, time.UTC),
		Stages: []string{StageSBOM, StageVuln, StageLint, StageVerify},
		Advisories: func(context.Context, []string) (*Advisories, error) {
			db, err := osv.Open(made.Path)
			return &Advisories{DB: db, Source: "shared"}, err
		},
	}
}

// BenchmarkGradio audits the whole of gradio-app/gradio's manifests against all
// advisories: what `tallyman audit .` does there, without starting a process.
func BenchmarkGradio(b *testing.B) {
	a := auditor(b)
	root, err := os.OpenRoot(shared(b, "data", "gradio"))
	if err != nil {
		b.Fatal(err)
	}
	defer root.Close()
	b.ReportAllocs()
	for b.Loop() {
		r, err := a.Run(b.Context(), Target{Name: "gradio", Folder: &Folder{FS: root.FS(), Dir: "."}})
		if err != nil {
			b.Fatal(err)
		}
		if len(r.Components) < 1000 {
			b.Fatalf("%d components", len(r.Components))
		}
	}
}

// TestRealApplications audits every public application that we have, and the
// demonstrations of Gradio: none may crash, and none is allowed while something
// hides.
func TestRealApplications(t *testing.T) {
	a := auditor(t)
	outcomes, kinds := map[string]int{}, map[string]int{}
	for _, pattern := range []string{"gradio", "gradio/demo/*", "gradio-apps/*"} {
		dirs, err := filepath.Glob(shared(t, "data") + "/" + pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, dir := range dirs {
			if info, err := os.Stat(dir); err != nil || !info.IsDir() {
				continue
			}
			r := auditFolder(t, a, dir)
			outcomes[r.Decision.Outcome.String()]++
			hides := false
			for _, g := range r.Gaps {
				kinds[string(g.Kind)]++
				hides = hides || g.Hides
			}
			if hides && r.Decision.Outcome.String() == "allowed" {
				t.Errorf("%s is allowed, and something hides", dir)
			}
		}
	}
	t.Logf("outcomes: %v", outcomes)
	t.Logf("gaps by kind: %v", kinds)
}

func auditFolder(t *testing.T, a *Auditor, dir string) *Report {
	t.Helper()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	r, err := a.Run(t.Context(), Target{Name: dir, Folder: &Folder{FS: root.FS(), Dir: "."}})
	if err != nil {
		t.Fatalf("%s: %v", dir, err)
	}
	return r
}
