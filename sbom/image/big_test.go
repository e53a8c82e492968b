//go:build unix

package image

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/klauspost/compress/gzip"
)

// bigPeakBytes is what a process may take that reads one layer with a million
// entries, or one of 8 GB, with the layer cache and without any setting of the
// garbage collector.
const bigPeakBytes = 300 << 20

// bigShapes are layers with a million entries, one function each that writes
// entry i, and the number of entries. They are made as they are read.
var bigShapes = map[string]bigShape{
	"flat":       {1_000_000, func(b *bigTar, i int) { b.entry('0', fmt.Sprintf("f%07d", i), "", 0o644, nil) }},
	"shallow":    {1_000_000, func(b *bigTar, i int) { b.entry('0', fmt.Sprintf("data/f%07d", i), "", 0o644, nil) }},
	"deep":       {1_000_000, func(b *bigTar, i int) { b.entry('0', fmt.Sprintf("opt/%03d/%03d/f", i/1000, i%1000), "", 0o644, nil) }},
	"usr":        {1_000_000, func(b *bigTar, i int) { b.entry('0', fmt.Sprintf("usr/share/a/b/f%07d", i), "", 0o644, nil) }},
	"long names": {1_000_000, func(b *bigTar, i int) { b.entry('0', fmt.Sprintf("data/%0240d", i), "", 0o644, nil) }},
	"symlinks": {1_000_000, func(b *bigTar, i int) {
		b.entry('2', fmt.Sprintf("usr/lib/links/l%07d", i), fmt.Sprintf("../target/t%07d", i), 0o777, nil)
	}},
	"long symlinks": {1_000_000, func(b *bigTar, i int) {
		b.entry('2', fmt.Sprintf("data/%0200d", i), fmt.Sprintf("../%090d", i), 0o777, nil)
	}},
	"hard links":  {1_000_000, func(b *bigTar, i int) { b.entry('1', fmt.Sprintf("usr/lib/hard/h%07d", i), "usr/lib/one", 0o644, nil) }},
	"folders":     {1_000_000, func(b *bigTar, i int) { b.entry('5', fmt.Sprintf("srv/d%07d", i), "", 0o755, nil) }},
	"metadata":    {1_000_000, func(b *bigTar, i int) { b.entry('5', fmt.Sprintf("srv/d%07d.dist-info", i), "", 0o755, nil) }},
	"writable":    {1_000_000, func(b *bigTar, i int) { b.entry('5', fmt.Sprintf("app/d%07d", i), "", 0o777, nil) }},
	"whiteouts":   {1_000_000, func(b *bigTar, i int) { b.entry('0', fmt.Sprintf("usr/lib/gone/.wh.f%07d", i), "", 0o644, nil) }},
	"opaque":      {1_000_000, func(b *bigTar, i int) { b.entry('0', fmt.Sprintf("usr/lib/d%07d/.wh..wh..opq", i), "", 0o644, nil) }},
	"setuid":      {1_000_000, func(b *bigTar, i int) { b.entry('0', fmt.Sprintf("opt/x/y/z/s%07d", i), "", 0o4755, nil) }},
	"owned":       {1_000_000 + bigRecords, bigOwned},
	"npm":         {1_000_000, bigNPM},
	"wheels":      {1_000_000, bigWheel},
	"paths":       {1_000_000, bigPaths},
	"jars":        {1_000_000, func(b *bigTar, i int) { b.entry('0', fmt.Sprintf("opt/%04d/f%07d.jar", i%5000, i), "", 0o644, nil) }},
	"store":       {1_000_000, func(b *bigTar, i int) { b.entry('5', fmt.Sprintf("nix/store/%032d-p", i), "", 0o755, nil) }},
	"zeros":       {8 << 4, func(b *bigTar, i int) { b.large(fmt.Sprintf("data/zeros%d", i), nil) }},
	"noise":       {8 << 4, bigNoise},
	"hashed zero": {8 << 2, func(b *bigTar, i int) { b.large(fmt.Sprintf("usr/lib/zeros%d", i), nil) }},
}

type bigShape struct {
	entries int
	write   func(b *bigTar, i int)
}

// bigRecords is among how many distributions the files of bigOwned are spread.
const bigRecords = 10

// bigOwned writes Python files, and behind each hundred thousand of them the
// RECORD that lists them.
func bigOwned(b *bigTar, i int) {
	const share = 1_000_000/bigRecords + 1
	d, n := i/share, i%share
	if n < share-1 {
		b.entry('0', fmt.Sprintf("app/venv/lib/python3.12/site-packages/m%d/f%06d.py", d, n), "", 0o644, nil)
		return
	}
	var list []byte
	for f := range n {
		list = fmt.Appendf(list, "m%d/f%06d.py,sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU,0\n", d, f)
	}
	b.entry('0', fmt.Sprintf("app/venv/lib/python3.12/site-packages/m%d-1.dist-info/RECORD", d), "", 0o644, list)
}

func bigNPM(b *bigTar, i int) {
	b.entry('0', fmt.Sprintf("app/node_modules/p%07d/package.json", i), "", 0o644, fmt.Appendf(nil, `{"name":"p%07d","version":"1.0.%d"}`, i, i))
}

