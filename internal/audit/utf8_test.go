package audit

import (
	"bytes"
	"encoding"
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"github.com/tallyman/tallyman/policy"
)

// texts calls f for a report with text in one place, for each place of a
// Report that can hold one.
func texts(t *testing.T, text string, f func(path string, r *Report)) {
	t.Helper()
	n := 0
	var report Report
	var visit func(path string, v reflect.Value)
	// Each container has one element while its inside is visited.
	visit = func(path string, v reflect.Value) {
		switch v.Kind() {
		case reflect.String:
			v.SetString(text)
			n++
			f(path, &report)
		case reflect.Slice:
			v.Set(reflect.MakeSlice(v.Type(), 1, 1))
			visit(path+"[]", v.Index(0))
		case reflect.Map:
			entry := reflect.MakeMap(v.Type())
			entry.SetMapIndex(reflect.ValueOf(text).Convert(v.Type().Key()), reflect.Zero(v.Type().Elem()))
			v.Set(entry)
			f(path+" key", &report)
			entry = reflect.MakeMap(v.Type())
			entry.SetMapIndex(reflect.Zero(v.Type().Key()), reflect.ValueOf(text).Convert(v.Type().Elem()))
			v.Set(entry)
			f(path+" value", &report)
		case reflect.Pointer:
			v.Set(reflect.New(v.Type().Elem()))
			visit(path, v.Elem())
		case reflect.Struct:
			if v.Type() == reflect.TypeFor[time.Time]() {
				return
			}
			for field := range v.Type().Fields() {
				visit(path+"."+field.Name, v.FieldByIndex(field.Index))
			}
		case reflect.Interface:
			t.Fatalf("%s is an interface, which this test does not know", path)
		}
		v.SetZero()
	}
	visit("Report", reflect.ValueOf(&report).Elem())
	if n < 50 {
		t.Errorf("only %d texts", n)
	}
}

// What is decided on is what can be read again, wherever the attacker puts a
// byte that is not UTF-8.
func TestBytesThatAreNotTextAreSeenInEveryField(t *testing.T) {
	texts(t, "a\xffb", func(path string, r *Report) {
		if validText(reflect.ValueOf(r)) {
			t.Errorf("%s: not seen", path)
		}
		mended := *r
		if err := mended.valid(); err != nil {
			t.Errorf("%s: %v", path, err)
		}
		data, err := json.Marshal(mended)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(data, []byte(`\ufffd`)) {
			t.Errorf("%s: still there", path)
		}
	})
	texts(t, "gr\u00fcn \ufffd", func(path string, r *Report) {
		if !validText(reflect.ValueOf(r)) {
			t.Errorf("%s: text is taken for something else", path)
		}
	})
}

// A type that writes its own JSON may write what validText does not see.
func TestNothingInAReportWritesItsOwnJSON(t *testing.T) {
	seen := map[reflect.Type]bool{reflect.TypeFor[time.Time](): true, reflect.TypeFor[policy.Outcome](): true}
	var visit func(typ reflect.Type)
	visit = func(typ reflect.Type) {
		if seen[typ] {
			return
		}
		seen[typ] = true
		for _, as := range []reflect.Type{reflect.TypeFor[json.Marshaler](), reflect.TypeFor[encoding.TextMarshaler]()} {
			if typ.Implements(as) || reflect.PointerTo(typ).Implements(as) {
				t.Errorf("%s is a %s", typ, as)
			}
		}
		switch typ.Kind() {
		case reflect.Slice, reflect.Array, reflect.Pointer:
			visit(typ.Elem())
		case reflect.Map:
			visit(typ.Key())
			visit(typ.Elem())
		case reflect.Struct:
			for field := range typ.Fields() {
				visit(field.Type)
			}
		}
	}
	visit(reflect.TypeFor[Report]())
	if len(seen) < 15 {
		t.Errorf("only %d types", len(seen))
	}
}
