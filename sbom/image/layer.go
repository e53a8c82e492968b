package image

import (
	"archive/tar"
	"bufio"
	"context"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"path"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/tallyman/tallyman/internal/limit"
	"github.com/tallyman/tallyman/sbom"
)

// ErrDamaged is what reading a layer fails with when its bytes are not those
// that the image names.
var ErrDamaged = errors.New("the layer is damaged")

// scanLayer streams one layer once, to its last byte, and returns its facts.
// Whatever is wrong with the bytes is an error: a truncated or exchanged layer
// must not look like an empty one. When the layer says that it is to be had from
// another place too, it is read again from there.
func scanLayer(ctx context.Context, l layer) (*layerFacts, error) {
	for {
		stored, err := l.Compressed()
		if err != nil {
			return nil, fmt.Errorf("reading layer %s: %w", l.digest, err)
		}
		facts, err := scanStored(ctx, l, stored)
		if again, ok := stored.(interface{ Another() bool }); err == nil || ctx.Err() != nil || !ok || !again.Another() {
			return facts, err
		}
	}
}

// scanStored reads one layer as it is stored, and closes it.
func scanStored(ctx context.Context, l layer, stored io.ReadCloser) (*layerFacts, error) {
	wrap := func(err error) error { return fmt.Errorf("reading layer %s: %w", l.digest, err) }
	defer stored.Close()
	ctx, cancel := context.WithCancel(ctx)
	raw := bufio.NewReaderSize(&ctxReader{ctx: ctx, r: stored}, storedBufferBytes)
	plain, done, err := inflate(raw)
	if err != nil {
		cancel()
		return nil, wrap(err)
	}
	defer done()
	sum := sha256.New()
	stream := newAhead(limit.Reader(plain, limit.LayerBytes), sum)
	defer stream.close()
	defer cancel() // so that it reads no more
	facts, err := walk(stream, l.digest)
	if err != nil {
		return nil, wrap(err)
	}
	// What follows the archive's end mark counts for the digests too; and the
	// stored bytes after the last compressed frame for whoever checks those.
	if err := stream.rest(); err != nil {
		return nil, wrap(err)
	}
	if _, err := io.Copy(io.Discard, raw); err != nil {
		return nil, wrap(err)
	}
	if got := "sha256:" + hex.EncodeToString(sum.Sum(nil)); got != l.diffID {
		return nil, wrap(fmt.Errorf("%w: its content has the digest %s, the image's configuration says %s", ErrDamaged, got, l.diffID))
	}
	return facts, nil
}

// Names of the whiteouts.
// https://github.com/opencontainers/image-spec/blob/main/layer.md#whiteouts
const (
	whiteoutPrefix = ".wh."
	whiteoutOpaque = ".wh..wh..opq"
	whiteoutMeta   = ".wh..wh." // other AUFS bookkeeping
)

// walker turns the entries of one layer into facts.
type walker struct {
	facts *layerFacts
	seen  map[string]bool // folders of metadata that are in facts.Entries
	kept  int64           // bytes of the files read so far
	// header is that of the entry at hand, and mode what of its mode matters.
	header *tar.Header
	mode   uint16
	// last is the entry that was added last.
	last entry
	room room
	// leftTooMany is set when there is a gap about left files, and longPath when
	// there is one about a path.
	leftTooMany, longPath bool
	// logical counts the bytes of the files that were hashed, holes included.
	logical int64
	sums    *summer
	// head, programs and compiled are for what was compiled: the beginning of
	// the file at hand, the reader of programs, and what it found by path.
	head peeked
	// text is the content of a small file at hand that may hold a secret.
	text     []byte
	programs *programReader
	compiled map[string]*programFact
	// noted counts the files that are in compiled, or were.
	noted int
	// claimed counts what SBOMs list, and added the bytes that .pth files name.
	claimed, added int
	// replacing counts the files that are noted by replaces.
	replacing int
}