func bigWheel(b *bigTar, i int) {
	name := fmt.Sprintf("p%07d", i)
	b.entry('0', "app/venv/lib/python3.12/site-packages/"+name+"-1.dist-info/METADATA", "", 0o644, []byte(metadata(name, "1")))
}

// bigPaths writes .pth files of many lines, and one link for each of them.
func bigPaths(b *bigTar, i int) {
	if i%2 == 1 {
		b.entry('2', fmt.Sprintf("opt/l/site-packages/%06d.pth", i), "/opt/p/site-packages/000000.pth", 0o777, nil)
		return
	}
	var lines []byte
	for n := range 300 {
		lines = fmt.Appendf(lines, "%03d\n", n)
	}
	b.entry('0', fmt.Sprintf("opt/p/site-packages/%06d.pth", i), "", 0o644, lines)
}

func bigNoise(b *bigTar, i int) {
	b.large(fmt.Sprintf("data/noise%d", i), rand.NewChaCha8([32]byte{byte(i)}))
}

// bigTar is the archive of a shape, as a stream.
type bigTar struct {
	shape bigShape
	i     int
	block [512]byte
	buf   []byte
	at    int
	// left is how much of a large file follows, of noise or of zeros.
	left  int
	noise io.Reader
}

// largeBytes is the size of a large file.
const largeBytes = 64 << 20

// large writes a file of noise, or of zeros.
func (b *bigTar) large(name string, noise io.Reader) {
	b.entry('0', name, "", 0o644, nil)
	h := b.buf[len(b.buf)-512:]
	copy(h[124:], fmt.Sprintf("%011o", largeBytes))
	checksum(h)
	b.left, b.noise = largeBytes, noise
}

func (b *bigTar) Read(p []byte) (int, error) {
	for b.at == len(b.buf) {
		b.buf, b.at = b.buf[:0], 0
		if b.left > 0 {
			if b.noise == nil {
				p = p[:min(len(p), b.left)]
				clear(p)
				b.left -= len(p)
				return len(p), nil
			}
			n, err := b.noise.Read(p[:min(len(p), b.left)])
			b.left -= n
			return n, err
		}
		switch b.i++; {
		case b.i <= b.shape.entries:
			b.shape.write(b, b.i-1)
		case b.i == b.shape.entries+1:
			b.buf = append(b.buf, make([]byte, 1024)...)
		default:
			return 0, io.EOF
		}
	}
	n := copy(p, b.buf[b.at:])
	b.at += n
	return n, nil
}

// entry writes a header in the form of POSIX.1-1988, with GNU's for names that
// are too long for it, and the content.
// https://pubs.opengroup.org/onlinepubs/9799919799/utilities/pax.html#tag_20_94_13_06
func (b *bigTar) entry(kind byte, name, link string, mode int, content []byte) {
	if len(name) > 100 {
		b.entry('L', "././@LongLink", "", 0, append([]byte(name), 0))
		name = name[:100]
	}
	h := b.block[:]
	clear(h)
	copy(h, name)
	copy(h[100:], fmt.Sprintf("%07o", mode))
	copy(h[108:], "0000000")
	copy(h[116:], "0000000")
	copy(h[124:], fmt.Sprintf("%011o", len(content)))
	copy(h[136:], "00000000000")
	h[156] = kind
	copy(h[157:257], link)
	copy(h[257:], "ustar  \x00")
	checksum(h)
	b.buf = append(append(b.buf, h...), content...)
	b.buf = append(b.buf, make([]byte, -len(content)&511)...)
}

// checksum sets that of a header.
func checksum(h []byte) {
	copy(h[148:156], "        ")
	sum := 0
	for _, c := range h[:512] {
		sum += int(c)
	}
	copy(h[148:156], fmt.Sprintf("%06o\x00 ", sum))
}

// bigLayer is a layer that nobody has: it is made again each time.
type bigLayer struct {
	shape  bigShape
	diffID v1.Hash
	gzip   int // level of compression
}

func (l *bigLayer) Digest() (v1.Hash, error)             { return l.diffID, nil } // nobody checks it here
func (l *bigLayer) DiffID() (v1.Hash, error)             { return l.diffID, nil }
func (l *bigLayer) Size() (int64, error)                 { return 1, nil }
func (l *bigLayer) MediaType() (types.MediaType, error)  { return types.OCILayer, nil }
func (l *bigLayer) Uncompressed() (io.ReadCloser, error) { return nil, errors.ErrUnsupported }
func (l *bigLayer) Compressed() (io.ReadCloser, error) {
	r, w := io.Pipe()
	go func() {
		z, err := gzip.NewWriterLevel(w, l.gzip)
		if err == nil {
			_, err = io.CopyBuffer(struct{ io.Writer }{z}, struct{ io.Reader }{&bigTar{shape: l.shape}}, make([]byte, 64<<10))
			err = errors.Join(err, z.Close())
		}
		w.CloseWithError(err)
	}()
	return r, nil
}

