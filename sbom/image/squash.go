package image

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/tallyman/tallyman/internal/limit"
)

// state is a root file system as far as it matters: what the layers so far
// leave visible.
type state struct {
	layers []string // digests, from the base up
	files  map[string]placed
	links  map[string]string
	// dirs are the folders that must hold Python metadata, and the layer that
	// brought each.
	dirs map[string]int
	// hard are names of files that were not kept.
	hard map[string]int
	// modes are the bits that modeOf keeps of what is there.
	modes map[string]uint16
	// under counts what of files, links, dirs, hard and modes is below each
	// folder.
	under map[string]int
	debs  debHistory
	proof proofs
	gaps  []placedGap
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
	s := &state{
		files: map[string]placed{}, links: map[string]string{}, dirs: map[string]int{}, hard: map[string]int{},
		modes: map[string]uint16{}, under: map[string]int{}, debs: debHistory{}, proof: newProofs(),
	}
	for i, facts := range layers {
		s.layers = append(s.layers, facts.Layer)
		before := s.snapshot()
		s.remove(facts)
		for _, e := range facts.Entries {
			if s.apply(e, i, before); s.steps > limit.SquashSteps {
				return nil, fmt.Errorf("laying layer %s over those below: %w of %d steps", facts.Layer, limit.ErrTooLarge, limit.SquashSteps)
			}
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		for g := range facts.Gaps {
			s.gaps = append(s.gaps, placedGap{layer: i, at: g, facts: facts})
		}
		s.debs.update(s, i)
		s.prove(facts, i)
	}
	return s, nil
}

// snapshot returns the files below a layer, to recognise those that the layer
// writes again as they were.
func (s *state) snapshot() map[string]placed {
	before := make(map[string]placed, len(s.files))
	for p, f := range s.files {
		before[p] = f
	}
	return before
}

// remove applies the whiteouts of a layer, which are about the layers below
// alone, wherever in the archive they stand.
func (s *state) remove(facts *layerFacts) {
	for _, p := range facts.Removed {
		if s.steps > limit.SquashSteps {
			return
		}
		if at, err := s.resolveParent(p); err == nil {
			s.drop(at)
		}
	}
	for _, p := range facts.Opaque {
		if s.steps > limit.SquashSteps {
			return
		}
		if at, err := s.resolve(p); err == nil {
			s.proof.gone[at] = len(s.layers) - 1
			s.dropUnder(at)
		}
	}
}

// apply puts one entry of layer i in its place. Folders above it that are links
// by now lead it to where they point, inside the root.
func (s *state) apply(e entry, i int, before map[string]placed) {
	p, err := s.resolveParent(e.Path)
	if err != nil {
		p = e.Path // a cycle: a runtime would fail; keep it where it says it is
	}
	defer func() { s.setMode(p, e.Mode) }()
	switch e.Type {
	case entryDir:
		s.dropSelf(p)
		delete(s.proof.contents, p)
		if metadataDir(p) {
			if _, known := s.dirs[p]; !known {
				s.count(p, 1)
				s.dirs[p] = i
			}
		}
	case entryLink:
		s.drop(p)
		s.links[p] = e.Target
		s.count(p, 1)
	case entryOther:
		s.drop(p)
	case entryFile:
		s.drop(p)
		s.put(p, placed{e.File, i}, before)
	case entryHard:
		s.hardLink(p, e.Target, i, before)
	}
}

// put stores a file. One that says the same as the file that was at its path
// in the layers below keeps that one's layer: a layer that only touches a file
// (its owner, its time) did not bring the package.
func (s *state) put(p string, f placed, before map[string]placed) {
	if old, was := before[p]; was && samePackage(old.file, f.file) {
		f.layer = old.layer
	}
	s.files[p] = f
	s.count(p, 1)
}

func samePackage(a, b *file) bool {
	return a.Kind == b.Kind && a.Package != nil && b.Package != nil && *a.Package == *b.Package
}

func (s *state) hardLink(p, target string, i int, before map[string]placed) {
	at, err := s.resolveParent(target)
	known, kept := s.files[at]
	s.drop(p)
	if err == nil && kept && known.Kind == kindOf(p) {
		s.put(p, placed{known.file, i}, before)
		return
	}
	s.hard[p] = i
	s.count(p, 1)
}

// count adds n to the counters of all folders above p.
func (s *state) count(p string, n int) {
	for p != "/" {
		p = path.Dir(p)
		if s.under[p] += n; s.under[p] == 0 {
			delete(s.under, p)
		}
	}
}

// drop removes what is at p and below it.
func (s *state) drop(p string) {
	s.proof.gone[p] = len(s.layers) - 1
	s.dropSelf(p)
	if _, dir := s.dirs[p]; dir {
		delete(s.dirs, p)
		s.count(p, -1)
	}
	s.dropUnder(p)
}

// dropSelf removes a file or a link at p, not a folder.
func (s *state) dropSelf(p string) {
	if _, ok := s.files[p]; ok {
		delete(s.files, p)
		s.count(p, -1)
	}
	if _, ok := s.links[p]; ok {
		delete(s.links, p)
		s.count(p, -1)
	}
	if _, ok := s.hard[p]; ok {
		delete(s.hard, p)
		s.count(p, -1)
	}
	s.setMode(p, 0)
}

// dropUnder removes what is below p.
func (s *state) dropUnder(p string) {
	if s.under[p] == 0 {
		return
	}
	s.steps += len(s.files) + len(s.links) + len(s.dirs) + len(s.hard) + len(s.modes)
	prefix := strings.TrimSuffix(p, "/") + "/"
	dropIn(s, s.files, prefix)
	dropIn(s, s.links, prefix)
	dropIn(s, s.dirs, prefix)
	dropIn(s, s.hard, prefix)
	dropIn(s, s.modes, prefix)
}

func dropIn[V any](s *state, m map[string]V, prefix string) {
	for p := range m {
		if strings.HasPrefix(p, prefix) {
			delete(m, p)
			s.count(p, -1)
		}
	}
}

// maxHops is how many links a path may lead through, as on Linux.
// https://man7.org/linux/man-pages/man7/path_resolution.7.html
const maxHops = 40

var errTooManyLinks = errors.New("too many links")

// resolveParent resolves the folders above p, not p itself.
func (s *state) resolveParent(p string) (string, error) {
	if len(s.links) == 0 {
		return p, nil
	}
	dir, err := s.resolve(path.Dir(p))
	return path.Join(dir, path.Base(p)), err
}

// resolve follows the links in p, which is absolute and clean, within the root.
func (s *state) resolve(p string) (string, error) {
	done, rest := "/", strings.TrimPrefix(p, "/")
	for hops := 0; rest != ""; {
		var name string
		name, rest, _ = strings.Cut(rest, "/")
		s.steps++
		switch name {
		case "", ".":
			continue
		case "..":
			done = path.Dir(done)
			continue
		}
		next := path.Join(done, name)
		target, link := s.links[next]
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
