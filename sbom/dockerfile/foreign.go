package dockerfile

import (
	"regexp"
	"strings"

	"github.com/tallyman/tallyman/sbom"
)

// exactNPM matches a package of npm with an exact version.
// https://docs.npmjs.com/cli/commands/npm-install
var exactNPM = regexp.MustCompile(`^((?:@[a-z0-9][a-z0-9._-]*/)?[a-z0-9][a-z0-9._-]*)@v?([0-9]{1,9}\.[0-9]{1,9}\.[0-9]{1,9}(?:[-+][0-9A-Za-z.+-]{1,100})?)$`)

// npm adds what npm, yarn, pnpm and bun are given by name. Without a name they
// install what package.json and the lock beside it ask for, which are read for
// themselves.
func (c *collector) npm(v *Invocation) {
	words := v.Operands
	switch {
	case v.Manager == "npx":
		words = append(v.values("-p", "--package"), words[:min(1, len(words))]...)
		if _, yes := v.Option("-y", "--yes", "-p", "--package"); !yes && !strings.Contains(joined(words), "@") {
			return // the project's own, which its lock has
		}
	case contains([]string{"exec", "x", "dlx"}, v.Verb):
		words = append(v.values("--package"), words[:min(1, len(words))]...)
	case v.Verb == "global" && len(words) > 0:
		if words[0].Text != "add" {
			return
		}
		words = words[1:]
	case v.Verb == "add", contains([]string{"npm", "pnpm", "bun"}, v.Manager) && installs("npm", v.Verb) && v.Verb != "ci":
	case v.Manager == "npm" && contains([]string{"update", "up", "upgrade"}, v.Verb):
	default:
		return
	}
	var unread []string
	for _, w := range words {
		m := exactNPM.FindStringSubmatch(w.Text)
		switch {
		case w.Text == "." || w.Text == "./":
		case w.Known && m != nil:
			c.add(sbom.Component{Name: m[1], Version: m[2], Ecosystem: "npm", PURL: sbom.NPMPURL(m[1], m[2])}, w)
		default:
			unread = append(unread, w.Text)
		}
	}
	c.notRead(v, unread)
}

// other notes what gem, go and cargo install, of which nothing is read.
func (c *collector) other(v *Invocation) {
	words := v.Operands
	switch {
	case v.Manager == "gem" && contains([]string{"install", "i", "update"}, v.Verb):
	case v.Manager == "go" && contains([]string{"install", "get", "run"}, v.Verb):
		words = nil
		for _, w := range v.Operands[:min(len(v.Operands), operandsOfGo(v))] {
			if !strings.HasPrefix(w.Text, ".") && !strings.HasSuffix(w.Text, ".go") {
				words = append(words, w)
			}
		}
	case v.Manager == "cargo" && contains([]string{"install", "binstall"}, v.Verb):
		if len(v.values("--path")) > 0 {
			return
		}
		words = append(words, v.values("--git")...)
	default:
		return
	}
	var unread []string
	for _, w := range words {
		unread = append(unread, w.Text)
	}
	c.notRead(v, unread)
}

// operandsOfGo returns how many operands of go are packages: of "go run" the
// first, which runs with the rest.
func operandsOfGo(v *Invocation) int {
	if v.Verb == "run" {
		return 1
	}
	return len(v.Operands)
}

// notRead leaves one gap for what one call installs.
func (c *collector) notRead(v *Invocation, words []string) {
	if len(words) > 0 {
		c.gap(sbom.GapUnsupported, v.Command.Line, "", "installed by %s and not read: %s", v.Manager, shown(strings.Join(words, ", ")))
	}
}

func joined(words []Word) string {
	var b strings.Builder
	for _, w := range words {
		b.WriteString(w.Text)
		b.WriteByte(' ')
	}
	return b.String()
}
