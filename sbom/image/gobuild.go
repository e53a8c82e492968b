package image

import (
	"encoding/binary"
	"errors"
	"regexp"
	"runtime/debug"
	"strings"

	"github.com/tallyman/tallyman/internal/limit"
)

// goFact is what the Go toolchain wrote into a program about its making.
type goFact struct {
	// Version is that of the toolchain, as it calls itself ("go1.26.8").
	Version string `json:"version"`
	// Path is the package of the program, "" if it was not built in module
	// mode.
	Path string `json:"path,omitempty"`
	// Modules are those that code was taken from, the program's own first.
	Modules []goModule `json:"modules,omitempty"`

	problem string
}

// goModule is one module, replacements done.
type goModule struct {
	Path string `json:"path"`
	// Version is "" when nobody gave the code one: it was built where it is
	// written, or a folder took the module's place.
	Version string `json:"version,omitempty"`
}

// The blob of build information begins at an address that is a multiple of
// goAlign, with goMagic, a byte about pointers and a byte of flags, in all
// goHeader bytes. Since Go 1.18 two strings follow, each after its length as a
// varint: the version of the toolchain and the modules, these between two
// marks of goFrame bytes.
// https://pkg.go.dev/debug/buildinfo, and go/src/debug/buildinfo/buildinfo.go
const (
	goAlign    = 16
	goMagic    = "\xff Go buildinf:"
	goHeader   = 32
	goFlags    = 15 // offset of the flags
	goPointers = 14 // offset of the size of pointers
	goInline   = 2  // the flag of strings that follow
	goFrame    = 16
)

// goNote is the beginning of the note with the build ID that the Go linker
// writes: a type and a name. https://github.com/golang/go/blob/master/src/cmd/internal/buildid/note.go
var goNote = []byte("\x04\x00\x00\x00Go\x00\x00")

// Why there is no build information where there should be.
var (
	errGoPointers = errors.New("a program of a Go toolchain before 1.18, whose build information cannot be read in one pass")
	errGoDamaged  = errors.New("a Go program whose build information is damaged")
	errGoTooLarge = errors.New("a Go program whose build information is larger than the bound")
)

// goCapture collects the blob of build information as it passes: the first one
// that is sound.
type goCapture struct {
	blob []byte
	want int // bytes that blob needs to have to be read on; 0 when there is none
	fact *goFact
	// problem says why the first one that was not sound is not.
	problem  string
	tooLarge bool
	// strict makes it believe only what says a version of Go.
	strict bool
	// moved counts the bytes that were looked through for another beginning.
	moved int
}

func (c *goCapture) reset() {
	*c = goCapture{blob: c.blob[:0]}
}

// scanGo looks for blobs that begin in the first upTo bytes of w.
func (r *programReader) scanGo(w []byte, upTo int) {
	if r.data.fact != nil {
		return
	}
	r.other.strict = true
	done := 0
	for i := 0; i < upTo; i += goAlign {
		if i = nextGo(w, i, upTo); i >= upTo {
			break
		}
		r.data.feed(w[done:i])
		r.other.feed(w[done:i])
		done = i
		c := &r.other
		if r.elf.writes(uint64(r.at) + uint64(i)) {
			c = &r.data
		}
		c.begin()
	}
	r.data.feed(w[done:upTo])
	r.other.feed(w[done:upTo])
}

// nextGo returns where the next blob may begin, from a multiple of goAlign on;
// upTo when there is none.
func nextGo(w []byte, from, upTo int) int {
	first := binary.LittleEndian.Uint64([]byte(goMagic))
	for rest := w[from:]; from < upTo && len(rest) >= goAlign; from, rest = from+goAlign, rest[goAlign:] {
		if binary.LittleEndian.Uint64(rest) == first && string(rest[:len(goMagic)]) == goMagic {
			return from
		}
	}
	return upTo
}

// begin starts a blob with the bytes that are fed next.
func (c *goCapture) begin() {
	if c.fact == nil && c.want == 0 && !c.spent() {
		c.blob, c.want = c.blob[:0], goHeader
	}
}

func (c *goCapture) feed(p []byte) {
	for c.want > 0 && len(p) > 0 {
		n := min(len(p), c.want-len(c.blob))
		c.blob, p = append(c.blob, p[:n]...), p[n:]
		if len(c.blob) == c.want {
			c.read()
		}
	}
}

// end takes what there is at the end of the file for all there will be.
func (c *goCapture) end() {
	if c.want > 0 {
		c.fail(errGoDamaged)
		c.want = 0
	}
}

// read reads the blob as far as it is there.
func (c *goCapture) read() {
	for {
		version, modules, need, err := splitGo(c.blob)
		switch {
		case err == nil && need > len(c.blob):
			c.want = need
			return
		case err == nil && (!c.strict || goVersion.MatchString(version)):
			c.fact, c.want = newGoFact(version, modules), 0
			return
		}
		c.fail(err)
		if !c.again() {
			return
		}
	}
}

func (c *goCapture) fail(err error) {
	if c.problem == "" && err != nil {
		c.problem, c.tooLarge = err.Error(), errors.Is(err, errGoTooLarge)
	}
}

// goMovedBytes bounds how much is looked through again of blobs that are not
// sound: each may begin anew every few bytes, and be as large as one may.
const goMovedBytes = 64 << 20

// spent reports whether no more blobs are looked for.
func (c *goCapture) spent() bool { return c.moved > goMovedBytes }

