package image

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"github.com/tallyman/tallyman/sbom"
)

// debianInclude are the packages of the real root file system. debootstrap does
// not resolve virtual packages, so python3-cryptography cannot be among them.
const debianInclude = "python3-fastapi,python3-jinja2,python3-pil,python3-pip,python3-yaml,python3-requests,python3-numpy,python3-httpx,python3-aiohttp,python3-venv"

// TestDebian compares the inventory of an image made from a real Debian root,
// with thirty wheels of our own installed in it, to what dpkg-query, dpkg -S
// and importlib.metadata say when they run in that root.
//
// TALLYMAN_DEBOOTSTRAP=1 makes the root with debootstrap, for which it has to
// run as root with a Debian mirror in reach; TALLYMAN_DEBOOTSTRAP=DIR takes
// (and changes) a root that debootstrap made before.
func TestDebian(t *testing.T) {
	root := debianRoot(t)
	base := layerOf(t, root, ".", "--exclude=./usr/local")
	installWheels(t, root)
	img := imageOfLayers(t, base, layerOf(t, root, "usr/local"))

	before, start := peakRSS(t), time.Now()
	inv, err := Read(t.Context(), img, Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d bytes in %d layers read in %v; peak RSS of the process %d MB before, %d MB after",
		inv.SizeBytes, len(inv.Layers), time.Since(start).Round(time.Millisecond), before>>20, peakRSS(t)>>20)

	if diff := cmp.Diff(dpkgQuery(t, root), debsOf(inv)); diff != "" {
		t.Errorf("Debian packages (-dpkg-query +ours):\n%s", diff)
	}
	want, got := importlibMetadata(t, root), pythonOf(inv)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Python distributions (-importlib.metadata +ours):\n%s", diff)
	}
	owned, wheels := 0, 0
	for _, line := range got {
		if strings.Contains(line, "tallyman-test-") {
			wheels++
		}
		if strings.Contains(line, " os-owned ") {
			owned++
		}
	}
	t.Logf("%d Debian packages, %d Python distributions: %d os-owned, %d of our wheels", len(debsOf(inv)), len(got), owned, wheels)
	for _, g := range inv.Document.Gaps {
		t.Errorf("gap: %+v", g)
	}
	grades := map[sbom.Evidence]int{}
	for _, c := range inv.Document.Components {
		grades[c.Evidence]++
	}
	t.Logf("grades: %v", grades)
	for _, f := range inv.Document.Files {
		t.Errorf("files that nobody altered: %+v", f)
	}
	if wheels != 30 || owned == 0 {
		t.Errorf("%d wheels, %d os-owned distributions", wheels, owned)
	}
}

// debianRoot returns the folder of a Debian root file system.
func debianRoot(t testing.TB) string {
	t.Helper()
	switch dir := os.Getenv("TALLYMAN_DEBOOTSTRAP"); {
	case dir == "":
		t.Skip("set TALLYMAN_DEBOOTSTRAP=1 (needs root, debootstrap and a mirror) or to the folder of a Debian root")
	case os.Getuid() != 0:
		t.Skip("a Debian root can only be made and entered as root")
	case dir != "1":
		return dir
	}
	if _, err := exec.LookPath("debootstrap"); err != nil {
		t.Skip("debootstrap is not installed")
	}
	root := filepath.Join(t.TempDir(), "root")
	run(t, "", "debootstrap", "--variant=minbase", "--include="+debianInclude, "bookworm", root)
	return root
}

// run runs a command, in the root file system when that is not "", and returns
// what it prints.
func run(t testing.TB, root string, args ...string) string {
	t.Helper()
	if root != "" {
		args = append([]string{"chroot", root}, args...)
	}
	cmd := exec.CommandContext(t.Context(), args[0], args[1:]...)
	cmd.Env = []string{"PATH=/usr/local/bin:/usr/bin:/usr/sbin:/bin:/sbin", "LANG=C.UTF-8", "HOME=/root"}
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s%s", strings.Join(args, " "), err, out, &errs)
	}
	return string(out)
}

// installWheels builds thirty wheels and installs them with pip.
func installWheels(t *testing.T, root string) {
	t.Helper()
	dir := filepath.Join(root, "wheels")
	args := []string{"python3", "-m", "pip", "install", "--no-index", "--no-deps", "--break-system-packages", "--force-reinstall", "--root-user-action=ignore"}
	for i := range 30 {
		version := fmt.Sprintf("1.%d.post%d", i, i%3)
		stem := fmt.Sprintf("tallyman_test_%02d-%s", i, version)
		writeWheel(t, filepath.Join(dir, stem+"-py3-none-any.whl"), stem, version, i)
		args = append(args, "/wheels/"+stem+"-py3-none-any.whl")
	}
	run(t, root, args...)
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
}

