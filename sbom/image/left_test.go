package image

import (
	"archive/tar"
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
)

const key = "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n"

// TestLeft: keys, credentials and repositories are found in every layer, also
// in one that a later layer covers, and what looks like one and is none is not.
func TestLeft(t *testing.T) {
	img := imageOf(t, tarsOf(t, [][]item{
		{
			{"root/.ssh/id_rsa", key}, {"app/.env", "# x\nexport HF_TOKEN='hf_abc'\n"}, {"app/.git/HEAD", "ref"}, {"app/.git/config", "[core]"},
			{"app/.git/objects/aa", "x"}, {"app/tls.pem", strings.Repeat("x", 5000) + "\n-----BEGIN PRIVATE KEY-----\r\n"}, {"home/u/.netrc", "machine x"},
			{"home/u/.npmrc", "//registry/:_authToken=x"}, {"etc/pip.conf", "[global]\nindex-url = https://u:p@pypi.example/simple\n"},
			{"root/.docker/config.json", `{"auths":{"x":{"auth":"eA=="}}}`}, {"root/.aws/credentials", "[default]"},
			{"root/.cache/huggingface/token", "hf_x"}, {"app/.env.production", "OPENAI_API_KEY=sk-x\n"}, {"app/store.p12", "x"},
		},
		{
			{"root/.ssh/.wh.id_rsa", ""}, {"app/.wh..git", ""}, {"home/.wh.u", ""},
		},
		{
			{"root/.ssh/id_rsa.pub", "ssh-rsa"}, {"app2/.env.example", "HF_TOKEN=x"}, {"app2/.env", "PORT=1\nHF_TOKEN=\nAPI_KEY=  # none\n"}, {"etc/ssl/certs/ca.pem", "-----BEGIN CERTIFICATE-----\n"},
			{site + "tornado/test/test.key", key}, {"home/v/.npmrc", "fund=false"}, {"home/v/.netrc", ""}, {"app2/.gitignore", "x"},
			{"home/v/.config/pip/pip.conf", "[global]\nindex-url = https://pypi.example/simple@1\nextra = https://user:${PASS}@x/\n"}, {"opt/x/config", "x"}, {"opt/token", "x"},
		},
	})...)
	_, _, inv := read(t, img)
	var got []string
	for _, f := range inv.Left {
		line := fmt.Sprintf("%s %s", f.Path, f.What)
		if f.Deleted {
			line += " deleted"
		}
		if f.Layer != inv.Layers[0] {
			line += " in another layer"
		}
		got = append(got, line)
	}
	want := []string{
		"/app/.env env-file", "/app/.env.production env-file", "/app/.git git-repository deleted", "/app/store.p12 private-key",
		"/app/tls.pem private-key", "/etc/pip.conf credentials", "/home/u/.netrc credentials deleted", "/home/u/.npmrc credentials deleted",
		"/root/.aws/credentials credentials", "/root/.cache/huggingface/token credentials", "/root/.docker/config.json credentials",
		"/root/.ssh/id_rsa private-key deleted",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("left files (-want +got):\n%s", diff)
	}
}

// TestLeftTooMany: a layer with more of them than are listed says so.
func TestLeftTooMany(t *testing.T) {
	var items []item
	for i := range 1100 {
		items = append(items, item{fmt.Sprintf("a/%04d/.netrc", i), "x"})
	}
	_, gaps, inv := read(t, imageOf(t, tarOf(t, items...)))
	if len(inv.Left) != 1000 || len(gaps) != 1 || gaps[0] != "too-large  layer 1" {
		t.Errorf("%d listed, gaps %q", len(inv.Left), gaps)
	}
}

// mode is an entry with a mode of its own.
type mode struct {
	name string
	mode int64
}

func modesOf(t testing.TB, entries ...mode) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for _, e := range entries {
		h := &tar.Header{Name: e.name, Mode: e.mode, Typeflag: tar.TypeReg}
		if strings.HasSuffix(e.name, "/") {
			h.Typeflag = tar.TypeDir
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// TestModes: setuid files and what everyone can write to are those of the
// image as it is in the end.
func TestModes(t *testing.T) {
	img := imageOf(t,
		modesOf(t,
			mode{"usr/bin/passwd", 0o4755}, mode{"usr/bin/su", 0o4755}, mode{"usr/bin/ls", 0o755}, mode{"usr/lib/openssh/ssh-keysign", 0o4755}, mode{"usr/lib/dbus-1.0/launch", 0o4754},
			mode{"usr/bin/chage", 0o2755}, mode{"var/mail/", 0o2777}, mode{"tmp/", 0o1777}, mode{"opt/gone/deep/down/x", 0o4755}, mode{"usr/share/not-a-program", 0o4644},
			mode{"srv/app/", 0o755}, mode{"srv/app/open/", 0o777}, mode{"srv/app/open/x.py", 0o666}, mode{"srv/app/a/b/c/d/main.py", 0o666}, mode{"srv/app/a/b/c/d/closed.py", 0o666},
			mode{"srv/app/drop/", 0o1777}, mode{"srv/app/data.csv", 0o666}, mode{"srv/application/", 0o777}),
		modesOf(t, mode{"usr/bin/su", 0o755}, mode{"usr/lib/openssh/ssh-keysign", 0o755}, mode{"opt/.wh.gone", 0}, mode{"srv/app/a/b/c/d/closed.py", 0o644}, mode{"app/run/", 0o777}),
	)
	for _, tc := range []struct {
		dir  string
		want []string
	}{
		{"/srv/app", []string{"/srv/app/a/b/c/d/main.py", "/srv/app/open"}},
		{"/srv/app/", []string{"/srv/app/a/b/c/d/main.py", "/srv/app/open"}},
		{"", []string{"/app/run"}},
		{"/", []string{"/app/run"}},
	} {
		config, err := img.ConfigFile()
		if err != nil {
			t.Fatal(err)
		}
		config = config.DeepCopy()
		config.Config = v1.Config{WorkingDir: tc.dir}
		configured, err := mutate.ConfigFile(img, config)
		if err != nil {
			t.Fatal(err)
		}
		_, _, inv := read(t, configured)
		if diff := cmp.Diff([]string{"/usr/bin/chage", "/usr/bin/passwd", "/usr/lib/dbus-1.0/launch"}, inv.Setuid); diff != "" {
			t.Errorf("setuid (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(tc.want, inv.Writable); diff != "" {
			t.Errorf("writable below %q (-want +got):\n%s", tc.dir, diff)
		}
	}
}

// TestBase: what an image says of its base, by annotation before label.
func TestBase(t *testing.T) {
	img, err := mutate.Config(oneLayer(t), v1.Config{Labels: map[string]string{baseName: "docker.io/library/python:3.12", baseDigest: "sha256:aa"}})
	if err != nil {
		t.Fatal(err)
	}
	_, _, inv := read(t, img)
	if inv.BaseName != "docker.io/library/python:3.12" || inv.BaseDigest != "sha256:aa" {
		t.Errorf("by labels %q %q", inv.BaseName, inv.BaseDigest)
	}
	annotated, ok := mutate.Annotations(img, map[string]string{baseName: "python:3.13"}).(v1.Image)
	if !ok {
		t.Fatal("not an image")
	}
	_, _, inv = read(t, annotated)
	if inv.BaseName != "python:3.13" || inv.BaseDigest != "sha256:aa" {
		t.Errorf("by annotation %q %q", inv.BaseName, inv.BaseDigest)
	}
}
