package osv

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/tallyman/tallyman/internal/limit"
)

// Bounds on how long a server is put up with.
const (
	// maxRedirects bounds how often a server may send us on.
	maxRedirects = 5
	// maxTries bounds how often one file is asked for, maxRetries how many
	// files are asked for again in one update.
	maxTries   = 4
	maxRetries = 24
	// maxPause bounds what a server may ask us to wait.
	maxPause = time.Minute
	// defaultPatience is how long a server may send fewer than patienceBytes.
	defaultPatience = 30 * time.Second
	patienceBytes   = 1024
)

// isURL reports whether a source is meant as a URL, of whatever scheme and
// however it is spelled: it may hold a secret, and is no folder to be named in
// an error.
func isURL(s string) bool { return strings.Contains(s, "://") }

// publicSource is a source for people to read: a URL without credentials.
func publicSource(from string) string {
	if from == "" {
		return DefaultSource
	}
	if !isURL(from) {
		return from
	}
	u, err := url.Parse(from)
	if err != nil {
		return "an unreadable URL"
	}
	return publicURL(u)
}

// publicURL drops what may be a secret: user information, query, fragment.
func publicURL(u *url.URL) string {
	c := *u
	c.User, c.RawQuery, c.Fragment, c.ForceQuery = nil, "", "", false
	return c.String()
}

// site is a source on the web.
type site struct {
	base   *url.URL
	header http.Header
	o      *Options
	// downloaded counts the bytes of all answers, retries what may still be
	// asked for again.
	downloaded *atomic.Int64
	retries    *atomic.Int32
}

// request asks for one file of a site.
type request struct {
	url *url.URL
	// since asks only for what changed.
	since validators
	max   int64
	// event is told to Progress while the content comes, unless it is zero.
	event Event
	// body takes the content. It is called again, from the start, for another
	// try.
	body func(io.Reader) error
}

// answer is what the server said. status is 200, 304 or one that means that
// there is no such file.
type answer struct {
	status int
	date   time.Time
	tags   validators
}

func (a *answer) absent() bool {
	return a.status == http.StatusNotFound || a.status == http.StatusForbidden || a.status == http.StatusGone
}

// passing is an error that may be gone next time.
type passing struct {
	err   error
	after time.Duration
}

func (p *passing) Error() string { return p.err.Error() }
func (p *passing) Unwrap() error { return p.err }

// get asks until there is an answer that stands, or too often.
func (s *site) get(ctx context.Context, r request) (*answer, error) {
	for try := 1; ; try++ {
		a, err := s.once(ctx, r)
		if err == nil {
			return a, nil
		}
		err = fmt.Errorf("%s: %w", publicURL(r.url), err)
		var p *passing
		if !errors.As(err, &p) || ctx.Err() != nil || try == maxTries || s.retries.Add(-1) < 0 {
			return nil, err
		}
		pause := s.o.Pause
		if pause == nil {
			pause = wait
		}
		if err := pause(ctx, min(maxPause, max(p.after, time.Second<<(try-1)))); err != nil {
			return nil, err
		}
	}
}

func (s *site) once(ctx context.Context, r request) (*answer, error) {
	ctx, w := s.watch(ctx)
	defer w.stop()
	connected := false
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { connected = true }})
	req, err := s.request(ctx, r)
	if err != nil {
		return nil, err
	}
	client := *s.o.Client
	client.CheckRedirect = s.checkRedirect
	resp, err := client.Do(req)
	if err != nil {
		return nil, explain(ctx, err, connected)
	}
	defer resp.Body.Close()
	a := &answer{status: resp.StatusCode, tags: validators{ETag: short(resp.Header.Get("ETag")), Modified: short(resp.Header.Get("Last-Modified"))}}
	if date, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
		a.date = date.UTC()
	}
	switch {
	case a.absent(), a.status == http.StatusNotModified && !r.since.none():
		return a, nil
	case a.status == http.StatusTooManyRequests, a.status >= 500:
		return nil, &passing{fmt.Errorf("the server answers %d", a.status), retryAfter(resp)}
	case a.status != http.StatusOK:
		return nil, fmt.Errorf("the server answers %d", a.status)
	}
	if err := s.take(resp, r, w); err != nil {
		return nil, explain(ctx, err, true)
	}
	return a, nil
}

func (s *site) request(ctx context.Context, r request) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.url.String(), nil)
	if err != nil {
		return nil, errors.New("not a URL")
	}
	for name, values := range s.header {
		req.Header[name] = values
	}
	req.Header.Set("Accept-Encoding", "identity") // so that the length means something
	if r.since.ETag != "" {
		req.Header.Set("If-None-Match", r.since.ETag)
	}
	if r.since.Modified != "" {
		req.Header.Set("If-Modified-Since", r.since.Modified)
	}
	return req, nil
}

