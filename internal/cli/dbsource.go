package cli

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/tallyman/tallyman/internal/limit"
	"github.com/tallyman/tallyman/vuln/osv"
)

// headerVariable is the environment variable with header lines for a mirror.
const headerVariable = "TALLYMAN_DB_HEADER"

// sources are where `db update` takes advisories from. Headers go to the one
// mirror that is named, never to OSV's bucket; when there are several mirrors
// nobody can say whose they are.
func (a *app) sources(from, headers []string) ([]osv.Source, error) {
	if len(from) == 0 {
		from = []string{osv.DefaultSource}
	}
	header, err := a.header(headers)
	if err != nil {
		return nil, err
	}
	var out []osv.Source
	var mirrors []string
	for _, f := range from {
		s := osv.Source{From: f}
		switch {
		case strings.Contains(f, "://") && !isURL(f):
			// It may hold a password, and is not shown.
			return nil, usagef("tallyman db update --from https://...", "--from has a URL that is neither http:// nor https://")
		case !isURL(f):
			s.From = a.path(f)
		case originOf(f) != originOf(osv.DefaultSource):
			s.Header = header
			if o := originOf(f); !slices.Contains(mirrors, o) {
				mirrors = append(mirrors, o)
			}
		}
		out = append(out, s)
	}
	if len(header) > 0 && len(mirrors) > 1 {
		return nil, usagef("tallyman db update --help", "there are headers, and more than one server to send them to: update from one mirror at a time")
	}
	if len(headers) > 0 && len(mirrors) == 0 {
		return nil, usagef("tallyman db update --from URL --header ...", "--header is for a mirror, and there is none")
	}
	return out, nil
}

// originOf is scheme and host of a URL.
func originOf(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return ""
	}
	return strings.ToLower(u.Scheme + "://" + u.Host)
}

// header reads --header and the environment. No error shows a value: it is
// likely to be a secret, also when it is spelled wrong.
func (a *app) header(given []string) (http.Header, error) {
	out := http.Header{}
	for _, text := range append([]string{a.env.Getenv(headerVariable)}, given...) {
		what := "--header"
		if name, ok := strings.CutPrefix(text, "@"); ok {
			data, err := readFile(a.path(name), limit.ConfigBytes)
			if err != nil {
				return nil, usage(fmt.Errorf("--header: %w", err), "tallyman db update --help")
			}
			text, what = string(data), fmt.Sprintf("--header %q", "@"+name)
		}
		for line := range strings.Lines(text) {
			line = strings.TrimSpace(line)
			if line == "" {
				continue
			}
			name, value, ok := strings.Cut(line, ":")
			value = strings.TrimSpace(value)
			if !ok || !isToken(name) || value == "" || strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r == 0x7f }) {
				return nil, usagef("tallyman db update --header 'Authorization: Bearer ...'", "%s has a line that is not \"Name: value\"", what)
			}
			out.Add(name, value)
		}
	}
	return out, nil
}

// isToken reports whether a header may be called so.
// https://www.rfc-editor.org/rfc/rfc9110.html#section-5.6.2
func isToken(name string) bool {
	return name != "" && !strings.ContainsFunc(name, func(r rune) bool {
		return r <= ' ' || r >= 0x7f || strings.ContainsRune(`"(),/:;<=>?@[\]{}`, r)
	})
}
