package image

import (
	"archive/tar"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"hash"
	"io"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/tallyman/tallyman/internal/limit"
	"github.com/tallyman/tallyman/sbom"
)

// A layer is streamed once, and a list of files with their digests (RECORD,
// md5sums, apk's and rpm's databases) may come before the files, after them, or in another
// layer. So every file that such a list could name is digested as it passes,
// and when the layer ends the two are laid side by side: of what agrees, the
// paths and digests stay with the list (proof), the rest stays as it is. What
// an upper layer replaced or removed is found when the layers are squashed.

// algorithm names a digest.
type algorithm string

const (
	algMD5    algorithm = "md5"
	algSHA1   algorithm = "sha1"
	algSHA256 algorithm = "sha256"
)

// digests are those of one file, as raw bytes; nil are the ones that no list
// could name for its path in a layer of these families.
type digests struct {
	MD5    []byte `json:"md5,omitempty"`
	SHA1   []byte `json:"sha1,omitempty"`
	SHA256 []byte `json:"sha256,omitempty"`
}

// looseFile is a file that no list of its layer vouches for. Without digests it
// is a hard link to a file that was not digested, or no regular file.
type looseFile struct {
	Path string `json:"path"`
	digests
	// Other is true for a device, a pipe or the like.
	Other bool `json:"other,omitempty"`
}

// listed is a line of a list: a file, absolute and clean, and its digest.
type listed struct {
	Path string
	Sum  []byte
}

// listing takes the lines of one list, all of one algorithm. The zero value is
// empty.
type listing struct {
	lines sumList
	alg   algorithm
	// bytes is what the lines take, those over the bound included, which are not
	// there.
	bytes int
}

func (l *listing) add(p string, sum []byte) {
	if l.bytes += len(p) - shared(l.lines.last, p) + len(sum); l.bytes > limit.LayerSumTextBytes {
		return // summer.list says so
	}
	var d digests
	d.set(l.alg, sum)
	l.lines.add(p, d.pack(false))
}

func (d *digests) set(a algorithm, sum []byte) {
	switch a {
	case algMD5:
		d.MD5 = sum
	case algSHA1:
		d.SHA1 = sum
	case algSHA256:
		d.SHA256 = sum
	}
}

// proof is what a list says of files.
type proof struct {
	// List is the path of the list. Of is the package within it, for apk's
	// database, which lists those of all packages.
	List string    `json:"list"`
	Of   string    `json:"of,omitempty"`
	Alg  algorithm `json:"alg"`
	// Same are the files that the layer has with the digest that the list
	// names, and Rest those that it does not have so.
	Same sumList `json:"same"`
	Rest sumList `json:"rest"`
}

// each calls f for every line of the list.
func (p *proof) each(f func(listed)) {
	for _, list := range []*sumList{&p.Same, &p.Rest} {
		for at, s := range list.raw() {
			f(listed{string(at), s.of(p.Alg)})
		}
	}
}

// summer digests the files of one layer.
type summer struct {
	// files has the files: a node's target is where the texts have the sums,
	// and its mode is 1 for those that a list vouches for.
	files *tree
	count int
	lists map[[2]string]*proof
	lines int
	full  bool // more than the bound: the rest was not looked at
	// listed is what the lines of the lists take, and named the paths of files;
	// last is the one before.
	listed, named int
	last          string
	// seen are the families of which the layer has shown signs so far, and
	// making the digests that are made of the file at hand.
	seen   families
	making making
	md5    digest
	sha1   digest
	sha2   digest
	buf    []byte
}

func newSummer() *summer {
	return &summer{
		files: newTree(), lists: map[[2]string]*proof{},
		md5:  digest{md5.New(), func(d *digests) *[]byte { return &d.MD5 }},
		sha1: digest{sha1.New(), func(d *digests) *[]byte { return &d.SHA1 }},
		sha2: digest{sha256.New(), func(d *digests) *[]byte { return &d.SHA256 }},
		buf:  make([]byte, 64<<10),
	}
}

// wanted says who could name a digest of the file at p: Python, in its folders
// and beside them, which is SHA-256, and distributions where they put files,
// which depends on the family. What they put into /etc is made to be edited, and documents are often
// left out; compiled modules have no digest anywhere.
func wanted(p string) (distribution, python bool) {
	if path.Ext(p) == ".pyc" {
		return false, false
	}
	python = strings.Contains(p, "/site-packages/") || strings.Contains(p, "/dist-packages/") || path.Base(path.Dir(p)) == "bin"
	for _, folder := range []string{"/usr/", "/bin/", "/sbin/", "/lib"} {
		distribution = distribution || strings.HasPrefix(p, folder)
	}
	return distribution && !strings.HasPrefix(p, "/usr/local/") && !document(p), python
}

// document reports whether p is one of the files that an image is often built
// without. https://wiki.debian.org/ReduceDebian#Reducing_the_size_of_the_set_of_installed_packages
func document(p string) bool {
	rest, ok := strings.CutPrefix(p, "/usr/share/")
	folder, _, _ := strings.Cut(rest, "/")
	return ok && slices.Contains([]string{"doc", "doc-base", "man", "info", "locale", "lintian", "bug", "help"}, folder)
}

// regular digests a regular file while read reads what it wants of it.
func (s *summer) regular(p string, h *tar.Header, content io.Reader, read func(io.Reader) error) error {
	distribution, python := wanted(p)
	if !distribution && !python {
		return read(content)
	}
	if holes(h) {
		s.put(p, new(digests).pack(false)) // its holes cost time to read and no bytes of the layer
		return read(content)
	}
	if s.full {
		return read(content)
	}
	all := s.begin(distribution, python)
	if err := read(io.TeeReader(content, all)); err != nil {
		return err
	}
	if _, err := io.CopyBuffer(struct{ io.Writer }{all}, struct{ io.Reader }{content}, s.buf); err != nil {
		return err
	}
	var sums digests
	for _, d := range s.making {
		*d.of(&sums) = d.Sum(nil)
	}
	s.put(p, sums.pack(false))
	return nil
}

