package dockerfile

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/tallyman/tallyman/policy/lint"
	"github.com/tallyman/tallyman/sbom/dockerfile"
)

func dl3020() rule {
	return rule{lint.Rule{
		ID: "DL3020", Aliases: []string{"DS-0005"}, Severity: lint.Error, Risk: lint.RiskLow, Default: true,
		Title:  "Plain files are copied with COPY, not ADD",
		Why:    "ADD also fetches and unpacks, so what it does depends on what the file turns out to be.",
		Remedy: "Write COPY instead of ADD.",
		Bad:    "FROM debian:12-slim\nADD app.py /srv/app.py\n",
		Good:   "FROM debian:12-slim\nCOPY app.py /srv/app.py\n",
		Source: hadolintURL("DL3020"),
	}, func(p *pass) {
		p.instructions(func(s *dockerfile.Stage, in *dockerfile.Instruction) {
			if len(in.Args) < 2 {
				return
			}
			plain := texts(in.Args[:len(in.Args)-1], func(w dockerfile.Word) bool {
				return !opaque(w) && !remote(w.Text) && !unpacked.MatchString(w.Text)
			})
			if len(plain) > 0 {
				p.at(s, in, fmt.Sprintf("ADD copies %s, for which COPY is meant", listed(plain)))
			}
		}, "ADD")
	}}
}

// unpacked matches what ADD may unpack.
// https://docs.docker.com/reference/dockerfile/#adding-local-tar-archives
var unpacked = regexp.MustCompile(`(?i)\.(tar|tgz|tbz2?|txz|tzst|gz|bz2|xz|zst|lzma|lz|z)\*?$`)

// remote reports whether a source of ADD is fetched.
// https://docs.docker.com/reference/dockerfile/#add
func remote(source string) bool {
	return strings.HasPrefix(source, "http://") || strings.HasPrefix(source, "https://") ||
		strings.HasPrefix(source, "ftp://") || gitSource(source)
}

func gitSource(source string) bool {
	repo, _, _ := strings.Cut(source, "#")
	return strings.HasPrefix(source, "git@") || strings.HasPrefix(source, "git://") || strings.HasPrefix(source, "ssh://") ||
		strings.Contains(repo, "://") && strings.HasSuffix(repo, ".git")
}
