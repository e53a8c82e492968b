package oci

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// relay gives the layers of an image that more than one place has: a mirror, the
// mirrors after it, and the registry itself. Where a place stops in the midst of
// a layer, the next one goes on from there; the layer's digest is held against
// the whole, whoever gave which part. When that is another one, the layer has to
// be read again, which then begins at the next place.
type relay struct {
	options Options
	name    string            // the reference that led here, for messages
	repos   []name.Repository // the registry's own last; there are two at least

	mu       sync.Mutex
	sessions []*session // as repos; nil for one that was not asked yet
	// first is the place at which a layer begins: those before it broke off.
	// wrong is that for layers of which places had other bytes.
	first int
	wrong map[v1.Hash]int
	notes []string
}

// newRelay returns a relay of which the first place is read by s.
func newRelay(s *session, repos []name.Repository) *relay {
	r := &relay{options: s.options, name: s.what, repos: repos, wrong: map[v1.Hash]int{}}
	r.sessions = make([]*session, len(repos))
	r.sessions[0] = s
	return r
}

// said are the notes about places that failed, sorted.
func (r *relay) said() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Sorted(slices.Values(r.notes))
}

// open begins to read a layer. The caller checks what it is given.
func (r *relay) open(ctx context.Context, d v1.Descriptor) (io.ReadCloser, error) {
	r.mu.Lock()
	at := max(r.first, r.wrong[d.Digest])
	r.mu.Unlock()
	l := &relayed{relay: r, ctx: ctx, layer: d, begun: at, place: at}
	if err := l.begin(nil); err != nil {
		return nil, err
	}
	return l, nil
}

// image is img with its layers from the relay. What img says of itself has been
// read.
func (r *relay) image(ctx context.Context, img v1.Image) (v1.Image, error) {
	mediaType, err := img.MediaType()
	if err != nil {
		return nil, err
	}
	manifest, err := img.Manifest()
	if err != nil {
		return nil, err
	}
	raw, err := img.RawManifest()
	if err != nil {
		return nil, err
	}
	config, err := img.RawConfigFile()
	if err != nil {
		return nil, err
	}
	return partial.CompressedToImage(&stored{
		mediaType: mediaType, manifest: manifest, raw: raw, config: config,
		open: func(d v1.Descriptor) (io.ReadCloser, error) {
			if len(d.URLs) == 0 && d.Data == nil {
				return r.open(ctx, d)
			}
			layer, err := img.LayerByDigest(d.Digest) // from where its manifest says
			if err != nil {
				return nil, err
			}
			return layer.Compressed()
		},
	})
}

// session is that of a place.
func (r *relay) session(ctx context.Context, place int) (*session, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.sessions[place] == nil {
		s, err := r.options.session(ctx, r.name, r.repos[place])
		if err != nil {
			return nil, err
		}
		r.sessions[place] = s
	}
	return r.sessions[place], nil
}

// skip makes the layers that are begun from now on begin after a place.
func (r *relay) skip(place int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.first = max(r.first, place+1)
}

// refuses reports whether err is about one layer: an answer of somebody who is
// there.
func refuses(err error) bool {
	var answer *transport.Error
	return errors.Is(err, ErrDigest) || errors.As(err, &answer) && !busy(answer.StatusCode)
}

// left notes that a layer is read elsewhere from here on.
func (r *relay) left(text string) {
	r.options.say(text)
	r.mu.Lock()
	defer r.mu.Unlock()
	if !slices.Contains(r.notes, text) {
		r.notes = append(r.notes, text)
	}
}

// relayed is a layer that is being read.
type relayed struct {
	relay *relay
	ctx   context.Context
	layer v1.Descriptor
	// begun is the place that gave the first byte, place the one at hand.
	begun, place int
	body         io.ReadCloser // nil while no place gives any
	at           int64         // bytes read
	lost         bool          // no place was left
}

func (l *relayed) Read(p []byte) (int, error) {
	for {
		n, err := l.body.Read(p)
		l.at += int64(n)
		switch {
		case n > 0 && l.at < l.layer.Size:
			return n, nil // the next read finds out
		case n > 0 || err == nil || l.at >= l.layer.Size || l.ctx.Err() != nil:
			return n, err
		case errors.Is(err, io.EOF):
			err = io.ErrUnexpectedEOF
		}
		if err := l.next(err); err != nil {
			return 0, err
		}
	}
}

// brief is the beginning of the layer's digest, for a message.
func (l *relayed) brief() string { return l.layer.Digest.Hex[:min(12, len(l.layer.Digest.Hex))] }

// inLine is what err says, in a line.
func inLine(err error) string { return short(strings.ReplaceAll(err.Error(), "\n", "; ")) }

