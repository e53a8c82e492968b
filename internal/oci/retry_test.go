package oci

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/tallyman/tallyman/internal/limit"
)

// TestRetry counts how often a manifest is asked for when the first answers are
// bad.
func TestRetry(t *testing.T) {
	img := testImage(t, "amd64")
	code := func(code int, header ...string) func(http.ResponseWriter, *http.Request) {
		return func(w http.ResponseWriter, _ *http.Request) {
			for i := 0; i < len(header); i += 2 {
				w.Header().Set(header[i], header[i+1])
			}
			w.WriteHeader(code)
		}
	}
	cut := func(w http.ResponseWriter, _ *http.Request) { panic(http.ErrAbortHandler) }
	half := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100000")
		io.WriteString(w, "{")
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}
	for name, c := range map[string]struct {
		bad   func(http.ResponseWriter, *http.Request)
		times int
		asked int // 0 when Go's own client asks again too
		fails bool
	}{
		"429":                     {code(429), 2, 3, false},
		"429 with Retry-After":    {code(429, "Retry-After", "0"), 2, 3, false},
		"429 for an hour":         {code(429, "Retry-After", "3600"), 1, 1, true},
		"429 until an hour later": {code(429, "Date", "Sun, 22 Nov 2026 12:00:00 GMT", "Retry-After", "Sun, 22 Nov 2026 13:00:00 GMT"), 1, 1, true},
		"429 until a past date":   {code(429, "Date", "Sun, 22 Nov 2026 12:00:00 GMT", "Retry-After", "Sun, 22 Nov 2026 11:00:00 GMT"), 1, 2, false},
		"429 until nonsense":      {code(429, "Retry-After", "-5 years"), 1, 2, false},
		"500":                     {code(500), 2, 3, false},
		"502":                     {code(502), 2, 3, false},
		"503":                     {code(503), 3, 4, false},
		"504":                     {code(504), 1, 2, false},
		"503 for good":            {code(503), 9, 4, true},
		"a broken connection":     {cut, 2, 0, false},
		"broken for good":         {cut, 99, 0, true},
		"half a manifest":         {half, 2, 3, false},
		"half for good":           {half, 9, 4, true},
		"400":                     {code(400), 1, 1, true},
		"401":                     {code(401), 1, 1, true},
		"403":                     {code(403), 1, 1, true},
		"404":                     {code(404), 1, 1, true},
		"501":                     {code(501), 1, 1, true},
	} {
		t.Run(name, func(t *testing.T) {
			asked := 0
			host := front(t, func(w http.ResponseWriter, r *http.Request) bool {
				if r.Method != http.MethodGet || !strings.HasSuffix(r.URL.Path, "/manifests/1") {
					return false
				}
				if asked++; asked <= c.times {
					c.bad(w, r)
				}
				return asked <= c.times
			})
			push(t, host+"/app:1", img)
			var mu sync.Mutex
			var said []string
			_, err := tryOpen(t, host+"/app:1", Options{Backoff: Backoff{First: time.Microsecond}, Notify: func(s string) {
				mu.Lock()
				defer mu.Unlock()
				said = append(said, s)
			}})
			if c.asked > 0 && asked != c.asked || (err != nil) != c.fails {
				t.Errorf("asked %d times, want %d: %v", asked, c.asked, err)
			}
			if c.asked > 0 && len(said) != c.asked-1 {
				t.Errorf("said %q", said)
			}
		})
	}
}

