package policy

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/storage"
	"github.com/open-policy-agent/opa/v1/storage/inmem"
	"github.com/open-policy-agent/opa/v1/tester"

	"github.com/tallyman/tallyman/policy/builtin"
	"github.com/tallyman/tallyman/sbom"
)

func parseAll(t *testing.T, files []moduleFile) map[string]*ast.Module {
	t.Helper()
	parsed := map[string]*ast.Module{}
	for _, f := range files {
		m, err := ast.ParseModuleWithOpts(f.name, string(f.data), ast.ParserOptions{RegoVersion: ast.RegoV1})
		if err != nil {
			t.Fatal(err)
		}
		parsed[f.name] = m
	}
	return parsed
}

// The engine skips the compiler's checks of the embedded policy at run time;
// this is where they are made, in strict mode and with our capabilities.
func TestBuiltinPolicyPassesEveryCheckOfTheCompiler(t *testing.T) {
	files, err := readModules(builtin.FS)
	if err != nil {
		t.Fatal(err)
	}
	compiler := ast.NewCompiler().WithCapabilities(capabilities()).WithStrict(true)
	if compiler.Compile(parseAll(t, files)); compiler.Failed() {
		t.Fatal(compiler.Errors)
	}
}

// What the engine skips changes nothing of the embedded policy. If this fails,
// a rule has to have its expressions in the order in which they can be
// evaluated (a variable first where it is bound), or uses what is skipped.
func TestWhatIsSkippedChangesNothing(t *testing.T) {
	files, err := readModules(builtin.FS)
	if err != nil {
		t.Fatal(err)
	}
	compiled := func(skip ...ast.StageID) map[string]string {
		compiler := ast.NewCompiler().WithCapabilities(capabilities()).WithDefaultRegoVersion(ast.RegoV1).WithSkipStages(skip...)
		if compiler.Compile(parseAll(t, files)); compiler.Failed() {
			t.Fatal(compiler.Errors)
		}
		out := map[string]string{}
		for name, m := range compiler.Modules {
			out[name] = m.String()
		}
		return out
	}
	if diff := cmp.Diff(compiled(), compiled(proved...)); diff != "" {
		t.Errorf("compiled in full and as at run time (-full +run):\n%s", diff)
	}
}

// Every module on disk is embedded: one that is not would never be evaluated.
func TestBuiltinPolicyWhenAttackerRemovesAModule(t *testing.T) {
	onDisk, err := readModules(os.DirFS("builtin"))
	if err != nil {
		t.Fatal(err)
	}
	embedded, err := readModules(builtin.FS)
	if err != nil {
		t.Fatal(err)
	}
	if len(onDisk) != len(embedded) {
		t.Errorf("%d modules on disk, %d embedded", len(onDisk), len(embedded))
	}
}

func TestRego(t *testing.T) {
	entries, err := os.ReadDir("builtin")
	if err != nil {
		t.Fatal(err)
	}
	var files []moduleFile
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), ".rego") {
			data, err := os.ReadFile("builtin/" + e.Name())
			if err != nil {
				t.Fatal(err)
			}
			files = append(files, moduleFile{e.Name(), data})
		}
	}
	store := inmem.New()
	txn, err := store.NewTransaction(t.Context(), storage.WriteParams)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Abort(t.Context(), txn)
	compiler := ast.NewCompiler().WithCapabilities(ast.CapabilitiesForThisVersion())
	results, err := tester.NewRunner().SetCompiler(compiler).SetStore(store).RaiseBuiltinErrors(true).
		SetModules(parseAll(t, files)).RunTests(t.Context(), txn)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for r := range results {
		n++
		if !r.Pass() {
			t.Errorf("%s: %v", r, r.Error)
		}
	}
	if n < 20 {
		t.Errorf("only %d Rego tests ran", n)
	}
}

// A kind of gap without a text would still hide, and say nothing useful.
func TestEveryGapKindHasATextAndARemedy(t *testing.T) {
	for _, kind := range newGenerator(t).values["sbom.GapKind"] {
		if sbom.GapKind(kind) == sbom.GapOther || !sbom.GapKind(kind).Hides() {
			continue
		}
		in := clean()
		in.Gaps = []sbom.Gap{sbom.NewGap(sbom.GapKind(kind), "f", 1, "why")}
		d := decide(t, in)
		wantReason(t, d, Undecided, Undecide, "gap", "("+kind+")")
		if strings.Contains(d.Reasons[0].Message, "could not be judged") {
			t.Errorf("%q has no text in completeness.rego", kind)
		}
	}
}
