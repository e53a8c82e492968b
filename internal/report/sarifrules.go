package report

import (
	"cmp"
	"fmt"
	"net/url"
	"strings"

	"github.com/tallyman/tallyman/policy/lint"
	"github.com/tallyman/tallyman/vuln"
)

// lintRule documents a lint rule.
func lintRule(r lint.Rule) sarifRule {
	text := sentences(r.Title, r.Why, r.Remedy)
	var md strings.Builder
	fmt.Fprintf(&md, "**%s**\n\n%s\n\n%s\n", markdown(r.Title), markdown(r.Why), markdown(r.Remedy))
	if r.Bad != "" {
		fmt.Fprintf(&md, "\nInstead of\n\n%s", fenced(r.Bad))
	}
	if r.Good != "" {
		fmt.Fprintf(&md, "\nwrite\n\n%s", fenced(r.Good))
	}
	if len(r.Aliases) > 0 {
		fmt.Fprintf(&md, "\nAlso known as %s.\n", markdown(strings.Join(r.Aliases, ", ")))
	}
	out := sarifRule{
		ID: r.ID, Short: sarifMessage{Text: Escape(cmp.Or(r.Title, r.ID))},
		Help:       sarifMarkdown{Text: Escape(cmp.Or(text, r.ID)), Markdown: md.String()},
		HelpURI:    webURI(r.Source),
		Default:    sarifLevel{Level: lintLevel(&lint.Finding{Risk: r.Risk})},
		Properties: sarifProperties{Tags: []string{"security", "lint"}, SecuritySeverity: riskScore(r.Risk)},
	}
	if r.Why != "" {
		out.Full = &sarifMessage{Text: Escape(r.Why)}
	}
	return out
}

// riskScore puts our risks into the bands in which code scanning shows them:
// high over 7.0, medium over 4.0, low below.
func riskScore(r lint.Risk) string {
	switch r {
	case lint.RiskLow:
		return "2.0"
	case lint.RiskMedium:
		return "5.0"
	}
	return "8.0"
}

// advisoryRule documents an advisory; several packages may share one.
func advisoryRule(id string, f *vuln.Finding) sarifRule {
	title := cmp.Or(f.Summary, id)
	page := "https://osv.dev/vulnerability/" + url.PathEscape(id)
	if strings.HasPrefix(id, "x_TM-") { // OSV does not have what is tallyman's own.
		page = "https://github.com/tallyman/tallyman/blob/main/docs/ADVISORIES.md"
	}
	cure := "Take a version in which it is fixed, or accept the risk with a reason and a date."
	if f.Malicious {
		cure = "Remove the package, and treat the machines that ran it as taken."
	}
	tags := []string{"security", "vulnerability"}
	if f.Malicious {
		tags = []string{"security", "malware"}
	}
	return sarifRule{
		ID: id, Short: sarifMessage{Text: Escape(title)},
		Help: sarifMarkdown{
			Text:     Escape(sentences(title, cure)),
			Markdown: fmt.Sprintf("**%s**\n\n%s\n\n[%s](%s)\n", markdown(title), cure, markdown(id), page),
		},
		HelpURI:    page,
		Default:    sarifLevel{Level: severityLevel(f)},
		Properties: sarifProperties{Tags: tags, SecuritySeverity: severityScore(f)},
	}
}

// severityScore is the CVSS base score, or a number in the band of the word. A
// severity that nobody knows is shown as high, never as nothing.
func severityScore(f *vuln.Finding) string {
	if f.Malicious {
		return "10.0"
	}
	if score := baseScore(f.SeveritySource); score != "" {
		return score
	}
	switch f.Severity {
	case vuln.SeverityCritical:
		return "9.5"
	case vuln.SeverityMedium:
		return "5.5"
	case vuln.SeverityLow:
		return "2.5"
	case vuln.SeverityNone:
		return "0.0"
	}
	return "8.0"
}

// sentences joins texts, each ending in a full stop.
func sentences(parts ...string) string {
	var out []string
	for _, p := range parts {
		if p = strings.TrimSpace(p); p != "" {
			if !strings.HasSuffix(p, ".") && !strings.HasSuffix(p, "!") && !strings.HasSuffix(p, "?") {
				p += "."
			}
			out = append(out, p)
		}
	}
	return strings.Join(out, " ")
}

// markdown escapes text so that it is shown as it is: no link, no image, no
// HTML. https://spec.commonmark.org/0.31.2/#backslash-escapes
func markdown(s string) string {
	var b strings.Builder
	for _, r := range Escape(s) {
		if strings.ContainsRune("\\`*_[]<>!#|~&", r) {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}

// fenced is a code block whose fence is longer than any in the text.
func fenced(code string) string {
	fence := "```"
	for strings.Contains(code, fence) {
		fence += "`"
	}
	return fence + "\n" + strings.TrimRight(code, "\n") + "\n" + fence + "\n"
}

// webURI returns the web address that a text begins with, "" if there is none.
func webURI(s string) string {
	first, _, _ := strings.Cut(s, " ")
	u, err := url.Parse(strings.TrimRight(first, ",;"))
	if err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Host == "" {
		return ""
	}
	return u.String()
}
