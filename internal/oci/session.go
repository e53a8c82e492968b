package oci

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"sync"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// target is what a session reads: a [name.Repository], or a [name.Registry] for
// the list of its repositories.
type target interface {
	authn.Resource
	Scope(action string) string
}

// session is how one repository is read, or the list of them. Its requests share
// what the registry wants to know first.
type session struct {
	options Options
	what    string // the reference that led here, for messages
	// transport is what makes requests, and puller the library's way to.
	transport http.RoundTripper
	puller    *remote.Puller
}

// session begins one. Credentials are looked up here, and sent to nobody but the
// registry, and whom it names for tokens; not even to it where it answers the
// first request without them.
func (o Options) session(ctx context.Context, what string, of target) (*session, error) {
	if err := o.online(what); err != nil {
		return nil, err
	}
	auth, err := authn.Resolve(ctx, o.keychain(), of)
	if err != nil {
		return nil, err
	}
	meet := &meeting{registry: registryOf(of), auth: auth, scope: of.Scope(transport.PullScope), next: o.transport(), agent: o.UserAgent}
	// The library says that it greets no registry for whom it finds this type,
	// and there is no other way to make one. Nothing is added to requests here:
	// nobody's credentials for no challenge.
	wrapped, err := transport.FromToken(meet.registry, authn.Anonymous, meet, &transport.Challenge{}, &transport.Token{})
	if err != nil {
		return nil, err
	}
	puller, err := remote.NewPuller(remote.WithContext(ctx), remote.WithTransport(wrapped))
	return &session{options: o, what: what, transport: wrapped, puller: puller}, err
}

// reading are the options of a read.
func (s *session) reading(ctx context.Context) []remote.Option {
	return []remote.Option{remote.WithContext(ctx), remote.Reuse(s.puller)}
}

func registryOf(t target) name.Registry {
	if repo, ok := t.(name.Repository); ok {
		return repo.Registry
	}
	return t.(name.Registry)
}

// meeting makes the requests of a session. The first one finds out what the
// registry wants to know.
type meeting struct {
	registry name.Registry
	auth     authn.Authenticator
	scope    string
	next     http.RoundTripper
	agent    string

	mu  sync.Mutex
	met *met // nil before
}

// met is a registry that said what it wants to know.
type met struct {
	http.RoundTripper // adds that to requests
	// open is true when it was nothing, and nobody's credentials were sent.
	open bool
}

// unasked has no credentials for who is open to all.
type unasked struct {
	authn.Authenticator
	open func() bool
}

func (u *unasked) Authorization() (*authn.AuthConfig, error) {
	if u.open() {
		return &authn.AuthConfig{}, nil
	}
	return u.Authenticator.Authorization()
}

// AuthorizationContext is what the library prefers.
func (u *unasked) AuthorizationContext(ctx context.Context) (*authn.AuthConfig, error) {
	if u.open() {
		return &authn.AuthConfig{}, nil
	}
	return authn.Authorization(ctx, u.Authenticator)
}

func (m *meeting) RoundTrip(r *http.Request) (*http.Response, error) {
	met, err := m.meet(r, nil)
	if err != nil {
		return nil, err
	}
	answer, err := met.RoundTrip(r)
	elsewhere := r.Response != nil || r.URL.Host != m.registry.RegistryStr()
	if err != nil || elsewhere || !met.open || answer.StatusCode != http.StatusUnauthorized {
		return answer, err
	}
	// What is open to all is not everything.
	drain(answer.Body)
	if met, err = m.meet(r, met); err != nil {
		return nil, err
	}
	return met.RoundTrip(r)
}

// meet returns the registry as it was met, again if it is still as before.
func (m *meeting) meet(r *http.Request, before *met) (*met, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.met != before {
		return m.met, nil
	}
	greet := newGreeting(r, m.next)
	// With a name in any case, because the library gives it one otherwise.
	through := transport.NewUserAgent(greet, m.agent)
	open := func() bool { return before == nil && greet.open() }
	tripper, err := transport.NewWithContext(r.Context(), m.registry, &unasked{m.auth, open}, through, []string{m.scope})
	if err != nil {
		return nil, ofFirst(err)
	}
	m.met = &met{tripper, open()}
	return m.met, nil
}

// ofFirst is err as one of the first request: without the address that was asked
// for in its place, or as it is for [registryError].
func ofFirst(err error) error {
	if asked, ok := err.(*url.Error); ok && strings.HasSuffix(asked.URL, "/v2/") {
		return asked.Err
	}
	return &unmet{err}
}

// unmet is an error that says itself what was asked for: of both schemes, or of
// who gives tokens.
type unmet struct{ error }

func (e *unmet) Unwrap() error { return e.error }
