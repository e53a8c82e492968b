package image

import (
	"context"
	"os"
	"time"

	"github.com/tallyman/tallyman/internal/limit"
)

// lockSuffix is what the names of lock files end in.
const lockSuffix = ".lock"

// lockPause is how long a reader waits before it asks again whether another is
// done with a layer.
const lockPause = 50 * time.Millisecond

// lock waits until no other reader that shares the cache, in this process or in
// another, reads l, so that of several that start at once on images with a
// common base one reads it and the others take up what it kept. Who has the lock
// looks again for what another kept meanwhile. Who waited too long, or cannot
// lock, reads the layer as well: it costs time and nothing else. A reader that is
// killed holds no lock.
func (c *Cache) lock(ctx context.Context, l layer) (unlock func()) {
	if c == nil {
		return func() {}
	}
	name := c.key(l).file() + lockSuffix
	f, err := c.root.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return func() {}
	}
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		f.Close()
		return func() {}
	}
	for range limit.LayerLockTries {
		if tryLock(f) {
			return func() {
				// Who holds the file open and waits gets the lock of a name that
				// is gone, finds the facts and is content.
				c.root.Remove(name)
				f.Close()
			}
		}
		select {
		case <-ctx.Done():
			f.Close()
			return func() {}
		case <-time.After(lockPause):
		}
	}
	f.Close()
	return func() {}
}
