package policy

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/tallyman/tallyman/internal/limit"
)

// moduleFile is one Rego module by its path.
type moduleFile struct {
	name string
	data []byte
}

// readModules reads every *.rego file but *_test.rego, sorted by name.
func readModules(dir fs.FS) ([]moduleFile, error) {
	var files []moduleFile
	left := int64(limit.PolicyBytes)
	err := fs.WalkDir(dir, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() || path.Ext(name) != ".rego" || strings.HasSuffix(name, "_test.rego") {
			return nil
		}
		f, err := dir.Open(name)
		if err != nil {
			return err
		}
		defer f.Close()
		data, err := limit.ReadAll(f, left)
		if err != nil {
			return fmt.Errorf("reading %q: %w", name, err)
		}
		left -= int64(len(data))
		files = append(files, moduleFile{name, data})
		return nil
	})
	slices.SortFunc(files, func(a, b moduleFile) int { return strings.Compare(a.name, b.name) })
	return files, err
}

// userPolicy is the user's own modules.
type userPolicy struct {
	files   []moduleFile
	modules map[string]*ast.Module
	entries []entry
}

// entry is one rule of a user's module that gives reasons.
type entry struct {
	effect Effect
	// place is the file and line of the rule's first definition.
	place string
	ref   ast.Ref
}

// entryName is what conftest takes for such a rule, and undecided.
// https://www.conftest.dev/#evaluating-policies
var entryName = regexp.MustCompile(`^(deny|violation|undecided|warn)(_[a-zA-Z0-9_]+)?$`)

// loadModules parses the user's modules. A directory without any rule that
// gives reasons is an error: nobody gives a policy that is to do nothing.
func loadModules(dir fs.FS) (*userPolicy, error) {
	user := &userPolicy{modules: map[string]*ast.Module{}}
	if dir == nil {
		return user, nil
	}
	var err error
	if user.files, err = readModules(dir); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUsage, err)
	}
	var problems []error
	for _, f := range user.files {
		m, err := ast.ParseModuleWithOpts(f.name, string(f.data), ast.ParserOptions{RegoVersion: ast.RegoV1, Capabilities: capabilities()})
		switch {
		case err != nil:
			problems = append(problems, err)
		case m == nil:
			problems = append(problems, fmt.Errorf("%s:1: the module is empty", f.name))
		default:
			user.modules[f.name] = m
			user.addEntries(m)
		}
	}
	if len(problems) > 0 {
		return nil, fmt.Errorf("%w: %w", ErrUsage, errors.Join(problems...))
	}
	if len(user.entries) == 0 {
		return nil, fmt.Errorf("%w: no rule deny, violation, undecided or warn in package tallyman or main", ErrUsage)
	}
	return user, nil
}

// addEntries finds the rules of m that give reasons.
func (u *userPolicy) addEntries(m *ast.Module) {
	// Path[0] is "data".
	segments := m.Package.Path[1:]
	if len(segments) == 0 {
		return
	}
	if root := segments[0].Value; root.Compare(ast.String("tallyman")) != 0 && (root.Compare(ast.String("main")) != 0 || len(segments) > 1) {
		return
	}
	for _, rule := range m.Rules {
		head, ok := rule.Head.Ref()[0].Value.(ast.Var)
		if !ok {
			continue
		}
		match := entryName.FindStringSubmatch(string(head))
		if match == nil || len(rule.Head.Args) > 0 {
			continue
		}
		effect := Effect(match[1])
		if effect == "violation" {
			effect = Deny
		}
		ref := m.Package.Path.Append(ast.StringTerm(string(head)))
		if slices.ContainsFunc(u.entries, func(e entry) bool { return e.ref.Equal(ref) }) {
			continue
		}
		u.entries = append(u.entries, entry{effect, fmt.Sprintf("%s:%d", rule.Location.File, rule.Location.Row), ref})
	}
}

// reasons compiles and evaluates the modules over the whole document, apart
// from the built-in policy, so that nothing in them can redefine it.
func (u *userPolicy) reasons(ctx context.Context, document Document) ([]Reason, error) {
	if len(u.entries) == 0 {
		return nil, nil
	}
	input, err := ast.InterfaceToValue(document)
	if err != nil {
		return nil, fmt.Errorf("policy input: %w", err)
	}
	e, err := newEngine(u.modules, input, document.AsOf)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUsage, err)
	}
	var reasons []Reason
	for _, rule := range u.entries {
		value, defined, err := e.value(ctx, rule.ref)
		switch {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case err != nil:
			reasons = append(reasons, broken(Undecide, rule.place, err))
		case defined:
			reasons = append(reasons, rule.read(value)...)
		}
	}
	return reasons, nil
}

// read takes a set or list of reasons, an object of them, one sentence, or
// true. false and nothing are no reason; any other value leaves it open.
func (e entry) read(value any) []Reason {
	name := strings.TrimPrefix(e.ref.String(), "data.")
	switch value := value.(type) {
	case []any:
		reasons := make([]Reason, 0, len(value))
		for _, item := range value {
			reasons = append(reasons, e.reason(name, item))
		}
		return reasons
	case bool:
		if !value {
			return nil
		}
		return []Reason{e.reason(name, name+" holds")}
	case string:
		return []Reason{e.reason(name, value)}
	case map[string]any:
		return []Reason{e.reason(name, value)}
	}
	return []Reason{broken(Undecide, e.place, fmt.Errorf("%s is %s, not a set of messages", name, plain(value)))}
}

func (e entry) reason(name string, item any) Reason {
	r := readReason(e.effect, name, item)
	if len(r.Evidence) == 0 {
		r.Evidence = []string{e.place}
	}
	return r
}
