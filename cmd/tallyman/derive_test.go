package main

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"path"
	"strconv"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/rogpeppe/go-internal/testscript"
)

// derive writes an image that is made of another one into a layout of its own,
// and puts its digest into $DIGEST: derive FROM TO [layers=N] [user=NAME]
// [label=KEY=VALUE]... [copy=PATH=TEXT]... layers keeps the lowest N, with their
// history; user sets the user and takes the environment away; copy adds a layer
// with a file.
func derive(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: derive FROM TO [layers=N] [user=NAME] [label=KEY=VALUE]... [copy=PATH=TEXT]...")
	}
	img := layoutImage(ts, ts.MkAbs(args[0]))
	labels, user := map[string]string{}, ""
	for _, arg := range args[2:] {
		key, value, _ := strings.Cut(arg, "=")
		switch key {
		case "layers":
			n, err := strconv.Atoi(value)
			ts.Check(err)
			img = lowest(ts, img, n)
		case "user":
			user = value
		case "copy":
			name, text, _ := strings.Cut(value, "=")
			img = withFile(ts, img, name, text)
		case "label":
			name, text, _ := strings.Cut(value, "=")
			labels[name] = text
		default:
			ts.Fatalf("derive: %q", arg)
		}
	}
	config, err := img.ConfigFile()
	ts.Check(err)
	config = config.DeepCopy()
	config.Config.Labels = labels
	if user != "" {
		config.Config.User, config.Config.Env = user, nil
	}
	img, err = mutate.ConfigFile(img, config)
	ts.Check(err)
	digest, err := img.Digest()
	ts.Check(err)
	ts.Setenv("DIGEST", digest.String())
	to, err := layout.Write(ts.MkAbs(args[1]), empty.Index)
	ts.Check(err)
	ts.Check(to.AppendImage(img))
}

// withFile is an image with one more layer, of one file that COPY brought.
func withFile(ts *testscript.TestScript, img v1.Image, name, content string) v1.Image {
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	ts.Check(w.WriteHeader(&tar.Header{Name: strings.TrimPrefix(name, "/"), Mode: 0o600, Size: int64(len(content)), Typeflag: tar.TypeReg}))
	_, err := io.WriteString(w, content)
	ts.Check(err)
	ts.Check(w.Close())
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(buf.Bytes())), nil })
	ts.Check(err)
	words := fmt.Sprintf("COPY %s %s # buildkit", path.Base(name), name)
	img, err = mutate.Append(img, mutate.Addendum{Layer: layer, History: v1.History{CreatedBy: words, Comment: "buildkit.dockerfile.v0"}})
	ts.Check(err)
	return img
}

// lowest is an image with the lowest n layers of another one.
func lowest(ts *testscript.TestScript, img v1.Image, n int) v1.Image {
	layers, err := img.Layers()
	ts.Check(err)
	config, err := img.ConfigFile()
	ts.Check(err)
	out, err := mutate.AppendLayers(empty.Image, layers[:n]...)
	ts.Check(err)
	config = config.DeepCopy()
	config.RootFS.DiffIDs = config.RootFS.DiffIDs[:n]
	for i, made := 0, 0; i < len(config.History); i++ {
		if !config.History[i].EmptyLayer {
			if made++; made > n {
				config.History = config.History[:i]
			}
		}
	}
	out, err = mutate.ConfigFile(out, config)
	ts.Check(err)
	return out
}
