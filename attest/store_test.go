package attest_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/tallyman/tallyman/attest"
)

// registryStore is one repository of a registry on loopback.
type registryStore struct {
	repo name.Repository
}

var _ attest.Store = registryStore{}

// newStore starts a registry that knows referrers, with wrap around it.
func newStore(t testing.TB, wrap func(http.Handler) http.Handler) registryStore {
	t.Helper()
	handler := registry.New(registry.WithReferrersSupport(true), registry.Logger(log.New(io.Discard, "", 0)))
	if wrap != nil {
		handler = wrap(handler)
	}
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	repo, err := name.NewRepository(strings.TrimPrefix(server.URL, "http://") + "/team/app")
	if err != nil {
		t.Fatal(err)
	}
	return registryStore{repo}
}

func (s registryStore) Artifact(ctx context.Context, tagOrDigest string) (v1.Image, error) {
	img, err := remote.Image(s.ref(tagOrDigest), remote.WithContext(ctx))
	return img, notExist(err)
}

func (s registryStore) Referrers(ctx context.Context, digest v1.Hash) ([]v1.Descriptor, error) {
	index, err := remote.Referrers(s.repo.Digest(digest.String()), remote.WithContext(ctx))
	if err != nil {
		return nil, err
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		return nil, err
	}
	return manifest.Manifests, nil
}

func (s registryStore) Put(ctx context.Context, tag string, img v1.Image) error {
	if tag == "" {
		digest, err := img.Digest()
		if err != nil {
			return err
		}
		tag = digest.String()
	}
	return remote.Write(s.ref(tag), img, remote.WithContext(ctx))
}

func (s registryStore) ref(tagOrDigest string) name.Reference {
	if strings.HasPrefix(tagOrDigest, "sha256:") {
		return s.repo.Digest(tagOrDigest)
	}
	return s.repo.Tag(tagOrDigest)
}

func notExist(err error) error {
	var response *transport.Error
	if errors.As(err, &response) && response.StatusCode == http.StatusNotFound {
		return fmt.Errorf("%w: %w", fs.ErrNotExist, err)
	}
	return err
}

// push puts a random image into the repository.
func (s registryStore) push(t testing.TB) attest.Subject {
	t.Helper()
	img, err := random.Image(256, 2)
	if err != nil {
		t.Fatal(err)
	}
	digest, err := img.Digest()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Put(t.Context(), "", img); err != nil {
		t.Fatal(err)
	}
	return attest.Subject{Descriptor: v1.Descriptor{Digest: digest}, Reference: s.repo.Name()}
}