// again goes on with what may be another blob inside one that was not sound.
func (c *goCapture) again() bool {
	if c.moved += len(c.blob); c.spent() {
		c.want, c.problem, c.tooLarge = 0, "a program with more beginnings of Go's build information than are read", true
		return false
	}
	for i := goAlign; i < len(c.blob); i += goAlign {
		rest := c.blob[i:]
		if n := min(len(rest), len(goMagic)); string(rest[:n]) == goMagic[:n] {
			c.blob = append(c.blob[:0], rest...)
			c.want = max(goHeader, len(c.blob))
			return len(c.blob) >= goHeader
		}
	}
	c.want = 0
	return false
}

// splitGo reads the header and the two strings of a blob. While there is not
// enough of it, need is more than it has.
func splitGo(blob []byte) (version, modules string, need int, err error) {
	if len(blob) < goHeader {
		return "", "", goHeader, nil
	}
	if blob[goFlags]&goInline == 0 {
		if size := blob[goPointers]; size == 4 || size == 8 {
			return "", "", 0, errGoPointers
		}
		return "", "", 0, errGoDamaged
	}
	first, at, err := goString(blob, goHeader, limit.GoVersionBytes)
	if err != nil || at > len(blob) {
		return "", "", at, err
	}
	second, end, err := goString(blob, at, limit.GoBuildInfoBytes)
	if err != nil || end > len(blob) {
		return "", "", end, err
	}
	if first == "" {
		return "", "", 0, errGoDamaged
	}
	if n := len(second); n > 2*goFrame && second[n-goFrame-1] == '\n' {
		return first, second[goFrame : n-goFrame], end, nil
	}
	return first, "", end, nil
}

// goString reads the string at an offset of a blob. end is where it ends, which
// may be more than there is of the blob yet.
func goString(blob []byte, at int, most uint64) (s string, end int, err error) {
	size, n := binary.Uvarint(blob[at:])
	switch {
	case n == 0 && len(blob)-at < binary.MaxVarintLen64:
		return "", len(blob) + 1, nil
	case n <= 0:
		return "", 0, errGoDamaged
	case size > most:
		return "", 0, errGoTooLarge
	}
	if end = at + n + int(size); end > len(blob) {
		return "", end, nil
	}
	return string(blob[at+n : end]), end, nil
}

// newGoFact reads the modules, in the form of [debug.BuildInfo.String].
func newGoFact(version, modules string) *goFact {
	f := &goFact{Version: validText(version)}
	if modules == "" {
		f.problem = "a Go program that was not built from modules, so that what it was built from is not known"
		return f
	}
	info, err := debug.ParseBuildInfo(modules)
	switch {
	case err != nil:
		f.problem = "a Go program whose list of modules is damaged"
		return f
	case len(info.Deps) > limit.GoModules:
		f.problem = "a Go program with more modules than the bound"
		return f
	}
	f.Path = validText(info.Path)
	for _, m := range append([]*debug.Module{&info.Main}, info.Deps...) {
		if m.Path != "" {
			f.Modules = append(f.Modules, newGoModule(m))
		}
	}
	return f
}

// goDevel is the version of a module that was built where it is written.
const goDevel = "(devel)"

// newGoModule takes what was compiled: the replacement where there is one. A
// folder has no version, and keeps the name that its packages are imported by.
func newGoModule(m *debug.Module) goModule {
	if r := m.Replace; r != nil && r.Version != "" {
		m = r
	} else if r != nil {
		return goModule{Path: validText(m.Path)}
	}
	out := goModule{Path: validText(m.Path), Version: validText(m.Version)}
	if out.Version == goDevel {
		out.Version = ""
	}
	return out
}

// goVersion is how a toolchain calls itself. What follows (experiments, the
// patches of those who build it themselves) is in no advisory.
// https://go.dev/doc/toolchain#version
var goVersion = regexp.MustCompile(`^(?:devel )?go(1\.[0-9]{1,4})(\.[0-9]{1,4})?(?:(rc|beta)([0-9]{1,4}))?`)

// standardVersion returns the version of the standard library as advisories
// name it ("1.22.5", "1.22.0-rc.1"), "" when the toolchain has none: one that
// was built from a commit in between.
// https://go.dev/doc/security/vuln/database#schema
func standardVersion(toolchain string) string {
	m := goVersion.FindStringSubmatch(toolchain)
	if m == nil || strings.HasPrefix(toolchain, "devel") {
		return ""
	}
	switch {
	case m[3] != "":
		return m[1] + ".0-" + m[3] + "." + m[4]
	case m[2] == "":
		return m[1] + ".0"
	}
	return m[1] + m[2]
}

// count is how many components the program is made of.
func (f *programFact) count() int {
	n := len(f.Crates)
	if f.Go != nil {
		n += len(f.Go.Modules) + 2
	}
	if f.Runtime != nil {
		n++
	}
	return n
}

// size is about how many bytes the fact takes.
func (f *programFact) size() int64 {
	n := len(f.Problem)
	if f.Go != nil {
		for _, m := range f.Go.Modules {
			n += len(m.Path) + len(m.Version) + 32
		}
	}
	if f.Runtime != nil {
		n += len(f.Runtime.Version) + len(f.Runtime.Needs) + 32
	}
	for _, c := range f.Crates {
		n += len(c.Name) + len(c.Version) + 32
	}
	return int64(n)
}
