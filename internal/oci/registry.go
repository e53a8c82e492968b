package oci

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// openRegistry opens an image of a registry.
func openRegistry(ctx context.Context, ref Ref, opts Options) (*Image, error) {
	parsed, err := name.ParseReference(ref.Name, opts.nameOptions()...)
	if err != nil {
		return nil, err
	}
	repo := parsed.Context()
	fail := func(err error) (*Image, error) {
		return nil, registryError(ref.String(), repo.RegistryStr(), layoutErrorRef(ref, err))
	}
	options, err := opts.remote(ctx, ref.Name)
	if err != nil {
		return fail(err)
	}
	first, err := remote.Get(parsed, options...)
	if err != nil {
		return fail(err)
	}
	desc, others, err := descend(first, repo, opts, options)
	if err != nil {
		return fail(err)
	}
	out := &Image{ref: ref, digest: desc.Digest, others: others, store: &Repository{&registryStore{repo: repo, options: opts, name: ref.Name}}}
	if desc != first {
		out.index = v1.Descriptor{MediaType: first.MediaType, Size: first.Size, Digest: first.Digest}
	}
	if out.image, err = desc.Image(); err != nil {
		return fail(err)
	}
	if err := out.check(opts); err != nil {
		return fail(err)
	}
	return out, nil
}

// descend goes from an index to the manifest for the platform that was asked
// for, by digest, and returns what it passed by on the way.
func descend(desc *remote.Descriptor, repo name.Repository, opts Options, options []remote.Option) (*remote.Descriptor, []Other, error) {
	var others []Other
	for range maxIndexDepth {
		if !isIndex(desc.MediaType) {
			return desc, others, imageType(desc.MediaType)
		}
		index, err := parseIndex(desc.Manifest, desc.Digest.String())
		if err != nil {
			return nil, nil, err
		}
		chosen, err := opts.choose(index)
		if err != nil {
			return nil, nil, err
		}
		others = append(others, opts.others(index.Manifests, chosen)...)
		if desc, err = remote.Get(repo.Digest(chosen.Digest.String()), options...); err != nil {
			return nil, nil, err
		}
	}
	return nil, nil, fmt.Errorf("indexes nested deeper than %d", maxIndexDepth)
}

// layoutErrorRef puts the reference into an Error that has none yet.
func layoutErrorRef(ref Ref, err error) error {
	if ours, ok := err.(*Error); ok && ours.Ref == "" {
		ours.Ref = ref.String()
	}
	return err
}

// imageType refuses what is not an image manifest.
func imageType(t types.MediaType) error {
	switch {
	case isImage(t):
		return nil
	case isSchema1(t):
		return &Error{Reason: ErrSchema1, Hint: "pull it with a current docker and push it again"}
	}
	return &Error{Reason: ErrMediaType, Err: fmt.Errorf("its manifest is of type %q", t)}
}

func (o Options) nameOptions() []name.Option {
	if o.Insecure {
		return []name.Option{name.Insecure}
	}
	return nil
}

// remote returns the options of go-containerregistry's client, which checks
// every manifest and blob against its digest.
func (o Options) remote(ctx context.Context, what string) ([]remote.Option, error) {
	if o.Offline {
		return nil, &Error{Ref: what, Reason: ErrOffline, Hint: "leave out --offline, or name an OCI layout or an archive"}
	}
	transport, keychain := o.Transport, o.Keychain
	if transport == nil {
		transport = remote.DefaultTransport
	}
	if keychain == nil {
		keychain = authn.DefaultKeychain
	}
	if !o.Insecure {
		transport = plainGuard{transport}
	}
	options := []remote.Option{
		remote.WithContext(ctx), remote.WithTransport(transport), remote.WithAuthFromKeychain(keychain),
	}
	if o.UserAgent != "" {
		options = append(options, remote.WithUserAgent(o.UserAgent))
	}
	if o.backoff != nil {
		options = append(options, remote.WithRetryBackoff(*o.backoff))
	}
	return options, nil
}

// plainGuard refuses plain HTTP to other machines. The library itself falls
// back to it for private addresses, and a
// registry may send it there with a redirect or as the place to get a token.
type plainGuard struct{ next http.RoundTripper }

func (g plainGuard) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Scheme != "https" && !loopback(r.URL.Hostname()) {
		return nil, fmt.Errorf("%w (%s)", ErrPlainHTTP, r.URL.Host)
	}
	return g.next.RoundTrip(r)
}

func loopback(host string) bool {
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}