// begin returns what the content of a file is written to, to be digested.
func (s *summer) begin(distribution, python bool) io.Writer {
	s.making = s.making[:0]
	for _, d := range []struct {
		digest
		wanted bool
	}{
		{s.md5, distribution && s.seen.md5()},
		{s.sha1, distribution && s.seen.sha1()},
		{s.sha2, distribution && s.seen.sha256() || python},
	} {
		if d.wanted {
			d.Reset()
			s.making = append(s.making, d.digest)
		}
	}
	return s.making
}

// digest is a digest that is being made, and where it goes.
type digest struct {
	hash.Hash
	of func(*digests) *[]byte
}

// making are the digests that are being made of a file.
type making []digest

// Write implements io.Writer.
func (m making) Write(p []byte) (int, error) {
	for _, d := range m {
		d.Write(p)
	}
	return len(p), nil
}

// holes reports whether a file of an archive may have holes.
// https://www.gnu.org/software/tar/manual/html_section/Sparse-Formats.html
func holes(h *tar.Header) bool {
	if h.Typeflag == tar.TypeGNUSparse {
		return true
	}
	for key := range h.PAXRecords {
		if strings.HasPrefix(key, "GNU.sparse.") {
			return true
		}
	}
	return false
}

func (s *summer) put(p string, sums fileSums) {
	s.named += len(p) - shared(s.last, p)
	s.last = p
	if s.count >= limit.LayerSums || int(s.files.count) > limit.LayerSumPaths || s.named > limit.LayerSumTextBytes {
		s.full = true
		s.forget(p)
		return
	}
	n := s.files.put(p)
	is := s.files.at(n)
	if is.holds&heldFile == 0 {
		is.holds |= heldFile
		s.count++
	}
	if old := s.files.texts.bytes(is.target); len(old) == len(sums) {
		copy(old, sums) // a path that comes again and again costs nothing more
		return
	}
	is.target = s.files.texts.add(string(sums))
}

// sums returns those of the file at p, nil when there is none.
func (s *summer) sums(p string) (fileSums, *node) {
	n := s.files.lookup(p)
	if n == 0 || s.files.at(n).holds&heldFile == 0 {
		return nil, nil
	}
	return fileSums(s.files.texts.bytes(s.files.at(n).target)), s.files.at(n)
}

// hardLink notes that p is a second name of target.
func (s *summer) hardLink(p, target string) {
	if distribution, python := wanted(p); !distribution && !python {
		return
	}
	known, _ := s.sums(target)
	if known == nil {
		known = new(digests).pack(false)
	}
	s.put(p, known)
}

// other notes that no regular file is at p.
func (s *summer) other(p string) {
	if distribution, python := wanted(p); distribution || python {
		s.put(p, new(digests).pack(true))
	}
}

// forget notes that a link or a folder takes the place of what was at p.
func (s *summer) forget(p string) {
	if n := s.files.lookup(p); n != 0 && s.files.at(n).holds&heldFile != 0 {
		s.files.at(n).holds = 0
		s.count--
	}
}

// list takes what the list at p says.
func (s *summer) list(p, of string, l listing) {
	s.listed += l.bytes
	if s.lines += l.lines.Count; s.lines > limit.LayerSums || s.listed > limit.LayerSumTextBytes {
		s.full = true
		return
	}
	s.lists[[2]string{p, of}] = &proof{List: p, Of: of, Alg: l.alg, Rest: l.lines}
}

// record takes what a RECORD says.
func (w *walker) record(f *file, p string, data []byte) {
	lines, complete := parseRecord(p, data)
	if !complete {
		f.Gaps = append(f.Gaps, sbom.NewGap(sbom.GapUnverified, "", 0, "a list of an installed distribution's files that breaks its grammar, and was not held against them"))
		return
	}
	w.sums.list(p, "", lines)
}

// lists takes what the lists of distributions say.
func (w *walker) lists(p string, f *file, data []byte) {
	switch f.Kind {
	case kindSums:
		w.sums.list(p, "", parseSums(data))
	case kindAPK:
		for i := range f.APKs {
			w.sums.list(p, f.APKs[i].Name, f.APKs[i].files)
			f.APKs[i].files = listing{}
		}
	}
}

// facts lays the lists beside the files.
func (s *summer) facts(to *layerFacts) {
	if s.full {
		to.Gaps = append(to.Gaps, sbom.NewGap(sbom.GapTooLarge, "", 0, "more files of packages than the bound: not all were held against the packages' lists"))
	}
	for _, key := range slices.SortedFunc(maps.Keys(s.lists), func(a, b [2]string) int { return slices.Compare(a[:], b[:]) }) {
		p := s.lists[key]
		s.settle(p)
		to.Proofs = append(to.Proofs, *p)
	}
	for n, is := range s.files.all(heldFile) {
		if is.mode == 0 {
			to.Loose.add(s.files.path(n), s.files.texts.bytes(is.target))
		}
	}
	to.Unsummed = s.full
}

// settle takes the lines that the files bear out from the rest.
func (s *summer) settle(p *proof) {
	lines := p.Rest
	p.Rest = sumList{}
	for at, sums := range lines.raw() {
		l := string(at)
		is, n := s.sums(l)
		if n == nil || string(is.of(p.Alg)) != string(sums.of(p.Alg)) {
			p.Rest.add(l, sums)
			continue
		}
		n.mode = 1
		p.Same.add(l, sums)
	}
}
