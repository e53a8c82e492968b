package image

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/bits"
	"reflect"
	"slices"
	"strings"

	"github.com/tallyman/tallyman/internal/limit"
)

// The form in which facts are kept follows from their types, so that a field
// that is added is kept with the others, and a layer that is known costs little
// to take up again. It is read by the program that wrote it, or not at all (see
// cacheKey), so it needs neither names nor versions:
//
//	bool, number   a varint; signed ones zigzag
//	text, bytes    the length, and they
//	list           the length, and the elements
//	map of texts   the length, and the keys in order, each with its value
//	pointer        what it points to, which is never nil where it is written
//	struct         a set of the fields that are not zero, as bits, and these
//
// Fields that are not exported are not kept.

// keeper writes values. Its error is the first, and nothing is written after
// that.
type keeper struct {
	out    *bufio.Writer
	fields map[reflect.Type][]int // that are kept
	err    error
}

var (
	entriesType = reflect.TypeFor[entryList]()
	sumsType    = reflect.TypeFor[sumList]()
)

func (k *keeper) number(n uint64) {
	if k.err == nil {
		_, k.err = k.out.Write(binary.AppendUvarint(k.out.AvailableBuffer(), n))
	}
}

func (k *keeper) text(s string) {
	k.number(uint64(len(s)))
	if k.err == nil {
		_, k.err = k.out.WriteString(s)
	}
}

// value writes v, which can be addressed.
func (k *keeper) value(v reflect.Value) {
	switch {
	case k.err != nil:
		return
	case v.Type() == entriesType:
		k.entries(v.Addr().Interface().(*entryList))
		return
	}
	switch v.Kind() {
	case reflect.Bool:
		if v.Bool() {
			k.number(1)
		} else {
			k.number(0)
		}
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		k.number(uint64(v.Int()<<1) ^ uint64(v.Int()>>63))
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		k.number(v.Uint())
	case reflect.String:
		k.text(v.String())
	case reflect.Slice:
		k.list(v)
	case reflect.Map:
		k.table(v)
	case reflect.Pointer:
		if v.IsNil() {
			k.err = errors.New("a pointer to nothing in a list cannot be kept")
			return
		}
		k.value(v.Elem())
	case reflect.Struct:
		k.members(v)
	default:
		k.err = fmt.Errorf("a %s cannot be kept", v.Type())
	}
}

func (k *keeper) list(v reflect.Value) {
	k.number(uint64(v.Len()))
	if v.Type().Elem().Kind() == reflect.Uint8 {
		if k.err == nil {
			_, k.err = k.out.Write(v.Bytes())
		}
		return
	}
	for i := range v.Len() {
		k.value(v.Index(i))
	}
}

func (k *keeper) table(v reflect.Value) {
	table, ok := v.Interface().(map[string]string)
	if !ok {
		k.err = fmt.Errorf("a %s cannot be kept", v.Type())
		return
	}
	k.number(uint64(len(table)))
	for _, key := range slices.Sorted(maps.Keys(table)) {
		k.text(key)
		k.text(table[key])
	}
}

func (k *keeper) members(v reflect.Value) {
	fields, known := k.fields[v.Type()]
	if !known {
		fields = keptFields(v.Type())
		if k.fields == nil {
			k.fields = map[reflect.Type][]int{}
		}
		k.fields[v.Type()] = fields
	}
	var set uint64
	for _, i := range fields {
		if !v.Field(i).IsZero() {
			set |= 1 << i
		}
	}
	k.number(set)
	for ; set != 0; set &= set - 1 {
		k.value(v.Field(bits.TrailingZeros64(set)))
	}
}

// keptFields says which fields of a struct are kept.
func keptFields(t reflect.Type) (kept []int) {
	for i := range t.NumField() {
		if f := t.Field(i); f.IsExported() || f.Anonymous && f.Type.Kind() == reflect.Struct {
			kept = append(kept, i)
		}
	}
	return kept
}

