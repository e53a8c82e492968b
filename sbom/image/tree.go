package image

import (
	"encoding/binary"
	"hash/maphash"
	"iter"
	"strings"
)

// tree holds what the layers say of paths, a node for each name of a folder. A
// layer may have millions of them, so nodes are numbers and not pointers, a
// folder's name is kept once, and nothing is moved when the tree grows.
//
// Nodes stay when what they held is gone, until the tree is.
type tree struct {
	nodes [][]node
	count uint32
	texts arena
	table []uint32 // node by folder and name: open addressing, 0 for none
	seed  maphash.Seed
}

// node is a name in a folder. Zero numbers are no node, text or content.
type node struct {
	parent, child, next uint32 // child is the first one, next one of the same folder
	name, target        uint32 // in texts; target is a link's
	content             uint32 // in the contents of proofs
	under               uint32 // how many nodes below hold something
	mode                uint16 // the bits that modeOf keeps
	gone                uint16 // 1 and the layer that last removed what was here and below, 0 for none
	layer               uint16 // that brought the link or the mode, or the folder instead of a file or link
	holds               held
}

// held says what of a state is at a node.
type held uint8

const (
	heldFile held = 1 << iota // in files
	heldLink
	heldDir  // in dirs
	heldHard // in hard
	heldMode
	// heldInstead says that a folder took the place of a file or a link. It stays
	// and does not count as something that is held.
	heldInstead
)

// rootNode is the node of "/".
const rootNode = 1

// nodesChunk is how many nodes are made at once.
const nodesChunk = 1024

func newTree() *tree {
	t := &tree{seed: maphash.MakeSeed(), table: make([]uint32, 1024)}
	t.texts.add("") // so that no text is at 0
	t.make(0, "")   // no node
	t.make(0, "")   // the root
	return t
}

func (t *tree) at(n uint32) *node { return &t.nodes[n/nodesChunk][n%nodesChunk] }

func (t *tree) make(parent uint32, name string) uint32 {
	n := t.count
	if n%nodesChunk == 0 {
		t.nodes = append(t.nodes, make([]node, nodesChunk))
	}
	t.count++
	*t.at(n) = node{parent: parent, name: t.texts.add(name)}
	return n
}

// slot is where the table has the child of a folder, or would have it.
func (t *tree) slot(parent uint32, name string) int {
	mask := uint64(len(t.table) - 1)
	h := (maphash.String(t.seed, name) ^ uint64(parent)) * 0x9e3779b97f4a7c15
	for i := h >> 32; ; i++ {
		n := t.table[i&mask]
		if n == 0 {
			return int(i & mask)
		}
		if is := t.at(n); is.parent == parent && t.texts.is(is.name, name) {
			return int(i & mask)
		}
	}
}

// find returns a folder's child, 0 for none.
func (t *tree) find(parent uint32, name string) uint32 { return t.table[t.slot(parent, name)] }

// grow finds or makes a folder's child.
func (t *tree) grow(parent uint32, name string) uint32 {
	at := t.slot(parent, name)
	if n := t.table[at]; n != 0 {
		return n
	}
	n := t.make(parent, name)
	t.table[at] = n
	folder := t.at(parent)
	t.at(n).next, folder.child = folder.child, n
	if int(t.count)*4 > len(t.table)*3 {
		old := t.table
		t.table = make([]uint32, 2*len(old))
		for _, n := range old {
			if n != 0 {
				t.table[t.slot(t.at(n).parent, t.texts.text(t.at(n).name))] = n
			}
		}
	}
	return n
}

// lookup returns the node of a path that is absolute and clean, 0 for none.
func (t *tree) lookup(p string) uint32 {
	n, rest := uint32(rootNode), p[1:]
	for rest != "" && n != 0 {
		var name string
		name, rest, _ = strings.Cut(rest, "/")
		n = t.find(n, name)
	}
	return n
}

// put finds or makes the node of a path.
func (t *tree) put(p string) uint32 {
	n, rest := uint32(rootNode), p[1:]
	for rest != "" {
		var name string
		name, rest, _ = strings.Cut(rest, "/")
		n = t.grow(n, name)
	}
	return n
}

// path returns the path of a node.
func (t *tree) path(n uint32) string {
	if n == rootNode {
		return "/"
	}
	var names []string
	size := 0
	for ; n != rootNode; n = t.at(n).parent {
		name := t.texts.text(t.at(n).name)
		names = append(names, name)
		size += 1 + len(name)
	}
	var b strings.Builder
	b.Grow(size)
	for i := len(names) - 1; i >= 0; i-- {
		b.WriteByte('/')
		b.WriteString(names[i])
	}
	return b.String()
}

// all are the nodes that hold something, in no order that matters.
func (t *tree) all(what held) iter.Seq2[uint32, *node] {
	return func(yield func(uint32, *node) bool) {
		for n := uint32(rootNode); n < t.count; n++ {
			if is := t.at(n); is.holds&what != 0 && !yield(n, is) {
				return
			}
		}
	}
}

// set says that n holds something more.
func (t *tree) set(n uint32, what held) {
	is := t.at(n)
	if is.holds&what == 0 {
		is.holds |= what
		t.count1(is.parent, 1)
	}
}

// clear says that n holds something no more.
func (t *tree) clear(n uint32, what held) {
	is := t.at(n)
	if is.holds&what != 0 {
		is.holds &^= what
		t.count1(is.parent, ^uint32(0))
	}
}

// count1 adds to the counters of a folder and those above.
func (t *tree) count1(n uint32, add uint32) {
	for ; n != 0; n = t.at(n).parent {
		t.at(n).under += add
	}
}

// arena keeps texts in chunks. The zero value is empty.
type arena struct {
	chunks [][]byte
}

// arenaBytes is the size of a chunk; an offset has that of the chunk's place
// and the place in the chunk.
const arenaBytes = 1 << 16

// add keeps s, which is shorter than a chunk, and returns where it is.
func (a *arena) add(s string) uint32 {
	var head [binary.MaxVarintLen32]byte
	size := binary.PutUvarint(head[:], uint64(len(s)))
	last := len(a.chunks) - 1
	if last < 0 || len(a.chunks[last])+size+len(s) > arenaBytes {
		a.chunks = append(a.chunks, make([]byte, 0, arenaBytes))
		last++
	}
	c := a.chunks[last]
	at := len(c)
	a.chunks[last] = append(append(c, head[:size]...), s...)
	return uint32(last*arenaBytes + at)
}

func (a *arena) bytes(at uint32) []byte {
	chunk := a.chunks[at/arenaBytes][at%arenaBytes:]
	n, size := binary.Uvarint(chunk)
	return chunk[size : size+int(n)]
}

func (a *arena) text(at uint32) string { return string(a.bytes(at)) }

func (a *arena) is(at uint32, s string) bool { return string(a.bytes(at)) == s }