// walk reads an uncompressed layer up to the archive's end mark.
func walk(r io.Reader, digest string) (*layerFacts, error) {
	w := &walker{
		facts: &layerFacts{Layer: digest}, seen: map[string]bool{}, sums: newSummer(),
		programs: newProgramReader(), compiled: map[string]*programFact{},
	}
	archive := tar.NewReader(r)
	for n := 1; ; n++ {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			w.sums.facts(w.facts)
			return w.facts, nil
		}
		if err != nil {
			return nil, err
		}
		if n > limit.LayerFiles {
			return nil, fmt.Errorf("too many files: %w of %d", limit.ErrTooLarge, limit.LayerFiles)
		}
		if err := w.entry(header, archive); err != nil {
			return nil, err
		}
	}
}

// entry takes one entry. Its name is made absolute and clean, so "../../etc"
// stays inside the root as it does when a runtime unpacks the layer.
func (w *walker) entry(h *tar.Header, content io.Reader) error {
	if tooLong(h.Name) || len(h.Linkname) > limit.PathBytes {
		if !w.longPath {
			w.longPath = true
			w.facts.Gaps = append(w.facts.Gaps, sbom.NewGap(sbom.GapTooLarge, "", 0, "a path in the layer is longer than Linux allows; the entry was not read"))
		}
		return nil
	}
	p := path.Clean("/" + validText(h.Name))
	dir, base := path.Split(p)
	if strings.HasPrefix(base, whiteoutPrefix) {
		w.whiteout(path.Clean(dir), base)
		return nil
	}
	w.header, w.mode = h, 0
	w.sums.seen |= familyOf(p)
	if d := path.Clean(dir); metadataDir(d) {
		w.dir(d)
	}
	w.mode = modeOf(p, h)
	if w.compiled[p] != nil {
		delete(w.compiled, p)
		w.add(entry{Path: p, Type: entryOther})
	}
	switch h.Typeflag {
	case tar.TypeDir:
		w.sums.forget(p)
		w.dir(p)
	case tar.TypeSymlink:
		w.sums.forget(p)
		w.add(entry{Path: p, Type: entryLink, Target: validText(h.Linkname)})
	case tar.TypeLink:
		w.hardLink(p, path.Clean("/"+validText(h.Linkname)))
	case tar.TypeReg, tar.TypeGNUSparse:
		return w.content(p, h, content)
	case tar.TypeXGlobalHeader:
	default: // devices, pipes and what nobody knows
		w.sums.other(p)
		w.other(p)
		w.replaces(p)
	}
	return nil
}

// tooLong reports whether a path or one of its names is longer than Linux allows.
func tooLong(p string) bool {
	if len(p) > limit.PathBytes {
		return true
	}
	for name := range strings.SplitSeq(p, "/") {
		if len(name) > limit.NameBytes {
			return true
		}
	}
	return false
}

// validText writes bytes that are not UTF-8 as \xNN, so that facts survive
// being written as JSON.
func validText(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	quoted := strconv.Quote(s)
	return quoted[1 : len(quoted)-1]
}

// add notes an entry, if there is room for it.
func (w *walker) add(e entry) bool {
	if w.last = (entry{}); !w.room.take(w.facts, e) {
		return false
	}
	if e.Type != entryDir {
		delete(w.seen, e.Path)
	}
	e.Mode = w.mode
	w.facts.Entries.add(e)
	w.last = e
	return true
}

// dir notes a folder; those of metadata, which every file in them notes again,
// once.
func (w *walker) dir(p string) {
	if w.seen[p] {
		return
	}
	if w.add(entry{Path: p, Type: entryDir}) && metadataDir(p) {
		w.seen[p] = true
	}
}

func (w *walker) whiteout(dir, base string) {
	switch name := strings.TrimPrefix(base, whiteoutPrefix); {
	case base == whiteoutOpaque:
		w.gone(entry{Path: dir, Type: entryOpaque})
	case strings.HasPrefix(base, whiteoutMeta), name == "", name == ".", name == "..":
	default:
		w.gone(entry{Path: path.Join(dir, name), Type: entryRemoved})
	}
}

func (w *walker) gone(e entry) {
	if w.room.take(w.facts, e) {
		w.facts.Gone.add(e)
	}
}

