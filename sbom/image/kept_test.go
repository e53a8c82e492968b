package image

import (
	"bufio"
	"bytes"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// filler sets everything that facts can hold to values that differ.
type filler struct{ n int }

func (f *filler) fill(v reflect.Value) {
	f.n++
	if v.Type() == entriesType {
		l := v.Addr().Interface().(*entryList)
		file := &file{}
		f.fill(reflect.ValueOf(file).Elem())
		l.add(entry{Path: fmt.Sprintf("/a/b/%d", f.n), Type: entryDir, Mode: uint16(f.n)})
		l.add(entry{Path: fmt.Sprintf("/a/c/%d", f.n), Type: entryLink, Target: "../d"})
		l.add(entry{Path: "/a", Type: entryFile, File: file})
		l.add(entry{Path: "/b" + strings.Repeat("/long", 20_000), Type: entryHard, Target: "/a"})
		l.add(entry{Path: "/a", Type: entryOpaque})
		return
	}
	if v.Type() == sumsType {
		l := v.Addr().Interface().(*sumList)
		for i := range 1000 {
			l.add(fmt.Sprintf("/a/%d/%d", f.n, i), (&digests{MD5: bytes.Repeat([]byte{byte(i)}, 16), SHA256: make([]byte, 32)}).pack(i%2 == 0))
		}
		return
	}
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(int64(f.n%100) - 50 | 1)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(uint64(f.n%250 + 1))
	case reflect.String:
		v.SetString(fmt.Sprintf("text %d", f.n))
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		f.fill(v.Index(0))
		f.fill(v.Index(1))
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		f.fill(key)
		f.fill(value)
		v.SetMapIndex(key, value)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		f.fill(v.Elem())
	case reflect.Struct:
		for _, i := range keptFields(v.Type()) {
			f.fill(v.Field(i))
		}
	default:
		panic("facts hold a " + v.Type().String())
	}
}

// TestKept: every field of a layer's facts, whoever added it, is read again as
// it was written.
func TestKept(t *testing.T) {
	var want, got layerFacts
	new(filler).fill(reflect.ValueOf(&want).Elem())
	var out bytes.Buffer
	k := keeper{out: bufio.NewWriter(&out)}
	if k.value(reflect.ValueOf(&want)); k.err != nil {
		t.Fatal(k.err)
	}
	k.out.Flush()
	in := taker{in: bufio.NewReader(bytes.NewReader(out.Bytes())), left: 1 << 20}
	if in.value(reflect.ValueOf(&got).Elem()); in.err != nil {
		t.Fatal(in.err)
	}
	all := cmp.Exporter(func(reflect.Type) bool { return true })
	if diff := cmp.Diff(want, got, all, cmpopts.IgnoreFields(entryList{}, "open"), cmpopts.IgnoreFields(sumList{}, "last")); diff != "" {
		t.Errorf("what was kept differs (-written +read):\n%s", diff)
	}
	for n := 0; n < out.Len(); n += 1 + n/50 {
		in := taker{in: bufio.NewReader(bytes.NewReader(out.Bytes()[:n])), left: 1 << 20}
		if in.value(reflect.ValueOf(new(layerFacts)).Elem()); in.err == nil {
			t.Fatalf("the first %d of %d bytes were read as all", n, out.Len())
		}
	}
	short := taker{in: bufio.NewReader(bytes.NewReader(out.Bytes())), left: int64(out.Len() - 1)}
	if short.value(reflect.ValueOf(new(layerFacts)).Elem()); short.err == nil {
		t.Error("more than the bound was read")
	}
}

// FuzzKept: whatever the bytes, reading them ends, and what is read is written
// as something that reads the same.
func FuzzKept(f *testing.F) {
	for _, tc := range squashCases {
		for _, items := range tc.layers {
			facts, err := walk(bytes.NewReader(tarOf(f, items...)), "sha256:00")
			if err != nil {
				f.Fatal(err)
			}
			f.Add(kept(f, facts))
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var facts, again layerFacts
		in := taker{in: bufio.NewReader(bytes.NewReader(data)), left: 1 << 20}
		if in.value(reflect.ValueOf(&facts).Elem()); in.err != nil {
			return
		}
		written := kept(t, &facts)
		in = taker{in: bufio.NewReader(bytes.NewReader(written)), left: 1 << 21}
		if in.value(reflect.ValueOf(&again).Elem()); in.err != nil {
			t.Fatal(in.err)
		}
		if !bytes.Equal(written, kept(t, &again)) {
			t.Error("written again it differs")
		}
		for e := range again.Entries.all() {
			_ = e
		}
	})
}

func kept(t testing.TB, facts *layerFacts) []byte {
	t.Helper()
	var out bytes.Buffer
	k := keeper{out: bufio.NewWriter(&out)}
	if k.value(reflect.ValueOf(facts)); k.err != nil {
		t.Fatal(k.err)
	}
	k.out.Flush()
	return out.Bytes()
}
