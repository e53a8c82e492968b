package image

import (
	"bytes"
	"cmp"
	"crypto/sha1"
	"hash/maphash"
	"path"
	"slices"
	"strings"

	"github.com/tallyman/tallyman/sbom"
)

// proofs is what the layers so far say about the contents of files.
type proofs struct {
	// contents are the files that were digested, by number. One that an upper
	// layer removed is still here: its node tells.
	contents [][]content
	count    uint32
	// lists are the lists by path and package, the topmost layer's.
	lists map[[2]string]placedProof
	// unsummed is true once a layer had more files than are digested.
	unsummed bool
	// seed is for comparing lists.
	seed maphash.Seed
}

// placedProof is a list and the layer that it is in. since is the one from which
// on it says what it says.
type placedProof struct {
	*proof
	layer, since int
}

// content is a file's digests: of one that a list vouches for only the list's.
type content struct {
	fileSums
	layer  int32
	loose  bool // no list of its layer vouches for it
	listed bool // a list that counts names it
	sound  bool // and one of them with the digest that it has
}

func newProofs() proofs {
	return proofs{contents: [][]content{make([]content, contentsChunk)}, count: 1, lists: map[[2]string]placedProof{}, seed: maphash.MakeSeed()}
}

// contentsChunk is how many contents are made at once.
const contentsChunk = 1024

func (p *proofs) at(n uint32) *content { return &p.contents[n/contentsChunk][n%contentsChunk] }

// add keeps c and returns its number.
func (p *proofs) add(c content) uint32 {
	if p.count%contentsChunk == 0 {
		p.contents = append(p.contents, make([]content, contentsChunk))
	}
	*p.at(p.count) = c
	p.count++
	return p.count - 1
}

// prove takes over the contents of layer i, under the paths that links lead to.
func (s *state) prove(facts *layerFacts, i int) {
	var last folder
	for p, sums := range facts.Loose.raw() {
		s.tree.at(s.node(&last, p)).content = s.proof.add(content{fileSums: sums, layer: int32(i), loose: true})
	}
	for n := range facts.Proofs {
		p := &facts.Proofs[n]
		key := [2]string{s.tree.path(s.node(&last, []byte(p.List))), p.Of}
		s.proof.lists[key] = placedProof{p, i, s.proof.since(key, p, i)}
		for at, sums := range p.Same.raw() {
			is := s.tree.at(s.node(&last, at))
			if c := s.proof.at(is.content); is.content != 0 && int(c.layer) == i {
				c.add(p.Alg, sums.of(p.Alg))
				continue
			}
			is.content = s.proof.add(content{fileSums: sums, layer: int32(i)})
		}
		if s.tooMuch() {
			return
		}
	}
	s.proof.unsummed = s.proof.unsummed || facts.Unsummed
}

// folder is the one that was looked up last, as files come in the order of
// their folders. The zero value is none.
type folder struct {
	path, at string // as asked for, and behind the links; the root is ""
	node     uint32 // 0 when there is no such node yet
	links    int    // how often links had come or gone by then
}

// folder finds the folder of the file at p, behind the links above it, and
// returns the file's name.
func (s *state) folder(last *folder, p []byte) (name []byte) {
	end := bytes.LastIndexByte(p, '/')
	if last.node == 0 || last.links != s.changes || string(p[:end]) != last.path {
		dir := string(p[:end])
		*last = folder{path: dir, links: s.changes}
		if at, err := s.resolve(cmp.Or(dir, "/")); err == nil {
			last.at, last.node = strings.TrimSuffix(at, "/"), s.tree.lookup(at)
		}
	}
	return p[end+1:]
}

// node finds or makes the node of the file at p, behind the links above it.
func (s *state) node(last *folder, p []byte) uint32 {
	name := s.folder(last, p)
	if last.node == 0 {
		at, err := s.resolve(cmp.Or(last.path, "/"))
		if err != nil {
			at = last.path
		}
		last.node = s.tree.put(cmp.Or(at, "/"))
	}
	return s.tree.grow(last.node, string(name))
}

// add takes another digest of the file.
func (c *content) add(a algorithm, sum []byte) {
	both := c.digests()
	both.set(a, sum)
	c.fileSums = both.pack(c.other())
}