// The pause that a registry asks for is kept, and one that the run has no time
// for is not begun.
func TestRetryPauses(t *testing.T) {
	header := func(pairs ...string) http.Header {
		h := http.Header{}
		for i := 0; i < len(pairs); i += 2 {
			h.Set(pairs[i], pairs[i+1])
		}
		return h
	}
	const noon = "Sun, 22 Nov 2026 12:00:00 GMT"
	for name, c := range map[string]struct {
		header http.Header
		want   time.Duration
		ok     bool
	}{
		"none":        {header(), 0, false},
		"seconds":     {header("Retry-After", "17"), 17 * time.Second, true},
		"a date":      {header("Retry-After", "Sun, 22 Nov 2026 12:00:30 GMT", "Date", noon), 30 * time.Second, true},
		"no own date": {header("Retry-After", noon), 0, false},
		"negative":    {header("Retry-After", "-1"), 0, false},
		"huge":        {header("Retry-After", "99999999999999999999"), 0, false},
	} {
		if got, ok := retryAfter(c.header); got != c.want || ok != c.ok {
			t.Errorf("%s: %v, %v", name, got, ok)
		}
	}
	b := Backoff{}
	for n, want := range []time.Duration{time.Second, 2 * time.Second, 4 * time.Second} {
		if got := b.pause(n + 1); got < want || got > want+want/10 {
			t.Errorf("pause %d is %v", n+1, got)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
	defer cancel()
	if inTime(ctx, 2*time.Hour) || !inTime(ctx, time.Minute) || !inTime(t.Context(), 2*time.Hour) {
		t.Error("inTime is wrong")
	}
	cancel()
	if err := sleep(ctx, time.Hour); !errors.Is(err, context.Canceled) {
		t.Errorf("slept: %v", err)
	}
}

// bigImage has one layer of random bytes; data are those.
func bigImage(t *testing.T, size int) (v1.Image, []byte) {
	t.Helper()
	data := make([]byte, size)
	for i := range data {
		data[i] = byte(i*i>>8 ^ i)
	}
	img, err := mutate.AppendLayers(empty.Image, static.NewLayer(data, types.DockerLayer))
	if err != nil {
		t.Fatal(err)
	}
	return img, data
}

// TestLayerThatBreaksOff has a registry that stops in the midst of a layer, and
// then goes on in different ways. What is read is the layer, or an error.
func TestLayerThatBreaksOff(t *testing.T) {
	img, data := bigImage(t, 3<<20)
	for name, c := range map[string]struct {
		after []int // where each answer stops
		then  func(w http.ResponseWriter, r *http.Request, from int)
		want  error
		asked int
	}{
		"once":              {after: []int{1 << 20}, asked: 2},
		"three times":       {after: []int{100, 200, 300}, asked: 4},
		"four times":        {after: []int{100, 200, 300, 400}, asked: 4, want: io.ErrUnexpectedEOF},
		"far apart":         {after: []int{1 << 10, 1<<20 + 2<<10, 2<<20 + 3<<10, 2<<20 + 4<<10, 2<<20 + 5<<10}, asked: 6},
		"at the first byte": {after: []int{0}, asked: 2},
		"at the last byte":  {after: []int{len(data) - 1}, asked: 2},
		"a server without ranges": {after: []int{1 << 20}, asked: 2, then: func(w http.ResponseWriter, _ *http.Request, _ int) {
			w.Write(data)
		}},
		"other bytes": {after: []int{1 << 20}, asked: 2, want: ErrDigest, then: func(w http.ResponseWriter, r *http.Request, from int) {
			part(w, bytes.Repeat([]byte("x"), len(data)), from, len(data))
		}},
		"from elsewhere": {after: []int{1 << 20}, asked: 2, want: io.ErrUnexpectedEOF, then: func(w http.ResponseWriter, r *http.Request, from int) {
			part(w, data, from-1, len(data))
		}},
		"a shorter rest": {after: []int{1 << 20}, asked: 2, want: io.ErrUnexpectedEOF, then: func(w http.ResponseWriter, r *http.Request, from int) {
			part(w, data, from, len(data)-1)
		}},
		"refused": {after: []int{1 << 20}, asked: 2, want: io.ErrUnexpectedEOF, then: func(w http.ResponseWriter, _ *http.Request, _ int) {
			w.WriteHeader(http.StatusForbidden)
		}},
		"busy": {after: []int{1 << 20}, asked: 5, want: io.ErrUnexpectedEOF, then: func(w http.ResponseWriter, _ *http.Request, _ int) {
			w.WriteHeader(http.StatusServiceUnavailable)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			digest, asked := digestOf(t, static.NewLayer(data, types.DockerLayer)), 0
			host := front(t, func(w http.ResponseWriter, r *http.Request) bool {
				if r.Method != http.MethodGet || !strings.HasSuffix(r.URL.Path, "/blobs/"+digest.String()) {
					return false
				}
				asked++
				from := 0
				if _, err := fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-", &from); err != nil && asked > 1 {
					t.Errorf("request %d is for %q", asked, r.Header.Get("Range"))
				}
				switch {
				case asked <= len(c.after):
					part(w, data[:c.after[asked-1]], from, len(data))
					w.(http.Flusher).Flush()
					panic(http.ErrAbortHandler)
				case c.then != nil:
					c.then(w, r, from)
				default:
					part(w, data, from, len(data))
				}
				return true
			})
			push(t, host+"/app:1", img)
			got := open(t, host+"/app:1", Options{Backoff: Backoff{First: time.Microsecond}})
			read, err := firstLayer(got.Image())
			switch {
			case c.want == nil && (err != nil || !bytes.Equal(read, data)):
				t.Errorf("%d bytes: %v", len(read), err)
			case c.want != nil && err == nil:
				t.Errorf("read as sound")
			case c.want != nil && c.want != ErrDigest && !errors.Is(err, c.want):
				t.Errorf("%v, want %v", err, c.want)
			case asked != c.asked:
				t.Errorf("asked %d times, want %d: %v", asked, c.asked, err)
			}
		})
	}
}

// part answers with data from a byte on, as the rest of size bytes.
func part(w http.ResponseWriter, data []byte, from, size int) {
	w.Header().Set("Content-Length", strconv.Itoa(size-from))
	if from > 0 {
		w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, size-1, size))
		w.WriteHeader(http.StatusPartialContent)
	}
	w.Write(data[from:min(size, len(data))])
}

