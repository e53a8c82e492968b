package osv

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"path/filepath"

	"github.com/tallyman/tallyman/internal/limit"
)

// maxRedirects bounds how often a server may send us on.
const maxRedirects = 5

func isURL(s string) bool {
	return strings.HasPrefix(s, "http://") || strings.HasPrefix(s, "https://")
}

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

// download fetches the all.zip of each ecosystem into dir.
func (o *Options) download(ctx context.Context, dir string) (inputs []input, bytes int64, err error) {
	if o.Client == nil {
		return nil, 0, errors.New("an http source of advisories needs an HTTP client")
	}
	base, err := url.Parse(o.source())
	if err != nil || base.Host == "" {
		return nil, 0, fmt.Errorf("%q is not a URL to fetch advisories from", publicSource(o.From))
	}
	families := familiesOf(o.Ecosystems)
	if len(families) == 0 {
		return nil, 0, errors.New("an http source of advisories needs the names of the ecosystems, such as PyPI")
	}
	for i, name := range families {
		path := filepath.Join(dir, strconv.Itoa(i)+".zip")
		n, date, err := o.fetch(ctx, base.JoinPath(name, "all.zip"), name, path)
		bytes += n
		if err != nil {
			return nil, bytes, fmt.Errorf("fetching the advisories for %q: %w", name, err)
		}
		inputs = append(inputs, input{name: name, zip: path, serverDate: date})
	}
	return inputs, bytes, nil
}

// familiesOf drops release suffixes: the bucket has one zip for all releases
// of a distribution.
func familiesOf(ecosystems []string) []string {
	var out []string
	for _, e := range ecosystems {
		name, _, _ := strings.Cut(e, ":")
		out = append(out, name)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// fetch downloads one file and gives the server's date.
func (o *Options) fetch(ctx context.Context, u *url.URL, ecosystem, path string) (n int64, date time.Time, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return 0, date, fmt.Errorf("%q is not a URL", publicURL(u))
	}
	req.Header.Set("Accept-Encoding", "identity") // so that the length means something
	client := *o.Client
	client.CheckRedirect = checkRedirect
	resp, err := client.Do(req)
	if err != nil {
		// The URL in net/http's own error may hold a user name.
		if ue := (*url.Error)(nil); errors.As(err, &ue) {
			err = ue.Err
		}
		return 0, date, fmt.Errorf("%s: %w", publicURL(u), err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return 0, date, fmt.Errorf("%s: the server answers %d", publicURL(u), resp.StatusCode)
	}
	if resp.ContentLength > limit.AdvisoryZipBytes {
		return 0, date, fmt.Errorf("%s: %w of %d bytes", publicURL(u), limit.ErrTooLarge, int64(limit.AdvisoryZipBytes))
	}
	date, err = http.ParseTime(resp.Header.Get("Date"))
	if err != nil {
		date = time.Time{}
	}
	progress := Event{Kind: Downloading, Ecosystem: ecosystem, URL: publicURL(u), Total: resp.ContentLength}
	n, err = o.save(path, resp, progress)
	if err != nil {
		return n, date, fmt.Errorf("%s: %w", publicURL(u), err)
	}
	return n, date.UTC(), nil
}

// save writes the body to a file and holds its length against what the
// server announced.
func (o *Options) save(path string, resp *http.Response, progress Event) (int64, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return 0, err
	}
	body := &meter{r: limit.Reader(resp.Body, limit.AdvisoryZipBytes), event: progress, tell: o.Progress}
	n, err := io.Copy(f, body)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil && resp.ContentLength >= 0 && n != resp.ContentLength {
		err = fmt.Errorf("%d bytes came and %d were announced", n, resp.ContentLength)
	}
	return n, err
}

// checkRedirect refuses to leave the web, and to leave TLS.
func checkRedirect(req *http.Request, via []*http.Request) error {
	switch scheme := req.URL.Scheme; {
	case len(via) > maxRedirects:
		return fmt.Errorf("more than %d redirects", maxRedirects)
	case scheme != "https" && scheme != via[len(via)-1].URL.Scheme:
		return fmt.Errorf("refused a redirect from %s to %s", via[len(via)-1].URL.Scheme, scheme)
	}
	return nil
}

// meter tells about progress each few megabytes, and at the end.
type meter struct {
	r     io.Reader
	event Event
	told  int64
	tell  func(Event)
}

func (m *meter) Read(p []byte) (int, error) {
	n, err := m.r.Read(p)
	m.event.Bytes += int64(n)
	if m.tell != nil && (m.event.Bytes-m.told >= 4<<20 || err == io.EOF) {
		m.told = m.event.Bytes
		m.tell(m.event)
	}
	return n, err
}