// contentAt returns what is at a node now, nil for nothing that was digested.
func (s *state) contentAt(n uint32) *content {
	if n == 0 || s.tree.at(n).content == 0 {
		return nil
	}
	c := s.proof.at(s.tree.at(n).content)
	for at := n; at != 0; at = s.tree.at(at).parent {
		is := s.tree.at(at)
		if int32(is.gone) > c.layer+1 {
			return nil
		}
		if at != n && is.content != 0 && s.proof.at(is.content).layer >= c.layer {
			return nil // a file took the place of the folder
		}
	}
	return c
}

// verdict is what came of a line of a list.
type verdict int

const (
	unclear verdict = iota
	same
	altered
	missing
	// otherwise is a file of which other digests were made than the list names:
	// its layer showed signs of another package manager before.
	otherwise
)

// judge holds one line of a list of a layer against what is there.
func (s *state) judge(a algorithm, l listed, layer int) (verdict, string) {
	return s.judgeNext(a, l, layer, &folder{})
}

// judgeNext is judge for lines that come one after another.
func (s *state) judgeNext(a algorithm, l listed, layer int, last *folder) (verdict, string) {
	var n uint32
	name := s.folder(last, []byte(l.Path))
	if last.node != 0 {
		n = s.tree.find(last.node, string(name))
	}
	if c := s.contentAt(n); c != nil && s.tree.at(n).holds&heldLink == 0 && int(c.layer) == layer && c.judge(a, l.Sum) == same {
		c.listed = true // as most are
		if last.at == last.path {
			return same, l.Path
		}
		return same, last.at + "/" + string(name)
	}
	at, err := s.resolveParent(l.Path)
	if err != nil {
		return unclear, at
	}
	n = s.tree.lookup(at)
	if n != 0 && s.tree.at(n).holds&heldLink != 0 {
		return s.judgeLink(a, l, at, s.tree.texts.text(s.tree.at(n).target)), at
	}
	c := s.contentAt(n)
	switch {
	case c == nil && s.proof.unsummed:
		return unclear, at
	case c == nil:
		if distribution, python := wanted(at); !distribution && !python {
			return missing, l.Path // a link leads to where nothing is digested
		}
		return missing, at
	}
	c.listed = true
	if int(c.layer) > layer && c.strange(a, at) {
		return altered, at
	}
	return c.judge(a, l.Sum), at
}

// strange reports whether a file at p was digested, and not so, because its
// layer shows signs of other package managers only than the one whose list
// names this digest. Over a file of that list it is then no copy of it.
func (c *content) strange(a algorithm, p string) bool {
	if !c.loose || !c.digested() || c.of(a) != nil {
		return false
	}
	distribution, _ := wanted(p)
	return distribution
}

func (c *content) judge(a algorithm, sum []byte) verdict {
	got := c.of(a)
	switch {
	case c.other():
		return altered
	case got == nil && c.loose && c.digested():
		return otherwise
	case got == nil:
		return unclear
	case string(got) == string(sum):
		c.sound = true
		return same
	}
	return altered
}

// judgeLink judges a symbolic link: apk notes the digest of its target's name;
// elsewhere it took the place of a file.
func (s *state) judgeLink(a algorithm, l listed, at, target string) verdict {
	if a == algSHA1 && sameTarget(target, l.Sum) {
		return same
	}
	real, err := s.resolve(at)
	if err != nil {
		return altered
	}
	if c := s.contentAt(s.tree.lookup(real)); c != nil {
		return c.judge(a, l.Sum)
	}
	return unclear // a diversion or an alternative leads to what nothing was read of
}

func sameTarget(target string, sum []byte) bool {
	got := sha1.Sum([]byte(target))
	return string(got[:]) == string(sum)
}

