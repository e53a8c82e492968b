package image

import (
	"encoding/hex"
	"path"
	"slices"

	"github.com/tallyman/tallyman/sbom"
)

// startsPython reports whether Python runs a file of this name at every start
// when it is in a folder that site looks into: a .pth, whose lines may be code,
// and the two modules for the site's own.
// https://docs.python.org/3/library/site.html
func startsPython(name string) bool {
	return path.Ext(name) == ".pth" || name == "sitecustomize.py" || name == "usercustomize.py"
}

// startup names the files at n that Python runs at every start and that no list
// of any package names, by the folder that they are in.
func (b *builder) startup(found map[string][]placedPath, n uint32) {
	p, c := b.tree.path(n), b.contentAt(n)
	site := path.Dir(p)
	if c == nil || path.Base(site) != "site-packages" && path.Base(site) != "dist-packages" {
		return
	}
	if path.Base(p) == "_virtualenv.pth" && importsVirtualenv[hex.EncodeToString(c.of(algSHA256))] {
		return
	}
	found[site] = append(found[site], placedPath{p, b.madeSo(p)})
}

// importsVirtualenv are the digests of the one line that virtualenv and uv put
// into every environment, "import _virtualenv" with and without a line feed.
// https://github.com/pypa/virtualenv/blob/main/src/virtualenv/create/via_global_ref/api.py
var importsVirtualenv = map[string]bool{
	"69ac3d8f27e679c81b94ab30b3b56e9cd138219b1ba94a1fa3606d5a76a1433d": true,
	"a18ec686bd69842888e68e43eade6c26cac183a1e4c98c40ae8992349f0a1a1c": true,
}

// addStartup adds what startup found.
func (b *builder) addStartup(found map[string][]placedPath) {
	for site, files := range found {
		f := sbom.Files{List: site}
		b.name(&f, &f.Starts, files)
		b.doc.Files = append(b.doc.Files, f)
	}
}

// unverified adds a gap about a distribution that has a list of its files, or
// should have one, when its files could not be held against it: nothing else
// would say so.
func (b *builder) unverified(metadata string, f placed) {
	list := path.Join(path.Dir(metadata), "RECORD")
	at, err := b.resolve(list)
	reason := ""
	switch record, read := b.files[at]; {
	case err != nil && !b.isLink(list):
		return // the folder is in a circle of links
	case err != nil:
		reason = "a list of an installed distribution's files behind a link that leads nowhere"
	case read && len(record.Gaps) > 0:
		return // the list's own gap says it
	case read:
		if p, known := b.proof.lists[[2]string{at, ""}]; known && p.layer == record.layer {
			return // it names nothing that could be checked
		}
		reason = "a list of an installed distribution's files that is another file's second name, and was not held against them"
	case b.isHard(at):
		reason = "a list of an installed distribution's files that is a hard link to a file that was not read"
	case at != list || b.isLink(list):
		reason = "a list of an installed distribution's files behind a link to a file that was not read"
	default:
		if by := b.files[path.Join(path.Dir(metadata), "INSTALLER")]; by.file == nil || !slices.Contains([]string{"pip", "uv"}, by.Installer) {
			return
		}
		reason = "a distribution that pip or uv installed, without the list of its files"
	}
	b.newGap(sbom.GapUnverified, list, f.layer, reason)
}

func (b *builder) isHard(p string) bool {
	_, hard := b.hard[p]
	return hard
}

func (b *builder) isLink(p string) bool {
	_, link := b.link(p)
	return link
}
