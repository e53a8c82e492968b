package policy

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/storage"
	"github.com/open-policy-agent/opa/v1/storage/inmem"
)

// forbidden are the built-in functions that reach a network, a file, a clock,
// a source of randomness or the process. time.now_ns stays: the engine answers
// it with the as-of time. The time.* functions named here read the host's time
// zones, json.match_schema and json.verify_schema follow references, and
// verification of certificates reads the clock.
// https://www.openpolicyagent.org/docs/policy-reference/builtins
var forbidden = []string{
	"http.send", "opa.runtime", "providers.aws.sign_req",
	"json.match_schema", "json.verify_schema",
	"io.jwt.encode_sign", "io.jwt.encode_sign_raw",
	"crypto.x509.parse_and_verify_certificates",
	"crypto.x509.parse_and_verify_certificates_with_options",
	"time.clock", "time.date", "time.diff", "time.format", "time.weekday",
}

// forbiddenFamilies are forbidden by their first word.
var forbiddenFamilies = []string{"net.", "rand.", "uuid."}

// capabilities are what a module may use.
func capabilities() *ast.Capabilities {
	c := ast.CapabilitiesForThisVersion()
	c.Builtins = slices.DeleteFunc(slices.Clone(c.Builtins), func(b *ast.Builtin) bool {
		return slices.Contains(forbidden, b.Name) || slices.ContainsFunc(forbiddenFamilies, func(f string) bool {
			return strings.HasPrefix(b.Name, f)
		})
	})
	// Not nil: nil would allow every host.
	c.AllowNet = []string{}
	return c
}

// proved are the stages that a test runs over the embedded policy once and for
// all, so that a run need not: they check, and change nothing of it.
var proved = []ast.StageID{
	ast.StageCheckUnusedImports, ast.StageCheckDuplicateImports, ast.StageCheckKeywordOverrides,
	ast.StageCheckVoidCalls, ast.StageParseMetadataBlocks, ast.StageSetAnnotationSet,
	ast.StageCheckRuleConflicts, ast.StageCheckUndefinedFuncs, ast.StageCheckRecursion, ast.StageCheckTypes,
	ast.StageCheckUnsafeBuiltins, ast.StageCheckDeprecatedBuiltins,
	ast.StageBuildRequiredCapabilities,
	// These two change a module whose expressions are not in an order in which
	// they can be evaluated, and the others one that has what they are named
	// for: the test says so.
	ast.StageCheckSafetyRuleHeads, ast.StageCheckSafetyRuleBodies,
	ast.StageRewritePrintCalls, ast.StageRewriteTemplateStrings, ast.StageRewriteRegoMetadataCalls,
	ast.StageRewriteTestRulesForTracing,
}

// engine evaluates queries over compiled modules. It has no network, no
// environment, no files, and the as-of time for a clock.
type engine struct {
	compiler *ast.Compiler
	store    storage.Store
	input    ast.Value
	asOf     time.Time
}

// newEngine compiles modules, which it may change.
func newEngine(modules map[string]*ast.Module, input ast.Value, asOf time.Time, skip ...ast.StageID) (*engine, error) {
	compiler := ast.NewCompiler().WithCapabilities(capabilities()).WithDefaultRegoVersion(ast.RegoV1).WithSkipStages(skip...)
	if compiler.Compile(modules); compiler.Failed() {
		return nil, compiler.Errors
	}
	return &engine{compiler: compiler, store: inmem.New(), input: input, asOf: asOf}, nil
}

// value returns the value of a reference, and false when it is undefined. An
// error of a built-in function is an error: undefined would drop a reason.
func (e *engine) value(ctx context.Context, ref ast.Ref) (any, bool, error) {
	query := ast.NewBody(ast.NewExpr(ast.NewTerm(ref)))
	query[0] = ast.Equality.Expr(ast.VarTerm("result"), ast.NewTerm(ref))
	prepared, err := rego.New(
		rego.ParsedQuery(query),
		rego.Compiler(e.compiler),
		rego.Store(e.store),
		rego.StrictBuiltinErrors(true),
	).PrepareForEval(ctx)
	if err != nil {
		return nil, false, fmt.Errorf("preparing %s: %w", ref, err)
	}
	results, err := prepared.Eval(ctx, rego.EvalParsedInput(e.input), rego.EvalTime(e.asOf), rego.EvalSortSets(true))
	if err != nil {
		return nil, false, err
	}
	if len(results) == 0 {
		return nil, false, nil
	}
	return results[0].Bindings["result"], true, nil
}
