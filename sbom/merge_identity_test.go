package sbom_test

import (
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tallyman/tallyman/sbom"
)

// fields are the fields of a component, each with a value that is not its zero.
func fields(t *testing.T) map[string]func(*sbom.Component) {
	t.Helper()
	out := map[string]func(*sbom.Component){}
	for f := range reflect.TypeFor[sbom.Component]().Fields() {
		out[f.Name] = func(c *sbom.Component) {
			v := reflect.ValueOf(c).Elem().FieldByIndex(f.Index)
			switch {
			case f.Type.Kind() == reflect.String:
				v.SetString("x")
			case f.Type.Kind() == reflect.Bool:
				v.SetBool(true)
			case f.Type == reflect.TypeFor[[]string]():
				v.Set(reflect.ValueOf([]string{"x"}))
			case f.Type == reflect.TypeFor[[]sbom.Location]():
				v.Set(reflect.ValueOf([]sbom.Location{{File: "x"}}))
			default:
				t.Fatalf("the field %s is of a type that this test does not know", f.Name)
			}
		}
	}
	return out
}

// A field that did not count would make one component of two, of which one
// would go unmatched.
func TestEveryFieldOfAComponentTellsItFromOthers(t *testing.T) {
	for name, set := range fields(t) {
		var other sbom.Component
		set(&other)
		if sbom.CompareComponents(sbom.Component{}, other) == 0 {
			t.Errorf("CompareComponents passes over %s", name)
		}
		want := 2
		if name == "Locations" {
			want = 1
		}
		got := sbom.Merge("", &sbom.Document{Components: []sbom.Component{{}, other, other, {}}})
		if len(got.Components) != want {
			t.Errorf("Merge makes %d components of two that differ in %s, want %d", len(got.Components), name, want)
		}
	}
}

func TestMergeJoinsLocations(t *testing.T) {
	at := func(files ...string) []sbom.Location {
		out := []sbom.Location{}
		for _, f := range files {
			out = append(out, sbom.Location{File: f})
		}
		return out
	}
	in := &sbom.Document{Components: []sbom.Component{
		{Name: "b", Locations: at("z", "a")}, {Name: "a"}, {Name: "b", Extras: []string{}, Locations: at("m", "a")},
		// Told apart by the lengths alone.
		{Name: "ab", Version: "c", Locations: at("1")}, {Name: "a", Version: "bc", Locations: at("2")},
	}}
	want := []sbom.Component{
		{Name: "a", Locations: at()}, {Name: "a", Version: "bc", Locations: at("2")},
		{Name: "ab", Version: "c", Locations: at("1")}, {Name: "b", Locations: at("a", "m", "z")},
	}
	got := sbom.Merge("", in)
	if diff := cmp.Diff(want, got.Components); diff != "" {
		t.Errorf("Merge (-want +got):\n%s", diff)
	}
	// Each has its own place in the array that they share.
	got.Components[2].Locations = append(got.Components[2].Locations, sbom.Location{File: "more"})
	if diff := cmp.Diff(want[3], got.Components[3]); diff != "" {
		t.Errorf("appending to one component's locations changed another (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(at("z", "a"), in.Components[0].Locations); diff != "" {
		t.Errorf("Merge changed its argument (-want +got):\n%s", diff)
	}
}
