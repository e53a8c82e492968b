package image

import (
	"crypto/sha1"
	"path"
	"slices"
	"strings"

	"github.com/tallyman/tallyman/sbom"
)

// proofs is what the layers so far say about the contents of files.
type proofs struct {
	// contents are the files that were digested, and the layer of each. One
	// that an upper layer removed is still here: gone tells.
	contents map[string]*content
	// gone says which layer last removed or replaced what was at a path, and
	// with it all that was below.
	gone map[string]int
	// lists are the lists by path and package, the topmost layer's.
	lists map[[2]string]placedProof
	// unsummed is true once a layer had more files than are digested.
	unsummed bool
}

type placedProof struct {
	*proof
	layer int
}

// content is a file's digests: of one that a list vouches for only the list's.
type content struct {
	digests
	other  bool
	layer  int
	listed bool // a list that counts names it
	sound  bool // and one of them with the digest that it has
}

func newProofs() proofs {
	return proofs{contents: map[string]*content{}, gone: map[string]int{}, lists: map[[2]string]placedProof{}}
}

// prove takes over the contents of layer i, under the paths that links lead to.
func (s *state) prove(facts *layerFacts, i int) {
	dirs := map[string]string{}
	at := func(p string) string {
		dir, known := dirs[path.Dir(p)]
		if !known {
			var err error
			if dir, err = s.resolve(path.Dir(p)); err != nil {
				dir = path.Dir(p)
			}
			dirs[path.Dir(p)] = dir
		}
		if dir == path.Dir(p) {
			return p
		}
		return path.Join(dir, path.Base(p))
	}
	for _, f := range facts.Loose {
		s.proof.contents[at(f.Path)] = &content{digests: f.digests, other: f.Other, layer: i}
	}
	for n := range facts.Proofs {
		p := &facts.Proofs[n]
		s.proof.lists[[2]string{at(p.List), p.Of}] = placedProof{p, i}
		p.settled(func(l listed) {
			to := at(l.Path)
			c := s.proof.contents[to]
			if c == nil || c.layer != i {
				c = &content{layer: i}
				s.proof.contents[to] = c
			}
			c.add(p.Alg, l.Sum)
		})
	}
	s.proof.unsummed = s.proof.unsummed || facts.Unsummed
}

func (c *content) add(a algorithm, sum []byte) {
	switch a {
	case algMD5:
		c.MD5 = sum
	case algSHA1:
		c.SHA1 = sum
	case algSHA256:
		c.SHA256 = sum
	}
}

// contentAt returns what is at p now, nil for nothing that was digested.
func (s *state) contentAt(p string) *content {
	c := s.proof.contents[p]
	if c == nil {
		return nil
	}
	for at := p; ; at = path.Dir(at) {
		if layer, gone := s.proof.gone[at]; gone && layer > c.layer {
			return nil
		}
		if file := s.proof.contents[at]; at != p && file != nil && file.layer >= c.layer {
			return nil // a file took the place of the folder
		}
		if at == "/" {
			return c
		}
	}
}

// verdict is what came of a line of a list.
type verdict int

const (
	unclear verdict = iota
	same
	altered
	missing
)

// judge holds one line of a list against what is there.
func (s *state) judge(a algorithm, l listed) (verdict, string) {
	at, err := s.resolveParent(l.Path)
	if err != nil {
		return unclear, at
	}
	if target, link := s.links[at]; link {
		return s.judgeLink(a, l, at, target), at
	}
	c := s.contentAt(at)
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
	return c.judge(a, l.Sum), at
}

func (c *content) judge(a algorithm, sum []byte) verdict {
	got := c.of(a)
	switch {
	case c.other:
		return altered
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
	if c := s.contentAt(real); c != nil {
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
func (s *state) compare(list, of string) (out *sbom.Files, whole bool) {
	at, err := s.resolve(list)
	p, known := s.proof.lists[[2]string{at, of}]
	f, there := s.files[at]
	if err != nil || !known || !there || f.layer != p.layer {
		return nil, false
	}
	out, whole = &sbom.Files{List: at}, true
	p.each(func(l listed) {
		distribution, python := wanted(l.Path)
		if p.Alg == algSHA256 && !python || p.Alg != algSHA256 && !distribution {
			return
		}
		out.Checked++
		v, file := s.judge(p.Alg, l)
		whole = whole && v == same
		switch v {
		case altered:
			out.Altered = append(out.Altered, file)
		case missing:
			out.Missing = append(out.Missing, file)
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
	files.Name, files.Version, files.PURL = c.Name, c.Version, c.PURL
	b.checked = append(b.checked, checked{files, len(b.doc.Components), c.Ecosystem})
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
	for p, c := range b.proof.contents {
		site, module := moduleOf(p)
		if f := owner[path.Join(site, module)]; f != nil && site != "" && !c.listed && runs(p) && b.contentAt(p) != nil {
			f.Extra = append(f.Extra, p)
		}
	}
	for _, c := range b.checked {
		// Two packages may bring the same file, as two builds of one library
		// do: the later one's content is not an alteration.
		c.Altered = slices.DeleteFunc(c.Altered, func(p string) bool {
			is := b.proof.contents[p]
			return is != nil && is.sound
		})
		if c.Sound() {
			continue
		}
		if is := &b.doc.Components[c.at]; is.Evidence == sbom.Verified {
			is.Evidence = sbom.Installed
		}
		for _, list := range []*[]string{&c.Altered, &c.Missing, &c.Extra} {
			c.Unnamed += bound(list)
		}
		b.doc.Files = append(b.doc.Files, *c.Files)
	}
}

// bound sorts a list and cuts it; it returns how many are left out.
func bound(list *[]string) int {
	slices.Sort(*list)
	*list = slices.Compact(*list)
	more := max(0, len(*list)-sbom.FilesNamed)
	*list = slices.Clip((*list)[:len(*list)-more])
	return more
}

// moduleOwners maps the folders of modules to the distribution whose RECORD
// names them; a namespace that several share is nobody's.
func (b *builder) moduleOwners() map[string]*sbom.Files {
	owner := map[string]*sbom.Files{}
	for _, c := range b.checked {
		if c.ecosystem != "PyPI" {
			continue
		}
		site := path.Dir(path.Dir(c.List))
		for _, m := range b.files[c.List].Modules {
			at := path.Join(site, m)
			if _, twice := owner[at]; twice {
				owner[at] = nil
				continue
			}
			owner[at] = c.Files
		}
	}
	return owner
}

// moduleOf splits a path at the folder that Python modules are looked for in:
// that folder, and the module below it; "" when p is in no module's folder.
func moduleOf(p string) (site, module string) {
	for _, folder := range []string{"/site-packages/", "/dist-packages/"} {
		if i := strings.Index(p, folder); i >= 0 {
			site, rest := p[:i+len(folder)-1], p[i+len(folder):]
			if module, _, below := strings.Cut(rest, "/"); below {
				return site, module
			}
		}
	}
	return "", ""
}

// runs reports whether Python would run the file at p.
func runs(p string) bool {
	return slices.Contains([]string{".py", ".so", ".pth"}, path.Ext(p))
}
