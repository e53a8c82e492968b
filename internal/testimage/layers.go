package testimage

import (
	"archive/tar"
	"bytes"
	"fmt"
	"path"
	"slices"
	"strings"
)

// step is an instruction of the build, with the layer that it made or nil.
type step struct {
	instruction string
	layer       *layer
}

// steps is the history of the image, the base's first.
func steps() []step {
	return []step{
		{"/bin/sh -c #(nop) ADD file:base in / ", baseLayer()},
		{`/bin/sh -c #(nop)  CMD ["python3"]`, nil},
		{"ENV HF_TOKEN=hf_example_not_a_real_token", nil},
		{"ENV GRADIO_SERVER_NAME=0.0.0.0", nil},
		{"WORKDIR /app", (&layer{}).dir("app")},
		{"RUN /bin/sh -c apt-get update && apt-get install -y curl ffmpeg", aptLayer()},
		{"RUN /bin/sh -c curl -fsSL https://example.com/models/setup.sh | sh", (&layer{}).file("models/tiny.txt", "no model in the example\n")},
		{"COPY requirements.txt requirements-extra.txt ./", (&layer{}).file("app/requirements.txt", "gradio==4.19.1\n-r requirements-extra.txt\n").file("app/requirements-extra.txt", "certifi==2024.7.4\n")},
		{"RUN /bin/sh -c pip install -r requirements.txt", pipLayer()},
		{"RUN /bin/sh -c pip install hf-transfer", upperLayer()},
		{"ADD app.py /app/app.py", (&layer{}).file("app/app.py", "import gradio as gr\n\ngr.ChatInterface(lambda message, history: message).launch(share=True)\n")},
		{"EXPOSE 7860", nil},
		{`CMD ["/bin/sh" "-c" "python app.py"]`, nil},
	}
}

// layer is the content of one layer, in the order of its archive.
type layer struct {
	entries []tarEntry
	dirs    map[string]bool
}

type tarEntry struct {
	name, content, target string
	folder                bool
}

// dir adds a folder and those above it.
func (l *layer) dir(name string) *layer {
	if name == "." || l.dirs[name] {
		return l
	}
	l.dir(path.Dir(name))
	if l.dirs == nil {
		l.dirs = map[string]bool{}
	}
	l.dirs[name] = true
	l.entries = append(l.entries, tarEntry{name: name + "/", folder: true})
	return l
}

func (l *layer) file(name, content string) *layer {
	l.dir(path.Dir(name))
	l.entries = append(l.entries, tarEntry{name: name, content: content})
	return l
}

func (l *layer) link(name, target string) *layer {
	l.dir(path.Dir(name))
	l.entries = append(l.entries, tarEntry{name: name, target: target})
	return l
}

// remove adds the whiteout of name.
func (l *layer) remove(name string) *layer {
	return l.file(path.Join(path.Dir(name), ".wh."+path.Base(name)), "")
}

// install adds the files of Python distributions.
func (l *layer) install(site string, dists ...pyDist) *layer {
	for _, d := range dists {
		files := d.files()
		for _, f := range files {
			l.file(path.Join(site, f.path), f.content)
		}
	}
	return l
}

// archive writes the layer in the USTAR format, with fixed times and owners.
func (l *layer) archive() ([]byte, error) {
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for _, e := range l.entries {
		h := &tar.Header{Name: e.name, Mode: 0o644, Size: int64(len(e.content)), ModTime: built, Format: tar.FormatUSTAR, Typeflag: tar.TypeReg}
		switch {
		case e.folder:
			h.Typeflag, h.Mode = tar.TypeDir, 0o755
		case e.target != "":
			h.Typeflag, h.Linkname, h.Mode = tar.TypeSymlink, e.target, 0o777
		}
		if err := w.WriteHeader(h); err != nil {
			return nil, fmt.Errorf("entry %q: %w", e.name, err)
		}
		if _, err := w.Write([]byte(e.content)); err != nil {
			return nil, fmt.Errorf("entry %q: %w", e.name, err)
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return buf.Bytes(), nil
}

const (
	site = "usr/local/lib/python3.12/site-packages"
	dist = "usr/lib/python3/dist-packages"
)

// baseLayer is what stands for the base image: Debian 12 with a Python of its
// own in /usr and one built from source in /usr/local.
func baseLayer() *layer {
	l := (&layer{}).
		link("bin", "usr/bin").link("lib", "usr/lib").link("etc/os-release", "../usr/lib/os-release").
		file("usr/lib/os-release", strings.Join([]string{
			`PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"`, `NAME="Debian GNU/Linux"`, `VERSION_ID="12"`,
			`VERSION="12 (bookworm)"`, `VERSION_CODENAME=bookworm`, `ID=debian`, "",
		}, "\n")).
		file("usr/local/bin/python3.12", "not a program\n")
	certifi := pyDist{name: "certifi", version: "2022.9.24", module: "certifi", installer: "debian"}
	list, sums := debFiles(certifi)
	l.file("var/lib/dpkg/info/python3-certifi.list", list)
	l.file("var/lib/dpkg/info/python3-certifi.md5sums", sums)
	l.file("var/lib/dpkg/info/libc6:amd64.list", "/.\n/lib\n/lib/x86_64-linux-gnu\n/lib/x86_64-linux-gnu/libc.so.6\n")
	l.file("var/lib/dpkg/status", status(basePackages))
	l.install(dist, certifi)
	return l.install(site, pyDist{name: "pip", version: "24.0", module: "pip"}, pyDist{name: "setuptools", version: "69.1.1", module: "setuptools"}, pyDist{name: "wheel", version: "0.43.0", module: "wheel"})
}

// aptLayer installs two packages, brings one of the base up to date and writes
// the whole status file again, as apt does.
func aptLayer() *layer {
	now := slices.Clone(basePackages)
	for i := range now {
		if now[i].name == "libnghttp2-14" {
			now[i].version = "1.52.0-1+deb12u1"
		}
	}
	return (&layer{}).file("var/lib/dpkg/status", status(append(now, addedPackages...)))
}

// pipLayer is pip install -r requirements.txt.
func pipLayer() *layer { return (&layer{}).install(site, requirements...) }

// upperLayer installs hf-transfer. It removes wheel, brings tqdm up to date and
// writes filelock's files again as they were.
func upperLayer() *layer {
	return (&layer{}).
		remove(site+"/wheel").remove(site+"/wheel-0.43.0.dist-info").
		remove(site+"/tqdm-4.66.1.dist-info").
		install(site, pyDist{name: "hf-transfer", version: "0.1.6", module: "hf_transfer"}, pyDist{name: "tqdm", version: "4.66.2", module: "tqdm"}, filelock)
}
