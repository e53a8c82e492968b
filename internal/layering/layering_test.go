// Package layering has one test: the imports of this repository follow the
// table of docs/ARCHITECTURE.md.
package layering

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/tallyman/tallyman/"

// sbomReaders are the packages that read manifests.
var sbomReaders = []string{"sbom", "sbom/pep440", "sbom/pep508", "sbom/pyreq", "sbom/pylock", "sbom/pyproject", "sbom/space", "sbom/catalog", "sbom/dockerfile", "sbom/rpmdb"}

// below lists every package below internal/audit, which assembles them.
var below = slices.Concat(sbomReaders, []string{
	"sbom/image", "sbom/decode", "vuln", "vuln/osv", "policy", "policy/lint", "policy/python",
	"policy/dockerfile", "policy/deploy", "policy/space", "policy/workflow", "policy/drift", "attest", "internal/oci",
})

// allowed is this test's own copy of the table: a package, and which of ours
// it may import. internal/limit is free to all.
var allowed = map[string][]string{
	"cmd/tallyman":           {"internal/cli"},
	"sbom":                   {"sbom/pep440", "sbom/pep508"},
	"sbom/pep440":            {},
	"sbom/pep508":            {"sbom/pep440"},
	"sbom/pyreq":             {"sbom", "sbom/pep440", "sbom/pep508"},
	"sbom/pylock":            {"sbom", "sbom/pep440", "sbom/pep508"},
	"sbom/pyproject":         {"sbom", "sbom/pep440", "sbom/pep508", "sbom/pyreq"},
	"sbom/space":             {"sbom", "sbom/pep440", "sbom/pep508", "sbom/pyreq"},
	"policy/space":           {"sbom", "sbom/pep440", "sbom/pep508", "sbom/pyreq", "sbom/space", "sbom/dockerfile", "policy/lint"},
	"policy/workflow":        {"sbom", "policy/lint"},
	"policy/drift":           {"sbom", "sbom/pep440", "sbom/pep508", "sbom/pylock", "policy/lint"},
	"vuln/fix":               {"vuln", "sbom", "sbom/pep440", "sbom/pep508", "sbom/pyreq", "sbom/pylock", "sbom/pyproject", "sbom/dockerfile", "sbom/space"},
	"sbom/catalog":           {"sbom"},
	"sbom/dockerfile":        {"sbom", "sbom/pep440", "sbom/pep508", "sbom/pyreq"},
	"sbom/rpmdb":             {"sbom"},
	"sbom/image":             {"sbom", "sbom/catalog", "sbom/decode", "sbom/rpmdb", "sbom/pep440", "sbom/pep508"},
	"sbom/cyclonedx":         {"sbom"},
	"sbom/spdx":              {"sbom"},
	"sbom/syftjson":          {"sbom"},
	"sbom/decode":            {"sbom", "sbom/cyclonedx", "sbom/spdx", "sbom/syftjson"},
	"vuln":                   {"sbom", "sbom/pep440", "sbom/pep508"},
	"vuln/osv":               {"vuln", "sbom", "sbom/pep440"},
	"policy":                 {"sbom", "vuln", "policy/lint", "policy/builtin"},
	"policy/builtin":         {},
	"policy/lint":            {},
	"policy/python":          {"sbom", "sbom/pep440", "sbom/pep508", "sbom/pyreq", "policy/lint"},
	"policy/dockerfile":      {"sbom", "sbom/pep508", "sbom/pyreq", "sbom/dockerfile", "policy/lint"},
	"policy/deploy":          {"sbom", "policy/lint"},
	"attest":                 {"policy"},
	"internal/oci":           {},
	"internal/bundled":       {"vuln/osv"},
	"internal/testimage":     {},
	"internal/audit":         below,
	"internal/report":        {"internal/audit", "sbom", "sbom/pep440", "sbom/cyclonedx", "sbom/spdx", "sbom/syftjson", "vuln", "policy", "policy/lint"},
	"internal/sweep":         {"internal/audit", "internal/oci", "policy"},
	"internal/limit":         {},
	"internal/layering":      {},
	"internal/cli":           append(slices.Clone(below), "internal/audit", "internal/report", "internal/sweep", "internal/bundled", "vuln/fix"),
	"internal/size":          {},
	"internal/testimage/gen": {"internal/testimage"},
}

