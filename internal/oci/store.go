package oci

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/tallyman/tallyman/internal/limit"
)

// Repository holds what is stored beside an image: signatures, attestations,
// SBOMs, by tag ("sha256-<hex>.sig") or by their subject.
type Repository struct{ store }

// store is a repository of a registry, or an OCI layout.
type store interface {
	artifact(ctx context.Context, tagOrDigest string) (v1.Image, error)
	referrers(ctx context.Context, digest v1.Hash) ([]v1.Descriptor, error)
	put(ctx context.Context, tag string, img v1.Image) error
}

// Artifact returns the image-shaped artifact under a tag or digest. The error
// wraps fs.ErrNotExist when it is absent, and only then.
func (r *Repository) Artifact(ctx context.Context, tagOrDigest string) (v1.Image, error) {
	return r.artifact(ctx, tagOrDigest)
}

// Referrers lists the descriptors of the manifests whose subject is digest; it
// is empty when there are none.
// https://github.com/opencontainers/distribution-spec/blob/main/spec.md#listing-referrers
func (r *Repository) Referrers(ctx context.Context, digest v1.Hash) ([]v1.Descriptor, error) {
	return r.referrers(ctx, digest)
}

// Put stores an artifact under tag, or by its digest alone when tag is "". A
// subject in its manifest makes it a referrer of that; for a registry without
// the referrers API the fallback tag is kept. The error wraps ErrReadOnly when
// nothing can be written.
func (r *Repository) Put(ctx context.Context, tag string, img v1.Image) error {
	return r.put(ctx, tag, img)
}

// registryStore is a repository of a registry.
type registryStore struct {
	repo    name.Repository
	options Options
	name    string // the reference that led here, for messages

	mu      sync.Mutex
	session *session // of the first read, for the later ones
}

var _ store = (*registryStore)(nil)

// reference makes a reference in the repository; tag may be a digest.
func (s *registryStore) reference(tag string) (name.Reference, error) {
	switch {
	case digestOK.MatchString(tag):
		return s.repo.Digest(tag), nil
	case tagOK.MatchString(tag):
		return s.repo.Tag(tag), nil
	}
	return nil, fmt.Errorf("%q is neither a tag nor a digest", tag)
}

// reading are the options of a read; reads share what a registry wants to know
// first.
func (s *registryStore) reading(ctx context.Context) ([]remote.Option, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.session == nil {
		var err error
		if s.session, err = s.options.session(ctx, s.name, s.repo); err != nil {
			return nil, err
		}
	}
	return s.session.reading(ctx), nil
}

// explain turns a registry's answer into an Error.
func (s *registryStore) explain(what string, err error) error {
	return registryError(s.repo.Name()+what, s.repo.RegistryStr(), err)
}

func (s *registryStore) artifact(ctx context.Context, tag string) (v1.Image, error) {
	ref, err := s.reference(tag)
	if err != nil {
		return nil, err
	}
	options, err := s.reading(ctx)
	if err != nil {
		return nil, err
	}
	desc, err := remote.Get(ref, options...)
	if err != nil {
		return nil, s.explain(":"+tag, err)
	}
	if !isImage(desc.MediaType) {
		return nil, &Error{Ref: ref.Name(), Reason: ErrMediaType, Err: fmt.Errorf("its manifest is of type %q", desc.MediaType)}
	}
	img, err := desc.Image()
	return img, s.explain(":"+tag, err)
}

func (s *registryStore) referrers(ctx context.Context, digest v1.Hash) ([]v1.Descriptor, error) {
	options, err := s.reading(ctx)
	if err != nil {
		return nil, err
	}
	index, err := remote.Referrers(s.repo.Digest(digest.String()), options...)
	if err != nil {
		return nil, s.explain("@"+digest.String(), err)
	}
	m, err := index.IndexManifest()
	if err != nil {
		return nil, s.explain("@"+digest.String(), err)
	}
	if len(m.Manifests) > limit.ManifestListEntries {
		return nil, fmt.Errorf("referrers of %s: %w of %d", digest, limit.ErrTooLarge, limit.ManifestListEntries)
	}
	return m.Manifests, nil
}

func (s *registryStore) put(ctx context.Context, tag string, img v1.Image) error {
	if tag == "" {
		digest, err := img.Digest()
		if err != nil {
			return err
		}
		tag = digest.String()
	}
	ref, err := s.reference(tag)
	if err != nil {
		return err
	}
	options, err := s.options.writing(ctx, s.name)
	if err != nil {
		return err
	}
	err = s.explain(":"+tag, remote.Write(ref, img, options...))
	var answer *transport.Error
	if errors.As(err, &answer) && answer.StatusCode == http.StatusMethodNotAllowed {
		return fmt.Errorf("%w: %w", ErrReadOnly, err)
	}
	return err
}
