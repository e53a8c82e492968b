package image

import (
	"cmp"
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/tallyman/tallyman/sbom"
)

// scans reads the layers of one image.
type scans struct {
	cache *Cache

	mu    sync.Mutex
	known int   // layers that the cache had
	err   error // the first that the cache made
}

// all returns the facts of the layers, of which several are read at a time,
// each distinct one once.
func (s *scans) all(ctx context.Context, layers []layer, parallel int) ([]*layerFacts, error) {
	if parallel <= 0 {
		parallel = min(4, runtime.GOMAXPROCS(0))
	}
	facts := make([]*layerFacts, len(layers))
	first := map[[2]string]int{}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(parallel)
	for _, i := range largestFirst(layers) {
		l := layers[i]
		key := [2]string{l.digest, l.diffID}
		if _, seen := first[key]; seen {
			continue
		}
		first[key] = i
		group.Go(func() (err error) {
			facts[i], err = s.one(ctx, l)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	for i, l := range layers {
		facts[i] = facts[first[[2]string{l.digest, l.diffID}]]
	}
	return facts, nil
}

// largestFirst returns the indices of layers in the order in which to begin
// them, so that none that takes long is left for the end.
func largestFirst(layers []layer) []int {
	order := make([]int, len(layers))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(layers[b].size, layers[a].size) })
	return order
}

// one takes the facts of a layer from the cache, or reads the layer and keeps
// them. A cache that does not work costs time and nothing else.
func (s *scans) one(ctx context.Context, l layer) (*layerFacts, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if l.closed != "" {
		return &layerFacts{Layer: l.digest, Gaps: []sbom.Gap{sbom.NewGap(sbom.GapImage, "", 0, l.closed)}}, nil
	}
	if facts := s.kept(l); facts != nil {
		return facts, nil
	}
	return s.read(ctx, l)
}

// read reads a layer and keeps its facts, unless another reader did since they
// were looked for: that one may be done before this one asks for the lock.
func (s *scans) read(ctx context.Context, l layer) (*layerFacts, error) {
	defer s.cache.lock(ctx, l)()
	if facts := s.kept(l); facts != nil {
		return facts, nil
	}
	facts, err := scanLayer(ctx, l)
	if err != nil {
		return nil, err
	}
	s.failed(s.cache.put(l, facts))
	return facts, nil
}

// kept takes the facts of a layer from the cache, nil when it has none.
func (s *scans) kept(l layer) *layerFacts {
	facts, err := s.cache.get(l)
	s.failed(err)
	if facts != nil {
		s.mu.Lock()
		s.known++
		s.mu.Unlock()
	}
	return facts
}

// failed notes what went wrong with the cache.
func (s *scans) failed(err error) {
	if err != nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.err = cmp.Or(s.err, fmt.Errorf("the layer cache: %w", err))
	}
}
