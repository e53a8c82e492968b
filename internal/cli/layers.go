package cli

import (
	"os"
	"path/filepath"

	"github.com/tallyman/tallyman/internal/audit"
	"github.com/tallyman/tallyman/sbom/image"
)

// layerCache opens the folder in which what was read of images' layers is kept.
// It is nil when there is none or it is not wanted: then every layer is read.
// done releases it.
func (a *app) layerCache(p *progress) (cache *image.Cache, done func()) {
	if a.cacheDir() == "" || a.flags.noLayers {
		return nil, func() {}
	}
	dir := filepath.Join(a.path(a.cacheDir()), "layers")
	root, err := openOrMake(dir)
	if err != nil {
		p.warn("no layer is kept, and the next scan reads them again: " + err.Error())
		return nil, func() {}
	}
	return image.NewCache(root, image.CacheOptions{Tool: a.version(), Now: a.env.Now()}), func() { root.Close() }
}

// imageAuditor is an auditor of several images, which share what is read of
// their layers.
func (a *app) imageAuditor(set *settings, command string, stages []string, p *progress) (*audit.Auditor, func(), error) {
	auditor, done, err := a.auditor(set, command, stages, p)
	if err != nil {
		return nil, nil, err
	}
	layers, closeLayers := a.layerCache(p)
	auditor.Layers = layers
	return auditor, func() { closeLayers(); done() }, nil
}

func openOrMake(dir string) (*os.Root, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	return os.OpenRoot(dir)
}
