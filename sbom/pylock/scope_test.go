package pylock_test

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/tallyman/tallyman/sbom/pylock"
)

// A package has every scope that needs it, and the one that weighs most: what
// the application runs on, or an extra or a group, is never lost behind dev.
func TestScopesOfALock(t *testing.T) {
	many := make([]string, 20)
	for i := range many {
		many[i] = `"g` + strings.Repeat("x", i) + `"`
	}
	for _, test := range []struct {
		name, groups string
		scope        string
		scopes       []string
	}{
		{"Runtime", `"main"`, "", nil},
		{"DevAndRuntime", `"dev", "main"`, "", nil},
		{"Dev", `"dev"`, "dev", nil},
		{"OtherGroup", `"docs"`, "group:docs", nil},
		{"DevAndAnotherGroup", `"dev", "docs"`, "group:docs", []string{"dev", "group:docs"}},
		{"MoreThanAreTold", strings.Join(many, ", "), "", nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			lock := "[[package]]\nname = \"demo\"\nversion = \"1.0\"\ngroups = [" + test.groups + "]\n[metadata]\nlock-version = \"2.1\"\n"
			doc := pylock.Read(fstest.MapFS{"poetry.lock": {Data: []byte(lock)}}, "poetry.lock").Document()
			if len(doc.Components) != 1 {
				t.Fatalf("got %+v, want one component", doc)
			}
			c := doc.Components[0]
			if c.Scope != test.scope {
				t.Errorf("scope %q, want %q", c.Scope, test.scope)
			}
			if diff := cmp.Diff(test.scopes, c.Scopes); diff != "" {
				t.Errorf("scopes (-want +got):\n%s", diff)
			}
		})
	}
}
