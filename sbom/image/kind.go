package image

import (
	"path"
	"strings"
)

// kind says what a path is to this package, by its name alone.
type kind string

// The kinds. kindNone is everything that is not kept.
const (
	kindNone    kind = ""
	kindRelease kind = "os-release"
	// kindStatus is dpkg's status; kindStatusD one file of a distroless
	// image's status.d.
	kindStatus  kind = "dpkg-status"
	kindStatusD kind = "dpkg-status.d"
	// kindAPK is the database of apk, of Alpine and Wolfi.
	kindAPK kind = "apk"
	// kindRPM is the database of rpm, kindRPMLog what is not in it yet, and
	// kindRPMList the list of packages of an image without a database.
	kindRPM     kind = "rpm"
	kindRPMLog  kind = "rpm-log"
	kindRPMList kind = "rpm-list"
	// kindList and kindSums are dpkg's two file lists of a package.
	kindList kind = "dpkg-list"
	kindSums kind = "dpkg-md5sums"
	// kindPython is the METADATA or PKG-INFO of an installed distribution.
	kindPython kind = "python"
	// kindDirectURL says where a distribution was installed from.
	kindDirectURL kind = "direct-url"
	// kindEgg is a zipped egg, and kindEggLink a development install of old.
	kindEgg     kind = "egg"
	kindEggLink kind = "egg-link"
	// kindPath is a .pth file where Python looks for one, or uv links to.
	kindPath kind = "pth"
	// kindClaims is an SBOM, and kindVendor a list of vendored packages.
	kindClaims kind = "sbom"
	kindVendor kind = "vendor.txt"
	// kindStore is a package.json in pnpm's store.
	kindStore kind = "pnpm-store"
	// kindConda is what conda notes of an installed package.
	kindConda kind = "conda-meta"
	// kindNPM is the package.json of a package in a node_modules folder.
	kindNPM kind = "npm"
	// kindModule is a module at the top of a distribution's folder, and
	// kindBeside a file beside a distribution's metadata; of both only the digest matters, and of RECORD and
	// top_level.txt the modules.
	kindModule kind = "module"
	kindBeside kind = "beside"
	// kindSystem is a file that an image has from a distribution alone: a
	// shell, the dynamic linker, the C library and what it stands beside.
	kindSystem kind = "system"
	// kindProgram is a program of which it is known what was compiled into it;
	// its path says nothing.
	kindProgram kind = "program"
)

const (
	dpkgStatus  = "/var/lib/dpkg/status"
	dpkgStatusD = "/var/lib/dpkg/status.d"
	dpkgInfo    = "/var/lib/dpkg/info"
	etcRelease  = "/etc/os-release"
	usrRelease  = "/usr/lib/os-release"
)

// kindOf says what the file at the absolute path p would be.
func kindOf(p string) kind {
	switch p {
	case etcRelease, usrRelease:
		return kindRelease
	case dpkgStatus:
		return kindStatus
	case apkDatabases[0], apkDatabases[1]:
		return kindAPK
	}
	dir, base := path.Dir(p), path.Base(p)
	if k := rpmKind(dir, base); k != kindNone {
		return k
	}
	switch dir {
	case dpkgStatusD:
		if strings.HasSuffix(base, ".md5sums") {
			return kindSums
		}
		return kindStatusD
	case dpkgInfo:
		switch path.Ext(base) {
		case ".list":
			return kindList
		case ".md5sums":
			return kindSums
		}
	}
	if k := pythonKind(dir, base); k != kindNone {
		return k
	}
	if k := claimKind(dir, base); k != kindNone {
		return k
	}
	if base == "package.json" && nodePackage(dir) {
		return kindNPM
	}
	if inStore(dir) {
		return kindStore
	}
	if k := unsupportedKind(dir, base); k != kindNone {
		return k
	}
	return ownedKind(dir, base)
}

// ownedKind knows the files that only tell whose others are.
func ownedKind(dir, base string) kind {
	switch {
	case moduleFolder(dir) && path.Ext(base) == ".py", base == "__init__.py" && moduleFolder(path.Dir(dir)):
		return kindModule
	case metadataDir(dir):
		return kindBeside // wherever it is: links may lead there from elsewhere
	}
	return systemKind(dir, base)
}

// moduleFolder reports whether a distribution's modules are kept in dir.
func moduleFolder(dir string) bool {
	if path.Base(dir) == "dist-packages" {
		return true
	}
	return path.Base(dir) == "site-packages" && (strings.HasPrefix(dir, "/usr/lib/python") || strings.HasPrefix(dir, "/usr/lib64/python"))
}

// systemKind knows kindSystem. Architectures have a folder of their own
// ("x86_64-linux-gnu").
// https://refspecs.linuxfoundation.org/FHS_3.0/fhs-3.0.html
func systemKind(dir, base string) kind {
	dir = strings.TrimPrefix(dir, "/usr")
	switch {
	case dir == "/bin":
		switch base {
		case "sh", "bash", "dash", "busybox":
			return kindSystem
		}
	case strings.HasPrefix(dir, "/lib/") && strings.Contains(dir, "-linux-") && strings.Count(dir, "/") == 2:
		if strings.Contains(base, ".so") {
			return kindSystem
		}
	case dir == "/lib" || dir == "/lib64" || dir == "/lib32":
		if strings.Contains(base, ".so") && (strings.HasPrefix(base, "ld-") || strings.HasPrefix(base, "libc.")) {
			return kindSystem
		}
	}
	return kindNone
}

// pythonKind knows the metadata files of installed distributions.
// https://packaging.python.org/en/latest/specifications/recording-installed-packages/
// https://setuptools.pypa.io/en/latest/deprecated/python_eggs.html
func pythonKind(dir, base string) kind {
	switch {
	case strings.HasSuffix(dir, ".dist-info") && base == "METADATA",
		strings.HasSuffix(dir, ".egg-info") && base == "PKG-INFO",
		strings.HasSuffix(dir, ".egg/EGG-INFO") && base == "PKG-INFO",
		strings.HasSuffix(base, ".egg-info"):
		return kindPython
	case strings.HasSuffix(dir, ".dist-info") && base == "direct_url.json":
		return kindDirectURL
	case strings.HasSuffix(base, ".egg"):
		return kindEgg
	case strings.HasSuffix(base, ".egg-link"):
		return kindEggLink
	case path.Ext(base) == ".pth" && (path.Base(dir) == "site-packages" || path.Base(dir) == "dist-packages" || path.Base(path.Dir(dir)) == uvArchive):
		return kindPath
	case path.Base(dir) == "conda-meta" && path.Ext(base) == ".json":
		return kindConda
	}
	return kindNone
}

// metadataDir reports whether dir is one that must hold Python metadata.
func metadataDir(dir string) bool {
	return strings.HasSuffix(dir, ".dist-info") || strings.HasSuffix(dir, ".egg-info")
}