func firstLayer(img v1.Image) ([]byte, error) {
	layers, err := img.Layers()
	if err != nil {
		return nil, err
	}
	r, err := layers[0].Compressed()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}

// TestOversized has a registry that sends more than a manifest, a configuration
// or a token may have, and manifests that lie about sizes.
func TestOversized(t *testing.T) {
	flood := func(w http.ResponseWriter) {
		w.Header().Set("Content-Type", string(types.OCIManifestSchema1))
		chunk := bytes.Repeat([]byte(" "), 1<<20)
		for range limit.OCIManifestBytes>>20 + 2 {
			if _, err := w.Write(chunk); err != nil {
				return
			}
		}
	}
	host := front(t, func(w http.ResponseWriter, r *http.Request) bool {
		if strings.Contains(r.URL.Path, "/manifests/") {
			flood(w)
			return true
		}
		return false
	})
	if _, err := tryOpen(t, host+"/app:1", Options{Backoff: quick}); !errors.Is(err, limit.ErrTooLarge) {
		t.Errorf("a manifest without end: %v", err)
	}
	const descriptor = `{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:0000000000000000000000000000000000000000000000000000000000000000","size":%s}`
	for name, manifest := range map[string]string{
		"a large configuration":    fmt.Sprintf(`{"schemaVersion":2,"config":`+descriptor+`,"layers":[]}`, "99999999999"),
		"a negative configuration": fmt.Sprintf(`{"schemaVersion":2,"config":`+descriptor+`,"layers":[]}`, "-1"),
		"a negative layer":         fmt.Sprintf(`{"schemaVersion":2,"config":`+descriptor+`,"layers":[`+descriptor+`]}`, "2", "-1"),
		"no JSON":                  `{"schemaVersion":2,"config":`,
		"another type":             `{"schemaVersion":2,"config":[],"layers":{}}`,
		"nothing":                  ``,
		"a list":                   `[]`,
	} {
		blobs := 0
		host := front(t, func(w http.ResponseWriter, r *http.Request) bool {
			if strings.Contains(r.URL.Path, "/blobs/") {
				blobs++
			}
			if strings.Contains(r.URL.Path, "/manifests/") {
				w.Header().Set("Content-Type", string(types.OCIManifestSchema1))
				io.WriteString(w, manifest)
				return true
			}
			return false
		})
		if _, err := tryOpen(t, host+"/app:1", Options{Backoff: quick}); err == nil || blobs > 0 {
			t.Errorf("%s: %v, %d blobs asked for", name, err, blobs)
		}
	}
}