// compare holds the list of a package, and of the package within it, against
// the files: nil when there is no such list, or none of a file that counts.
// whole is true when every file that it names is there as it was.
func (s *state) compare(list, of string) (out *checked, whole bool) {
	at, err := s.resolve(list)
	p, known := s.proof.lists[[2]string{at, of}]
	f, there := s.files[at]
	if err != nil || !known || !there || f.layer != p.layer {
		return nil, false
	}
	out, whole = &checked{Files: &sbom.Files{List: at}, of: of, since: max(p.since, s.leading(list))}, true
	var last folder
	p.each(func(l listed) {
		distribution, python := wanted(l.Path)
		if record := p.Of == "" && p.Alg == algSHA256; record && !python || !record && !distribution {
			return
		}
		out.Checked++
		v, file := s.judgeNext(p.Alg, l, p.layer, &last)
		whole = whole && v == same
		switch v {
		case altered:
			out.altered = append(out.altered, placedPath{file, max(out.since, s.madeSo(l.Path))})
		case missing:
			out.missing = append(out.missing, placedPath{file, max(out.since, s.madeSo(l.Path))})
		case otherwise:
			if out.otherwise++; out.otherwise == 1 {
				out.in = s.madeSo(l.Path)
			}
		}
	})
	if out.Checked == 0 {
		return nil, false
	}
	return out, whole
}

// evidence sets the grade of the component that is about to be added, and notes
// what is known of its files. It reports whether there is such a list.
func (b *builder) evidence(c *sbom.Component, list, of string) bool {
	files, whole := b.compare(list, of)
	if files == nil {
		return false
	}
	if c.Evidence == sbom.OSOwned {
		// Its packager leaves out what a RECORD names, and the distribution's
		// own list says what has to be there.
		files.missing = nil
	}
	files.Name, files.Version, files.PURL = c.Name, c.Version, c.PURL
	files.at, files.ecosystem = len(b.doc.Components), c.Ecosystem
	b.checked = append(b.checked, files)
	if whole && c.Evidence == sbom.Installed {
		c.Evidence = sbom.Verified
	}
	return true
}

// checked is a package whose list was held against its files. at is where its
// component is in the document.
type checked struct {
	*sbom.Files
	at        int
	ecosystem string
	// of is the package within the list, "" for the whole of it, and since the
	// layer that brought what the list says.
	of    string
	since int
	// What is wrong with the files goes into Files once all is known.
	altered, missing, extra []placedPath
	// otherwise counts the files of which other digests were made, and in is the
	// layer of the first.
	otherwise, in int
}

// debEvidence is evidence by the md5sums of a package, whose name has the
// architecture where packages of several may be installed.
func (b *builder) debEvidence(c *sbom.Component, at string, p debPackage) {
	if path.Dir(at) == dpkgStatusD {
		b.evidence(c, at+".md5sums", "")
		return
	}
	if !b.evidence(c, path.Join(dpkgInfo, p.Name+":"+p.Arch+".md5sums"), "") {
		b.evidence(c, path.Join(dpkgInfo, p.Name+".md5sums"), "")
	}
}

// extras names the files that lie in a distribution's folders and that no list
// names, and takes over all that is wrong with files.
func (b *builder) extras() {
	owner := b.moduleOwners()
	starts := map[string][]placedPath{}
	for n := uint32(rootNode); n < b.tree.count; n++ {
		if b.tree.at(n).content == 0 || b.proof.at(b.tree.at(n).content).listed {
			continue
		}
		name := b.tree.texts.text(b.tree.at(n).name)
		if startsPython(name) {
			b.startup(starts, n)
		}
		if len(owner) == 0 || !runs(name) {
			continue
		}
		p := b.tree.path(n)
		site, module := moduleOf(p)
		if f := owner[path.Join(site, module)]; f != nil && site != "" && b.contentAt(n) != nil {
			f.extra = append(f.extra, placedPath{p, max(f.since, b.madeSo(p))})
		}
	}
	b.addStartup(starts)
	for _, c := range b.checked {
		// Two packages may bring the same file, as two builds of one library
		// do: the later one's content is not an alteration.
		c.altered = slices.DeleteFunc(c.altered, func(p placedPath) bool {
			n := b.tree.lookup(p.path)
			return n != 0 && b.tree.at(n).content != 0 && b.proof.at(b.tree.at(n).content).sound
		})
		if len(c.altered) == 0 && len(c.missing) == 0 && len(c.extra) == 0 {
			continue
		}
		if is := &b.doc.Components[c.at]; is.Evidence == sbom.Verified {
			is.Evidence = sbom.Installed
		}
		b.name(c.Files, &c.Altered, c.altered)
		b.name(c.Files, &c.Missing, c.missing)
		b.name(c.Files, &c.Extra, c.extra)
		b.doc.Files = append(b.doc.Files, *c.Files)
	}
}
