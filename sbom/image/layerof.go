package image

import (
	"cmp"
	"hash/maphash"
	"path"
	"slices"
	"strings"

	"github.com/tallyman/tallyman/sbom"
)

// placedPath is a path of which something is said, and the layer that made it
// so.
type placedPath struct {
	path  string
	layer int
}

// madeSo returns the layer that made the path p what it is: the topmost of
// those that brought its content, or a link on the way there, or that removed
// it or a folder above it, or put a folder in its place. Who names a base
// believes what the base brings, so of several layers it is never the lower one.
func (s *state) madeSo(p string) int {
	if s.spent() {
		return len(s.layers) - 1
	}
	top := 0
	n, rest := uint32(rootNode), strings.TrimPrefix(p, "/")
	for hops := 0; rest != "" && n != 0; {
		var name string
		name, rest, _ = strings.Cut(rest, "/")
		s.steps++
		switch name {
		case "", ".":
			continue
		case "..":
			n = max(s.tree.at(n).parent, rootNode)
			continue
		}
		if n = s.tree.find(n, name); n == 0 {
			break
		}
		is := s.tree.at(n)
		if top = max(top, int(is.gone)-1); is.content != 0 {
			top = max(top, int(s.proof.at(is.content).layer))
		}
		if is.holds&(heldLink|heldInstead) != 0 {
			top = max(top, int(is.layer))
		}
		if is.holds&heldLink == 0 {
			continue
		}
		if hops++; hops > maxHops {
			return len(s.layers) - 1 // in a circle, which each of them may have closed
		}
		target := s.tree.texts.text(is.target)
		if n = is.parent; strings.HasPrefix(target, "/") {
			n = rootNode
		}
		rest = target + "/" + rest
	}
	return top
}

// leading returns the topmost layer of the links that lead to a list.
func (s *state) leading(list string) int {
	if _, link := s.link(list); link {
		return s.madeSo(list)
	}
	return s.madeSo(path.Dir(list))
}

// since returns the layer that brought what a list says: of one that was there
// before with the same lines, as a database has that every layer writes anew,
// the layer of that one.
func (p *proofs) since(key [2]string, now *proof, i int) int {
	before, known := p.lists[key]
	if !known || before.Alg != now.Alg || before.Same.Count+before.Rest.Count != now.Same.Count+now.Rest.Count {
		return i
	}
	if before.lines(p.seed) != now.lines(p.seed) {
		return i
	}
	return before.since
}

// lines is a number that lists with the same lines have, in whatever order, and
// that nobody can find another list for who does not know the seed.
func (p *proof) lines(seed maphash.Seed) (sum uint64) {
	var h maphash.Hash
	h.SetSeed(seed)
	for _, list := range []*sumList{&p.Same, &p.Rest} {
		for at, sums := range list.raw() {
			h.Reset()
			h.Write(at)
			h.WriteByte(0)
			h.Write(sums.of(p.Alg))
			sum += h.Sum64()
		}
	}
	return sum
}

// bound sorts paths, and cuts the list; the topmost layers' stay, since what
// lies below may be a base's, which who judges only what was added is milder
// about. It returns how many are left out.
func bound(list []placedPath) (kept []placedPath, more int) {
	slices.SortFunc(list, func(a, b placedPath) int {
		return cmp.Or(strings.Compare(a.path, b.path), cmp.Compare(b.layer, a.layer))
	})
	list = slices.CompactFunc(list, func(a, b placedPath) bool { return a.path == b.path })
	if more = len(list) - sbom.FilesNamed; more <= 0 {
		return list, 0
	}
	slices.SortStableFunc(list, func(a, b placedPath) int { return cmp.Compare(b.layer, a.layer) })
	list = list[:sbom.FilesNamed]
	slices.SortFunc(list, func(a, b placedPath) int { return strings.Compare(a.path, b.path) })
	return list, more
}

// name writes a bounded list into what is known of the files of a package, and
// where each is from.
func (b *builder) name(f *sbom.Files, to *[]string, list []placedPath) {
	list, more := bound(list)
	f.Unnamed += more
	for _, p := range list {
		*to = append(*to, p.path)
		f.Locations = append(f.Locations, sbom.Location{File: p.path, Layer: b.layers[p.layer]})
	}
	slices.SortFunc(f.Locations, func(a, b sbom.Location) int { return strings.Compare(a.File, b.File) })
}
