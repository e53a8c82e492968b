package image

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/tallyman/tallyman/internal/limit"
	"github.com/tallyman/tallyman/sbom"
)

// Seen is an image that was read, as the cache remembers it.
type Seen struct {
	// Name is the reference that it was read by, without credentials.
	Name string `json:"name"`
	// Digest is that of its manifest, Index that of the index that led to it, ""
	// for none.
	Digest string `json:"digest"`
	Index  string `json:"index,omitempty"`
	// DiffIDs are those of its layers, from the lowest.
	DiffIDs []string `json:"diff_ids"`
}

// stack is what a cache has of a pile of layers: the digests of the images that
// are just these.
type stack struct {
	Chain  string   `json:"chain"`
	Images []string `json:"images"`
}

// The files of images end in seenSuffix and are named after the digest of the
// manifest; those of piles of layers end in stackSuffix and are named after the
// chain ID.
const (
	seenSuffix  = ".image"
	stackSuffix = ".stack"
)

// stackImages is how many images with the very same layers are remembered.
const stackImages = 8

// chains are the chain IDs of the lowest layer, the lowest two, and so on.
// https://github.com/opencontainers/image-spec/blob/main/config.md#layer-chainid
func chains(diffIDs []string) []string {
	out := slices.Clone(diffIDs)
	for i := 1; i < len(out); i++ {
		sum := sha256.Sum256([]byte(out[i-1] + " " + diffIDs[i]))
		out[i] = "sha256:" + hex.EncodeToString(sum[:])
	}
	return out
}

// Remember keeps which layers an image has, after all of it was read.
func (c *Cache) Remember(s Seen) error {
	if c == nil || len(s.DiffIDs) == 0 || len(s.DiffIDs) > limit.ImageLayers {
		return nil
	}
	if known := c.Image(s.Digest); known != nil {
		return nil
	}
	chain := chains(s.DiffIDs)[len(s.DiffIDs)-1]
	pile := stack{Chain: chain}
	c.getSmall(chain, stackSuffix, &pile)
	if pile.Chain != chain {
		pile = stack{Chain: chain}
	}
	if !slices.Contains(pile.Images, s.Digest) && len(pile.Images) < stackImages {
		pile.Images = append(pile.Images, s.Digest)
	}
	err := errors.Join(c.putSmall(s.Digest, seenSuffix, s), c.putSmall(chain, stackSuffix, pile))
	if err == nil {
		err = c.prune()
	}
	if err != nil {
		return fmt.Errorf("the layer cache: %w", err)
	}
	return nil
}

// Image returns the image that has a manifest digest, nil when it was not read.
func (c *Cache) Image(digest string) *Seen {
	var s Seen
	if !c.getSmall(digest, seenSuffix, &s) || s.Digest != digest {
		return nil
	}
	return &s
}

// Under returns the images that were read whose layers are the lowest of layers
// and not all of them, those with the most layers.
func (c *Cache) Under(layers []sbom.Layer) []Seen {
	if c == nil {
		return nil
	}
	var ids []string
	for _, l := range layers {
		ids = append(ids, l.DiffID)
	}
	list := chains(ids)
	for n := len(list) - 1; n > 0; n-- {
		var pile stack
		if !c.getSmall(list[n-1], stackSuffix, &pile) || pile.Chain != list[n-1] {
			continue
		}
		var out []Seen
		for _, digest := range pile.Images {
			if s := c.Image(digest); s != nil && slices.Equal(s.DiffIDs, ids[:n]) {
				out = append(out, *s)
			}
		}
		if len(out) > 0 {
			return out
		}
	}
	return nil
}

// smallName is the name of the file of a digest, "" when it is not one of
// SHA-256.
func smallName(digest, suffix string) string {
	sum, found := strings.CutPrefix(digest, "sha256:")
	if raw, err := hex.DecodeString(sum); err != nil || !found || len(raw) != sha256.Size || sum != strings.ToLower(sum) {
		return ""
	}
	return sum + suffix
}

// putSmall writes v as JSON behind its SHA-256, beside its place, and moves it
// there.
func (c *Cache) putSmall(digest, suffix string, v any) error {
	name := smallName(digest, suffix)
	if name == "" {
		return nil
	}
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(data)
	temp := name + "." + rand.Text() + tempSuffix
	f, err := c.root.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(append(sum[:], data...))
	if err = errors.Join(err, f.Close()); err == nil {
		err = c.publish(temp, name)
	}
	if err != nil {
		c.root.Remove(temp)
	}
	return err
}

// getSmall reads what putSmall wrote, and reports whether it was there and
// sound. What is not is removed.
func (c *Cache) getSmall(digest, suffix string, v any) bool {
	name := smallName(digest, suffix)
	if c == nil || name == "" {
		return false
	}
	info, err := c.root.Lstat(name)
	if err != nil || !info.Mode().IsRegular() {
		return false
	}
	f, err := c.root.Open(name)
	if err != nil {
		return false
	}
	defer f.Close()
	data, err := limit.ReadAll(f, limit.SeenImageBytes)
	if err == nil && len(data) > sha256.Size {
		sum := sha256.Sum256(data[sha256.Size:])
		if bytes.Equal(sum[:], data[:sha256.Size]) && json.Unmarshal(data[sha256.Size:], v) == nil {
			c.used(name)
			return true
		}
	}
	c.root.Remove(name)
	return false
}
