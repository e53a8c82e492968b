package image

import (
	"bytes"
	"path"
	"regexp"
	"slices"
	"strings"
)

// An interpreter is looked for in programs and libraries that are called like
// one. The name alone says nothing, since a script or another program may have
// it, and what is written beside a program (headers, a Makefile, a folder named
// after a version) says nothing of the program: its own bytes do.

// runtimeFact is what a program that is called like an interpreter says of
// itself.
type runtimeFact struct {
	// Name is "python" for CPython, "node" or "pypy".
	Name string `json:"name"`
	// Version is its version as it writes it ("3.11.7", "3.14.0rc2"), "" when it
	// does not tell.
	Version string `json:"version,omitempty"`
	// Needs is the name of the library that has the interpreter
	// ("libpython3.11.so.1.0") of a program that only starts it, "" otherwise.
	Needs string `json:"needs,omitempty"`
	// Several is true when it holds more than one version that could be its own.
	Several bool `json:"several,omitempty"`
}

// The interpreters, by their names in package URLs of the type "generic".
// https://github.com/package-url/purl-spec/blob/main/types-doc/generic-definition.md
const (
	runtimePython = "python"
	runtimeNode   = "node"
	runtimePyPy   = "pypy"
)

// What files with an interpreter are called. The letters behind the version of
// Python are its build flags: d, m, t and u; a wheel's copy of a library has
// part of its digest in the name.
// https://docs.python.org/3/library/sys.html#sys.abiflags
var (
	pythonProgram = regexp.MustCompile(`^python(?:[23](?:\.[0-9]{1,2}[dmtu]{0,3})?)?$`)
	pythonLibrary = regexp.MustCompile(`^libpython[23]\.[0-9]{1,2}[dmtu]{0,3}(?:-[0-9a-f]{8})?\.so(?:\.[0-9]+)*$`)
	nodeLibrary   = regexp.MustCompile(`^libnode(?:-[0-9a-f]{8})?\.so(?:\.[0-9]+)*$`)
	pypyFile      = regexp.MustCompile(`^(?:pypy(?:[23](?:\.[0-9]{1,2})?)?|libpypy(?:[23](?:\.[0-9]{1,2})?)?-c\.so)$`)
)

// runtimeOf returns which interpreter the file at p would be, "" for none.
func runtimeOf(p string) string {
	base := path.Base(p)
	switch {
	case base == "node" || base == "nodejs" || strings.HasPrefix(base, "libnode") && nodeLibrary.MatchString(base):
		return runtimeNode
	case strings.HasPrefix(base, "python") && pythonProgram.MatchString(base),
		strings.HasPrefix(base, "libpython") && pythonLibrary.MatchString(base):
		return runtimePython
	case strings.Contains(base, "pypy") && pypyFile.MatchString(base):
		return runtimePyPy
	}
	return ""
}

// runtimeReader looks for what an interpreter says of itself in a program that
// passes by. The zero value looks for nothing.
type runtimeReader struct {
	name string
	// before is the byte before the window.
	before byte
	// strong are the versions that stand by themselves, and weak those that end
	// a longer text: linkers keep a text only once that is the end of another, so
	// "3.11.7" may be no more than the end of the folder it was built for.
	strong, weak []string
	// series are the series of Python that it calls itself by ("3.11"), and needs
	// the libraries that it names.
	series, needs []string
}

const (
	pythonTag  = "cpython-3"
	python2Tag = "lib/python2."
	// runtimeTexts bounds how many different texts of each kind are kept of one
	// program; interpreters have no more than ten.
	runtimeTexts = 256
)

// look makes the reader ready for the program at p.
func (r *runtimeReader) look(p string) {
	*r = runtimeReader{
		name: runtimeOf(p), strong: r.strong[:0], weak: r.weak[:0], series: r.series[:0], needs: r.needs[:0],
	}
}

// mark is how something begins that is looked for, and what is done where it
// does. Of its bytes, the one at the offset dot is a full stop or a hyphen, which
// are rare in programs: to look for one byte costs a tenth of looking for a text.
type mark struct {
	text string
	dot  int
	take func(r *runtimeReader, w []byte, at int)
}

// marks are those of an interpreter, by that byte.
func (r *runtimeReader) marks() (stops, hyphens []mark) {
	if r.name == runtimeNode {
		return nodeStops, nodeHyphens
	}
	return pythonStops, pythonHyphens
}

// What programs tell their interpreter's version by. CPython calls itself
// "cpython-311" in the names of compiled modules; Python 2 had no such tag, and a
// folder of its modules. Node tells a debugger its name, and where its source is.
// https://peps.python.org/pep-3147/
// https://nodejs.org/api/process.html#processrelease
var (
	pythonStops = []mark{
		{"3.", 1, (*runtimeReader).version}, {"2.", 1, (*runtimeReader).version},
		{python2Tag, len(python2Tag) - 1, (*runtimeReader).tag},
		{"libpython3.", 10, (*runtimeReader).library}, {"libpython2.", 10, (*runtimeReader).library},
	}
	pythonHyphens = []mark{{pythonTag, 7, (*runtimeReader).tag}}
	nodeStops     = []mark{{"node.js/v", 4, (*runtimeReader).node}, {"libnode.so", 7, (*runtimeReader).library}}
	nodeHyphens   = []mark{{"/node-v", 5, (*runtimeReader).node}}
)

// longestMark is at least how many bytes a mark has.
const longestMark = 16

