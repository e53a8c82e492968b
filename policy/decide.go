package policy

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/tallyman/tallyman/policy/builtin"
)

// Options are what Decide takes beside the evidence. The zero value is the
// built-in policy alone.
type Options struct {
	// Modules is the user's policy directory, nil for none. Every *.rego file
	// in it but *_test.rego is loaded. Its modules add reasons; they cannot
	// remove one.
	Modules fs.FS
	// Tool names the program and version that decides ("tallyman v0.1.0").
	Tool string
}

// Decide judges the evidence. Any reason to deny makes Denied; else any reason
// that leaves it open makes Undecided; else it is Allowed. Both lists are kept.
//
// An error that wraps ErrUsage is the user's to correct. With any error the
// Decision is the zero value, which is Undecided.
func Decide(ctx context.Context, in Input, opts Options) (Decision, error) {
	user, err := loadModules(opts.Modules)
	if err != nil {
		return Decision{}, err
	}
	document, exceptions, err := NewDocument(in)
	if err != nil {
		return Decision{}, err
	}
	digests, err := digestParts(document.Input, opts.Tool, user)
	if err != nil {
		return Decision{}, err
	}
	reasons, err := builtinReasons(ctx, document)
	if err != nil {
		return Decision{}, err
	}
	added, err := user.reasons(ctx, document)
	if err != nil {
		return Decision{}, err
	}
	if err := ctx.Err(); err != nil {
		// An evaluation may end before it notices: never a matter of luck.
		return Decision{}, err
	}
	reasons = sortReasons(append(reasons, added...))
	return Decision{
		Outcome:    outcome(reasons),
		AsOf:       document.AsOf,
		Reasons:    reasons,
		Exceptions: exceptions,
		Digests:    digests,
	}, nil
}

// outcome is the only place that can say Allowed.
func outcome(reasons []Reason) Outcome {
	result := Allowed
	for _, r := range reasons {
		switch r.Effect {
		case Deny:
			return Denied
		case Warn:
		default:
			result = Undecided
		}
	}
	return result
}

// builtinReasons evaluates the embedded policy. Its input leaves out the
// components and findings themselves, which it reads as facts.
func builtinReasons(ctx context.Context, document Document) ([]Reason, error) {
	modules := map[string]*ast.Module{}
	files, err := builtinFiles()
	if err != nil {
		return nil, err
	}
	for _, f := range files {
		if !needed(f.name, document.Facts) {
			continue
		}
		m, err := ast.ParseModuleWithOpts(f.name, string(f.data), ast.ParserOptions{RegoVersion: ast.RegoV1})
		if err != nil {
			return nil, fmt.Errorf("built-in policy: %w", err)
		}
		modules[f.name] = m
	}
	slim := document
	slim.Components, slim.Findings, slim.Lint, slim.Gaps = nil, nil, nil, nil
	input, err := ast.InterfaceToValue(slim)
	if err != nil {
		return nil, fmt.Errorf("policy input: %w", err)
	}
	e, err := newEngine(modules, input, document.AsOf, proved...)
	if err != nil {
		return nil, fmt.Errorf("built-in policy: %w", err)
	}
	value, defined, err := e.value(ctx, ast.MustParseRef("data.tallyman.builtin"))
	if err != nil {
		if cause := ctx.Err(); cause != nil {
			return nil, cause
		}
		return []Reason{broken(Undecide, "built-in policy", err)}, nil
	}
	return builtinResult(value, defined), nil
}

// needed reports whether a module of the embedded policy has anything to speak
// about. Rego is compiled on every start, so what would be silent is left out;
// completeness.rego and signature.rego speak about what is absent, and never
// are.
func needed(module string, facts Facts) bool {
	switch module {
	case "vulnerability.rego":
		return len(facts.Packages) > 0
	case "lint.rego":
		return len(facts.Lint) > 0
	case "exception.rego":
		return len(facts.Exceptions) > 0
	}
	return true
}

// builtinResult reads the three sets. A set that is missing leaves the
// decision open: whoever removed it cannot have made it milder.
func builtinResult(value any, defined bool) []Reason {
	sets, ok := value.(map[string]any)
	if !defined || !ok {
		return []Reason{broken(Undecide, "built-in policy", errors.New("it gave no result"))}
	}
	var reasons []Reason
	for _, effect := range []Effect{Deny, Undecide, Warn} {
		set, ok := sets[string(effect)].([]any)
		if !ok {
			reasons = append(reasons, broken(Undecide, "built-in policy", fmt.Errorf("it has no rule %s", effect)))
			continue
		}
		for _, item := range set {
			reasons = append(reasons, readReason(effect, string(effect), item))
		}
	}
	return reasons
}

// broken is the reason that stands for a policy that could not be evaluated.
func broken(effect Effect, name string, err error) Reason {
	return Reason{
		Effect: effect, Rule: "policy", Message: fmt.Sprintf("%s could not be evaluated: %s", name, err),
		Evidence: []string{name}, Remedy: "correct the policy, or use the tallyman that it was written for",
	}
}

func builtinFiles() ([]moduleFile, error) {
	files, err := readModules(builtin.FS)
	if err != nil {
		return nil, fmt.Errorf("built-in policy: %w", err)
	}
	return files, nil
}

var effectOrder = map[Effect]int{Deny: 0, Undecide: 1, Warn: 2}

// sortReasons sorts and drops repetitions.
func sortReasons(reasons []Reason) []Reason {
	compare := func(a, b Reason) int {
		return cmp.Or(
			cmp.Compare(effectOrder[a.Effect], effectOrder[b.Effect]),
			strings.Compare(a.Rule, b.Rule),
			strings.Compare(a.Package, b.Package),
			strings.Compare(a.Message, b.Message),
			strings.Compare(a.File, b.File),
			cmp.Compare(a.Line, b.Line),
			slices.Compare(a.Evidence, b.Evidence),
			strings.Compare(a.Remedy, b.Remedy),
		)
	}
	slices.SortFunc(reasons, compare)
	reasons = slices.CompactFunc(reasons, func(a, b Reason) bool { return compare(a, b) == 0 })
	if reasons == nil {
		return []Reason{}
	}
	return reasons
}
