//go:build unix

package image

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// gated is an image whose layers are given out once all who ask are there, or
// one has read on and the rest cannot come.
type gated struct {
	v1.Image
	opened *atomic.Int32
	gate   <-chan struct{}
}

type gatedLayer struct {
	v1.Layer
	gated
}

func (g gated) Layers() ([]v1.Layer, error) {
	all, err := g.Image.Layers()
	for i := range all {
		all[i] = gatedLayer{all[i], g}
	}
	return all, err
}

func (l gatedLayer) Compressed() (io.ReadCloser, error) {
	l.opened.Add(1)
	<-l.gate
	return l.Layer.Compressed()
}

// TestCacheReadOnce: of eight readers that start at once with a cache each in
// one folder, one reads the layer; the others wait for it and take what it kept.
func TestCacheReadOnce(t *testing.T) {
	dir, img := t.TempDir(), oneLayer(t)
	want, _ := readWith(t, img, nil)
	var opened atomic.Int32
	gate := make(chan struct{})
	var readers sync.WaitGroup
	var known atomic.Int32
	for range 8 {
		c := newCache(t, dir, CacheOptions{})
		readers.Go(func() {
			inv, err := Read(t.Context(), gated{img, &opened, gate}, Options{Cache: c})
			if err != nil {
				t.Error(err)
				return
			}
			known.Add(int32(inv.Known))
			if diff := cmp.Diff(want.Document, inv.Document); diff != "" {
				t.Errorf("the inventory differs:\n%s", diff)
			}
		})
	}
	close(gate)
	readers.Wait()
	if opened.Load() != 8-known.Load() {
		t.Errorf("%d layers opened, %d known", opened.Load(), known.Load())
	}
	if opened.Load() != 1 {
		t.Errorf("the layer was read %d times", opened.Load())
	}
	onlyFile(t, dir) // and no lock
}

// TestCacheReadMeanwhile: who did not find a layer in the cache, and asks for the
// lock only when another reader has read it and is gone, does not read it again.
func TestCacheReadMeanwhile(t *testing.T) {
	dir, img := t.TempDir(), oneLayer(t)
	readWith(t, img, newCache(t, dir, CacheOptions{}))
	var opened atomic.Int32
	gate := make(chan struct{})
	close(gate)
	parts, err := split(gated{img, &opened, gate})
	if err != nil {
		t.Fatal(err)
	}
	s := scans{cache: newCache(t, dir, CacheOptions{})}
	if _, err := s.read(t.Context(), parts.layers[0]); err != nil {
		t.Fatal(err)
	}
	if opened.Load() != 0 || s.known != 1 {
		t.Errorf("%d opened, %d known", opened.Load(), s.known)
	}
	onlyFile(t, dir)
}

// TestCacheWaitEnds: who waits for another reader goes when its context is done.
func TestCacheWaitEnds(t *testing.T) {
	dir, img := t.TempDir(), oneLayer(t)
	parts, err := split(img)
	if err != nil {
		t.Fatal(err)
	}
	unlock := newCache(t, dir, CacheOptions{}).lock(t.Context(), parts.layers[0])
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() {
		_, err := Read(ctx, img, Options{Cache: newCache(t, dir, CacheOptions{})})
		done <- err
	}()
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	unlock()
	if _, opened := readWith(t, img, newCache(t, dir, CacheOptions{})); opened != 1 {
		t.Errorf("%d opened", opened)
	}
}

// TestCacheLockFolder: what stands in a lock's place is no hindrance.
func TestCacheLockFolder(t *testing.T) {
	dir, img := t.TempDir(), oneLayer(t)
	parts, err := split(img)
	if err != nil {
		t.Fatal(err)
	}
	c := newCache(t, dir, CacheOptions{})
	if err := os.Mkdir(filepath.Join(dir, c.key(parts.layers[0]).file()+lockSuffix), 0o700); err != nil {
		t.Fatal(err)
	}
	if inv, opened := readWith(t, img, c); opened != 1 || len(inv.Document.Components) != 1 {
		t.Errorf("%d opened", opened)
	}
}

// killImages are layers that take a while to read and to keep.
func killImages(t testing.TB) (all []v1.Image) {
	for n := range 3 {
		var items []item
		for i := range 400 {
			name := fmt.Sprintf("p%d-%d", n, i)
			items = append(items, item{site + name + "-1.dist-info/METADATA", metadata(name, "1")})
		}
		all = append(all, imageOf(t, tarOf(t, items...)))
	}
	return all
}

// TestCacheKilled: processes that share a cache and are killed at any time leave
// nothing that is believed and wrong, and no lock that holds.
func TestCacheKilled(t *testing.T) {
	if dir := os.Getenv("TALLYMAN_KILL_CACHE"); dir != "" {
		images := killImages(t)
		go func() { // it lives no longer than who started it
			io.Copy(io.Discard, os.Stdin)
			os.Exit(0)
		}()
		fmt.Println("ready")
		for i := 0; ; i++ {
			files, _ := filepath.Glob(filepath.Join(dir, "*"+factsSuffix))
			for _, f := range files {
				os.Remove(f)
			}
			root, err := os.OpenRoot(dir)
			if err != nil {
				t.Fatal(err)
			}
			readWith(t, images[i%len(images)], NewCache(root, CacheOptions{}))
			root.Close()
		}
	}
	dir, images := t.TempDir(), killImages(t)
	var want []*Inventory
	for _, img := range images {
		inv, _ := readWith(t, img, nil)
		want = append(want, inv)
	}
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for round := range 6 {
		var children []*exec.Cmd
		for range 2 {
			cmd := exec.CommandContext(t.Context(), program, "-test.run=^TestCacheKilled$")
			cmd.Env = append(os.Environ(), "TALLYMAN_KILL_CACHE="+dir)
			_, stdin := cmd.StdinPipe() // open until Wait, or until this process ends
			out, stdout := cmd.StdoutPipe()
			if err := errors.Join(stdin, stdout, cmd.Start()); err != nil {
				t.Fatal(err)
			}
			line := make([]byte, 6)
			if _, err := io.ReadFull(out, line); err != nil || !bytes.Equal(line, []byte("ready\n")) {
				t.Fatalf("%q %v", line, err)
			}
			children = append(children, cmd)
		}
		for i, img := range images { // while they write and remove
			got, _ := readWith(t, img, newCache(t, dir, CacheOptions{}))
			got.CacheError = nil
			sameInventory(t, want[i], got)
		}
		for _, cmd := range children {
			cmd.Process.Kill()
			cmd.Wait()
		}
		for i, img := range images {
			got, _ := readWith(t, img, newCache(t, dir, CacheOptions{}))
			if got.CacheError != nil {
				t.Errorf("round %d: %v", round, got.CacheError)
			}
			sameInventory(t, want[i], got)
		}
	}
}
