package image

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"strings"

	"github.com/tallyman/tallyman/internal/limit"
)

// state is a root file system as far as it matters: what the layers so far
// leave visible.
type state struct {
	layers []string // digests, from the base up
	files  map[string]placed
	// dirs are the folders that must hold Python metadata, and the layer that
	// brought each.
	dirs map[string]int
	// hard are names of files that were not kept.
	hard map[string]int
	// tree has where all of these are, the links, the bits of modes, and the
	// contents of files.
	tree  *tree
	links int // how many the tree has
	// changes counts the links that came or went.
	changes int
	debs    debHistory
	proof   proofs
	gaps    []placedGap
	// pythonPath are the folders that the image's configuration tells Python to
	// look into.
	pythonPath []string
	// brought are the programs that the layer at hand has put in their places.
	brought map[string]bool
	// steps counts the work done, which a hostile image can multiply.
	steps int
}

// placed is a file and the index of the layer that brought its content.
type placed struct {
	*file
	layer int
}

// placedGap is a gap of a layer as a whole.
type placedGap struct {
	layer int
	at    int // index in the layer's Gaps
	facts *layerFacts
}

// squash lays the layers over one another, the base first. It fails when an
// image is made so that this takes more than limit.SquashSteps, or once ctx is
// done.
func squash(ctx context.Context, layers []*layerFacts) (*state, error) {
	s := &state{files: map[string]placed{}, dirs: map[string]int{}, hard: map[string]int{}, brought: map[string]bool{}, tree: newTree(), debs: debHistory{}, proof: newProofs()}
	for i, facts := range layers {
		s.layers = append(s.layers, facts.Layer)
		if err := s.lay(ctx, facts, i); err != nil {
			return nil, fmt.Errorf("laying layer %s over those below: %w", facts.Layer, err)
		}
	}
	return s, nil
}

