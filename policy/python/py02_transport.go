package python

import (
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/tallyman/tallyman/policy/lint"
	"github.com/tallyman/tallyman/sbom/pyreq"
)

func plainTransport() rule {
	return rule{lint.Rule{
		ID: "TM-PY-02", Aliases: []string{"GR-DEP-04"}, Severity: lint.Error, Risk: lint.RiskHigh, Default: true,
		Title:  "Packages arrive over an authenticated transport",
		Why:    "Over http, ftp and git: anyone on the way can answer in the server's place, and what they answer runs as soon as it is installed.",
		Remedy: "Use https. Where a server has none, add the digest to a direct URL (#sha256=...), the full commit to a repository.",
		Bad:    "--index-url http://pypi.example.com/simple\n",
		Good:   "--index-url https://pypi.example.com/simple\n",
		Source: secureInstalls,
	}, func(p *pass) {
		p.options(func(o pyreq.Option) {
			if plain(o.Value) {
				p.report(o.File, o.Line, o.Name+" "+o.Value+" is fetched without TLS")
			}
		}, "--index-url", "--extra-index-url", "--find-links")
		p.entries(func(e *pyreq.Entry) {
			if e.IsURL && plain(e.Link) && len(strongDigests(e)) == 0 && !fullCommit.MatchString(revision(e.Link)) {
				p.report(e.File, e.Line, named(e)+" is fetched without TLS and without a digest: "+e.Link)
			}
		})
	}}
}

// plain reports whether a URL is fetched from another machine over a transport
// that anyone on the way can change.
func plain(link string) bool {
	if !slices.Contains([]string{"http", "ftp", "git", "svn"}, scheme(link)) {
		return false
	}
	_, rest, _ := strings.Cut(link, "://")
	u, err := url.Parse("x://" + rest)
	if err != nil {
		return true
	}
	host := u.Hostname()
	address, err := netip.ParseAddr(host)
	return host != "localhost" && (err != nil || !address.IsLoopback())
}

// strongDigests returns the digests of an entry that cannot be forged.
// https://pip.pypa.io/en/stable/topics/secure-installs/#hash-checking-mode
func strongDigests(e *pyreq.Entry) []string {
	return slices.DeleteFunc(e.Digests(), func(d string) bool {
		algorithm, hex, _ := strings.Cut(d, ":")
		size, strong := map[string]int{"sha256": 64, "sha384": 96, "sha512": 128}[algorithm]
		return !strong || len(hex) != size || strings.Trim(hex, "0123456789abcdef") != ""
	})
}
