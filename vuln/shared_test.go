package vuln_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tallyman/tallyman/sbom/pyreq"
	"github.com/tallyman/tallyman/vuln"
	"github.com/tallyman/tallyman/vuln/osv"
)

// shared returns a folder of the data that lies beside the repository, and
// skips the test without it.
func shared(tb testing.TB, path string) string {
	tb.Helper()
	root := os.Getenv("TALLYMAN_SHARED")
	if root == "" {
		root = filepath.Join("..", "..", "shared")
	}
	full := filepath.Join(root, path)
	if _, err := os.Stat(full); err != nil {
		tb.Skipf("the shared data is absent (set TALLYMAN_SHARED): %v", err)
	}
	return full
}

// snapshot compiles the real PyPI advisories.
func snapshot(tb testing.TB) *osv.DB {
	tb.Helper()
	source, dir := shared(tb, "data/osv"), tb.TempDir()
	if _, err := osv.Update(tb.Context(), osv.Options{Dir: dir, From: source, Client: http.DefaultClient, Ecosystems: []string{"PyPI"}}); err != nil {
		tb.Fatal(err)
	}
	db, err := osv.OpenCurrent(dir)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { db.Close() })
	return db
}

// TestGradioRequirements judges Gradio's own requirement file line by line:
// each line has one floor, and with the floors applied nothing is left.
func TestGradioRequirements(t *testing.T) {
	db := snapshot(t)
	doc := pyreq.Read(os.DirFS(shared(t, "data/gradio")), "requirements.txt", pyreq.Options{}).Document()
	res, err := vuln.Match(t.Context(), doc, db)
	if err != nil {
		t.Fatal(err)
	}
	floors, count := map[int]string{}, map[int]int{}
	for _, f := range res.Findings {
		n := f.Locations[0].Line
		if f.Verdict != vuln.Latent || f.Floor == "" || floors[n] != "" && floors[n] != f.Floor {
			t.Errorf("%s %s %s: %s, floor %q beside %q", f.Package, f.Specifier, f.IDs[0], f.Verdict, f.Floor, floors[n])
		}
		floors[n] = f.Floor
		count[n]++
	}
	if len(res.Gaps) > 0 || len(res.Findings) < 80 {
		t.Errorf("%d findings, gaps %v", len(res.Findings), res.Gaps)
	}
	for i := range doc.Components {
		c := &doc.Components[i]
		if floor := floors[c.Locations[0].Line]; floor != "" {
			t.Logf("%2d %s%s: %d advisories, >=%s", c.Locations[0].Line, c.Name, c.Specifier, count[c.Locations[0].Line], floor)
			c.Specifier += ",>=" + floor
		}
	}
	if res, err = vuln.Match(t.Context(), doc, db); err != nil || len(res.Findings)+len(res.Gaps) > 0 {
		t.Errorf("with the floors: %v, %d findings, gaps %v", err, len(res.Findings), res.Gaps)
	}
}

// TestAllRequirementFiles judges every requirement file of Gradio and of the
// applications that use it, each by itself, and counts.
func TestAllRequirementFiles(t *testing.T) {
	db := snapshot(t)
	for _, root := range []string{"data/gradio", "data/gradio-apps"} {
		dir := shared(t, root)
		files, findings, gaps := map[string]int{}, map[string]int{}, map[string]int{}
		total := 0
		err := filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
			if err != nil || e.IsDir() || !strings.HasSuffix(path, ".txt") || !strings.Contains(e.Name(), "requirement") {
				return err
			}
			name, err := filepath.Rel(dir, path)
			if err != nil {
				return err
			}
			doc := pyreq.Read(os.DirFS(dir), filepath.ToSlash(name), pyreq.Options{}).Document()
			res, err := vuln.Match(t.Context(), doc, db)
			if err != nil {
				return err
			}
			total++
			files[fate(res)]++
			for _, f := range res.Findings {
				findings[string(f.Verdict)]++
			}
			for _, g := range append(doc.Gaps, res.Gaps...) {
				gaps[string(g.Kind)]++
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: %d files %v, findings %v, gaps %v", root, total, files, findings, gaps)
		if files["gating"] == 0 || files["only latent"] == 0 || total < 100 {
			t.Errorf("%s: %d files %v", root, total, files)
		}
	}
}

// fate is the worst that is found in a file.
func fate(res *vuln.Result) string {
	worst := "clear"
	for _, f := range res.Findings {
		switch {
		case f.Gates:
			return "gating"
		case f.Verdict == vuln.Unknown:
			worst = "unknown"
		case worst == "clear":
			worst = "only latent"
		}
	}
	return worst
}
