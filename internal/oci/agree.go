package oci

import (
	"bytes"
	"encoding/json"
	"fmt"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/tallyman/tallyman/internal/limit"
)

// A tar may be an OCI layout and a docker-archive in one, as what "docker save"
// writes is. Engines differ in which of both they load, so both have to lead to
// the same image: else whoever made the tar has one image audited and another
// one run.

// agrees reports a layout in a tar whose manifest.json leads to another image
// than out, which its index.json leads to. An image for another platform may be
// there, if the index names it too. Who asks for a digest gets no other one.
func (l *layout) agrees(ref Ref, out *Image) error {
	src, ok := l.src.(*tarSource)
	if !ok || !src.has("manifest.json") || digestOK.MatchString(ref.inside()) {
		return nil
	}
	entries, err := archiveEntries(src)
	if err != nil {
		return err
	}
	config, err := out.image.ConfigName()
	if err != nil {
		return err
	}
	own, err := out.image.ConfigFile()
	if err != nil {
		return err
	}
	for _, e := range entries {
		if name := ref.inside(); name != "" && !e.called(name) {
			continue
		}
		raw, err := readFile(src, e.Config)
		if err != nil {
			return fmt.Errorf("manifest.json: %w", err)
		}
		hash, _, err := v1.SHA256(bytes.NewReader(raw))
		if err != nil || hash == config {
			continue
		}
		other, err := v1.ParseConfigFile(bytes.NewReader(raw))
		if err != nil {
			return fmt.Errorf("configuration %q: %w", e.Config, err)
		}
		if other.Platform().String() == own.Platform().String() || !l.configured(hash) {
			return disagreed(config, hash)
		}
	}
	return nil
}

// configured reports whether an image that the layout lists has the
// configuration.
func (l *layout) configured(config v1.Hash) bool {
	found := false
	err := l.each(func(d v1.Descriptor) error {
		if isImage(d.MediaType) {
			m, _, err := readManifest(l.src, d)
			found = found || err == nil && m.Config.Digest == config
		}
		return nil
	})
	return err == nil && found
}

// agrees reports a docker-archive whose index.json leads to another image than
// out, which its manifest.json leads to.
func (i *Image) agrees(src *tarSource, opts Options) error {
	if !src.has("index.json") {
		return nil
	}
	if digest := pin(i.ref.inside()); digest != "" {
		id, err := i.image.ConfigName()
		if err != nil || digest == id.String() || digest == i.digest.String() {
			return err
		}
	}
	other, err := (&layout{src: src}).resolve(i.ref, opts)
	if err != nil {
		return err
	}
	config, err := i.image.ConfigName()
	if err != nil {
		return err
	}
	hash, err := other.image.ConfigName()
	if err == nil && hash != config {
		err = disagreed(hash, config)
	}
	return err
}

func disagreed(index, manifest v1.Hash) error {
	return &Error{
		Reason: ErrAmbiguous, Err: fmt.Errorf("index.json leads to the image %s and manifest.json to %s, and engines differ in which they load", index, manifest),
		Hint: "save the image again",
	}
}

// archiveEntries reads manifest.json.
func archiveEntries(src source) ([]archiveEntry, error) {
	raw, err := readFile(src, "manifest.json")
	if err != nil {
		return nil, err
	}
	var entries []archiveEntry
	if err := json.Unmarshal(raw, &entries); err != nil {
		return nil, fmt.Errorf("manifest.json: %w", err)
	}
	if len(entries) > limit.ArchiveImages {
		return nil, fmt.Errorf("manifest.json: %w of %d images", limit.ErrTooLarge, limit.ArchiveImages)
	}
	return entries, nil
}