// pure packages read no clock, no environment, no network.
var forbiddenBelowAudit = []string{"net", "net/http", "os/exec", "log", "flag"}

// mayUseHTTP is the one exception by name: the updater of vuln/osv.
var mayUseHTTP = []string{"vuln/osv"}

// owners are the heavy dependencies and who may import them, tests aside.
var owners = map[string][]string{
	"github.com/anchore/syft":                              {"sbom/catalog"},
	"github.com/google/osv-scanner":                        {"internal/report"},
	"github.com/google/osv-scalibr":                        {"vuln"},
	"github.com/moby/buildkit":                             {"sbom/dockerfile"},
	"mvdan.cc/sh":                                          {"sbom/dockerfile"},
	"github.com/open-policy-agent/opa":                     {"policy"},
	"github.com/sigstore":                                  {"attest"},
	"github.com/google/go-containerregistry/pkg/v1/remote": {"internal/oci"},
	"github.com/spf13/cobra":                               {"internal/cli"},
}

func TestImportsFollowTheTable(t *testing.T) {
	for _, file := range goFiles(t) {
		pkg := path.Dir(file.path)
		may, listed := allowed[pkg]
		if !listed {
			t.Errorf("%s: package %q has no row in the table: add one to docs/ARCHITECTURE.md and here", file.path, pkg)
			continue
		}
		for _, imported := range file.imports {
			checkOurs(t, file, pkg, may, imported)
			checkTheirs(t, file, pkg, imported)
		}
	}
}

// checkOurs holds an import of one of our packages against the table. Tests
// may import any package that is not above their own (Go refuses the cycles).
func checkOurs(t *testing.T, file goFile, pkg string, may []string, imported string) {
	ours, is := strings.CutPrefix(imported, module)
	if !is || file.test || ours == "internal/limit" || ours == pkg {
		return
	}
	if !slices.Contains(may, ours) {
		t.Errorf("%s: %s may not import %s", file.path, pkg, ours)
	}
}

// checkTheirs holds an import of the standard library or of a module against
// the rules below the table.
func checkTheirs(t *testing.T, file goFile, pkg, imported string) {
	if file.test {
		return
	}
	root, _, _ := strings.Cut(pkg, "/")
	if slices.Contains([]string{"sbom", "vuln", "policy"}, root) && slices.Contains(forbiddenBelowAudit, imported) {
		if imported != "net/http" || !slices.Contains(mayUseHTTP, pkg) {
			t.Errorf("%s: %s may not import %s: it gets files, images and time as parameters", file.path, pkg, imported)
		}
	}
	for prefix, who := range owners {
		if (imported == prefix || strings.HasPrefix(imported, prefix+"/")) && !slices.Contains(who, pkg) {
			t.Errorf("%s: %s belongs to %s", file.path, imported, strings.Join(who, ", "))
		}
	}
}

// TestTableIsThePage fails when a package has a row here and none in the page,
// or the other way round.
func TestTableIsThePage(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(root, "docs", "ARCHITECTURE.md"))
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]bool{}
	for line := range strings.Lines(string(page)) {
		if !strings.HasPrefix(line, "| `") {
			continue
		}
		cell, _, _ := strings.Cut(strings.TrimPrefix(line, "|"), "|")
		for name := range strings.SplitSeq(cell, ",") {
			rows[strings.Trim(name, " `")] = true
		}
	}
	for _, file := range goFiles(t) {
		if pkg := path.Dir(file.path); !rows[pkg] {
			t.Errorf("package %s has no row in docs/ARCHITECTURE.md", pkg)
			rows[pkg] = true
		}
	}
}

type goFile struct {
	path    string // slash-separated below the root
	test    bool
	imports []string
}

const root = "../.."

func goFiles(t *testing.T) []goFile {
	t.Helper()
	var out []goFile
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		if d.IsDir() {
			if d.Name() == "testdata" || rel == ".git" || rel == "internal/oracle" || rel == ".ci" {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") {
			return nil
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		f := goFile{path: rel, test: strings.HasSuffix(name, "_test.go")}
		for _, spec := range parsed.Imports {
			f.imports = append(f.imports, strings.Trim(spec.Path.Value, `"`))
		}
		out = append(out, f)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(out) == 0 {
		t.Fatal("found no Go files: the test looks in the wrong place")
	}
	return out
}