// bigResult is what a process that read a layer says of itself.
type bigResult struct {
	DiffID                        string
	Peak                          int64
	CPU, Wall                     time.Duration
	Known, Components, Gaps, Left int
	Hiding                        []string
	Cache                         int64 // bytes
}

// TestBig reads each of bigShapes in a process of its own, and a second time
// with the layer in the cache.
//
//	TALLYMAN_BIG=1 go test ./sbom/image -run TestBig -v -timeout 60m
//	TALLYMAN_BIG=symlinks,npm go test ./sbom/image -run TestBig -v
func TestBig(t *testing.T) {
	if shape := os.Getenv("TALLYMAN_BIG_SHAPE"); shape != "" {
		bigChild(t, shape)
		return
	}
	which := os.Getenv("TALLYMAN_BIG")
	if which == "" {
		t.Skip("set TALLYMAN_BIG=1 to read layers of a million files and of 8 GB (some minutes)")
	}
	for _, name := range slices.Sorted(maps.Keys(bigShapes)) {
		if which != "1" && !slices.Contains(strings.Split(which, ","), name) {
			continue
		}
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			first := bigRun(t, name, dir, "")
			again := bigRun(t, name, dir, first.DiffID)
			for i, r := range []bigResult{first, again} {
				t.Logf("%s: peak RSS %d MB, %v of CPU, wall %v, %d components, %d gaps %v, cache %d KB", [...]string{"first", "again"}[i],
					r.Peak>>20, r.CPU.Round(time.Millisecond), r.Wall.Round(time.Millisecond), r.Components, r.Gaps, r.Hiding, r.Cache>>10)
				if r.Peak > bigPeakBytes {
					t.Errorf("peak RSS of %d MB", r.Peak>>20)
				}
				if r.Known != i {
					t.Errorf("%d layers known", r.Known)
				}
			}
		})
	}
}

// bigRun reads a shape in a process of its own. Its CPU has the making of the
// layer in it.
func bigRun(t *testing.T, shape, cache, diffID string) (r bigResult) {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "result")
	cmd := exec.CommandContext(t.Context(), program, "-test.run=^TestBig$")
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "GOMEMLIMIT=") || strings.HasPrefix(v, "GOGC=") })
	cmd.Env = append(cmd.Env, "TALLYMAN_BIG_SHAPE="+shape, "TALLYMAN_BIG_CACHE="+cache, "TALLYMAN_BIG_DIFFID="+diffID, "TALLYMAN_BIG_OUT="+out)
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	data, err := os.ReadFile(out)
	if err := errors.Join(err, json.Unmarshal(data, &r)); err != nil {
		t.Fatal(err)
	}
	return r
}

func bigChild(t *testing.T, shape string) {
	l := &bigLayer{shape: bigShapes[shape], gzip: gzip.BestSpeed}
	if shape == "noise" {
		l.gzip = gzip.NoCompression
	}
	r := bigResult{DiffID: os.Getenv("TALLYMAN_BIG_DIFFID")}
	if r.DiffID == "" {
		sum := sha256.New()
		if _, err := io.Copy(sum, &bigTar{shape: l.shape}); err != nil {
			t.Fatal(err)
		}
		r.DiffID = hex.EncodeToString(sum.Sum(nil))
	}
	l.diffID = v1.Hash{Algorithm: "sha256", Hex: r.DiffID}
	img, err := mutate.AppendLayers(empty.Image, l)
	if err != nil {
		t.Fatal(err)
	}
	before, start := cpuTime(t), time.Now()
	inv, err := Read(t.Context(), img, Options{Cache: newCache(t, os.Getenv("TALLYMAN_BIG_CACHE"), CacheOptions{})})
	if err != nil {
		t.Fatal(err)
	}
	if inv.CacheError != nil {
		t.Error(inv.CacheError)
	}
	r.Wall, r.CPU, r.Peak = time.Since(start), cpuTime(t)-before, peakRSS(t)
	r.Known, r.Components, r.Gaps, r.Left = inv.Known, len(inv.Document.Components), len(inv.Document.Gaps), len(inv.Left)
	for _, g := range inv.Document.Gaps[:min(3, len(inv.Document.Gaps))] {
		r.Hiding = append(r.Hiding, fmt.Sprintf("%s %.80s (hides %v)", g.Kind, g.Reason, g.Hides))
	}
	files, _ := filepath.Glob(filepath.Join(os.Getenv("TALLYMAN_BIG_CACHE"), "*"))
	for _, f := range files {
		if info, err := os.Stat(f); err == nil {
			r.Cache += info.Size()
		}
	}
	data, err := json.Marshal(r)
	if err := errors.Join(err, os.WriteFile(os.Getenv("TALLYMAN_BIG_OUT"), data, 0o600)); err != nil {
		t.Fatal(err)
	}
}

// cpuTime is what this process has had of the processors.
func cpuTime(t *testing.T) time.Duration {
	t.Helper()
	var use syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &use); err != nil {
		t.Fatal(err)
	}
	return time.Duration(use.Utime.Nano() + use.Stime.Nano())
}