// scan looks for what begins in the first upTo bytes of w.
func (r *runtimeReader) scan(w []byte, upTo int) {
	if r.name == "" || r.name == runtimePyPy || upTo == 0 {
		return
	}
	stops, hyphens := r.marks()
	r.each(w, upTo, '.', stops)
	r.each(w, upTo, '-', hyphens)
	r.before = w[upTo-1]
}

// each takes every one of the marks that begins in the first upTo bytes of w.
func (r *runtimeReader) each(w []byte, upTo int, sign byte, marks []mark) {
	last := min(len(w), upTo+longestMark)
	for at := 0; at < last; at++ {
		i := bytes.IndexByte(w[at:last], sign)
		if i < 0 {
			return
		}
		at += i
		for _, m := range marks {
			if from := at - m.dot; from >= 0 && from < upTo && w[from] == m.text[0] && bytes.HasPrefix(w[from:], []byte(m.text)) {
				m.take(r, w, from)
			}
		}
	}
}

// keep adds s to list, unless it is there or there are too many.
func keep(list *[]string, s []byte) {
	if len(*list) < runtimeTexts && !slices.Contains(*list, string(s)) {
		*list = append(*list, string(s))
	}
}

// pythonVersion is the version of a release of Python, and of what is built on
// the way to the next one ("+").
// https://docs.python.org/3/c-api/apiabiversion.html
var pythonVersion = regexp.MustCompile(`^[23]\.[0-9]{1,2}\.[0-9]{1,3}(?:(?:a|b|rc)[0-9]{1,2})?\+?\x00`)

// longestVersion is at least how many bytes a version of Python has.
const longestVersion = 16

// version takes a version of Python.
func (r *runtimeReader) version(w []byte, at int) {
	rest := w[at:min(len(w), at+longestVersion)]
	if len(rest) < 3 || !digit(rest[2]) {
		return
	}
	var text []byte
	if bytes.IndexByte(rest, 0) > 0 { // which costs a twentieth
		text = pythonVersion.Find(rest)
	}
	if text == nil {
		return
	}
	text = text[:len(text)-1]
	switch before := r.byteBefore(w, at); {
	case before == 0:
		keep(&r.strong, text)
	case !digit(before) && before != '.':
		keep(&r.weak, text)
	}
}

func (r *runtimeReader) byteBefore(w []byte, at int) byte {
	if at == 0 {
		return r.before
	}
	return w[at-1]
}

func digit(b byte) bool { return '0' <= b && b <= '9' }

// tag takes a series of Python.
func (r *runtimeReader) tag(w []byte, at int) {
	rest := w[at:]
	major := byte('3')
	if rest[0] == python2Tag[0] {
		major, rest = '2', rest[len(python2Tag):]
	} else {
		rest = rest[len(pythonTag):]
	}
	n := 0
	for n < len(rest) && n < 3 && digit(rest[n]) {
		n++
	}
	if n == 1 || n == 2 {
		keep(&r.series, append([]byte{major, '.'}, rest[:n]...))
	}
}

// library takes the name of a library that has the interpreter.
func (r *runtimeReader) library(w []byte, at int) {
	rest := w[at:min(len(w), at+64)]
	if end := bytes.IndexByte(rest, 0); end > 0 && r.byteBefore(w, at) == 0 && runtimeOf(string(rest[:end])) == r.name {
		keep(&r.needs, rest[:end])
	}
}

// nodeVersion is a version of Node behind one of its marks.
var nodeVersion = regexp.MustCompile(`^(?:node\.js/v([0-9]{1,3}\.[0-9]{1,4}\.[0-9]{1,4}(?:-[0-9A-Za-z.]{1,64})?)\x00|/node-v([0-9]{1,3}\.[0-9]{1,4}\.[0-9]{1,4}(?:-[0-9A-Za-z.]{1,64}?)?)\.tar\.gz\x00)`)

// node takes a version of Node.
func (r *runtimeReader) node(w []byte, at int) {
	rest := w[at:min(len(w), at+128)]
	var m [][]byte
	if bytes.IndexByte(rest, 0) > 0 {
		m = nodeVersion.FindSubmatch(rest)
	}
	switch {
	case m == nil:
	case m[1] != nil:
		keep(&r.strong, m[1])
	default:
		keep(&r.weak, m[2])
	}
}

// finish returns what was found, nil when nothing was looked for.
func (r *runtimeReader) finish() *runtimeFact {
	if r.name == "" {
		return nil
	}
	f := &runtimeFact{Name: r.name}
	inSeries := func(string) bool { return true }
	if r.name == runtimePython {
		series := r.pythonSeries()
		inSeries = func(v string) bool { return series != "" && strings.HasPrefix(v, series+".") }
	}
	for _, found := range [][]string{r.strong, r.weak} {
		var own []string
		for _, v := range found {
			if inSeries(v) {
				own = append(own, v)
			}
		}
		if len(own) == 1 {
			f.Version = own[0]
			return f
		}
		if len(own) > 1 {
			f.Several = true
			return f
		}
	}
	if len(r.needs) == 1 {
		f.Needs = r.needs[0]
	}
	return f
}

// pythonSeries is the series that the program calls itself by, "" when that is
// not one. Python 3 names the folder of an old Python 2 somewhere, too.
func (r *runtimeReader) pythonSeries() string {
	var three, two []string
	for _, s := range r.series {
		if s[0] == '3' {
			three = append(three, s)
		} else {
			two = append(two, s)
		}
	}
	switch {
	case len(three) == 1:
		return three[0]
	case len(three) == 0 && len(two) == 1:
		return two[0]
	}
	return ""
}
