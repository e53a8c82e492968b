package dockerfile

import (
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/tallyman/tallyman/policy/lint"
	"github.com/tallyman/tallyman/sbom"
	"github.com/tallyman/tallyman/sbom/dockerfile"
)

func tmImg01() rule {
	return rule{lint.Rule{
		ID: "TM-IMG-01", Aliases: []string{"GR-DEP-04"}, Severity: lint.Error, Risk: lint.RiskHigh, Default: true,
		Title:  "Python packages come from one index, over an authenticated transport, without credentials in the file",
		Why:    "Over http anyone on the way can answer in the index' place; with a second index anyone who registers a name there with a higher version is installed; a password in the file is in the image's history.",
		Remedy: "Name one index with https, and give its credentials with RUN --mount=type=secret.",
		Bad:    "FROM debian:12-slim\nENV PIP_INDEX_URL=http://pypi.example.com/simple\n",
		Good:   "FROM debian:12-slim\nENV PIP_INDEX_URL=https://pypi.example.com/simple\n",
		Source: "https://pip.pypa.io/en/stable/topics/configuration/#environment-variables",
	}, func(p *pass) {
		for _, in := range p.Global {
			p.indexes(nil, in)
		}
		p.instructions(p.indexes, "ARG", "ENV", "RUN", "CMD", "ENTRYPOINT")
	}}
}

// indexOptions say for what stands a variable, without PIP_ or UV_ in front, or
// an option in the same letters.
var indexOptions = map[string]string{
	"INDEX_URL": "index", "DEFAULT_INDEX": "index", "FIND_LINKS": "index", "PYPI_URL": "index",
	"EXTRA_INDEX_URL": "extra", "INDEX": "extra", "TRUSTED_HOST": "host", "INSECURE_HOST": "host", "ALLOW_INSECURE_HOST": "host",
}

// shortIndex are the short options.
var shortIndex = map[string]string{"-i": "INDEX_URL", "-f": "FIND_LINKS"}

// indexes judges one instruction: its variables, and the options of pip and uv.
func (p *pass) indexes(s *dockerfile.Stage, in *dockerfile.Instruction) {
	for _, v := range in.Variables() {
		prefix, name, _ := strings.Cut(v.Name, "_")
		if prefix == "PIP" || prefix == "UV" {
			p.index(s, in, v.Name, name, v.Value)
		}
	}
	for _, v := range in.Script.Invocations() {
		if v.Manager == "pip" && v.Verb == "config" && len(v.Operands) > 2 && v.Operands[0].Text == "set" {
			// pip config set global.index-url URL
			_, key, _ := strings.Cut(v.Operands[1].Text, ".")
			p.index(s, in, "pip config", optionName(key), v.Operands[2])
		}
		if !slices.Contains([]string{"pip", "uv", "pipenv"}, v.Manager) {
			continue
		}
		for _, o := range v.Options {
			if name := optionName(o.Name); o.HasValue && indexOptions[name] != "" {
				p.index(s, in, o.Name, name, o.Value)
			}
		}
	}
}

// optionName returns the name of an option as its variable has it.
func optionName(option string) string {
	if name, ok := shortIndex[option]; ok {
		return name
	}
	return strings.ToUpper(strings.ReplaceAll(strings.TrimPrefix(option, "--"), "-", "_"))
}

// index judges one value, which may name several indexes.
func (p *pass) index(s *dockerfile.Stage, in *dockerfile.Instruction, called, name string, value dockerfile.Word) {
	kind := indexOptions[name]
	if kind == "" {
		return
	}
	line, column := value.Line, value.Column
	if line == 0 {
		line, column = in.Line, in.Column
	}
	for field := range strings.FieldsSeq(value.Text) {
		// uv's --index takes "name=URL". The value itself is not shown.
		if i := strings.Index(field, "=http"); i > 0 && !strings.Contains(field[:i], "/") {
			field = field[i+1:]
		}
		_, credentials := sbom.RedactURL(field)
		switch {
		case credentials:
			p.report(s, line, column, called+" holds credentials in clear (not shown)")
		case kind == "host":
			p.report(s, line, column, called+" takes any certificate, or none, of a host").Risk = lint.RiskMedium
		case plain(field):
			p.report(s, line, column, called+" fetches packages without TLS")
		case kind == "extra":
			p.report(s, line, column, called+" lets any package come from a second index").Risk = lint.RiskMedium
		}
	}
}

// plain reports whether a URL is fetched from another machine over a transport
// that anyone on the way can change.
func plain(link string) bool {
	scheme, rest, found := strings.Cut(link, "://")
	if !found || !slices.Contains([]string{"http", "ftp"}, strings.ToLower(scheme)) {
		return false
	}
	u, err := url.Parse("x://" + rest)
	if err != nil {
		return true
	}
	address, err := netip.ParseAddr(u.Hostname())
	return u.Hostname() != "localhost" && (err != nil || !address.IsLoopback())
}