// begin reads from the place at hand, or from the first one after it that has
// the layer.
func (l *relayed) begin(before error) error {
	for {
		body, err := l.relay.get(l.ctx, l.place, l.layer, l.at)
		if err == nil {
			l.body = body
			return nil
		}
		if before = errors.Join(before, err); l.ctx.Err() != nil || !l.more() {
			l.lost = true
			return before
		}
		if !refuses(err) {
			l.relay.skip(l.place)
		}
		l.relay.left(fmt.Sprintf("the mirror %s does not give layer %s (%s): it is read from %s",
			l.relay.repos[l.place].Name(), l.brief(), inLine(err), l.relay.repos[l.place+1].Name()))
		if l.place++; l.at == 0 {
			l.begun = l.place
		}
	}
}

// more reports whether there is a place after the one at hand.
func (l *relayed) more() bool { return l.place < len(l.relay.repos)-1 }

// next goes on at the next place, because of cause.
func (l *relayed) next(cause error) error {
	if !l.more() {
		l.lost = true
		return cause
	}
	l.body.Close()
	l.relay.left(fmt.Sprintf("the mirror %s broke off in layer %s (%s): the rest is read from %s",
		l.relay.repos[l.place].Name(), l.brief(), inLine(cause), l.relay.repos[l.place+1].Name()))
	l.relay.skip(l.place)
	l.place++
	return l.begin(cause)
}

// Another is asked by whoever could not make sense of the layer, or whose check
// of it failed. It reports whether reading it again would begin at another place.
func (l *relayed) Another() bool {
	if l.lost || l.begun == len(l.relay.repos)-1 || l.ctx.Err() != nil {
		return false
	}
	l.relay.left(fmt.Sprintf("layer %s cannot be read as the mirror %s gives it: it is read again from %s",
		l.brief(), l.relay.repos[l.begun].Name(), l.relay.repos[l.begun+1].Name()))
	l.relay.mu.Lock()
	defer l.relay.mu.Unlock()
	l.relay.wrong[l.layer.Digest] = max(l.relay.wrong[l.layer.Digest], l.begun+1)
	return true
}

func (l *relayed) Close() error {
	if l.body == nil {
		return nil
	}
	return l.body.Close()
}

// get asks a place for a layer from a byte on.
// https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pulling-blobs
func (r *relay) get(ctx context.Context, place int, d v1.Descriptor, from int64) (io.ReadCloser, error) {
	s, err := r.session(ctx, place)
	if err != nil {
		return nil, err
	}
	repo := r.repos[place]
	at := url.URL{Scheme: repo.Scheme(), Host: repo.RegistryStr(), Path: "/v2/" + repo.RepositoryStr() + "/blobs/" + d.Digest.String()}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, at.String(), nil)
	if err != nil {
		return nil, err
	}
	if from > 0 {
		request.Header.Set("Range", byteRange(from, d.Size))
	}
	client := &http.Client{Transport: s.transport, CheckRedirect: outward}
	answer, err := client.Do(request)
	if err != nil {
		withoutQuery(err)
		return nil, err
	}
	if err := begins(answer, from, d.Size); err != nil {
		answer.Body.Close()
		return nil, err
	}
	return answer.Body, nil
}

// begins goes to where the rest of size bytes begins in an answer.
func begins(answer *http.Response, from, size int64) error {
	if err := transport.CheckError(answer, http.StatusOK, http.StatusPartialContent); err != nil {
		return err
	}
	whole := answer.StatusCode == http.StatusOK
	if whole && answer.ContentLength >= 0 && answer.ContentLength != size {
		return fmt.Errorf("%w: it has %d bytes there instead of %d", ErrDigest, answer.ContentLength, size)
	}
	if from == 0 && !whole {
		return errors.New("asked for the whole, and got a part")
	}
	if from == 0 {
		return nil
	}
	return skipTo(answer, from, size)
}

// outward refuses to be sent by a registry to an address that only the network
// of this machine has.
func outward(r *http.Request, via []*http.Request) error {
	const often = 10 // as net/http
	switch {
	case len(via) >= often:
		return fmt.Errorf("stopped after %d redirects", often)
	case r.URL.Hostname() != via[0].URL.Hostname() && inward(r.URL.Hostname()):
		return fmt.Errorf("%s sends its clients to %s, an address inside", via[0].URL.Host, r.URL.Host)
	}
	return nil
}

// inward reports whether host is the address, and not the name, of what is not
// for everybody. A host that ends in a number is an address however it is
// written.
// https://url.spec.whatwg.org/#ends-in-a-number-checker
func inward(host string) bool {
	host, _, _ = strings.Cut(host, "%")
	if ip, err := netip.ParseAddr(host); err == nil {
		ip = ip.Unmap()
		return ip.IsLoopback() || ip.IsPrivate() || ip.IsLinkLocalUnicast() || ip.IsLinkLocalMulticast() || ip.IsUnspecified()
	}
	last := strings.TrimSuffix(host, ".")
	last = last[strings.LastIndex(last, ".")+1:]
	return last != "" && last[0] >= '0' && last[0] <= '9'
}
