package oci

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// Mirror is another place for the images of a registry. What is asked for by
// digest is checked as always; what a tag means is the mirror's word. A layer that
// a mirror does not give, not to its end, or not as its digest says, is read from
// the next mirror or the registry.
type Mirror struct {
	// Of is the registry, or the beginning of its repositories ("docker.io",
	// "ghcr.io/team").
	Of string
	// At is where they are instead ("mirror.example/hub").
	At string
}

// ParseMirror reads OF=AT, as in "docker.io=mirror.example/hub".
func ParseMirror(s string) (Mirror, error) {
	of, at, ok := strings.Cut(s, "=")
	m := Mirror{Of: strings.TrimSuffix(of, "/"), At: strings.TrimSuffix(at, "/")}
	if !ok || m.Of == "" || m.At == "" {
		return Mirror{}, fmt.Errorf("%q is not REGISTRY=MIRROR, such as docker.io=mirror.example/hub", redact(s))
	}
	if strings.Contains(s, "://") {
		return Mirror{}, fmt.Errorf("%q: leave out the scheme, as in docker.io=mirror.example/hub", redact(s))
	}
	for _, side := range []string{m.Of, m.At} {
		host, path, _ := strings.Cut(side, "/")
		if _, err := name.NewRegistry(host, name.StrictValidation); err != nil {
			return Mirror{}, fmt.Errorf("%q is not the name of a registry (host or host:port)", redact(host))
		}
		if path == "" {
			continue
		}
		if _, err := name.NewRepository(side); err != nil {
			return Mirror{}, fmt.Errorf("%q is not a registry and the beginning of its repositories", redact(side))
		}
	}
	return m, nil
}

// hubName is the one word for the names that Docker Hub has.
func hubName(host string) string {
	if host == name.DefaultRegistry || host == "registry-1.docker.io" {
		return "docker.io"
	}
	return host
}

// instead is where the mirror has a repository, "" when it is for others.
func (m Mirror) instead(repo name.Repository) string {
	host, path, _ := strings.Cut(m.Of, "/")
	of := strings.TrimSuffix(hubName(host)+"/"+path, "/")
	whole := hubName(repo.RegistryStr()) + "/" + repo.RepositoryStr()
	rest, ok := strings.CutPrefix(whole, of+"/")
	switch {
	case ok:
		return m.At + "/" + rest
	case whole == of:
		return m.At
	}
	return ""
}

// places are where an image may be read: from its mirrors, those of the longest
// name first, then from its registry.
func (o Options) places(ref name.Reference) ([]name.Reference, error) {
	mirrors := slices.Clone(o.Mirrors)
	slices.SortStableFunc(mirrors, func(a, b Mirror) int { return cmp.Compare(len(b.Of), len(a.Of)) })
	var out []name.Reference
	for _, m := range mirrors {
		at := m.instead(ref.Context())
		if at == "" {
			continue
		}
		mark := ":"
		if _, digest := ref.(name.Digest); digest {
			mark = "@"
		}
		place, err := o.parse(at + mark + ref.Identifier())
		if err != nil {
			return nil, fmt.Errorf("mirror %q: %w", m.At, err)
		}
		out = append(out, place)
	}
	return append(out, ref), nil
}

// elsewhere tries each place for an image until one has it. It returns what is
// to be said of the ones that failed.
func (o Options) elsewhere(ctx context.Context, ref name.Reference, try func(name.Reference) error) ([]string, error) {
	places, err := o.places(ref)
	if err != nil {
		return nil, err
	}
	var notes []string
	var failed []error
	for i, place := range places {
		err := try(place)
		mirror := i < len(places)-1
		switch {
		case err == nil && mirror:
			return append(notes, "read from the mirror "+place.Context().Name()), nil
		case err == nil:
			return notes, nil
		}
		failed = append(failed, err)
		if ctx.Err() != nil {
			break
		}
		if mirror {
			notes = append(notes, fmt.Sprintf("the mirror %s does not give it: %v", place.Context().Name(), err))
			o.say(notes[len(notes)-1])
		}
	}
	slices.Reverse(failed) // the registry's own answer first
	if len(failed) == 1 {
		return nil, failed[0]
	}
	return nil, errors.Join(failed...)
}

func (o Options) say(text string) {
	if o.Notify != nil {
		o.Notify(text)
	}
}

// mirrored is a repository and those that have copies of it. What is looked for
// is absent only when all say so.
type mirrored struct {
	places []store // the repository itself last
}

var _ store = (*mirrored)(nil)

func (m *mirrored) artifact(ctx context.Context, tagOrDigest string) (v1.Image, error) {
	var absent, other error
	for _, s := range m.places {
		img, err := s.artifact(ctx, tagOrDigest)
		switch {
		case err == nil:
			return img, nil
		case errors.Is(err, fs.ErrNotExist):
			absent = err
		default:
			other = errors.Join(other, err)
		}
	}
	return nil, cmp.Or(other, absent)
}

func (m *mirrored) referrers(ctx context.Context, digest v1.Hash) ([]v1.Descriptor, error) {
	var out []v1.Descriptor
	var failed error
	for _, s := range m.places {
		found, err := s.referrers(ctx, digest)
		failed = errors.Join(failed, err)
		for _, d := range found {
			if !slices.ContainsFunc(out, func(o v1.Descriptor) bool { return o.Digest == d.Digest }) {
				out = append(out, d)
			}
		}
	}
	if len(out) == 0 {
		return nil, failed
	}
	return out, nil
}

func (m *mirrored) put(ctx context.Context, tag string, img v1.Image) error {
	return m.places[len(m.places)-1].put(ctx, tag, img)
}
