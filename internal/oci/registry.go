package oci

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// openRegistry opens an image of a registry, or of a mirror of it.
func openRegistry(ctx context.Context, ref Ref, opts Options) (*Image, error) {
	parsed, err := opts.parse(ref.Name)
	if err != nil {
		return nil, err
	}
	var out *Image
	notes, err := opts.elsewhere(ctx, parsed, func(place name.Reference) error {
		var err error
		out, err = openAt(ctx, ref, place, opts)
		return registryError(ref.String(), place.Context().RegistryStr(), layoutErrorRef(ref, err))
	})
	if err != nil {
		return nil, err
	}
	out.notes = append(notes, out.notes...)
	from := out.store.store.(*registryStore)
	if from.repo == parsed.Context() {
		return out, nil
	}
	own := &registryStore{repo: parsed.Context(), options: opts, name: ref.Name}
	out.store = &Repository{&mirrored{places: []store{from, own}}}
	if out.relay, err = opts.relay(parsed, from); err != nil {
		return nil, err
	}
	out.image, err = out.relay.image(ctx, out.image)
	return out, layoutErrorRef(ref, err)
}

// relay returns one from the place of a mirror on.
func (o Options) relay(ref name.Reference, from *registryStore) (*relay, error) {
	places, err := o.places(ref)
	if err != nil {
		return nil, err
	}
	var repos []name.Repository
	for _, place := range places {
		if len(repos) > 0 || place.Context() == from.repo {
			repos = append(repos, place.Context())
		}
	}
	return newRelay(from.session, repos), nil
}

// openAt opens an image at one place.
func openAt(ctx context.Context, ref Ref, place name.Reference, opts Options) (*Image, error) {
	repo := place.Context()
	reader, err := opts.session(ctx, ref.Name, repo)
	if err != nil {
		return nil, err
	}
	options := reader.reading(ctx)
	first, err := remote.Get(place, options...)
	if err != nil {
		return nil, err
	}
	desc, way, err := descend(first, repo, opts, options)
	if err != nil {
		return nil, err
	}
	way.attested(nil)
	out := &Image{ref: ref, digest: desc.Digest, passed: way, store: &Repository{&registryStore{repo: repo, options: opts, name: ref.Name, session: reader}}}
	if desc != first {
		out.index = v1.Descriptor{MediaType: first.MediaType, Size: first.Size, Digest: first.Digest}
	}
	// Here, because the library says of half a manifest what it says of half an
	// answer.
	if err := json.Unmarshal(desc.Manifest, &v1.Manifest{}); err != nil {
		return nil, fmt.Errorf("manifest %s: %w", desc.Digest, err)
	}
	if out.image, err = desc.Image(); err != nil {
		return nil, err
	}
	return out, out.check(opts)
}

// descend goes from an index to the manifest for the platform that was asked
// for, by digest, and returns what it passed by on the way.
func descend(desc *remote.Descriptor, repo name.Repository, opts Options, options []remote.Option) (*remote.Descriptor, passed, error) {
	var way passed
	for range maxIndexDepth {
		if !isIndex(desc.MediaType) {
			return desc, way, imageType(desc.MediaType)
		}
		index, err := parseIndex(desc.Manifest, desc.Digest.String())
		if err != nil {
			return nil, way, err
		}
		chosen, err := opts.choose(index)
		if err != nil {
			return nil, way, err
		}
		way.by(opts, index.Manifests, chosen)
		if desc, err = remote.Get(repo.Digest(chosen.Digest.String()), options...); err != nil {
			return nil, way, err
		}
	}
	return nil, way, fmt.Errorf("indexes nested deeper than %d", maxIndexDepth)
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

// parse reads a reference of a registry.
func (o Options) parse(s string) (name.Reference, error) {
	ref, err := name.ParseReference(s)
	if err != nil {
		return nil, err
	}
	return name.ParseReference(s, o.nameOptions(ref.Context().RegistryStr())...)
}

func (o Options) nameOptions(host string) []name.Option {
	if o.plainAllowed(host) {
		return []name.Option{name.Insecure}
	}
	return nil
}

// plainAllowed reports whether the user allows plain HTTP to host, which has its
// port.
func (o Options) plainAllowed(host string) bool {
	return o.Insecure || slices.Contains(o.InsecureHosts, host)
}

// online is an error when no registry is to be asked.
func (o Options) online(what string) error {
	if o.Offline {
		return &Error{Ref: what, Reason: ErrOffline, Hint: "leave out --offline, or name an OCI layout or an archive"}
	}
	return nil
}

func (o Options) keychain() authn.Keychain {
	if o.Keychain != nil {
		return o.Keychain
	}
	return authn.DefaultKeychain
}

// writing are the options of go-containerregistry's client for what stores
// something; [Options.session] is for what reads.
func (o Options) writing(ctx context.Context, what string) ([]remote.Option, error) {
	if err := o.online(what); err != nil {
		return nil, err
	}
	options := []remote.Option{
		remote.WithContext(ctx), remote.WithTransport(o.transport()), remote.WithAuthFromKeychain(o.keychain()),
		// What is read is retried below, as often and as late as a registry wants.
		remote.WithRetryStatusCodes(), remote.WithRetryPredicate(again),
		remote.WithRetryBackoff(remote.Backoff{Duration: o.Backoff.pause(1), Factor: 2, Steps: o.Backoff.attempts()}),
	}
	if o.UserAgent != "" {
		options = append(options, remote.WithUserAgent(o.UserAgent))
	}
	return options, nil
}

func (o Options) transport() http.RoundTripper {
	base := o.Transport
	if base == nil {
		base = remote.DefaultTransport
	}
	guard := &plainGuard{next: base, allowed: o.plainAllowed}
	return &resumer{next: &retrier{next: guard, backoff: o.Backoff, notify: o.Notify}, backoff: o.Backoff, notify: o.Notify}
}

// plainGuard refuses plain HTTP to other machines that the user does not name.
// The library itself falls back to it for private addresses, and a registry may
// send it there with a redirect or as the place to get a token. To what listens on
// this machine only a registry of this machine may send it: another one could
// have it ask any address there, with any path.
type plainGuard struct {
	next    http.RoundTripper
	allowed func(host string) bool

	first sync.Once
	// own is true when the first request, to the registry itself, was to this
	// machine.
	own bool
}

func (g *plainGuard) RoundTrip(r *http.Request) (*http.Response, error) {
	here := loopback(r.URL.Hostname())
	g.first.Do(func() { g.own = here })
	if r.URL.Scheme != "https" && !(here && g.own) && !g.allowed(r.URL.Host) {
		return nil, &plainHTTP{host: r.URL.Host, here: here}
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
