package image

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/tallyman/tallyman/sbom"
)

// unsupported are the packages and package databases that are seen, by their
// names alone, and for which there is no reader. The map's values speak to
// people.
//
// What a package of the distribution brings is judged as that, and is no gap.
// What a Python distribution or an npm package brings of another ecosystem (jars)
// is one, since the advisories of the one do not tell of the other. Programs of
// Windows and macOS are none: no Linux kernel runs them, and those of .NET are
// seen by what is beside them. What lies ready to be installed and is not
// (wheels, Yarn's cache, ensurepip's bundle) is not in use, and no gap either.
var unsupported = map[kind]string{
	"apk-database":  "the apk database of another root file system inside the image, which is not read",
	"rpm-database":  "the rpm database of another root file system inside the image, which is not read",
	"yarn-pnp":      "npm packages that Yarn Plug'n'Play loads out of zip archives, for which there is no reader",
	"pacman":        "a pacman package database, for which there is no reader",
	"portage":       "a Portage package database, for which there is no reader",
	"opkg":          "an opkg package database, for which there is no reader",
	"xbps":          "an XBPS package database, for which there is no reader",
	"java-archives": "Java archives, for which there is no reader yet",
	"ruby-gems":     "Ruby gems, for which there is no reader yet",
	"php-composer":  "PHP Composer packages, for which there is no reader yet",
	"nuget":         "NuGet packages of a .NET program, for which there is no reader yet",
	"r-packages":    "R packages, for which there is no reader yet",
	"julia":         "Julia packages, for which there is no reader yet",
	"erlang":        "Erlang or Elixir applications, for which there is no reader yet",
	"lua-rocks":     "Lua rocks, for which there is no reader yet",
	"swift":         "Swift packages, for which there is no reader yet",
	"homebrew":      "Homebrew packages, for which there is no reader",
	"snap":          "snaps, for which there is no reader",
	"flatpak":       "Flatpak applications or runtimes, for which there is no reader",
	"nested-root":   "the dpkg database of another root file system inside the image, which is not read",
}

// unsupportedKind returns one of unsupported's keys, or kindNone.
func unsupportedKind(dir, base string) kind {
	switch base {
	case ".pnp.cjs", ".pnp.js", ".pnp.data.json": // https://yarnpkg.com/advanced/pnp-spec
		return "yarn-pnp"
	case "DESCRIPTION": // https://cran.r-project.org/doc/manuals/r-release/R-exts.html#The-DESCRIPTION-file
		if rLibrary(path.Dir(dir)) {
			return "r-packages"
		}
	case "Project.toml": // https://docs.julialang.org/en/v1/manual/code-loading/#Package-directories
		if slug := path.Base(dir); len(slug) == 5 && path.Base(path.Dir(path.Dir(dir))) == "packages" {
			return "julia"
		}
	case "rock_manifest": // https://github.com/luarocks/luarocks/wiki/Rockspec-format
		return "lua-rocks"
	case "Package.swift": // dependencies that SwiftPM fetched
		if strings.HasSuffix(path.Dir(dir), "/.build/checkouts") {
			return "swift"
		}
	case "INSTALL_RECEIPT.json": // https://docs.brew.sh/Formula-Cookbook#homebrew-terminology
		if path.Base(path.Dir(path.Dir(dir))) == "Cellar" {
			return "homebrew"
		}
	}
	if k := unsupportedExt(dir, base); k != kindNone {
		return k
	}
	return unsupportedDatabase(dir, base)
}

