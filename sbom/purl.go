package sbom

import (
	"cmp"
	"strings"

	"github.com/package-url/packageurl-go"

	"github.com/tallyman/tallyman/sbom/pep508"
)

// PyPIPURL returns the package URL of a PyPI project. version may be "".
// https://github.com/package-url/purl-spec/blob/main/types-doc/pypi-definition.md
func PyPIPURL(name, version string) string {
	return packageurl.NewPackageURL(packageurl.TypePyPi, "", pep508.NormalizeName(name), version, nil, "").ToString()
}

// NPMPURL returns the package URL of an npm package, whose name may have a
// scope ("@gradio/client").
// https://github.com/package-url/purl-spec/blob/main/types-doc/npm-definition.md
func NPMPURL(name, version string) string {
	namespace := ""
	if scope, rest, ok := strings.Cut(name, "/"); ok && strings.HasPrefix(scope, "@") {
		namespace, name = scope, rest
	}
	return packageurl.NewPackageURL(packageurl.TypeNPM, namespace, name, version, nil, "").ToString()
}

// GoPURL returns the package URL of a Go module ("golang.org/x/net"), or of
// Go's standard library, "stdlib". version may be "". Names keep their case:
// that of a module path counts.
// https://github.com/package-url/purl-spec/blob/main/types-doc/golang-definition.md
func GoPURL(module, version string) string {
	namespace, name := "", module
	if i := strings.LastIndex(module, "/"); i >= 0 {
		namespace, name = module[:i], module[i+1:]
	}
	return packageurl.NewPackageURL(packageurl.TypeGolang, namespace, name, version, nil, "").ToString()
}

// CratePURL returns the package URL of a crate. version may be "".
// https://github.com/package-url/purl-spec/blob/main/types-doc/cargo-definition.md
func CratePURL(name, version string) string {
	return packageurl.NewPackageURL(packageurl.TypeCargo, "", name, version, nil, "").ToString()
}

// GenericPURL returns the package URL of what is in no package of any kind, as an
// interpreter that its own project published.
// https://github.com/package-url/purl-spec/blob/main/types-doc/generic-definition.md
func GenericPURL(name, version string) string {
	return packageurl.NewPackageURL(packageurl.TypeGeneric, "", name, version, nil, "").ToString()
}

// APKPURL returns the package URL of a package of Alpine or one of its kind.
// vendor is the os-release ID ("alpine", "wolfi"), distro ID and version
// ("alpine-3.20.1"), and origin the source package; "" leaves each out, but for
// the vendor, which is "alpine" then.
// https://github.com/package-url/purl-spec/blob/main/types-doc/apk-definition.md
func APKPURL(vendor, name, version, arch, distro, origin string) string {
	q := map[string]string{}
	for k, v := range map[string]string{"arch": arch, "distro": distro, "upstream": origin} {
		if v != "" {
			q[k] = v
		}
	}
	return packageurl.NewPackageURL(packageurl.TypeApk, cmp.Or(vendor, "alpine"), name, version, packageurl.QualifiersFromMap(q), "").ToString()
}

// CondaPURL returns the package URL of a conda package; "" leaves a qualifier
// out. archive is the form of its archive ("conda", "tar.bz2").
// https://github.com/package-url/purl-spec/blob/main/types-doc/conda-definition.md
func CondaPURL(name, version, build, channel, subdir, archive string) string {
	q := map[string]string{}
	for k, v := range map[string]string{"build": build, "channel": channel, "subdir": subdir, "type": archive} {
		if v != "" {
			q[k] = v
		}
	}
	return packageurl.NewPackageURL(packageurl.TypeConda, "", name, version, packageurl.QualifiersFromMap(q), "").ToString()
}

// RPMQualifiers are what RPMPURL says beside name and version; "" leaves each out.
type RPMQualifiers struct {
	// Epoch is left out when it is "0", too.
	Epoch, Arch string
	// Distro is the os-release ID and version ("almalinux-9.4").
	Distro string
	// SourceRPM is the file name of the source package, which does not tell its
	// epoch; SourceEpoch does. It is left out when it is the package's own.
	SourceRPM, SourceEpoch string
	// Module is the label of the module, "name:stream:version:context".
	Module string
}

// RPMPURL returns the package URL of a package of rpm. vendor is the os-release
// ID ("almalinux"), version has the release ("5.1.8-6.el9") and no epoch. What
// it says beyond the specification is what other programs write ("upstream",
// "rpmmod"), and "upstream_epoch".
// https://github.com/package-url/purl-spec/blob/main/types-doc/rpm-definition.md
func RPMPURL(vendor, name, version string, q RPMQualifiers) string {
	if q.Epoch == "0" {
		q.Epoch = ""
	}
	if q.SourceRPM == "" || cmp.Or(q.SourceEpoch, "0") == cmp.Or(q.Epoch, "0") {
		q.SourceEpoch = ""
	} else {
		q.SourceEpoch = cmp.Or(q.SourceEpoch, "0")
	}
	qualifiers := map[string]string{}
	for k, v := range map[string]string{"epoch": q.Epoch, "arch": q.Arch, "distro": q.Distro, "upstream": q.SourceRPM, "upstream_epoch": q.SourceEpoch, "rpmmod": q.Module} {
		if v != "" {
			qualifiers[k] = v
		}
	}
	return packageurl.NewPackageURL(packageurl.TypeRPM, vendor, name, version, packageurl.QualifiersFromMap(qualifiers), "").ToString()
}

// CutSourceRPM parts the name of a source package's file, as
// "bash-5.1.8-6.el9.src.rpm", at its last two hyphens; all are "" when it is
// none. The name does not tell the epoch.
// https://rpm.org/docs/4.20.x/manual/tags.html (SOURCERPM)
func CutSourceRPM(file string) (name, version, release string) {
	rest, ok := strings.CutSuffix(file, ".src.rpm")
	if !ok {
		if rest, ok = strings.CutSuffix(file, ".nosrc.rpm"); !ok {
			return "", "", ""
		}
	}
	r := strings.LastIndexByte(rest, '-')
	if r < 0 {
		return "", "", ""
	}
	v := strings.LastIndexByte(rest[:r], '-')
	if v <= 0 || v+1 == r || r+1 == len(rest) {
		return "", "", ""
	}
	return rest[:v], rest[v+1 : r], rest[r+1:]
}

// DebPURL returns the package URL of a Debian-family binary package. distro is
// the os-release ID and version ("debian-12"), vendor the ID ("debian"), and
// source the "source" qualifier ("name@version" or "name"), "" to leave out.
// https://github.com/package-url/purl-spec/blob/main/types-doc/deb-definition.md
func DebPURL(vendor, name, version, arch, distro, source string) string {
	q := map[string]string{}
	for k, v := range map[string]string{"arch": arch, "distro": distro, "upstream": source} {
		if v != "" {
			q[k] = v
		}
	}
	return packageurl.NewPackageURL(packageurl.TypeDebian, vendor, name, version, packageurl.QualifiersFromMap(q), "").ToString()
}
