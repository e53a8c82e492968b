package testimage

import (
	"crypto/md5"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
)

// pyDist is an installed Python distribution.
type pyDist struct {
	name, version string
	module        string // its package folder
	installer     string // "pip" when ""
	requires      []string
	direct        string // the content of direct_url.json, "" for none
}

var filelock = pyDist{name: "filelock", version: "3.13.1", module: "filelock"}

// requirements is what pip installs for the example's requirements.
var requirements = []pyDist{
	{name: "aiofiles", version: "23.2.1", module: "aiofiles"},
	{name: "anyio", version: "4.3.0", module: "anyio"},
	{name: "certifi", version: "2024.7.4", module: "certifi"},
	{name: "charset-normalizer", version: "3.3.2", module: "charset_normalizer"},
	{name: "click", version: "8.1.7", module: "click"},
	{name: "fastapi", version: "0.109.2", module: "fastapi", requires: []string{"starlette<0.37.0,>=0.36.3"}},
	filelock,
	{name: "gradio", version: "4.19.1", module: "gradio", requires: []string{"fastapi", "gradio-client==0.10.0", "jinja2<4.0", "pillow<11.0,>=8.0", "python-multipart"}},
	{name: "gradio-client", version: "0.10.0", module: "gradio_client"},
	{name: "gradio-helpers-pro", version: "1.0.3", module: "gradio_helpers_pro"},
	{name: "h11", version: "0.14.0", module: "h11"},
	{name: "httpx", version: "0.27.0", module: "httpx"},
	{name: "huggingface-hub", version: "0.21.4", module: "huggingface_hub"},
	{name: "idna", version: "3.6", module: "idna"},
	{name: "Jinja2", version: "3.1.2", module: "jinja2"},
	{name: "MarkupSafe", version: "2.1.5", module: "markupsafe"},
	{name: "numpy", version: "1.26.4", module: "numpy"},
	{name: "pillow", version: "10.2.0", module: "PIL"},
	{name: "prompt-tools", version: "0.3.0", module: "prompt_tools", direct: `{"url": "https://github.com/example-org/prompt-tools", "vcs_info": {"commit_id": "5e1f0c2a9b7d4c3e8f6a1b2c3d4e5f60718293a4", "requested_revision": "main", "vcs": "git"}}`},
	{name: "pydantic", version: "2.6.4", module: "pydantic"},
	{name: "python-multipart", version: "0.0.6", module: "multipart"},
	{name: "PyYAML", version: "5.3.1", module: "yaml"},
	{name: "requests", version: "2.31.0", module: "requests"},
	{name: "starlette", version: "0.36.3", module: "starlette"},
	{name: "tqdm", version: "4.66.1", module: "tqdm"},
	{name: "typing_extensions", version: "4.10.0", module: "typing_extensions"},
	{name: "urllib3", version: "2.2.1", module: "urllib3"},
	{name: "uvicorn", version: "0.29.0", module: "uvicorn"},
}

// pyFile is a file of a distribution, relative to site-packages.
type pyFile struct{ path, content string }

// files are the distribution's files, RECORD last.
// https://packaging.python.org/en/latest/specifications/recording-installed-packages/
func (d pyDist) files() []pyFile {
	info := strings.ReplaceAll(d.name, "-", "_") + "-" + d.version + ".dist-info"
	meta := "Metadata-Version: 2.1\nName: " + d.name + "\nVersion: " + d.version + "\nSummary: Stands for " + d.name + " in the example image\n"
	for _, r := range d.requires {
		meta += "Requires-Dist: " + r + "\n"
	}
	installer := d.installer
	if installer == "" {
		installer = "pip"
	}
	files := []pyFile{
		{d.module + "/__init__.py", "__version__ = \"" + d.version + "\"\n"},
		{info + "/INSTALLER", installer + "\n"},
		{info + "/METADATA", meta},
	}
	if d.direct != "" {
		files = append(files, pyFile{info + "/direct_url.json", d.direct})
	}
	record := ""
	for _, f := range files {
		sum := sha256.Sum256([]byte(f.content))
		record += fmt.Sprintf("%s,sha256=%s,%d\n", f.path, base64.RawURLEncoding.EncodeToString(sum[:]), len(f.content))
	}
	return append(files, pyFile{info + "/RECORD", record + info + "/RECORD,,\n"})
}

// debFiles are dpkg's two file lists of a package that brings d.
func debFiles(d pyDist) (list, sums string) {
	list = "/.\n"
	for _, f := range d.files() {
		sum := md5.Sum([]byte(f.content))
		list += "/" + dist + "/" + f.path + "\n"
		sums += hex.EncodeToString(sum[:]) + "  " + dist + "/" + f.path + "\n"
	}
	return list, sums
}

// debPackage is an installed Debian package.
type debPackage struct{ name, version, arch, source string }

// basePackages are those of the base: real versions of Debian 12.
var basePackages = []debPackage{
	{"base-files", "12.4+deb12u5", "amd64", ""},
	{"libc6", "2.36-9+deb12u4", "amd64", "glibc"},
	{"libexpat1", "2.5.0-1", "amd64", "expat"},
	{"libgssapi-krb5-2", "1.20.1-2+deb12u1", "amd64", "krb5"},
	{"libkrb5-3", "1.20.1-2+deb12u1", "amd64", "krb5"},
	{"libnghttp2-14", "1.52.0-1", "amd64", "nghttp2"},
	{"libpython3.11-minimal", "3.11.2-6", "amd64", "python3.11"},
	{"libssl3", "3.0.11-1~deb12u2", "amd64", "openssl"},
	{"openssl", "3.0.11-1~deb12u2", "amd64", ""},
	{"perl-base", "5.36.0-7+deb12u1", "amd64", "perl"},
	{"python3", "3.11.2-1+b1", "amd64", "python3-defaults (3.11.2-1)"},
	{"python3-certifi", "2022.9.24-1", "all", "python-certifi"},
	{"python3.11-minimal", "3.11.2-6", "amd64", "python3.11"},
	{"zlib1g", "1:1.2.13.dfsg-1", "amd64", "zlib"},
}

// addedPackages are those that the Dockerfile's apt-get adds.
var addedPackages = []debPackage{
	{"curl", "7.88.1-10+deb12u5", "amd64", ""},
	{"ffmpeg", "7:5.1.4-0+deb12u1", "amd64", ""},
	{"libcurl4", "7.88.1-10+deb12u5", "amd64", "curl"},
}

// status writes dpkg's status file. One package in it was removed and left its
// configuration.
func status(packages []debPackage) string {
	var b strings.Builder
	for _, p := range packages {
		fmt.Fprintf(&b, "Package: %s\nStatus: install ok installed\nPriority: optional\nArchitecture: %s\n", p.name, p.arch)
		if p.source != "" {
			fmt.Fprintf(&b, "Source: %s\n", p.source)
		}
		fmt.Fprintf(&b, "Version: %s\nDescription: stands for %s\n in the example image\n\n", p.version, p.name)
	}
	b.WriteString("Package: exim4-base\nStatus: deinstall ok config-files\nArchitecture: amd64\nVersion: 4.96-15+deb12u4\n\n")
	return b.String()
}