// unsupportedExt knows those that are told by how their names end.
func unsupportedExt(dir, base string) kind {
	switch path.Ext(base) {
	case ".jar", ".war", ".ear", ".hpi", ".jpi":
		return "java-archives"
	case ".gemspec": // https://guides.rubygems.org/gems-with-extensions/; default gems are Ruby's own
		if path.Base(strings.TrimSuffix(dir, "/default")) == "specifications" {
			return "ruby-gems"
		}
	case ".json":
		switch {
		case base == "installed.json" && strings.HasSuffix(dir, "/vendor/composer"):
			return "php-composer"
		case strings.HasSuffix(base, ".deps.json"): // https://github.com/dotnet/sdk/blob/main/documentation/specs/runtime-configuration-file.md
			return "nuget"
		}
	case ".app": // https://www.erlang.org/doc/apps/kernel/app.html
		if path.Base(dir) == "ebin" {
			return "erlang"
		}
	case ".snap": // https://snapcraft.io/docs/system-snap-directory
		if dir == "/var/lib/snapd/snaps" || dir == "/var/lib/snapd/seed/snaps" {
			return "snap"
		}
	}
	return kindNone
}

// rLibrary reports whether R packages are kept in dir: a library of R itself, of
// the site, of a user or of renv.
// https://cran.r-project.org/doc/manuals/r-release/R-admin.html#Managing-libraries
// https://rstudio.github.io/renv/articles/renv.html
func rLibrary(dir string) bool {
	parent := path.Dir(dir)
	switch base := path.Base(dir); {
	case base == "site-library", base == "library" && path.Base(parent) == "R":
		return true
	case path.Base(path.Dir(parent)) == "R" && strings.HasSuffix(path.Base(parent), "-library"):
		return true // "R/x86_64-pc-linux-gnu-library/4.3"
	}
	return strings.Contains(dir, "/renv/library/") || strings.Contains(dir, "/renv/cache/")
}

// unsupportedDatabase knows the distributions' own databases.
func unsupportedDatabase(dir, base string) kind {
	switch {
	case base == "installed" && strings.HasSuffix(dir, "lib/apk/db"):
		return "apk-database"
	case strings.HasSuffix(dir, "/lib/rpm") || strings.HasSuffix(dir, "/sysimage/rpm") || strings.HasSuffix(dir, "/share/rpm"):
		switch base {
		case "Packages", "Packages.db", "rpmdb.sqlite":
			return "rpm-database"
		}
	case strings.HasSuffix(dir, path.Dir(rpmManifest)) && strings.HasPrefix(base, "container-manifest"):
		return "rpm-database"
	case base == "desc" && strings.HasSuffix(path.Dir(dir), "/pacman/local"):
		return "pacman"
	case base == "CONTENTS" && strings.HasPrefix(dir, "/var/db/pkg/"):
		return "portage"
	case base == "status" && strings.HasSuffix(dir, "/lib/dpkg"):
		return "nested-root"
	case base == "status" && strings.HasSuffix(dir, "/lib/opkg"): // https://openwrt.org/docs/guide-user/additional-software/opkg
		return "opkg"
	case dir == "/var/db/xbps" && strings.HasPrefix(base, "pkgdb-"): // https://man.voidlinux.org/xbps-query.1
		return "xbps"
	case base == "metadata" && strings.HasPrefix(dir, flatpaks+"/"): // https://docs.flatpak.org/en/latest/flatpak-command-reference.html
		return "flatpak"
	}
	return kindNone
}

// flatpaks is where flatpak installs for all users.
const flatpaks = "/var/lib/flatpak"

// treeOf is the folder that has all packages of which the file at p is one's.
func treeOf(k kind, p string) string {
	dir := path.Dir(p)
	switch k {
	case "ruby-gems":
		return strings.TrimSuffix(dir, "/default")
	case "r-packages":
		if i := strings.Index(p, "/renv/"); i >= 0 {
			return p[:i] + "/renv"
		}
		return path.Dir(dir)
	case "swift", "pacman":
		return path.Dir(dir)
	case "erlang", "julia", "lua-rocks", "homebrew", "portage":
		return path.Dir(path.Dir(dir))
	case "flatpak":
		return flatpaks
	}
	return dir
}

// The stores of Nix and Guix, in which each package has a folder.
// https://nix.dev/manual/nix/latest/store/store-path
// https://guix.gnu.org/manual/en/html_node/The-Store.html
const (
	nixStore  = "/nix/store"
	guixStore = "/gnu/store"
)

