package main

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"io"
	"os"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/rogpeppe/go-internal/testscript"
	"github.com/sigstore/cosign/v2/pkg/cosign"
)

// push writes an image to a registry and puts its digest into $DIGEST:
// push LAYOUT REF, or push clean REF for an image that nothing is wrong with.
func push(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: push LAYOUT|clean REF")
	}
	img := cleanImage(ts)
	if args[0] != "clean" {
		img = layoutImage(ts, ts.MkAbs(args[0]))
	}
	ref, err := name.ParseReference(args[1])
	ts.Check(err)
	ts.Check(remote.Write(ref, img))
	digest, err := img.Digest()
	ts.Check(err)
	ts.Setenv("DIGEST", digest.String())
}

// pushIndex writes an index of images to a registry, or to a layout, and puts
// its digest into $DIGEST: index REF|oci:DIR OS/ARCH=LAYOUT|clean...
func pushIndex(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: index REF|oci:DIR OS/ARCH=LAYOUT|clean...")
	}
	var index v1.ImageIndex = empty.Index
	for _, arg := range args[1:] {
		words, from, _ := strings.Cut(arg, "=")
		platform, err := v1.ParsePlatform(words)
		ts.Check(err)
		img := cleanImage(ts)
		if from != "clean" {
			img = layoutImage(ts, ts.MkAbs(from))
		}
		config, err := img.ConfigFile()
		ts.Check(err)
		config = config.DeepCopy()
		config.OS, config.Architecture, config.Variant = platform.OS, platform.Architecture, platform.Variant
		img, err = mutate.ConfigFile(img, config)
		ts.Check(err)
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: img, Descriptor: v1.Descriptor{Platform: platform}})
	}
	digest, err := index.Digest()
	ts.Check(err)
	ts.Setenv("DIGEST", digest.String())
	if dir, ok := strings.CutPrefix(args[0], "oci:"); ok {
		_, err := layout.Write(ts.MkAbs(dir), index)
		ts.Check(err)
		return
	}
	ref, err := name.ParseReference(args[0])
	ts.Check(err)
	ts.Check(remote.WriteIndex(ref, index))
}

// layoutImage is the first image of an OCI layout.
func layoutImage(ts *testscript.TestScript, dir string) v1.Image {
	index, err := layout.ImageIndexFromPath(dir)
	ts.Check(err)
	manifest, err := index.IndexManifest()
	ts.Check(err)
	img, err := index.Image(manifest.Manifests[0].Digest)
	ts.Check(err)
	return img
}

// cleanImage has one harmless Python distribution and a user who is not root.
func cleanImage(ts *testscript.TestScript) v1.Image {
	const site = "usr/local/lib/python3.12/site-packages/colorama-0.4.6.dist-info/"
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(archive(ts, map[string]string{
			site + "METADATA":  "Metadata-Version: 2.1\nName: colorama\nVersion: 0.4.6\n",
			site + "RECORD":    "colorama-0.4.6.dist-info/METADATA,,\n",
			site + "INSTALLER": "pip\n",
		}))), nil
	})
	ts.Check(err)
	img, err := mutate.AppendLayers(empty.Image, layer)
	ts.Check(err)
	img, err = mutate.Config(img, v1.Config{User: "1000", Cmd: []string{"python", "app.py"}})
	ts.Check(err)
	return img
}

func archive(ts *testscript.TestScript, files map[string]string) []byte {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, name := range []string{"METADATA", "RECORD", "INSTALLER"} {
		for path, text := range files {
			if strings.HasSuffix(path, "/"+name) {
				ts.Check(w.WriteHeader(&tar.Header{Name: path, Mode: 0o644, Size: int64(len(text))}))
				_, err := io.WriteString(w, text)
				ts.Check(err)
			}
		}
	}
	ts.Check(w.Close())
	return b.Bytes()
}

// keypair writes cosign.key and cosign.pub, and puts the password into the
// environment: keypair [PREFIX].
func keypair(ts *testscript.TestScript, neg bool, args []string) {
	writeKeys(ts, args, "correct horse")
}

// emptyKeypair is keypair with an empty password.
func emptyKeypair(ts *testscript.TestScript, neg bool, args []string) { writeKeys(ts, args, "") }

func writeKeys(ts *testscript.TestScript, args []string, password string) {
	prefix := "cosign"
	if len(args) == 1 {
		prefix = args[0]
	}
	keys, err := cosign.GenerateKeyPair(func(bool) ([]byte, error) { return []byte(password), nil })
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(prefix+".key"), keys.PrivateBytes, 0o600))
	ts.Check(os.WriteFile(ts.MkAbs(prefix+".pub"), keys.PublicBytes, 0o644))
	ts.Setenv("COSIGN_PASSWORD", password)
}

// script takes the one shell script out of a page of the documentation:
// script docs/release-step.md FILE.
func script(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: script PAGE FILE")
	}
	page, err := os.ReadFile("../../" + args[0])
	ts.Check(err)
	_, rest, found := strings.Cut(string(page), "```sh\n")
	text, _, closed := strings.Cut(rest, "```\n")
	if !found || !closed {
		ts.Fatalf("%s has no script", args[0])
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(text), 0o755))
}

// patch changes a JSON file as RFC 7396 says, as an attacker would:
// patch FILE NEW PATCH.
func patch(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: patch FILE NEW PATCH")
	}
	var target, change any
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[0])), &target))
	ts.Check(json.Unmarshal([]byte(args[2]), &change))
	data, err := json.Marshal(merge(target, change))
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), data, 0o644))
}

func merge(target, change any) any {
	changes, ok := change.(map[string]any)
	if !ok {
		return change
	}
	object, ok := target.(map[string]any)
	if !ok {
		object = map[string]any{}
	}
	for name, value := range changes {
		object[name] = merge(object[name], value)
		if value == nil {
			delete(object, name)
		}
	}
	return object
}
