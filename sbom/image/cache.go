package image

import (
	"bufio"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/tallyman/tallyman/internal/limit"
)

// analyserVersion counts the changes of what a layer's facts are. It goes up
// whenever the same layer gives other facts than before: TestAnalyserVersion
// holds the facts of a layer with everything against those kept with it.
const analyserVersion = 28

// Cache keeps what was read of layers in a folder, one file for each layer, so
// that a layer that several images share is read once. A file is named after
// the layer's two digests (of the bytes as stored and of the archive inside,
// of which reading the layer has proved that they belong together), the version
// of the analyser and the program. It is written beside its place and moved
// there, so that programs can share the folder, and it is checked when it is
// read: one that was altered or cut is dropped, and the layer is read again.
//
// The check finds accidents. Whoever can write to the folder can put facts
// there, as he could replace the program.
//
// All methods may be called by several goroutines. A nil Cache keeps nothing.
type Cache struct {
	root     *os.Root
	tool     string
	now      time.Time
	maxBytes int64
	written  atomic.Bool
}

// CacheOptions are the optional parts of NewCache. The zero value is usable.
type CacheOptions struct {
	// Tool is the version of the program. What another version kept is not
	// used.
	Tool string
	// Now is when a layer that is used counts as used, for Prune. The zero
	// value leaves it with the time at which it was read.
	Now time.Time
	// MaxBytes bounds all files together; 0 means limit.LayerCacheBytes.
	MaxBytes int64
}

// NewCache keeps facts in root, which the caller closes when no Read runs any
// more.
func NewCache(root *os.Root, opts CacheOptions) *Cache {
	if opts.MaxBytes <= 0 {
		opts.MaxBytes = limit.LayerCacheBytes
	}
	return &Cache{root: root, tool: opts.Tool, now: opts.Now, maxBytes: opts.MaxBytes}
}

// cacheKey says what the facts of a file are of.
type cacheKey struct {
	Analyser int    `json:"analyser"`
	Tool     string `json:"tool"`
	Digest   string `json:"digest"`
	DiffID   string `json:"diff_id"`
}

func (c *Cache) key(l layer) cacheKey {
	return cacheKey{Analyser: analyserVersion, Tool: c.tool, Digest: l.digest, DiffID: l.diffID}
}

// factsSuffix is what the names of finished files end in; those that are being
// written end in tempSuffix.
const (
	factsSuffix = ".facts"
	tempSuffix  = ".part"
)

// ourSuffixes are the ends of the names of all files that are pruned.
func ourSuffixes() []string {
	return []string{factsSuffix, tempSuffix, lockSuffix, seenSuffix, stackSuffix}
}

func (k cacheKey) file() string {
	sum := sha256.Sum256([]byte(strings.Join([]string{fmt.Sprint(k.Analyser), k.Tool, k.Digest, k.DiffID}, "\x00")))
	return hex.EncodeToString(sum[:]) + factsSuffix
}

// get returns the facts of l, nil when they are not there or not sound. The
// error says why they could not be read, and is for a note.
func (c *Cache) get(l layer) (*layerFacts, error) {
	if c == nil {
		return nil, nil
	}
	key := c.key(l)
	name := key.file()
	info, err := c.root.Lstat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%q in the layer cache is not a file", name)
	}
	f, err := c.root.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil // another program pruned it just now
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	facts, err := readFacts(f, key)
	if err != nil {
		c.root.Remove(name)
		return nil, nil
	}
	c.used(name)
	return facts, nil
}

// used notes when a file was used: only what is pruned first depends on it.
func (c *Cache) used(name string) {
	if !c.now.IsZero() {
		c.root.Chtimes(name, c.now, c.now)
	}
}

// put keeps the facts of l. When it fails there is nothing, or what was there.
func (c *Cache) put(l layer, facts *layerFacts) (err error) {
	if c == nil {
		return nil
	}
	key := c.key(l)
	name := key.file()
	temp := name + "." + rand.Text() + tempSuffix
	f, err := c.root.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			c.root.Remove(temp)
		}
	}()
	if err := errors.Join(writeFacts(f, key, facts), f.Close()); err != nil {
		return err
	}
	return c.publish(temp, name)
}

