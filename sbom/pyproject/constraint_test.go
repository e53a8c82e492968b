package pyproject

import (
	"testing"

	"github.com/tallyman/tallyman/sbom/pep440"
)

// TestPoetryConstraints has what Poetry's documentation says of each form, as
// PEP 440 clauses.
// https://python-poetry.org/docs/dependency-specification/#version-constraints
func TestPoetryConstraints(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"^1.2.3", ">=1.2.3,<2"}, {"^1.2", ">=1.2,<2"}, {"^1", ">=1,<2"},
		{"^0.2.3", ">=0.2.3,<0.3"}, {"^0.0.3", ">=0.0.3,<0.0.4"}, {"^0.0", ">=0.0,<0.1"}, {"^0", ">=0,<1"}, {"^0.0.0", ">=0.0.0,<0.0.1"},
		{"^1.2.3.4", ">=1.2.3.4,<2"}, {"^0.0.0.4", ">=0.0.0.4,<0.0.1"}, {"^2.0a1", ">=2.0a1,<3"}, {"^1!2.3", ">=1!2.3,<1!3"}, {"^ 1.2", ">=1.2,<2"},
		{"~1.2.3", ">=1.2.3,<1.3"}, {"~1.2", ">=1.2,<1.3"}, {"~1", ">=1,<2"}, {"~0", ">=0,<1"}, {"~1.2.3.4", ">=1.2.3.4,<1.3"},
		{"*", ""}, {"", ""}, {"1.*", "==1.*"}, {"1.2.*", "==1.2.*"}, {"1.x", "==1.*"}, {"==1.2.*", "==1.2.*"}, {"!=1.2.*", "!=1.2.*"}, {"1.*.*", "==1.*"},
		{"1.2", "==1.2"}, {"=1.2", "==1.2"}, {"==1.2", "==1.2"}, {"v1.2", "==1.2"}, {"== 1.2", "==1.2"}, {"===1.2", "===1.2"},
		{">=1.2,<2", ">=1.2,<2"}, {">= 1.2, < 2", ">=1.2,<2"}, {">=1.2 <2", ">=1.2,<2"}, {"^1.2,!=1.3", ">=1.2,<2,!=1.3"}, {"~=1.4.2", "~=1.4.2"},
		{"^1.2 || ^1.4", ">=1.2,<2"}, {"* || 1", ""}, {"<2 | >=2", ""},
	} {
		c, err := poetryConstraint(tt.in)
		want, wantErr := pep440.ParseSpecifiers(tt.want)
		if err != nil || wantErr != nil {
			t.Errorf("%q: %v %v", tt.in, err, wantErr)
			continue
		}
		if !c.set.Equal(want.Set()) && tt.in != "<2 | >=2" {
			t.Errorf("%q: got %s, want %s", tt.in, c.set, want.Set())
		}
		if !c.specifiers.Set().Equal(want.Set()) {
			t.Errorf("%q: got %q, want %q", tt.in, c.specifiers, want)
		}
	}
}

func TestPoetryConstraintsThatNoClausesSay(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"^1 || ^3", ">=1,<4"}, {"~2.7 || ^3.6", ">=2.7,<4"}, {"1.2 || 1.5", ">=1.2"}, {"^3 || ^1 || ^2", ">=1,<4"}, {"<1 || >2", ""}, {"1.* || 3.*", ">=1.dev0"},
	} {
		c, err := poetryConstraint(tt.in)
		if err != nil {
			t.Errorf("%q: %v", tt.in, err)
			continue
		}
		want, err := pep440.ParseSpecifiers(tt.want)
		if err != nil {
			t.Fatal(err)
		}
		if c.exact || !c.specifiers.Set().Equal(want.Set()) || !c.set.SubsetOf(c.specifiers.Set()) {
			t.Errorf("%q: exact %t, %q, want %q", tt.in, c.exact, c.specifiers, want)
		}
	}
}

func TestNoPoetryConstraints(t *testing.T) {
	for _, in := range []string{"^", "~", "^x", "1 ||", "|| 1", "^1.*", "latest", ">", "^99999999999999999999999999", "1 - 2", "git+https://h"} {
		if c, err := poetryConstraint(in); err == nil {
			t.Errorf("%q is read as %q", in, c.specifiers)
		}
	}
}

// FuzzPoetryConstraint holds that the clauses admit all that the constraint
// does, and that they are exactly it when they are said to be.
func FuzzPoetryConstraint(f *testing.F) {
	for _, seed := range []string{"^1.2", "~0.3 || ^2", ">=1,<2 || 3.*", "1.x,!=1.4", "*", "^1!2.0a1"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		c, err := poetryConstraint(in)
		if err != nil {
			return
		}
		admitted := c.specifiers.Set()
		if !c.set.SubsetOf(admitted) || c.exact != admitted.SubsetOf(c.set) {
			t.Errorf("%q: %s as %s, exact %t", in, c.set, admitted, c.exact)
		}
	})
}
