package dockerfile

import (
	"strings"

	"github.com/tallyman/tallyman/policy/lint"
	"github.com/tallyman/tallyman/sbom/dockerfile"
)

const aptLists = "/var/lib/apt/lists"

func dl3009() rule {
	return rule{lint.Rule{
		ID: "DL3009", Aliases: []string{}, Severity: lint.Info, Risk: lint.RiskLow, Default: true,
		Title:  "The lists of apt-get update are removed in the same RUN",
		Why:    "They stay in the layer: tens of megabytes of package indexes that are stale tomorrow.",
		Remedy: "End the RUN with && rm -rf /var/lib/apt/lists/*, or put the folder on a cache mount.",
		Bad:    "FROM debian:12-slim\nRUN apt-get update && apt-get install -y ffmpeg\n",
		Good:   "FROM debian:12-slim\nRUN apt-get update && apt-get install -y ffmpeg && rm -rf /var/lib/apt/lists/*\n",
		Source: hadolintURL("DL3009"),
	}, func(p *pass) {
		p.runs(func(s *dockerfile.Stage, in *dockerfile.Instruction) {
			if s.Reach != dockerfile.Shipped || mounted(in, aptLists) || removesLists(in.Script) {
				return
			}
			for _, v := range in.Script.Invocations() {
				if (v.Manager == "apt-get" || v.Manager == "apt") && v.Verb == "update" {
					p.report(s, v.Command.Line, v.Command.Column, "the lists that "+v.Manager+" update fetches stay in the image")
					return
				}
			}
		})
	}}
}

// removesLists reports whether a script removes apt's lists.
func removesLists(script *dockerfile.Script) bool {
	for _, c := range script.Commands {
		switch c.Name {
		case "rm", "find":
			for _, a := range c.Args {
				// A parent, the folder, its contents, and brace lists of them.
				t := strings.TrimSuffix(strings.TrimSuffix(a.Text, "*"), "/")
				if strings.HasPrefix(t, aptLists) || t == "/var/lib/apt" || strings.HasPrefix(t, "/var/lib/{") && strings.Contains(t, "apt") {
					return true
				}
			}
		case "apt-get", "apt":
			if c.Has("dist-clean", "distclean") {
				return true
			}
		}
	}
	return false
}