// publish gives a file that is finished its name. When another program pruned
// it just now, which needed the room, nothing is kept and nothing is wrong.
func (c *Cache) publish(temp, name string) error {
	c.used(temp)
	c.written.Store(true)
	if err := c.root.Rename(temp, name); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// prune removes the files that were not used for longest until the rest is
// within the bound, if anything was written since the last time.
func (c *Cache) prune() error {
	if c == nil || !c.written.Swap(false) {
		return nil
	}
	entries, err := fs.ReadDir(c.root.FS(), ".")
	if err != nil {
		return err
	}
	var files []fs.FileInfo
	var total int64
	for _, e := range entries {
		info, err := e.Info()
		ours := slices.ContainsFunc(ourSuffixes(), func(suffix string) bool { return strings.HasSuffix(e.Name(), suffix) })
		if err != nil || !ours || !info.Mode().IsRegular() {
			continue // another program removed it, or put it there
		}
		files = append(files, info)
		total += info.Size()
	}
	slices.SortFunc(files, func(a, b fs.FileInfo) int {
		if n := a.ModTime().Compare(b.ModTime()); n != 0 {
			return n
		}
		return strings.Compare(a.Name(), b.Name())
	})
	for _, f := range files {
		if total <= c.maxBytes {
			break
		}
		if err := c.root.Remove(f.Name()); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		total -= f.Size()
	}
	return nil
}

// factsWindowBytes is the window of the compression, and factsBufferBytes what
// is written and read at once.
const (
	factsWindowBytes = 1 << 20
	factsBufferBytes = 32 << 10
)

// writeFacts writes facts in the form that readFacts reads: compressed, the key
// and the facts, and the SHA-256 of that.
func writeFacts(w io.Writer, key cacheKey, facts *layerFacts) error {
	sum := sha256.New()
	z, err := zstd.NewWriter(io.MultiWriter(w, sum), zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(factsWindowBytes))
	if err != nil {
		return err
	}
	k := keeper{out: bufio.NewWriterSize(z, factsBufferBytes)}
	k.value(reflect.ValueOf(&key))
	k.value(reflect.ValueOf(facts))
	if err := errors.Join(k.err, k.out.Flush(), z.Close()); err != nil {
		return err
	}
	_, err = w.Write(sum.Sum(nil))
	return err
}

// errAltered is what readFacts ends with when a file is not as it was written.
var errAltered = errors.New("the facts were altered")

// readFacts reads what writeFacts wrote for key, and fails when one byte of it
// is another; nothing is taken from a file before that is known.
func readFacts(f *os.File, key cacheKey) (*layerFacts, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	size := info.Size() - sha256.Size
	if size < 0 || size > limit.LayerFactsBytes {
		return nil, errAltered
	}
	sum := sha256.New()
	if _, err := io.Copy(sum, io.NewSectionReader(f, 0, size)); err != nil {
		return nil, err
	}
	want := make([]byte, sha256.Size)
	if _, err := f.ReadAt(want, size); err != nil {
		return nil, err
	}
	if string(sum.Sum(nil)) != string(want) {
		return nil, errAltered
	}
	return decodeFacts(io.NewSectionReader(f, 0, size), key)
}

func decodeFacts(r io.Reader, key cacheKey) (*layerFacts, error) {
	z, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(factsWindowBytes))
	if err != nil {
		return nil, err
	}
	defer z.Close()
	t := taker{in: bufio.NewReaderSize(z, factsBufferBytes), left: limit.LayerFactsBytes}
	var got cacheKey
	if t.value(reflect.ValueOf(&got).Elem()); t.err != nil {
		return nil, t.err
	}
	if got != key {
		return nil, errAltered
	}
	var facts layerFacts
	if t.value(reflect.ValueOf(&facts).Elem()); t.err != nil {
		return nil, t.err
	}
	if _, err := t.in.ReadByte(); !errors.Is(err, io.EOF) || facts.Layer != key.Digest {
		return nil, errAltered
	}
	return &facts, nil
}
