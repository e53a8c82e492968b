package oci

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"sync"

	"github.com/tallyman/tallyman/internal/limit"
)

// greeting saves the request with which the library asks a registry how to log
// in (GET /v2/): it makes the first real one in its place, which has no
// credentials either. Where that is answered, nobody has to log in, and the
// answer is kept for it; where it is refused with a challenge, that is what the
// library wanted to know. When the answer may mean anything ("no such image", or
// one that is hidden from strangers), the registry is asked after all.
// https://github.com/opencontainers/distribution-spec/blob/main/spec.md#determining-support
type greeting struct {
	next http.RoundTripper
	// first is a copy of the first request, nil for one that cannot be made
	// twice; own is the request itself, as which it comes back.
	first, own *http.Request

	mu   sync.Mutex
	kept map[string]*keptAnswer // by scheme: the library may try both at once
	done bool
	// stranger is true when the first request was answered as it was to be.
	stranger bool
}

// keptAnswer is what became of the first request.
type keptAnswer struct {
	answer *http.Response
	body   []byte
	err    error
}

// newGreeting returns one for a registry of which r is the first request.
func newGreeting(r *http.Request, next http.RoundTripper) *greeting {
	g := &greeting{next: next, own: r, kept: map[string]*keptAnswer{}}
	// A blob is not kept in memory, and what changes something is not tried.
	if r.Method == http.MethodGet && !ofBlob(r) && r.Header.Get("Authorization") == "" {
		g.first = r.Clone(r.Context())
	}
	return g
}

func (g *greeting) RoundTrip(r *http.Request) (*http.Response, error) {
	if g.greets(r) {
		return g.instead(r)
	}
	if kept := g.take(r); kept != nil {
		return kept.give(r)
	}
	return g.next.RoundTrip(r)
}

// open reports whether the registry answered to who did not say who it is.
func (g *greeting) open() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.stranger
}

// challenges reports whether an answer says how to log in.
func challenges(answer *http.Response) bool {
	return answer.StatusCode == http.StatusUnauthorized && answer.Header.Get("WWW-Authenticate") != ""
}

// greets reports whether r is the library's first question.
func (g *greeting) greets(r *http.Request) bool {
	if r.Method != http.MethodGet || r.URL.Host != g.own.URL.Host || r.URL.Path != "/v2/" || r.URL.RawQuery != "" {
		return false
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	_, asked := g.kept[r.URL.Scheme]
	return !g.done && !asked
}

// instead answers the library's question by what the registry says to the first
// request.
func (g *greeting) instead(ping *http.Request) (*http.Response, error) {
	if g.first == nil {
		return g.next.RoundTrip(ping)
	}
	kept, err := g.try(ping)
	if err != nil {
		return nil, err
	}
	switch code := kept.status(); {
	case code == http.StatusOK, busy(code):
		return welcome(ping), nil
	case kept.answer != nil && challenges(kept.answer):
		return kept.refusal(), nil
	}
	answer, err := g.next.RoundTrip(ping)
	if err != nil {
		return nil, err
	}
	switch code := answer.StatusCode; {
	case code < http.StatusBadRequest, code == http.StatusUnauthorized, busy(code):
		return answer, nil
	}
	// Not a registry's answer; that to the request stands.
	drain(answer.Body)
	return welcome(ping), nil
}

// try makes the first request with the scheme of ping.
func (g *greeting) try(ping *http.Request) (*keptAnswer, error) {
	r := g.first.Clone(ping.Context())
	r.URL.Scheme = ping.URL.Scheme
	kept := &keptAnswer{}
	answer, err := g.next.RoundTrip(r)
	switch {
	case errors.Is(err, limit.ErrTooLarge):
		kept.err = err // which is an answer
	case err != nil:
		return nil, err
	default:
		kept.answer = answer
		kept.body, err = limit.ReadAll(answer.Body, limit.OCIManifestBytes)
		answer.Body.Close()
		if err != nil {
			return nil, err
		}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.done {
		g.kept[ping.URL.Scheme] = kept
		g.stranger = g.stranger || kept.status() == http.StatusOK
	}
	return kept, nil
}

// take returns the answer to the first request when that is made, and nothing
// was added to it that could change the answer.
func (g *greeting) take(r *http.Request) *keptAnswer {
	if r != g.own {
		return nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	kept := g.kept[r.URL.Scheme]
	g.kept, g.done = nil, true
	if r.Header.Get("Authorization") != "" {
		return nil
	}
	return kept
}

// status is the answer's code, that of a sound one when the answer was too large
// to be kept.
func (k *keptAnswer) status() int {
	if k.answer == nil {
		return http.StatusOK
	}
	return k.answer.StatusCode
}

// give is the answer, to r.
func (k *keptAnswer) give(r *http.Request) (*http.Response, error) {
	if k.err != nil {
		return nil, k.err
	}
	k.answer.Request, k.answer.Body = r, io.NopCloser(bytes.NewReader(k.body))
	return k.answer, nil
}

// refusal is the answer without its body.
func (k *keptAnswer) refusal() *http.Response {
	out := *k.answer
	out.Body, out.ContentLength = http.NoBody, 0
	return &out
}

// welcome is the answer of a registry that wants to know nothing.
func welcome(ping *http.Request) *http.Response {
	return &http.Response{
		Status: "200 OK", StatusCode: http.StatusOK, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{}, Body: http.NoBody, Request: ping,
	}
}

// busy reports whether an answer says that the registry cannot answer now.
func busy(code int) bool {
	return code == http.StatusRequestTimeout || code == http.StatusTooManyRequests || code >= http.StatusInternalServerError
}