// take gives the content on and holds its length against what the server
// announced.
func (s *site) take(resp *http.Response, r request, w *watch) error {
	if e := resp.Header.Get("Content-Encoding"); e != "" && !strings.EqualFold(e, "identity") {
		return fmt.Errorf("the answer is encoded as %.40q, which was not asked for", e)
	}
	if resp.ContentLength > r.max {
		return fmt.Errorf("%w of %d bytes", limit.ErrTooLarge, r.max)
	}
	r.event.URL, r.event.Total = publicURL(r.url), resp.ContentLength
	body := &meter{r: limit.Reader(resp.Body, r.max), event: r.event, tell: s.o.Progress, watch: w}
	err := r.body(body)
	if err == nil {
		_, err = io.Copy(io.Discard, body)
	}
	s.downloaded.Add(body.event.Bytes)
	if err == nil && resp.ContentLength >= 0 && body.event.Bytes != resp.ContentLength {
		err = fmt.Errorf("%d bytes came and %d were announced", body.event.Bytes, resp.ContentLength)
	}
	return err
}

// explain takes the URL out of net/http's own error, which may hold a user
// name, and says whether another try may help: not before there was a
// connection, and not where the server does what is not allowed.
func explain(ctx context.Context, err error, connected bool) error {
	if cause := context.Cause(ctx); cause != nil && errors.Is(err, context.Canceled) {
		return cause
	}
	if ue := (*url.Error)(nil); errors.As(err, &ue) {
		err = ue.Err
	}
	var certificate *tls.CertificateVerificationError
	var refused *refusedError
	if !connected || ctx.Err() != nil || errors.As(err, &certificate) || errors.As(err, &refused) || errors.Is(err, limit.ErrTooLarge) {
		return err
	}
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) || isTransport(err) {
		return &passing{err: err}
	}
	return err
}

// isTransport reports whether an error is of the connection: such errors say
// whether they are timeouts.
func isTransport(err error) bool {
	var t interface{ Timeout() bool }
	return errors.As(err, &t)
}

// refusedError is about what a server may not do.
type refusedError struct{ text string }

func (r *refusedError) Error() string { return r.text }

// checkRedirect refuses to leave the web, and to leave TLS. What was given for
// one host goes to no other: no header of the user's, no referrer.
func (s *site) checkRedirect(req *http.Request, via []*http.Request) error {
	from, to := via[len(via)-1].URL.Scheme, req.URL.Scheme
	switch {
	case len(via) > maxRedirects:
		return &refusedError{fmt.Sprintf("more than %d redirects", maxRedirects)}
	case to != "https" && to != from:
		return &refusedError{fmt.Sprintf("refused a redirect from %s to %.20s", from, to)}
	}
	req.Header.Del("Referer")
	if !sameOrigin(req.URL, s.base) {
		for name := range s.header {
			req.Header.Del(name)
		}
		req.Header.Del("Authorization")
		req.Header.Del("Cookie")
	}
	return nil
}

func sameOrigin(a, b *url.URL) bool {
	return a.Scheme == b.Scheme && strings.EqualFold(a.Host, b.Host)
}

// retryAfter is how long the server asks to be left alone.
// https://www.rfc-editor.org/rfc/rfc9110.html#section-10.2.3
func retryAfter(resp *http.Response) time.Duration {
	seconds, err := strconv.ParseUint(resp.Header.Get("Retry-After"), 10, 16)
	if err != nil {
		return 0
	}
	return time.Duration(seconds) * time.Second
}

// short drops a header that is too long to be kept.
func short(value string) string {
	if len(value) > 256 {
		return ""
	}
	return value
}

// watch ends a transfer of a server that sends next to nothing.
type watch struct {
	seen atomic.Int64
	end  context.CancelCauseFunc
	done chan struct{}
}

func (s *site) watch(ctx context.Context) (context.Context, *watch) {
	patience := s.o.Patience
	if patience <= 0 {
		patience = defaultPatience
	}
	w := &watch{done: make(chan struct{})}
	ctx, w.end = context.WithCancelCause(ctx)
	go func() {
		tick := time.NewTicker(patience)
		defer tick.Stop()
		for {
			select {
			case <-w.done:
				return
			case <-tick.C:
				if w.seen.Swap(0) < patienceBytes {
					w.end(fmt.Errorf("the server sent less than %d bytes in %s", patienceBytes, patience))
				}
			}
		}
	}()
	return ctx, w
}

func (w *watch) stop() { close(w.done); w.end(nil) }

// meter tells about progress each few megabytes, and at the end.
type meter struct {
	r     io.Reader
	event Event
	told  int64
	tell  func(Event)
	watch *watch
}

func (m *meter) Read(p []byte) (int, error) {
	n, err := m.r.Read(p)
	m.event.Bytes += int64(n)
	m.watch.seen.Add(int64(n))
	if m.tell != nil && m.event.Kind != "" && (m.event.Bytes-m.told >= 4<<20 || err == io.EOF) {
		m.told = m.event.Bytes
		m.tell(m.event)
	}
	return n, err
}
