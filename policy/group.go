package policy

import (
	"fmt"
	"strings"

	"github.com/tallyman/tallyman/policy/lint"
	"github.com/tallyman/tallyman/sbom"
)

func lintFacts(findings []lint.Finding, risks *acceptedRisks, base baseLayers) []LintFacts {
	type key struct {
		rule, risk, file, suppressed, accepted string
		base                                   bool
	}
	out := []LintFacts{}
	at := map[key]int{}
	for _, f := range findings {
		k := key{rule: f.Rule, risk: string(f.Risk), file: f.File, accepted: risks.lint(f), base: base.has(f.Layer)}
		if f.Suppressed {
			k.suppressed, k.accepted = f.SuppressedBy, ""
			if k.suppressed == "" {
				k.suppressed = "an unnamed pragma"
			}
		}
		i, seen := at[k]
		if !seen {
			i = len(out)
			at[k] = i
			out = append(out, LintFacts{
				Rule: f.Rule, Risk: k.risk, File: f.File, Line: f.Line, Message: f.Message, Remedy: f.Remedy,
				Suppressed: k.suppressed, Accepted: k.accepted, Base: k.base,
			})
		}
		out[i].Places = append(out[i].Places, f.Rule+" "+f.Place())
	}
	for i := range out {
		if more := len(out[i].Places) - 1; more > 0 {
			out[i].Message += fmt.Sprintf(" (and %d more in this file)", more)
		}
	}
	return out
}

// gapFacts groups by kind, by whether the gaps hide and by who accepted them,
// in the order of the first gap of each.
func gapFacts(gaps []sbom.Gap, risks *acceptedRisks) []GapFacts {
	type key struct {
		kind     sbom.GapKind
		hides    bool
		accepted string
	}
	out := []GapFacts{}
	at := map[key]int{}
	for _, g := range gaps {
		k := key{g.Kind, g.Hides, risks.gap(g)}
		i, seen := at[k]
		if !seen {
			i = len(out)
			at[k] = i
			out = append(out, GapFacts{Kind: g.Kind, Hides: g.Hides, File: g.File, Line: g.Line, Places: []string{}, Accepted: k.accepted})
		}
		out[i].Count++
		if len(out[i].Places) < gapPlaces {
			out[i].Places = append(out[i].Places, gapPlace(g))
		}
	}
	return out
}

func gapPlace(g sbom.Gap) string {
	return strings.TrimPrefix(placeOf(g.File, g.Line)+": "+g.Reason, ": ")
}

// placeOf is "file:line", or what there is of it: the configuration of an
// image has no lines.
func placeOf(file string, line int) string {
	if line > 0 {
		return fmt.Sprintf("%s:%d", file, line)
	}
	return file
}

// distributions are the ecosystems of operating systems.
// https://ossf.github.io/osv-schema/#defined-ecosystems
var distributions = map[string]bool{
	"AlmaLinux": true, "Alpaquita": true, "Alpine": true, "Azure Linux": true,
	"BellSoft Hardened Containers": true, "Chainguard": true, "CleanStart": true,
	"Debian": true, "Docker Hardened Images": true, "Echo": true, "Mageia": true,
	"MinimOS": true, "openEuler": true, "openSUSE": true, "Photon OS": true,
	"Red Hat": true, "Rocky Linux": true, "SUSE": true, "Ubuntu": true, "Wolfi": true,
}

// isDistribution reports whether the ecosystem, without its release, is an
// operating system's. One that is not known is not, which is the stricter.
func isDistribution(ecosystem string) bool {
	family, _, _ := strings.Cut(ecosystem, ":")
	return distributions[family]
}