func (w *walker) hardLink(p, target string) {
	w.sums.hardLink(p, target)
	if k := kindOf(p); k == kindNone || k == kindStore {
		w.otherName(p, target)
		return
	}
	w.add(entry{Path: p, Type: entryHard, Target: target})
}

// shallow is the depth down to which files that are not kept are noted, since
// one that takes the place of a folder of a lower layer removes what was in it
// ("/opt/venv", "/usr/lib/python3"). Deeper ones are noted by name.
const shallow = 3

// other notes that something that is not kept is at p now.
func (w *walker) other(p string) {
	base := path.Base(p)
	if strings.Count(p, "/") <= shallow || metadataDir(p) || base == "site-packages" || base == "dist-packages" ||
		base == "node_modules" || kindOf(p) != kindNone || w.mode != 0 || codeFile(p) || helper(p, w.header) {
		w.add(entry{Path: p, Type: entryOther})
	}
}

// content reads what is wanted of a regular file.
func (w *walker) content(p string, h *tar.Header, content io.Reader) error {
	pass := func(from io.Reader) error {
		return w.sums.regular(p, h, from, func(r io.Reader) error { return w.regular(p, h.Size, r) })
	}
	elf, err := w.head.peek(content)
	if err != nil {
		return err
	}
	if !elf {
		if err := pass(&w.head); err != nil {
			return err
		}
		w.mayReplace(p)
		return nil
	}
	return w.program(p, h, &w.head, pass)
}

// regular reads a file if its kind asks for it.
func (w *walker) regular(p string, size int64, content io.Reader) error {
	k := kindOf(p)
	if k == kindNone {
		w.other(p)
		return w.left(p, size, content)
	}
	if k == kindStore {
		return w.store(p, size, content)
	}
	f := &file{Kind: k}
	if !w.add(entry{Path: p, Type: entryFile, File: f}) {
		return nil
	}
	modules := k == kindBeside && (path.Base(p) == "RECORD" || path.Base(p) == "top_level.txt")
	switch _, unread := unsupported[k]; {
	case k == kindSystem, unread:
		return nil
	case k == kindRPM:
		return w.rpm(f, p, size, content)
	case size > fileBound(k) || w.logical+size > limit.LayerBytes:
		// Holes of a sparse file cost no bytes of the layer, and time to read.
		f.Gaps = append(f.Gaps, sbom.NewGap(k.gapKind(sbom.GapTooLarge), "", 0, "a file that had to be read is larger than the bound"))
		return nil
	case k == kindRPMLog:
		if size > 0 {
			f.Gaps = append(f.Gaps, sbom.NewGap(sbom.GapUnread, "", 0, "changes of the rpm database that are not in it yet, which are not read"))
		}
		return nil
	case modules:
		w.logical += size
		return w.modules(f, p, content)
	case k == kindBeside && path.Base(p) == "INSTALLER" && size <= limit.InstallerBytes:
		w.logical += size
		return f.installer(content)
	case k == kindModule, k == kindBeside:
		w.logical += size
		return f.digest(content)
	}
	if w.kept+size > limit.LayerKeptBytes {
		f.Gaps = append(f.Gaps, sbom.NewGap(k.gapKind(sbom.GapTooLarge), "", 0, "a package database or metadata file is larger than the bound"))
		return nil
	}
	data, err := limit.ReadAll(content, limit.LayerFileBytes)
	if err != nil {
		return err
	}
	w.kept += int64(len(data))
	f.read(data)
	w.bound(f)
	w.lists(p, f, data)
	return nil
}

// bound takes away what a file names when all those of the layer name too much.
func (w *walker) bound(f *file) {
	if w.claimed += len(f.Claims); w.claimed > limit.LayerClaims {
		f.Claims = nil
		f.Gaps = append(f.Gaps, sbom.NewGap(sbom.GapClaim, "", 0, "the SBOMs of one layer list more packages than are kept"))
	}
	before := w.added
	for _, folder := range f.Adds {
		w.added += len(folder) + 16
	}
	if w.added <= limit.LayerPathBytes {
		return
	}
	f.Adds = nil
	if before <= limit.LayerPathBytes {
		w.facts.Gaps = append(w.facts.Gaps, sbom.NewGap(sbom.GapTooLarge, "", 0, "the .pth files of one layer name more folders than are kept: they may make copies of packages importable"))
	}
}

