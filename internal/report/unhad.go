package report

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/tallyman/tallyman/policy"
	"github.com/tallyman/tallyman/sbom"
)

// request is which request failed, in which each image has a path of its own.
var request = regexp.MustCompile(`\b(?:GET|HEAD|Get|Head) "?https?://[^\s"]+"?: `)

// unhad are images that could not be had for one reason.
type unhad struct {
	// reason is what all of them have in common, and cure what to do about it.
	reason, cure string
	parts        []Part
}

// apartUnhad takes the images out of parts that could not be had for a reason
// which several share: one reason is said once. Order stays.
func apartUnhad(parts []Part) (rest []Part, groups []*unhad) {
	byReason := map[[2]string]*unhad{}
	of := make([]*unhad, len(parts)) // nil for one that was had
	for i, p := range parts {
		reason, cure, is := whyUnhad(p)
		if !is {
			continue
		}
		key := [2]string{reason, cure}
		if byReason[key] == nil {
			byReason[key] = &unhad{reason: reason, cure: cure}
			groups = append(groups, byReason[key])
		}
		of[i] = byReason[key]
		of[i].parts = append(of[i].parts, p)
	}
	for i, p := range parts {
		if of[i] == nil || len(of[i].parts) == 1 {
			rest = append(rest, p)
		}
	}
	return rest, slices.DeleteFunc(groups, func(g *unhad) bool { return len(g.parts) == 1 })
}

// whyUnhad is why an image could not be had, without its name, when its report
// says nothing else.
func whyUnhad(p Part) (reason, cure string, is bool) {
	r := p.Report
	if r.Target.Image == "" || r.Target.Name != "" || r.Image != nil || len(r.Components) > 0 || len(r.Gaps) != 1 ||
		r.Gaps[0].Kind != sbom.GapUnpulled || r.Decision.Outcome != policy.Undecided {
		return "", "", false
	}
	reason = strings.TrimPrefix(r.Gaps[0].Reason, fmt.Sprintf("image %q: ", r.Target.Image))
	reason = request.ReplaceAllString(reason, "")
	open := strings.LastIndex(reason, " (")
	// What is in brackets and one word is a host, and nothing to do.
	if open >= 0 && strings.HasSuffix(reason, ")") && strings.Contains(reason[open+2:], " ") {
		reason, cure = reason[:open], reason[open+2:len(reason)-1]
	}
	return reason, cure, true
}

// unhad writes one list for all of them.
func (t *text) unhad(g *unhad) {
	word := strings.ToUpper(policy.Undecided.String())
	title := fmt.Sprintf("%d images that could not be had", len(g.parts))
	t.wrappedUnder(t.paint(outcomeColour(policy.Undecided), word)+"  "+t.paint(bold, title)+": ", t.clean(g.reason), "  ")
	width := 0
	names := make([]string, len(g.parts))
	for i, p := range g.parts {
		names[i] = t.clean(p.Report.Target.Image)
		if platform := p.Report.Target.Platform; platform != "" {
			names[i] += " (" + t.clean(platform) + ")"
		}
		names[i] += onlyBuilds(p.OnlyBuilds)
		width = max(width, min(len([]rune(names[i])), maxWord))
	}
	for i, p := range g.parts {
		place := ""
		if gap := p.Report.Gaps[0]; gap.File != "" {
			place = t.clean(fmt.Sprintf("%s:%d", gap.File, gap.Line))
		}
		t.line("  ", strings.TrimRight(fmt.Sprintf("%-*s  %s", width, names[i], place), " "))
	}
	var cures []string
	if g.cure != "" {
		cures = append(cures, t.clean(g.cure))
	}
	if line := g.acceptance(); line != "" {
		cures = append(cures, "accept each in tallyman.yaml "+t.clean(line))
	}
	if len(cures) > 0 {
		t.wrappedUnder("  fix: ", strings.Join(cures, "; or "), "       ")
	}
}

// acceptance is how they are accepted, as the reasons of their decisions have
// it, "" for images that no file names: those cannot be.
func (g *unhad) acceptance() string {
	var entries []string
	for _, p := range g.parts {
		for _, reason := range p.Report.Decision.Reasons {
			_, entry, _ := strings.Cut(reason.Remedy, "(ignore: [")
			entry, is := strings.CutSuffix(entry, "])")
			if is && !slices.Contains(entries, entry) {
				entries = append(entries, entry)
			}
		}
	}
	switch {
	case len(entries) == 0:
		return ""
	case len(entries) > maxNames:
		return "(ignore: [" + entries[0] + "], and one more for each file)"
	}
	return "(ignore: [" + strings.Join(entries, ", ") + "])"
}
