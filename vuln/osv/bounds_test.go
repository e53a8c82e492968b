package osv

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/tallyman/tallyman/internal/limit"
)

// TestBoundsOfFiles: what is too large is refused with its reason, and what
// just fits is kept whole.
func TestBoundsOfFiles(t *testing.T) {
	record := func(id, details string) string {
		return fmt.Sprintf(`{"id":%q,"modified":"2025-01-01T00:00:00Z","details":%q,"affected":[{"package":{"ecosystem":"PyPI","name":"a"}}]}`, id, details)
	}
	largest := record("X-1", strings.Repeat("x", limit.AdvisoryBytes-len(record("X-1", ""))))
	w := world{"PyPI": {
		"X-1.json":                             largest,
		strings.Repeat("n", limit.PathBytes):   record("X-2", ""),
		strings.Repeat("n", limit.PathBytes+1): record("X-3", ""),
		"id.json":                              record(strings.Repeat("i", maxIDBytes), ""),
		"longid":                               record(strings.Repeat("i", maxIDBytes+1), ""),
	}}
	db, err := openBytes(w.build(t))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := db.Original(t.Context(), "X-1"); err != nil || string(got) != largest {
		t.Errorf("the largest record: %d bytes, %v", len(got), err)
	}
	for id, want := range map[string]bool{"X-2": true, "X-3": false, strings.Repeat("i", maxIDBytes): true, strings.Repeat("i", maxIDBytes+1): false} {
		if a, err := db.Get(t.Context(), id); err != nil || (a != nil) != want {
			t.Errorf("%.10s: %v, %v", id, a, err)
		}
	}
	refused, err := db.Refused()
	if err != nil || len(refused) != 2 {
		t.Errorf("refused %+v, %v", refused, err)
	}
}

// TestChunkBomb: a chunk that says, or does not say, that it inflates to more
// than a chunk may hold is damage.
func TestChunkBomb(t *testing.T) {
	bomb := newPacker().pack(make([]byte, limit.AdvisoryChunkBytes+1)).packed
	for name, says := range map[string]int{"and says so": limit.AdvisoryChunkBytes + 1, "and denies it": 100} {
		b := newBuilder([]source{{name: "PyPI"}})
		in, err := b.packer.accept("PyPI", "X-1.json", []byte(`{"id":"X-1","modified":"2025-01-01T00:00:00Z","affected":[{"package":{"ecosystem":"PyPI","name":"a"}}]}`))
		if err != nil {
			t.Fatal(err)
		}
		if err := b.add("PyPI", in); err != nil {
			t.Fatal(err)
		}
		db, err := openBytes(withChunk(t, b, bomb, says))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := db.Original(t.Context(), "X-1"); !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// withChunk writes a snapshot of one file with another chunk in its place.
func withChunk(t *testing.T, b *builder, packed []byte, says int) []byte {
	t.Helper()
	tables, list, err := b.tables()
	if err != nil {
		t.Fatal(err)
	}
	tables.u32(sectionChunks, 0, 1)
	tables.u64(sectionChunks, 0)
	tables.u32(sectionChunks, len(packed), says)
	tables.sections[sectionOriginals] = packed
	tables.sections[sectionBlobs] = list[0].blob
	var body bytes.Buffer
	out := &blockWriter{w: &body}
	h := &header{compiler: compilerVersion}
	for i, s := range tables.sections {
		h.sections[i] = span{off: blockBytes + out.written, len: int64(len(s))}
		out.write(s)
	}
	out.pad()
	tree, root := buildTree(out.leaves)
	h.bodySize, h.root = out.written, root
	h.fileSize = blockBytes + h.bodySize + int64(len(tree))
	return append(append(h.encode(), body.Bytes()...), tree...)
}
