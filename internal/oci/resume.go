package oci

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"

	"github.com/tallyman/tallyman/internal/limit"
)

// resumer bounds what a registry sends, asks again for what broke off, and goes
// on with a blob from where that was. Nothing is trusted for it: whoever reads the
// blob checks its digest from the first byte to the last.
type resumer struct {
	next    http.RoundTripper
	backoff Backoff
	notify  func(string)
}

func (t *resumer) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := t.next.RoundTrip(r)
	if err != nil || r.Method != http.MethodGet {
		return answer, err
	}
	if !ofBlob(r) {
		return t.whole(r, answer)
	}
	if from := beginsAt(r, answer); from >= 0 && answer.ContentLength > 0 {
		answer.Body = &resumed{
			t: t, request: r, body: answer.Body, size: from + answer.ContentLength, at: from, since: from, tag: answer.Header.Get("Etag"),
		}
	}
	return answer, nil
}

// beginsAt is the byte at which an answer begins, -1 for one that is no part of a
// blob.
func beginsAt(r *http.Request, answer *http.Response) int64 {
	var from int64
	switch answer.StatusCode {
	case http.StatusOK:
		return 0
	case http.StatusPartialContent:
		if _, err := fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-", &from); err == nil {
			return from
		}
	}
	return -1
}

// byteRange asks for the bytes from one on, of size. It has an end: there are
// registries that know no range without.
func byteRange(from, size int64) string { return fmt.Sprintf("bytes=%d-%d", from, size-1) }

// whole reads an answer that is not a blob to its end.
func (t *resumer) whole(r *http.Request, answer *http.Response) (*http.Response, error) {
	for n := 1; ; n++ {
		data, err := limit.ReadAll(answer.Body, limit.OCIManifestBytes)
		answer.Body.Close()
		if err == nil {
			answer.Body = io.NopCloser(bytes.NewReader(data))
			return answer, nil
		}
		pause := t.backoff.pause(n)
		if !broken(err) || n == t.backoff.attempts() || !inTime(r.Context(), pause) {
			return nil, &gaveUp{err}
		}
		t.say(r, "the connection broke")
		if err := sleep(r.Context(), pause); err != nil {
			return nil, err
		}
		if answer, err = t.next.RoundTrip(r); err != nil {
			return nil, err
		}
	}
}

func (t *resumer) say(r *http.Request, what string) {
	if t.notify != nil {
		t.notify(r.URL.Host + ": " + what)
	}
}

// ofBlob reports whether a request is for a blob, here or where a registry sends
// its clients for one.
// https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pulling-blobs
func ofBlob(r *http.Request) bool {
	first := r
	for first.Response != nil && first.Response.Request != nil {
		first = first.Response.Request
	}
	return blobPath.MatchString(first.URL.Path)
}

var blobPath = regexp.MustCompile(`/blobs/[a-z0-9]+:[0-9a-f]+$`)

// resumed is the body of a blob.
type resumed struct {
	t       *resumer
	request *http.Request
	body    io.ReadCloser
	// size is how many bytes were promised, at how many were read.
	size, at int64
	tag      string
	// tries counts the times that it had to go on since as much came as is worth
	// a connection, from the byte since on.
	tries int
	since int64
}

func (b *resumed) Read(p []byte) (int, error) {
	for {
		n, err := b.body.Read(p)
		b.at += int64(n)
		if n > 0 {
			if b.at-b.since >= limit.ResumeBytes {
				b.tries, b.since = 0, b.at
			}
			if err != nil && b.at < b.size {
				err = nil // the next read finds out
			}
			return n, err
		}
		if err == nil || b.at >= b.size || b.request.Context().Err() != nil {
			return n, err
		}
		if again := b.goOn(err); again != nil {
			return 0, again
		}
	}
}

// goOn asks for the rest. cause is why that is needed.
func (b *resumed) goOn(cause error) error {
	if b.tries++; b.tries >= b.t.backoff.attempts() {
		return b.lost(cause)
	}
	pause := b.t.backoff.pause(b.tries)
	if !inTime(b.request.Context(), pause) {
		return b.lost(cause)
	}
	b.t.say(b.request, fmt.Sprintf("the connection broke after %d of %d bytes", b.at, b.size))
	if err := sleep(b.request.Context(), pause); err != nil {
		return err
	}
	r := b.request.Clone(b.request.Context())
	r.Header.Set("Range", byteRange(b.at, b.size))
	if b.tag != "" && !strings.HasPrefix(b.tag, "W/") {
		r.Header.Set("If-Range", b.tag)
	}
	answer, err := b.t.next.RoundTrip(r)
	if err != nil {
		return errors.Join(b.lost(cause), err)
	}
	if err := skipTo(answer, b.at, b.size); err != nil {
		answer.Body.Close()
		return errors.Join(b.lost(cause), err)
	}
	b.body.Close()
	b.body = answer.Body
	return nil
}

// skipTo goes to a byte of a blob in an answer, which may be of the rest of size
// bytes or of the whole.
// https://www.rfc-editor.org/rfc/rfc9110#name-206-partial-content
func skipTo(answer *http.Response, at, size int64) error {
	switch answer.StatusCode {
	case http.StatusPartialContent:
		var from, to int64
		got := answer.Header.Get("Content-Range")
		if _, err := fmt.Sscanf(got, "bytes %d-%d/", &from, &to); err != nil || from != at || to != size-1 {
			return fmt.Errorf("asked for the bytes from %d on, and got %q", at, got)
		}
		return nil
	case http.StatusOK:
		_, err := io.CopyN(io.Discard, answer.Body, at)
		return err
	}
	return fmt.Errorf("asked for the bytes from %d on, and got the answer %d", at, answer.StatusCode)
}

func (b *resumed) lost(cause error) error {
	if errors.Is(cause, io.EOF) {
		cause = io.ErrUnexpectedEOF
	}
	return fmt.Errorf("the transfer broke off after %d of %d bytes: %w", b.at, b.size, cause)
}

func (b *resumed) Close() error { return b.body.Close() }