func writeWheel(t *testing.T, file, stem, version string, i int) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w := zip.NewWriter(f)
	module := fmt.Sprintf("tallyman_test_%02d.py", i)
	for name, content := range map[string]string{
		module:                       "x = 1\n",
		stem + ".dist-info/METADATA": metadata(fmt.Sprintf("tallyman-test-%02d", i), version),
		stem + ".dist-info/WHEEL":    "Wheel-Version: 1.0\nGenerator: tallyman\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
		stem + ".dist-info/RECORD":   module + ",,\n" + stem + ".dist-info/METADATA,,\n" + stem + ".dist-info/WHEEL,,\n" + stem + ".dist-info/RECORD,,\n",
	} {
		part, err := w.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(part, content); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

// layerOf packs a part of the root as a compressed layer in a file.
func layerOf(t testing.TB, root, what string, options ...string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "layer.tar.gz")
	args := append([]string{"tar", "-C", root, "--numeric-owner", "--one-file-system", "--exclude=./proc/*", "--exclude=./sys/*", "--exclude=./dev/*"}, options...)
	run(t, "", append(args, "-czf", file, what)...)
	return file
}

func imageOfLayers(t testing.TB, files ...string) v1.Image {
	t.Helper()
	img := v1.Image(empty.Image)
	for _, file := range files {
		l, err := tarball.LayerFromFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if img, err = mutate.AppendLayers(img, l); err != nil {
			t.Fatal(err)
		}
	}
	return img
}

// dpkgQuery returns a line for each package with files on disk.
func dpkgQuery(t *testing.T, root string) []string {
	t.Helper()
	var lines []string
	for line := range strings.Lines(run(t, root, "dpkg-query", "-W", "-f", `${db:Status-Status} ${Package} ${Version} ${Architecture} ${source:Package} ${source:Version}\n`)) {
		// What is unpacked and not configured yet is on disk as well.
		state, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		if state != "config-files" && state != "not-installed" {
			lines = append(lines, rest)
		}
	}
	slices.Sort(lines)
	return lines
}

func debsOf(inv *Inventory) []string {
	var lines []string
	for _, c := range inv.Document.Components {
		if c.Ecosystem != "Debian:12" {
			continue
		}
		source, version := c.Source, c.SourceVersion
		if source == "" {
			source, version = c.Name, c.Version
		}
		_, arch, _ := strings.Cut(c.PURL, "arch=")
		arch, _, _ = strings.Cut(arch, "&")
		lines = append(lines, strings.Join([]string{c.Name, c.Version, arch, source, version}, " "))
	}
	slices.Sort(lines)
	return lines
}

// importlibMetadata returns a line for each distribution that Python itself
// finds, with the package that dpkg says owns it.
func importlibMetadata(t *testing.T, root string) []string {
	t.Helper()
	const script = `
import importlib.metadata as m, os
for d in m.distributions():
    p = str(d._path)
    if os.path.isdir(p):
        p = os.path.join(p, "METADATA" if p.endswith(".dist-info") else "PKG-INFO")
    print(d.metadata["Name"], d.metadata["Version"], os.path.realpath(p), sep="\t")
`
	var lines []string
	for line := range strings.Lines(run(t, root, "python3", "-c", script)) {
		parts := strings.Split(strings.TrimSpace(line), "\t")
		lines = append(lines, fmt.Sprintf("%s %s %s", parts[0], parts[1], dpkgOwner(t, root, parts[2])))
	}
	slices.Sort(lines)
	return slices.Compact(lines)
}

// dpkgOwner asks dpkg for the owner of a file, outside of /usr/local, where
// distribution packages put nothing.
func dpkgOwner(t *testing.T, root, file string) string {
	t.Helper()
	if strings.HasPrefix(file, "/usr/local/") {
		return "verified" // by pip a moment ago
	}
	owner, _, _ := strings.Cut(run(t, root, "dpkg", "-S", file), ": ")
	version := strings.TrimSpace(run(t, root, "dpkg-query", "-W", "-f", "${Version}", owner))
	owner, _, _ = strings.Cut(owner, ":")
	return "os-owned by " + owner + " " + version
}

// pythonOf leaves out what Python does not list: copies inside other packages,
// what pip says that it copied, and the wheels that ensurepip keeps.
func pythonOf(inv *Inventory) []string {
	var lines []string
	for _, c := range inv.Document.Components {
		file := c.Locations[0].File
		if c.Ecosystem != "PyPI" || path.Base(file) == "vendor.txt" || path.Base(path.Dir(path.Dir(path.Dir(file)))) == "setuptools" {
			continue
		}
		line := c.Name + " " + c.Version + " " + string(c.Evidence)
		if c.Evidence == sbom.OSOwned {
			line += " by " + c.Owner
		}
		lines = append(lines, line)
	}
	slices.Sort(lines)
	return lines
}

// peakRSS is the most memory that this process ever had, in bytes.
func peakRSS(t *testing.T) int64 {
	t.Helper()
	data, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(data), "VmHWM:")
	var kilobytes int64
	if _, err := fmt.Sscan(rest, &kilobytes); err != nil {
		t.Fatal(err)
	}
	return kilobytes << 10
}
