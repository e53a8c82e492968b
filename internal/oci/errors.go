package oci

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"

	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// Why something could not be opened; errors.Is tells them apart.
var (
	// ErrNotFound wraps fs.ErrNotExist.
	ErrNotFound error = notFound{}
	// ErrUnauthorized: the registry wants other credentials (401, 403).
	ErrUnauthorized = errors.New("access refused")
	// ErrRateLimited: the registry wants fewer requests (429).
	ErrRateLimited = errors.New("rate limit reached")
	// ErrUnavailable: the registry answers that it cannot (5xx).
	ErrUnavailable = errors.New("the registry is out of order")
	// ErrSchema1: a manifest in Docker's first format, which carries no
	// trustworthy digests.
	ErrSchema1 = errors.New("manifest schema 1 is not supported")
	// ErrMediaType: there is something, and it is not a container image.
	ErrMediaType = errors.New("not a container image")
	// ErrPlatform: no image for the platform asked for.
	ErrPlatform = errors.New("no image for this platform")
	// ErrAmbiguous: several images, and the reference does not say which.
	ErrAmbiguous = errors.New("more than one image")
	// ErrOffline: a registry was named and the network is not to be used.
	ErrOffline = errors.New("a registry cannot be read offline")
	// ErrDigest: bytes that are not those that their digest or size names.
	ErrDigest = errors.New("content does not match its digest")
	// ErrPlainHTTP: a registry away from this machine without TLS, or one that
	// sends its clients to this machine.
	ErrPlainHTTP = errors.New("plain HTTP to another machine")
	// ErrNoDaemon: no container engine answers.
	ErrNoDaemon = errors.New("no container engine")
	// ErrNoStore: the source holds no signatures and cannot take any.
	ErrNoStore = errors.New("a docker-archive holds no signatures")
	// ErrReadOnly: nothing can be stored there.
	ErrReadOnly = errors.New("this image cannot be written to")
)

// notFound says so in words that are true of registries too.
type notFound struct{}

func (notFound) Error() string { return "not found" }
func (notFound) Unwrap() error { return fs.ErrNotExist }

// Error is a reference that could not be opened, or used.
type Error struct {
	// Ref is the reference, without credentials.
	Ref string
	// Reason is one of the errors above, nil when none fits.
	Reason error
	// Hint says what to do, "" when nobody knows.
	Hint string
	// Err is what happened, nil when Reason says it all.
	Err error
}

func (e *Error) Error() string {
	text := fmt.Sprintf("image %q", e.Ref)
	if e.Reason != nil {
		text += ": " + e.Reason.Error()
	}
	if e.Err != nil {
		text += ": " + short(e.Err.Error())
	}
	if e.Hint != "" {
		text += " (" + e.Hint + ")"
	}
	return text
}

// answerBytes bounds how much of what somebody else said is repeated.
const answerBytes = 600

// short is text without what nobody reads to its end, as the pages that proxies
// answer with.
func short(text string) string {
	if len(text) <= answerBytes {
		return text
	}
	return strings.ToValidUTF8(text[:answerBytes], "") + "…"
}

// Unwrap gives both the reason and what happened.
func (e *Error) Unwrap() []error {
	var errs []error
	for _, err := range []error{e.Reason, e.Err} {
		if err != nil {
			errs = append(errs, err)
		}
	}
	return errs
}

// registryError explains what a registry answered. host is its name.
func registryError(ref, host string, err error) error {
	if err == nil {
		return nil
	}
	var ours *Error
	if errors.As(err, &ours) {
		return err
	}
	var first *unmet
	if errors.As(err, &first) {
		err = first.error
	}
	withoutQuery(err)
	out := &Error{Ref: ref, Err: err}
	var answer *transport.Error
	var plain *plainHTTP
	switch {
	case errors.As(err, &plain) && plain.here:
	case errors.As(err, &plain):
		out.Hint = "allow it with --insecure-registry " + plain.host + ", or give the registry a certificate"
	case errors.As(err, &answer):
		out.explain(answer, host)
	default:
		out.Hint = unreachable(err, host)
	}
	return out
}

// plainHTTP is a request that was not made because it would have been plain.
type plainHTTP struct {
	host string
	// here is true for this machine, to which another one sent the request.
	here bool
}

func (e *plainHTTP) Error() string {
	if e.here {
		return fmt.Sprintf("the registry is on another machine, and sends its clients to this one by plain HTTP (%s)", e.host)
	}
	return fmt.Sprintf("%v (%s)", ErrPlainHTTP, e.host)
}
func (e *plainHTTP) Unwrap() error { return ErrPlainHTTP }

// withoutQuery takes out of an error what an address has after its path: where
// registries send their clients, that is a key to the object.
func withoutQuery(err error) {
	var asked *url.Error
	if !errors.As(err, &asked) {
		return
	}
	if at, err := url.Parse(asked.URL); err == nil {
		at.User, at.RawQuery, at.Fragment = nil, "", ""
		asked.URL = at.String()
	}
}

// unreachable says what to do about a registry that gave no answer, "" when
// nobody knows.
func unreachable(err error, host string) string {
	var lookup *net.DNSError
	var certificate *tls.CertificateVerificationError
	var timeout interface{ Timeout() bool }
	switch {
	case errors.As(err, &lookup):
		return "there is no host of that name: check the registry's name, " + host
	case errors.As(err, &certificate):
		return "the certificate of " + host + " is not trusted here: add its authority to the system's, or SSL_CERT_FILE"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "nothing answers there: check host and port, and that the registry runs: " + host
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return ""
	case errors.As(err, &timeout) && timeout.Timeout(), errors.Is(err, syscall.ECONNRESET), errors.Is(err, io.ErrUnexpectedEOF):
		return "the connection to " + host + " broke: try again, and check the proxy variables"
	}
	return ""
}

// explain sets reason and hint from the registry's answer.
func (e *Error) explain(answer *transport.Error, host string) {
	has := func(code transport.ErrorCode) bool {
		for _, d := range answer.Errors {
			if d.Code == code {
				return true
			}
		}
		return false
	}
	switch {
	case answer.StatusCode == http.StatusTooManyRequests || has(transport.TooManyRequestsErrorCode):
		e.Reason, e.Hint = ErrRateLimited, "wait, or log in for a higher limit: "+login(host)
	case answer.StatusCode == http.StatusForbidden || has(transport.DeniedErrorCode):
		e.Reason, e.Hint = ErrUnauthorized, "the image does not exist, or who is logged in may not read it: "+login(host)
	case answer.StatusCode == http.StatusUnauthorized || has(transport.UnauthorizedErrorCode):
		e.Reason, e.Hint = ErrUnauthorized, "the image does not exist, or one has to log in; tallyman uses docker's credentials: "+login(host)
	case answer.StatusCode == http.StatusNotFound:
		e.Reason, e.Hint = ErrNotFound, "check name, tag and registry; a private image looks absent to who may not read it: "+login(host)
	case answer.StatusCode >= http.StatusInternalServerError:
		e.Reason, e.Hint = ErrUnavailable, "try again later, or ask who runs "+host
	}
}

// login is the command that gives credentials for a registry.
func login(host string) string {
	if hubName(host) == "docker.io" {
		return "docker login"
	}
	return "docker login " + host
}