// fileBound is the size up to which a file of a kind is read.
func fileBound(k kind) int64 {
	switch k {
	case kindConda:
		return limit.CondaBytes
	case kindEgg:
		return limit.EggBytes
	case kindEggLink:
		return limit.EggLinkBytes
	case kindPath:
		return limit.PathFileBytes
	case kindClaims, kindVendor:
		return limit.ClaimBytes
	}
	return limit.LayerFileBytes
}

// modules reads a RECORD or top_level.txt, of which little is kept.
func (w *walker) modules(f *file, p string, content io.Reader) error {
	record := path.Base(p) == "RECORD"
	data, err := limit.ReadAll(content, limit.LayerFileBytes)
	if err != nil {
		return err
	}
	f.digests(data)
	if f.Modules = parseModules(data, record); len(f.Modules) > limit.RecordModules {
		f.Modules = nil
		f.Gaps = append(f.Gaps, sbom.NewGap(sbom.GapTooLarge, "", 0, "a list of more modules than the bound"))
	}
	if record {
		w.record(f, p, data)
	}
	for _, m := range f.Modules {
		w.kept += int64(len(m))
	}
	return nil
}

// digest sets the digests of a file of which nothing else is wanted.
func (f *file) digest(content io.Reader) error {
	m, s, s2 := md5.New(), sha1.New(), sha256.New()
	if _, err := io.Copy(io.MultiWriter(m, s, s2), content); err != nil {
		return err
	}
	f.MD5, f.SHA1, f.SHA256 = hex.EncodeToString(m.Sum(nil)), hex.EncodeToString(s.Sum(nil)), hex.EncodeToString(s2.Sum(nil))
	return nil
}

// installer reads an INSTALLER, which is a word. A longer file says nothing.
func (f *file) installer(content io.Reader) error {
	data, err := limit.ReadAll(content, limit.InstallerBytes)
	if err != nil {
		return err
	}
	f.digests(data)
	f.Installer = parseInstaller(data)
	return nil
}

// digests is digest for content that is in memory.
func (f *file) digests(data []byte) {
	m, s, s2 := md5.Sum(data), sha1.Sum(data), sha256.Sum256(data)
	f.MD5, f.SHA1, f.SHA256 = hex.EncodeToString(m[:]), hex.EncodeToString(s[:]), hex.EncodeToString(s2[:])
}

// read parses the file's content into its fields.
func (f *file) read(data []byte) {
	var err error
	switch f.Kind {
	case kindPython, kindDirectURL, kindNPM, kindEgg, kindClaims, kindVendor:
		f.digests(data)
	}
	switch f.Kind {
	case kindRelease:
		f.Release = parseRelease(data)
	case kindStatus, kindStatusD:
		f.Debs, f.Gaps, err = parseStatus(strings.NewReader(string(data)))
	case kindAPK:
		f.APKs, f.Gaps = parseAPK(data)
	case kindRPMList:
		f.RPMs, f.Gaps = parseRPMManifest(data)
	case kindList, kindSums:
		f.Owned = parseFileList(data, f.Kind == kindSums)
	case kindPython:
		f.Package, err = parseMetadata(data)
	case kindDirectURL:
		f.Direct, err = parseDirectURL(data)
	case kindNPM:
		f.Package, err = parsePackageJSON(data)
	case kindClaims:
		f.Claims, f.Unusable, err = parseClaims(data)
	case kindVendor:
		f.Claims, f.Unusable = parseVendor(data)
	case kindEgg:
		f.Package, err = parseEgg(data)
	case kindEggLink:
		f.Target = parseEggLink(data)
	case kindPath:
		f.Adds, err = parsePathFile(data)
	case kindConda:
		f.Package, f.Conda, err = parseConda(data)
	}
	if err != nil {
		f.Gaps = append(f.Gaps, sbom.NewGap(f.Kind.gapKind(sbom.GapUnparsed), "", 0, err.Error()))
	}
}