// storeFolder reports whether dir is the folder of a package in such a store.
func storeFolder(dir string) bool {
	switch {
	case strings.HasPrefix(dir, nixStore+"/"), strings.HasPrefix(dir, guixStore+"/"):
		return strings.Count(dir, "/") == 3 && !strings.HasPrefix(path.Base(dir), ".")
	}
	return false
}

// stores adds a gap for each store.
func (b *builder) stores() {
	count, first := map[string]int{}, map[string]string{}
	for dir := range b.dirs {
		if !storeFolder(dir) {
			continue
		}
		at := path.Dir(dir)
		if count[at]++; first[at] == "" || dir < first[at] {
			first[at] = dir
		}
	}
	for at, of := range map[string]string{nixStore: "Nix", guixStore: "Guix"} {
		if n := count[at]; n > 0 {
			b.newGap(sbom.GapUnsupported, first[at], b.dirs[first[at]], fmt.Sprintf("a store of %s, for which there is no reader (packages: %d)", of, n))
		}
	}
}

// hasStore reports whether there is such a store.
func (b *builder) hasStore() bool {
	for dir := range b.dirs {
		if storeFolder(dir) {
			return true
		}
	}
	return false
}

// maxFolders is how many folders of one unsupported kind are named one by one.
const maxFolders = 20

// unsupported adds a gap for each folder with packages that nothing reads,
// unless the distribution owns them: then its own database lists them.
func (b *builder) unsupported() {
	b.stores()
	folders := map[kind]map[string][]string{}
	for p, f := range b.files {
		if _, is := unsupported[f.Kind]; !is || ownFolder(p) && b.borne[p].owner != "" || b.olderManifest(p) {
			continue
		}
		if folders[f.Kind] == nil {
			folders[f.Kind] = map[string][]string{}
		}
		tree := treeOf(f.Kind, p)
		folders[f.Kind][tree] = append(folders[f.Kind][tree], p)
	}
	for k, byDir := range folders {
		for n, dir := range slices.Sorted(maps.Keys(byDir)) {
			files := byDir[dir]
			first := slices.Min(files)
			at, reason := first, unsupported[k]
			if len(files) > 1 {
				at, reason = dir, fmt.Sprintf("%s (%d files)", reason, len(files))
			}
			if n == maxFolders {
				reason = fmt.Sprintf("%s, and in %d more folders", reason, len(byDir)-maxFolders-1)
			}
			b.newGap(sbom.GapUnsupported, at, b.files[first].layer, reason)
			if n == maxFolders {
				break
			}
		}
	}
}

// ownFolder reports whether a distribution would keep packages of other
// languages at p, in its own runtime's folders or in those that packages share;
// elsewhere a package of its kind brings copies of its own.
func ownFolder(p string) bool {
	if distributionFolder(p) {
		return sharedFolder(p)
	}
	for _, lib := range []string{"/usr/lib/", "/usr/lib64/"} {
		rest, ok := strings.CutPrefix(p, lib)
		if folder, below, _ := strings.Cut(rest, "/"); ok && strings.Contains(folder, "-linux-") {
			rest = below // a folder of one architecture, as in Debian
		}
		folder, _, _ := strings.Cut(rest, "/")
		if ok && slices.Contains([]string{"jvm", "java", "ruby", "R", "erlang", "elixir", "dotnet", "mono"}, folder) {
			return true
		}
	}
	return false
}

// unexplained finds the programs, and which packages of the distribution explain
// them and the packages of other languages that nothing reads.
func (b *builder) unexplained() {
	at := map[string]bool{}
	for p, f := range b.files {
		if f.Program != nil {
			b.programPaths = append(b.programPaths, p)
		} else if _, unread := unsupported[f.Kind]; !unread || !ownFolder(p) {
			continue
		}
		at[p] = true
	}
	slices.Sort(b.programPaths)
	b.borne = b.bearers(at)
}
