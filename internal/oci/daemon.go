package oci

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/tallyman/tallyman/internal/limit"
)

// daemon is a container engine with docker's API on a unix socket.
// https://docs.docker.com/reference/api/engine/version/v1.47/
type daemon struct {
	kind   Kind
	socket string
	client *http.Client
}

// engineImage is what an engine says of an image.
type engineImage struct {
	// ID is the digest of the image's configuration, or, where containerd keeps
	// the images, that of its manifest or index.
	ID string `json:"Id"`
	// RepoDigests are "repository@digest" of the registries that the image was
	// pulled from or pushed to.
	RepoDigests []string
}

// openDaemon opens an image of a container engine.
func openDaemon(ctx context.Context, ref Ref, opts Options) (*Image, error) {
	src, about, err := daemonSource(ctx, ref, opts)
	if err != nil {
		return nil, layoutError(ref, err)
	}
	img, err := openTarImage(src, ref, opts)
	if err != nil {
		return nil, err
	}
	if err := img.promised(about.ID); err != nil {
		return nil, layoutError(ref, fmt.Errorf("%s sent another image than it names: %w", ref.Kind, err))
	}
	img.repoDigests = about.RepoDigests
	for _, known := range about.RepoDigests {
		img.notes = append(img.notes, fmt.Sprintf("%s says that registries have it as %s", ref.Kind, known))
	}
	return img, nil
}

// promised reports an image that is not the one with the engine's id.
func (i *Image) promised(id string) error {
	if !strings.Contains(id, ":") {
		id = "sha256:" + id
	}
	config, err := i.image.ConfigName()
	if err != nil {
		return err
	}
	for _, h := range []v1.Hash{config, i.digest, i.index.Digest} {
		if h.String() == id {
			return nil
		}
	}
	return fmt.Errorf("%w: image %s has the id %q there", ErrDigest, config, id)
}

// daemonSource asks the engine for an image's tar and keeps that.
func daemonSource(ctx context.Context, ref Ref, opts Options) (*tarSource, *engineImage, error) {
	d, err := newDaemon(ref, opts)
	if err != nil {
		return nil, nil, err
	}
	defer d.client.CloseIdleConnections()
	about, err := d.inspect(ctx, ref.Name)
	if err != nil {
		return nil, nil, err
	}
	src, err := opts.Spools.source(ctx, ref.String(), "what "+string(d.kind)+" sends", func() (io.ReadCloser, error) {
		return d.get(ctx, ref.Name, "get")
	})
	return src, about, err
}

// newDaemon finds the socket of the engine that ref names.
func newDaemon(ref Ref, opts Options) (*daemon, error) {
	socket, err := opts.socket(ref)
	if err != nil {
		return nil, err
	}
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", socket)
	}
	return &daemon{kind: ref.Kind, socket: socket, client: &http.Client{
		Transport:     &http.Transport{DialContext: dial, DisableCompression: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// inspect says what the engine knows of an image.
func (d *daemon) inspect(ctx context.Context, image string) (*engineImage, error) {
	body, err := d.get(ctx, image, "json")
	if err != nil {
		return nil, err
	}
	defer body.Close()
	raw, err := limit.ReadAll(body, limit.DaemonAnswerBytes)
	if err != nil {
		return nil, fmt.Errorf("reading what %s says of the image: %w", d.kind, err)
	}
	about := &engineImage{}
	if err := json.Unmarshal(raw, about); err != nil {
		return nil, fmt.Errorf("reading what %s says of the image: %w", d.kind, err)
	}
	if len(about.RepoDigests) > limit.RepoDigests {
		return nil, fmt.Errorf("what %s says of the image: %w of %d names", d.kind, limit.ErrTooLarge, limit.RepoDigests)
	}
	return about, nil
}

// get asks for one thing about an image.
func (d *daemon) get(ctx context.Context, image, what string) (io.ReadCloser, error) {
	at := url.URL{Scheme: "http", Host: "localhost", Path: "/images/" + image + "/" + what}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, at.String(), nil)
	if err != nil {
		return nil, err
	}
	answer, err := d.client.Do(r)
	if err != nil {
		return nil, d.unreachable(err, image)
	}
	if answer.StatusCode == http.StatusOK {
		return answer.Body, nil
	}
	defer answer.Body.Close()
	return nil, d.refused(answer, image)
}

// unreachable explains an engine that gives no answer.
func (d *daemon) unreachable(err error, image string) error {
	var asked *url.Error
	if errors.As(err, &asked) {
		err = asked.Err // without the address, which is no real one
	}
	out := &Error{Err: err}
	switch {
	case absentSocket(err):
		out.Reason, out.Hint = ErrNoDaemon, d.kind.notRunning(image)
	case deniedSocket(err):
		out.Reason = ErrUnauthorized
		out.Hint = fmt.Sprintf("you may not use %q: %s save %s | tallyman audit - as somebody who may", d.socket, d.kind, image)
	}
	return out
}

// refused explains an engine's answer that is not what was asked for.
func (d *daemon) refused(answer *http.Response, image string) error {
	raw, err := io.ReadAll(io.LimitReader(answer.Body, limit.ConfigBytes))
	if err != nil {
		raw = nil // the status says the most of it
	}
	var said struct{ Message, Cause string }
	if json.Unmarshal(raw, &said) != nil {
		said.Message = string(raw)
	}
	text := strings.TrimSpace(cmp.Or(said.Message, said.Cause))
	out := &Error{Err: fmt.Errorf("%s answers %d: %q", d.kind, answer.StatusCode, short(text))}
	if answer.StatusCode == http.StatusNotFound {
		out.Reason, out.Hint = ErrNotFound, fmt.Sprintf("%s pull %s, or read it from its registry: registry:%s", d.kind, image, image)
	}
	return out
}