// lay puts layer i over those below.
func (s *state) lay(ctx context.Context, facts *layerFacts, i int) error {
	before := maps.Clone(s.files) // to recognise those that the layer writes again as they were
	s.steps += 2 * len(before)
	for e := range facts.Gone.all() {
		if s.remove(e); s.tooMuch() {
			return s.excess()
		}
	}
	var last folder
	for e := range facts.Entries.all() {
		if s.apply(e, i, before, &last); s.tooMuch() {
			return s.excess()
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	for g := range facts.Gaps {
		s.gaps = append(s.gaps, placedGap{layer: i, at: g, facts: facts})
	}
	s.debs.update(s, i)
	if s.prove(facts, i); s.tooMuch() {
		return s.excess()
	}
	s.dropReplaced(i, before)
	clear(s.brought)
	return ctx.Err()
}

// tooMuch reports whether the image asks for more than an image may.
func (s *state) tooMuch() bool {
	return s.spent() || int(s.tree.count) > limit.ImagePaths || int(s.proof.count) > limit.ImageContents
}

// spent reports whether the steps of an image are used up.
func (s *state) spent() bool { return s.steps > limit.SquashSteps }

func (s *state) excess() error {
	return fmt.Errorf("%w of %d steps, %d paths and %d contents of files", limit.ErrTooLarge, limit.SquashSteps, limit.ImagePaths, limit.ImageContents)
}

// remove applies a whiteout of a layer, which is about the layers below alone,
// wherever in the archive it stands.
func (s *state) remove(e entry) {
	if e.Type == entryRemoved {
		if at, err := s.resolveParent(e.Path); err == nil {
			s.drop(s.tree.lookup(at))
		}
		return
	}
	if at, err := s.resolve(e.Path); err == nil {
		if n := s.tree.lookup(at); n != 0 {
			s.forget(n)
			s.dropUnder(n)
		}
	}
}

// apply puts one entry of layer i in its place. Folders above it that are links
// by now lead it to where they point, inside the root.
func (s *state) apply(e entry, i int, before map[string]placed, last *folder) {
	s.steps += 1 + len(e.Path)/8
	p, n := s.place(e.Path, last)
	writable, since := s.wasWritable(n)
	switch e.Type {
	case entryDir:
		if n != 0 {
			s.folderInstead(n, i)
		}
		if metadataDir(p) || storeFolder(p) {
			n = s.tree.put(p)
			if _, known := s.dirs[p]; !known {
				s.tree.set(n, heldDir)
				s.dirs[p] = i
			}
		}
	case entryLink:
		s.drop(n)
		n = s.tree.put(p)
		s.tree.set(n, heldLink)
		s.tree.at(n).target = s.tree.texts.add(e.Target)
		s.tree.at(n).layer = uint16(i)
		s.links++
		s.changes++
	case entryOther:
		s.drop(n)
	case entryFile:
		s.drop(n)
		s.put(p, placed{e.File, i}, before)
	case entryHard:
		s.hardLink(p, e.Target, i, before)
	}
	switch {
	case e.Mode == 0:
	case e.Type != entryDir:
		s.setMode(p, e.Mode, i)
	case writable:
		s.setMode(p, e.Mode|modeFolder, since) // every layer that puts something into a folder names it again
	default:
		s.setMode(p, e.Mode|modeFolder, i)
	}
}

// folderInstead puts a folder of layer i at a node: what is no folder there goes,
// and what is below stays.
func (s *state) folderInstead(n uint32, i int) {
	is := s.tree.at(n)
	if is.content != 0 || is.holds&(heldFile|heldLink|heldHard) != 0 {
		is.holds |= heldInstead
		is.layer = uint16(i)
	}
	s.dropSelf(n)
	is.content = 0
}

// place returns where an entry goes, and the node that is there, 0 for none.
func (s *state) place(p string, last *folder) (string, uint32) {
	name := s.folder(last, []byte(p))
	if last.node == 0 {
		at, err := s.resolveParent(p)
		if err != nil {
			at = p // a cycle: a runtime would fail; keep it where it says it is
		}
		return at, s.tree.lookup(at)
	}
	if last.at != last.path {
		p = last.at + "/" + string(name)
	}
	return p, s.tree.find(last.node, string(name))
}

// put stores a file. One that says the same as the file that was at its path
// in the layers below keeps that one's layer: a layer that only touches a file
// (its owner, its time) did not bring the package.
func (s *state) put(p string, f placed, before map[string]placed) {
	if old, was := before[p]; was && samePackage(old.file, f.file) {
		f.layer = old.layer
	}
	s.files[p] = f
	if f.Program != nil {
		s.brought[p] = true
	}
	s.tree.set(s.tree.put(p), heldFile)
}

func samePackage(a, b *file) bool {
	return a.Kind == b.Kind && a.Package != nil && b.Package != nil && *a.Package == *b.Package
}

func (s *state) hardLink(p, target string, i int, before map[string]placed) {
	at, err := s.resolveParent(target)
	known, kept := s.files[at]
	if !kept && before[at].file != nil && before[at].Program != nil {
		known, kept = before[at], true // the layer removes the name that it links to
	}
	s.drop(s.tree.lookup(p))
	if err == nil && kept {
		if linked := known.linkedAs(kindOf(p)); linked != nil {
			s.put(p, placed{linked, i}, before)
			return
		}
	}
	s.hard[p] = i
	s.tree.set(s.tree.put(p), heldHard)
}

// drop removes what is at a node and below it.
func (s *state) drop(n uint32) {
	if n == 0 {
		return
	}
	s.forget(n)
	s.dropSelf(n)
	if s.tree.at(n).holds&heldDir != 0 {
		delete(s.dirs, s.tree.path(n))
		s.tree.clear(n, heldDir)
	}
	s.dropUnder(n)
}

// dropSelf removes a file or a link at a node, not a folder.
func (s *state) dropSelf(n uint32) {
	if n == 0 {
		return
	}
	is := s.tree.at(n)
	if is.holds&heldFile != 0 {
		delete(s.files, s.tree.path(n))
	}
	if is.holds&heldLink != 0 {
		s.links--
		s.changes++
	}
	if is.holds&heldHard != 0 {
		delete(s.hard, s.tree.path(n))
	}
	for _, what := range [...]held{heldFile, heldLink, heldHard, heldMode} {
		s.tree.clear(n, what)
	}
	is.mode, is.target = 0, 0
}

// dropUnder removes what is below a node.
func (s *state) dropUnder(top uint32) {
	if s.tree.at(top).under == 0 {
		return
	}
	for n := s.tree.at(top).child; n != 0; n = s.tree.at(n).next {
		s.steps++
		s.drop(n)
	}
}

// forget notes that the layer at hand removes the contents that those below it
// have at a node and below it.
func (s *state) forget(n uint32) { s.tree.at(n).gone = uint16(len(s.layers)) }

// link returns the target of the link at p, as written.
func (s *state) link(p string) (target string, is bool) {
	n := s.tree.lookup(p)
	if n == 0 || s.tree.at(n).holds&heldLink == 0 {
		return "", false
	}
	return s.tree.texts.text(s.tree.at(n).target), true
}

// maxHops is how many links a path may lead through, as on Linux.
// https://man7.org/linux/man-pages/man7/path_resolution.7.html
const maxHops = 40

var errTooManyLinks = errors.New("too many links")

// resolveParent resolves the folders above p, not p itself.
func (s *state) resolveParent(p string) (string, error) {
	end := strings.LastIndexByte(p, '/')
	if s.links == 0 || end <= 0 || s.plain(p[:end]) {
		return p, nil
	}
	dir, err := s.resolve(p[:end])
	return path.Join(dir, p[end:]), err
}

// plain reports whether no name of a path is a link.
func (s *state) plain(p string) bool {
	n, rest := uint32(rootNode), strings.TrimPrefix(p, "/")
	for rest != "" {
		var name string
		name, rest, _ = strings.Cut(rest, "/")
		s.steps++
		if n = s.tree.find(n, name); n == 0 {
			return true
		}
		if s.tree.at(n).holds&heldLink != 0 {
			return false
		}
	}
	return true
}

// resolve follows the links in p, which is absolute and clean, within the root.
// Once the image has asked for more work than an image may it fails, so that
// what is done with a state whose layers are all there is bounded too.
func (s *state) resolve(p string) (string, error) {
	if s.links == 0 || s.plain(p) {
		return p, nil
	}
	if s.spent() {
		return p, s.excess()
	}
	done, rest := "/", strings.TrimPrefix(p, "/")
	for hops := 0; rest != ""; {
		var name string
		name, rest, _ = strings.Cut(rest, "/")
		s.steps += 1 + len(done)/8 // as long as it takes to look that up
		switch name {
		case "", ".":
			continue
		case "..":
			done = path.Dir(done)
			continue
		}
		next := path.Join(done, name)
		target, link := s.link(next)
		if !link {
			done = next
			continue
		}
		if hops++; hops > maxHops {
			return p, errTooManyLinks
		}
		if strings.HasPrefix(target, "/") {
			done = "/"
		}
		rest = target + "/" + rest
	}
	return done, nil
}
