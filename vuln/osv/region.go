package osv

import (
	"crypto/sha256"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
)

// region is the bytes of a snapshot of which every block is checked against
// the hash tree before its first use. It is safe for concurrent use.
type region struct {
	// data is the whole file, mapped or in memory; nil when it is read.
	data []byte
	file io.ReaderAt
	head *header
	// levels[0] is the body, levels[1] the hashes of its blocks and so on.
	levels []span
	// checked has a bit for each block of the file that was found good.
	checked []atomic.Uint64
	// cache has good blocks of a file that is read, by number.
	mu    sync.Mutex
	cache map[int64][]byte
}

// maxCachedBlocks bounds the cache of a snapshot that is not mapped.
const maxCachedBlocks = 8192

func newRegion(data []byte, file io.ReaderAt, head *header) *region {
	r := &region{data: data, file: file, head: head, checked: make([]atomic.Uint64, head.fileSize/blockBytes/64+1)}
	at := int64(blockBytes)
	r.levels = append(r.levels, span{at, head.bodySize})
	at += head.bodySize
	for _, blocks := range treeLevels(head.bodySize) {
		r.levels = append(r.levels, span{at, blocks * blockBytes})
		at += blocks * blockBytes
	}
	if data == nil {
		r.cache = map[int64][]byte{}
	}
	return r
}

// read returns n bytes of the body from file offset off. They must not be
// changed, and are gone once the snapshot is closed.
func (r *region) read(off, n int64) ([]byte, error) { return r.readLevel(0, off, n) }

func (r *region) readLevel(level int, off, n int64) ([]byte, error) {
	s := r.levels[level]
	if n < 0 || off < s.off || n > s.len || off-s.off > s.len-n {
		return nil, fmt.Errorf("%w: it points outside itself", ErrDamaged)
	}
	if n == 0 {
		return nil, nil
	}
	first, last := off/blockBytes, (off+n-1)/blockBytes
	if r.data != nil {
		for b := first; b <= last; b++ {
			if _, err := r.block(level, b); err != nil {
				return nil, err
			}
		}
		return r.data[off : off+n : off+n], nil
	}
	if first == last {
		block, err := r.block(level, first)
		if err != nil {
			return nil, err
		}
		return block[off%blockBytes:][:n:n], nil
	}
	out := make([]byte, 0, (last-first+1)*blockBytes)
	for b := first; b <= last; b++ {
		block, err := r.block(level, b)
		if err != nil {
			return nil, err
		}
		out = append(out, block...)
	}
	return out[off%blockBytes:][:n:n], nil
}

// block returns a block of the file, numbered from the start of the file,
// after checking it.
func (r *region) block(level int, number int64) ([]byte, error) {
	word, bit := &r.checked[number/64], uint64(1)<<(number%64)
	if r.data != nil {
		block := r.data[number*blockBytes:][:blockBytes]
		if word.Load()&bit != 0 {
			return block, nil
		}
		if err := r.check(level, number, block); err != nil {
			return nil, err
		}
		word.Or(bit)
		return block, nil
	}
	r.mu.Lock()
	block := r.cache[number]
	r.mu.Unlock()
	if block != nil {
		return block, nil
	}
	block = make([]byte, blockBytes)
	if _, err := r.file.ReadAt(block, number*blockBytes); err != nil {
		return nil, fmt.Errorf("reading the advisory snapshot: %w", err)
	}
	if err := r.check(level, number, block); err != nil {
		return nil, err
	}
	r.mu.Lock()
	if len(r.cache) >= maxCachedBlocks {
		clear(r.cache)
	}
	r.cache[number] = block
	r.mu.Unlock()
	return block, nil
}

// check holds a block against its hash, which is in the level above or, for
// the top block, in the header.
func (r *region) check(level int, number int64, block []byte) error {
	want := r.head.root[:]
	if level < len(r.levels)-1 {
		index := number - r.levels[level].off/blockBytes
		var err error
		if want, err = r.readLevel(level+1, r.levels[level+1].off+index*hashBytes, hashBytes); err != nil {
			return err
		}
	}
	if sha256.Sum256(block) != [hashBytes]byte(want) {
		return fmt.Errorf("%w: block %d is not what was written", ErrDamaged, number)
	}
	return nil
}
