package image

import (
	"path"
	"slices"
	"strings"
)

// moduleOwners maps the folders of modules to the distribution whose RECORD
// names them; a namespace that several share is nobody's.
func (b *builder) moduleOwners() map[string]*checked {
	owner := map[string]*checked{}
	for _, c := range b.checked {
		if c.ecosystem != "PyPI" {
			continue
		}
		site := path.Dir(path.Dir(c.List))
		for _, m := range b.files[c.List].Modules {
			at := path.Join(site, m)
			if _, twice := owner[at]; twice {
				owner[at] = nil
				continue
			}
			owner[at] = c
		}
	}
	return owner
}

// moduleOf splits a path at the folder that Python modules are looked for in:
// that folder, and the module below it; "" when p is in no module's folder.
func moduleOf(p string) (site, module string) {
	for _, folder := range []string{"/site-packages/", "/dist-packages/"} {
		if i := strings.Index(p, folder); i >= 0 {
			site, rest := p[:i+len(folder)-1], p[i+len(folder):]
			if module, _, below := strings.Cut(rest, "/"); below {
				return site, module
			}
		}
	}
	return "", ""
}

// runs reports whether Python would run the file at p.
func runs(p string) bool {
	return slices.Contains([]string{".py", ".so", ".pth"}, path.Ext(p))
}
