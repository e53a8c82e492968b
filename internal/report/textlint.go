package report

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/tallyman/tallyman/internal/audit"
	"github.com/tallyman/tallyman/policy/lint"
)

// ruleBlock is one lint rule with every place where it does not hold.
type ruleBlock struct {
	rule     string
	risk     lint.Risk
	severity lint.Severity
	findings []lint.Finding
	// inherited is true when the base image brings them, and they warn.
	inherited bool
}

// lint lists rules, riskiest first, each with its places and its remedy.
func (t *text) lint() {
	blocks, suppressed := t.ruleBlocks()
	if len(blocks) == 0 && len(suppressed) == 0 {
		return
	}
	t.section("Lint", lintCounts(blocks))
	blocks = t.unsaid(blocks)
	shown := t.limit(maxRules, len(blocks))
	for _, b := range blocks[:shown] {
		t.rule(b)
	}
	t.restOfRules(blocks[shown:])
	t.suppressed(suppressed)
}

// lintCounts counts the findings and the files that they are in; the
// configuration of an image is none.
func lintCounts(blocks []*ruleBlock) string {
	n, files, configured := 0, map[string]bool{}, false
	for _, b := range blocks {
		n += len(b.findings)
		for i := range b.findings {
			if audit.InConfiguration(&b.findings[i]) {
				configured = true
			} else {
				files[b.findings[i].File] = true
			}
		}
	}
	var in []string
	if len(files) > 0 || !configured {
		in = append(in, count(len(files), "file", "files"))
	}
	if configured {
		in = append(in, "the image's configuration")
	}
	return count(n, "finding", "findings") + " in " + strings.Join(in, " and ")
}

func (t *text) ruleBlocks() (blocks []*ruleBlock, suppressed []lint.Finding) {
	at := map[string]*ruleBlock{}
	inherited := t.inherited()
	for _, f := range t.r.Lint {
		if f.Suppressed {
			suppressed = append(suppressed, f)
			continue
		}
		of := inherited[f.Rule+" "+f.Place()]
		key := f.Rule + "\x00" + string(f.Risk) + "\x00" + strconv.FormatBool(of)
		if t.opts.Verbose {
			key += "\x00" + f.Message + "\x00" + f.Remedy
		}
		b := at[key]
		if b == nil {
			b = &ruleBlock{rule: f.Rule, risk: f.Risk, severity: f.Severity, inherited: of}
			at[key] = b
			blocks = append(blocks, b)
		}
		b.findings = append(b.findings, f)
	}
	slices.SortStableFunc(blocks, func(x, y *ruleBlock) int {
		return cmp.Or(cmp.Compare(riskRank(y.risk), riskRank(x.risk)), strings.Compare(x.rule, y.rule), compareBool(x.inherited, y.inherited))
	})
	return blocks, suppressed
}

// inherited are the findings that only warn because the base image brings them,
// as the decision's evidence names them.
func (t *text) inherited() map[string]bool {
	out := map[string]bool{}
	for _, r := range t.r.Decision.Reasons {
		if r.Rule == "inherited-lint" {
			for _, e := range r.Evidence {
				out[e] = true
			}
		}
	}
	return out
}

// riskRank orders risks; one that is none of the three counts as high.
func riskRank(r lint.Risk) int {
	switch r {
	case lint.RiskLow:
		return 0
	case lint.RiskMedium:
		return 1
	}
	return 2
}

// unsaid names, on one line, the rules whose places and remedies the headline
// has, and returns the others. Verbose output says everything.
func (t *text) unsaid(blocks []*ruleBlock) []*ruleBlock {
	if t.opts.Verbose {
		return blocks
	}
	var said []string
	blocks = slices.DeleteFunc(blocks, func(b *ruleBlock) bool {
		if t.cured[b.rule] && riskRank(b.risk) == 2 && !b.inherited {
			said = append(said, t.numbered(b))
		}
		return t.cured[b.rule] && riskRank(b.risk) == 2 && !b.inherited
	})
	if len(said) > 0 {
		t.wrapped("  "+t.paint(red, pad("high", 8))+"  ", sentence(said)+": see above")
	}
	return blocks
}

// numbered is a rule with the number of its findings.
func (t *text) numbered(b *ruleBlock) string {
	if n := len(b.findings); n > 1 {
		return t.word(b.rule) + fmt.Sprintf(" (%d)", n)
	}
	return t.word(b.rule)
}

// rule writes one rule: risk, identifier, places, message and remedy; what is
// said of one place only, at that place. One of low risk takes one line.
func (t *text) rule(b *ruleBlock) {
	risk := string(cmp.Or(b.risk, lint.RiskHigh))
	head := "  " + t.paint(riskColour(b.risk), pad(t.word(risk), 8)) + "  " + pad(t.word(b.rule), 10) + "  "
	list := t.few(b.rule, sayingsOf(b.findings))
	if !t.opts.Verbose && b.risk == lint.RiskLow {
		if len(list) > 1 {
			one := t.inOne(b.rule, list)
			if _, title, ok := strings.Cut(one.message, "rule: "); ok {
				one.message = "not so: " + title
			}
			list = []saying{one}
		}
		words := pad(t.placesOfSaying(list[0], maxPerKind-1), 14) + "  " + t.clean(list[0].message)
		t.line(head, shorten(words, max(t.width-cells(head), 20)))
		return
	}
	for i, s := range list {
		remedy := s.remedy
		if b.inherited {
			s.message += ", and the base image brings it"
			s.remedy, remedy = "", ""
		}
		if i+1 < len(list) && list[i+1].remedy == remedy {
			remedy = "" // said after the next one
		}
		t.saying(head, s, remedy)
		head = strings.Repeat(" ", 12)
	}
}

func (t *text) saying(head string, s saying, remedy string) {
	where, message := t.placesOfSaying(s, maxPerKind+1), t.clean(s.message)
	under := strings.Repeat(" ", 12)
	if words := pad(where, 14) + "  " + message; cells(head)+cells(words) <= t.width {
		t.line(head, words)
	} else {
		t.wrapped(head, where)
		t.wrapped(under, message)
	}
	if remedy != "" {
		t.wrapped(under+t.paint(green, "fix: "), t.clean(remedy))
	}
}

func (t *text) restOfRules(rest []*ruleBlock) {
	if len(rest) == 0 {
		return
	}
	var names []string
	for _, b := range rest {
		names = append(names, t.numbered(b))
	}
	t.wrapped("  and ", strings.Join(names, ", ")+" (--verbose shows them)")
}

func (t *text) suppressed(findings []lint.Finding) {
	if len(findings) == 0 {
		return
	}
	shown := t.limit(maxLines, len(findings))
	for _, f := range findings[:shown] {
		by := ""
		if f.SuppressedBy != "" {
			by = " by " + t.word(f.SuppressedBy)
		}
		t.line("  ", t.paint(dim, "switched off"+by+": "+t.word(f.Rule)+" at "+t.clean(lintPlace(&f))))
	}
	if n := len(findings) - shown; n > 0 {
		t.line("  ", t.paint(dim, fmt.Sprintf("and %d more are switched off", n)))
	}
}