func (k *keeper) entries(l *entryList) {
	l.close()
	k.number(uint64(l.count))
	k.number(uint64(len(l.chunks)))
	for _, chunk := range l.chunks {
		k.text(chunk)
	}
	k.value(reflect.ValueOf(&l.files).Elem())
}

// taker reads what keeper wrote.
type taker struct {
	in   *bufio.Reader
	left int64 // how much may be read yet
	err  error
}

var errKept = errors.New("the facts are not as they were written")

func (t *taker) fail() { t.err = errors.Join(t.err, errKept) }

func (t *taker) number() uint64 {
	if t.err != nil {
		return 0
	}
	n, err := binary.ReadUvarint(t.in)
	t.left -= int64(bits.Len64(n)+6) / 7
	if t.err = err; err == nil && t.left < 0 {
		t.err = limit.ErrTooLarge
	}
	return n
}

// size reads the number of elements that follow, each at least a byte.
func (t *taker) size() int {
	n := t.number()
	if t.err == nil && n > uint64(t.left) {
		t.fail()
	}
	if t.err != nil {
		return 0
	}
	return int(n)
}

func (t *taker) text() string {
	n := t.size()
	if n == 0 || t.err != nil {
		return ""
	}
	t.left -= int64(n)
	if n <= t.in.Size() {
		data, err := t.in.Peek(n)
		if t.err = err; err != nil {
			return ""
		}
		s := string(data)
		t.in.Discard(n)
		return s
	}
	var b strings.Builder
	_, t.err = io.CopyN(&b, t.in, int64(n))
	return b.String()
}

// value reads into v.
func (t *taker) value(v reflect.Value) {
	switch {
	case t.err != nil:
		return
	case v.Type() == entriesType:
		t.entries(v.Addr().Interface().(*entryList))
		return
	}
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(t.number() != 0)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		n := t.number()
		v.SetInt(int64(n>>1) ^ -int64(n&1))
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(t.number())
	case reflect.String:
		v.SetString(t.text())
	case reflect.Slice:
		t.list(v)
	case reflect.Map:
		table := map[string]string{}
		for range t.size() {
			key := t.text()
			table[key] = t.text()
		}
		v.Set(reflect.ValueOf(table))
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		t.value(v.Elem())
	case reflect.Struct:
		t.fields(v)
	default:
		t.fail()
	}
}

// listAtOnce is how many elements of a list are made before they are read.
const listAtOnce = 4096

func (t *taker) list(v reflect.Value) {
	n := t.size()
	if v.Type().Elem().Kind() == reflect.Uint8 {
		v.SetBytes([]byte(nil))
		if n > 0 && t.err == nil {
			t.left -= int64(n)
			data := make([]byte, n)
			_, t.err = io.ReadFull(t.in, data)
			v.SetBytes(data)
		}
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), 0, min(n, listAtOnce)))
	for i := 0; i < n && t.err == nil; i++ {
		if i == v.Cap() {
			v.Grow(min(n-i, v.Cap()))
		}
		v.SetLen(i + 1)
		t.value(v.Index(i))
	}
}

func (t *taker) fields(v reflect.Value) {
	set := t.number()
	if bits.Len64(set) > v.NumField() {
		t.fail()
		return
	}
	for ; set != 0 && t.err == nil; set &= set - 1 {
		f := v.Field(bits.TrailingZeros64(set))
		if !f.CanSet() && f.Kind() != reflect.Struct {
			t.fail()
			return
		}
		t.value(f)
	}
	if v.Type() == sumsType && t.err == nil {
		t.err = v.Addr().Interface().(*sumList).check()
	}
}

func (t *taker) entries(l *entryList) {
	l.count = t.size()
	for range t.size() {
		l.chunks = append(l.chunks, t.text())
	}
	if t.value(reflect.ValueOf(&l.files).Elem()); t.err == nil {
		t.err = l.check()
	}
}
