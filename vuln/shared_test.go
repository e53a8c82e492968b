package vuln_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tallyman/tallyman/sbom"
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

// TestGradioRequirements judges Gradio's own requirement file line by line.
func TestGradioRequirements(t *testing.T) {
	db := snapshot(t)
	doc := pyreq.Read(os.DirFS(shared(t, "data/gradio")), "requirements.txt", pyreq.Options{}).Document()
	res, err := vuln.Match(t.Context(), doc, db)
	if err != nil {
		t.Fatal(err)
	}
	byLine := map[string][]vuln.Finding{}
	for _, f := range res.Findings {
		key := fmt.Sprintf("%3d %s %s", f.Locations[0].Line, f.Package, f.Specifier)
		byLine[key] = append(byLine[key], f)
	}
	for _, key := range sortedKeys(byLine) {
		verdicts := map[vuln.Verdict]int{}
		floors := map[string]int{}
		for _, f := range byLine[key] {
			verdicts[f.Verdict]++
			floors[f.Floor]++
		}
		t.Logf("%s: %d, %v floors %v", key, len(byLine[key]), verdicts, floors)
	}
	for _, g := range res.Gaps {
		t.Logf("gap %s %s:%d %s", g.Kind, g.File, g.Line, g.Reason)
	}
	t.Logf("%d findings", len(res.Findings))
}

func sortedKeys[V any](m map[string]V) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// TestAllRequirementFiles judges every requirement file of Gradio and of the
// applications that use it, each by itself.
func TestAllRequirementFiles(t *testing.T) {
	db := snapshot(t)
	files := map[string]int{}
	gaps := map[sbom.GapKind]int{}
	for _, root := range []string{"data/gradio", "data/gradio-apps"} {
		dir := shared(t, root)
		fsys := os.DirFS(dir)
		err := filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
			if err != nil || e.IsDir() || !strings.HasSuffix(path, ".txt") || !strings.Contains(e.Name(), "requirement") {
				return err
			}
			name, _ := filepath.Rel(dir, path)
			doc := pyreq.Read(fsys, filepath.ToSlash(name), pyreq.Options{}).Document()
			before := len(doc.Components)
			res, err := vuln.Match(t.Context(), doc, db)
			if err != nil {
				return err
			}
			files["all"]++
			verdicts := map[vuln.Verdict]bool{}
			gates := false
			for _, f := range res.Findings {
				verdicts[f.Verdict] = true
				gates = gates || f.Gates
				files["finding "+string(f.Verdict)]++
			}
			for _, g := range res.Gaps {
				gaps[g.Kind]++
				t.Logf("gap %s %s:%d %s", g.Kind, g.File, g.Line, g.Reason)
			}
			switch {
			case gates:
				files["gating"]++
			case verdicts[vuln.Unknown]:
				files["unknown, none gating"]++
			case verdicts[vuln.Latent]:
				files["only latent"]++
			case before == 0:
				files["empty"]++
			default:
				files["clear"]++
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, k := range sortedKeys(files) {
		t.Logf("%-24s %d", k, files[k])
	}
	t.Logf("gaps %v", gaps)
}
