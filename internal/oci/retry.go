package oci

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"syscall"
	"time"

	"github.com/tallyman/tallyman/internal/limit"
)

// Backoff says how often a registry is asked again that is busy or out of order,
// and how long to wait before. The zero value asks four times in all and waits
// for one, two and four seconds.
type Backoff struct {
	// Attempts is how many times a request is made at most, 0 for four.
	Attempts int
	// First is the pause before the second attempt, 0 for a second; each later
	// one is twice as long.
	First time.Duration
	// Longest bounds a pause that the registry asks for (Retry-After), 0 for a
	// minute. When it asks for more, it is not asked again.
	Longest time.Duration
}

func (b Backoff) attempts() int {
	if b.Attempts > 0 {
		return b.Attempts
	}
	return 4
}

// pause is how long to wait after attempt n, the first of which is 1. It is up
// to a tenth longer, so that many programs do not come back at once.
func (b Backoff) pause(n int) time.Duration {
	first := b.First
	if first <= 0 {
		first = time.Second
	}
	return first << (n - 1) * time.Duration(100+rand.IntN(10)) / 100
}

func (b Backoff) longest() time.Duration {
	if b.Longest > 0 {
		return b.Longest
	}
	return time.Minute
}

// retrier makes a request again when that may help: after 408, 429 and 5xx, and
// when the connection broke. After 401, 403, 404 and the like it does not.
type retrier struct {
	next    http.RoundTripper
	backoff Backoff
	// notify is told before a pause; nil for nobody.
	notify func(string)
}

func (t *retrier) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil && r.Body != http.NoBody {
		return t.next.RoundTrip(r) // what was sent cannot be sent again
	}
	for n := 1; ; n++ {
		answer, err := t.next.RoundTrip(r)
		if err != nil && n == t.backoff.attempts() {
			return nil, &gaveUp{err}
		}
		if n == t.backoff.attempts() {
			return answer, nil
		}
		pause, again := t.again(answer, err, n)
		if !again || !inTime(r.Context(), pause) {
			return answer, err
		}
		t.say(r, answer, err, pause)
		if answer != nil {
			drain(answer.Body)
		}
		if err := sleep(r.Context(), pause); err != nil {
			return nil, err
		}
	}
}

// gaveUp is an error after which a request was made often enough.
type gaveUp struct{ error }

func (e *gaveUp) Unwrap() error { return e.error }

// again reports whether the library should make a request again: one that sends
// something, of which it still has what was to be sent.
func again(err error) bool {
	var enough *gaveUp
	var temporary interface{ Temporary() bool }
	if err == nil || errors.As(err, &enough) {
		return false
	}
	return broken(err) || errors.As(err, &temporary) && temporary.Temporary()
}

// again reports whether to make a request again, and after how long.
func (t *retrier) again(answer *http.Response, err error, n int) (time.Duration, bool) {
	if err != nil {
		return t.backoff.pause(n), broken(err)
	}
	switch answer.StatusCode {
	case http.StatusRequestTimeout, http.StatusTooManyRequests, http.StatusInternalServerError,
		http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
	default:
		return 0, false
	}
	asked, ok := retryAfter(answer.Header)
	if !ok {
		return t.backoff.pause(n), true
	}
	return max(asked, t.backoff.pause(n)), asked <= t.backoff.longest()
}

// retryAfter is the pause that an answer asks for. A point in time is held
// against the answer's own date: nobody's clock has to be right.
// https://www.rfc-editor.org/rfc/rfc9110#name-retry-after
func retryAfter(h http.Header) (time.Duration, bool) {
	value := h.Get("Retry-After")
	if seconds, err := strconv.ParseUint(value, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second, true
	}
	at, err := http.ParseTime(value)
	if err != nil {
		return 0, false
	}
	now, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		return 0, false
	}
	return max(0, at.Sub(now)), true
}

// broken reports whether err is a connection that broke or timed out.
func broken(err error) bool {
	var timeout net.Error
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return false
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET),
		errors.Is(err, syscall.EPIPE), errors.Is(err, net.ErrClosed):
		return true
	}
	return errors.As(err, &timeout) && timeout.Timeout()
}

func (t *retrier) say(r *http.Request, answer *http.Response, err error, pause time.Duration) {
	if t.notify == nil {
		return
	}
	what := "the connection broke"
	if err == nil {
		what = fmt.Sprintf("answers %d", answer.StatusCode)
	}
	t.notify(fmt.Sprintf("%s: %s, again in %s", r.URL.Host, what, pause.Round(100*time.Millisecond)))
}

// drain reads a small rest, so that the connection can be used again.
func drain(body io.ReadCloser) {
	io.Copy(io.Discard, io.LimitReader(body, limit.DrainBytes))
	body.Close()
}

// inTime reports whether the context allows for the pause.
func inTime(ctx context.Context, pause time.Duration) bool {
	end, ok := ctx.Deadline()
	return ctx.Err() == nil && (!ok || time.Until(end) > pause)
}

func sleep(ctx context.Context, pause time.Duration) error {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
