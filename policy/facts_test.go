package policy

import (
	"reflect"
	"strings"
	"testing"

	"github.com/tallyman/tallyman/policy/builtin"
)

// A rule that reads a field which is not there is undefined, hence silent. The
// fields that facts may leave out are those whose absence is what rules ask.
func TestFactsAreNeverSilentWhenAttackerEmptiesAField(t *testing.T) {
	mayBeAbsent := map[string]bool{"FindingProfile.Accepted": true, "GapFacts.Accepted": true, "LintFacts.Accepted": true, "LintFacts.Suppressed": true}
	var walk func(reflect.Type)
	walk = func(typ reflect.Type) {
		for typ.Kind() == reflect.Slice {
			typ = typ.Elem()
		}
		if typ.Kind() != reflect.Struct {
			return
		}
		for i := range typ.NumField() {
			f := typ.Field(i)
			if !f.IsExported() {
				continue
			}
			if name := typ.Name() + "." + f.Name; strings.Contains(f.Tag.Get("json"), "omit") != mayBeAbsent[name] {
				t.Errorf("%s: tag %q", name, f.Tag)
			}
			walk(f.Type)
		}
	}
	walk(reflect.TypeFor[Facts]())
}

// Only modules that read a list which is empty are left out.
func TestNeededModules(t *testing.T) {
	files, err := readModules(builtin.FS)
	if err != nil {
		t.Fatal(err)
	}
	always := 0
	for _, f := range files {
		full := Facts{Packages: make([]PackageFacts, 1), Lint: make([]LintFacts, 1), Exceptions: make([]ExceptionFacts, 1)}
		if !needed(f.name, full) {
			t.Errorf("%s is never evaluated", f.name)
		}
		if needed(f.name, Facts{}) {
			always++
		}
	}
	if always != 2 {
		t.Errorf("%d modules are always evaluated, want completeness and signature", always)
	}
}
