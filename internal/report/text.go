package report

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/tallyman/tallyman/internal/audit"
	"github.com/tallyman/tallyman/policy"
	"github.com/tallyman/tallyman/sbom"
)

// Bounds of the short form of text; Options.Verbose lifts them.
const (
	// maxPackages bounds the packages whose findings are listed.
	maxPackages = 7
	// maxNames bounds the names of packages in one sentence.
	maxNames = 12
	// maxPerPackage bounds the findings of one package.
	maxPerPackage = 2
	// maxCures bounds the remedies under one effect of the headline.
	maxCures = 16
	// maxRules bounds the lint rules that are listed.
	maxRules = 16
	// maxPerKind bounds the gaps of one kind.
	maxPerKind = 3
	// maxPlace bounds the columns of one place.
	maxPlace = 160
	// maxLines bounds every other list.
	maxLines = 6
	// maxRunes bounds one quoted piece of scanned content, maxWord a name.
	maxRunes = 300
	maxWord  = 60
)

// text writes the report for eyes.
type text struct {
	bytes.Buffer
	opts  Options
	width int
	r     *audit.Report
	// fates and packages are derived from r.
	fates    *fates
	packages []*block
	// cured are the lint rules whose remedy the headline names.
	cured map[string]bool
	// opened are the kinds of gap whose places the headline names.
	opened map[sbom.GapKind]bool
	// nameColumn and fixColumn are widths in the list of packages.
	nameColumn, fixColumn int
}

func newText(r *audit.Report, opts Options) *text {
	t := &text{opts: opts, width: columnsOf(opts.Width), r: r, cured: map[string]bool{}, opened: map[sbom.GapKind]bool{}}
	t.fates = fatesOf(r.Findings, r.Decision.Reasons)
	t.packages = t.blocks()
	return t
}

func writeText(w io.Writer, r *audit.Report, opts Options) error {
	t := newText(r, opts)
	t.headline()
	t.components()
	t.findings()
	t.layers()
	t.lint()
	t.signatures()
	t.gaps()
	t.advisories()
	t.comparison()
	t.exceptions()
	t.notes()
	t.verdict()
	_, err := w.Write(t.Bytes())
	return err
}

// exit is the exit code of an outcome, see docs/ARCHITECTURE.md.
func exit(o policy.Outcome) int {
	switch o {
	case policy.Allowed:
		return 0
	case policy.Denied:
		return 1
	}
	return 3
}

// verdict is the last line, which is what a person sees first when the report
// was longer than the screen: the decision again, and where to look.
func (t *text) verdict() {
	o := t.r.Decision.Outcome
	var meaning string
	switch o {
	case policy.Allowed:
		meaning = t.allowance()
	case policy.Denied:
		meaning = "how to cure or accept what is denied stands at the top"
		if counts := t.reasonCounts(policy.Deny); len(counts) > 0 {
			meaning = sentence(counts) + "; how to cure each stands at the top"
		}
	default:
		meaning = "nothing was found that denies, but not all of it could be read or judged"
	}
	t.WriteByte('\n')
	t.wrapped(t.paint(outcomeColour(o), strings.ToUpper(o.String()))+"  ", fmt.Sprintf("exit %d: %s", exit(o), meaning))
}

// allowance says what allowed means, which is no more than what was looked at.
func (t *text) allowance() string {
	but := ""
	if risks := t.acceptedRisks(); risks > 0 {
		but = "but for " + count(risks, "accepted risk", "accepted risks") + ", "
	}
	switch t.r.Command {
	case audit.StageVerify:
		return "a signature of the image verifies; nothing else of it was looked at"
	case audit.StageSBOM:
		return but + "the inventory is whole; advisories were not looked at"
	case audit.StageLint:
		return but + "no lint rule that denies is broken; advisories were not looked at"
	}
	return but + "nothing that was found is against the rules, and nothing was hidden" + t.unnamed()
}

// acceptedRisks are how many accepted risks covered something.
func (t *text) acceptedRisks() int {
	used := 0
	for _, e := range t.r.Decision.Exceptions {
		if e.Used > 0 {
			used++
		}
	}
	return used
}

// section begins a part of the report.
func (t *text) section(title, about string) {
	t.WriteByte('\n')
	t.wrappedUnder(t.paint(bold, title)+"  ", about, "  ")
}

// line writes one line without trailing spaces. Its parts are escaped already.
func (t *text) line(indent string, parts ...string) {
	t.WriteString(strings.TrimRight(indent+strings.Join(parts, " "), " "))
	t.WriteByte('\n')
}

// wrapped writes words on as many lines as they need, the first after head and
// the others under it. The words are escaped already.
func (t *text) wrapped(head, words string) {
	t.wrappedUnder(head, words, strings.Repeat(" ", cells(head)))
}

// wrappedUnder is wrapped with the lines after the first under an indent that
// is not longer than head.
func (t *text) wrappedUnder(head, words, indent string) {
	lines := wrap(words, max(t.width-cells(head), 20))
	t.line(head, lines[0])
	if len(lines) == 1 {
		return
	}
	rest := strings.Join(strings.Fields(words), " ")[len(lines[0]):]
	for _, line := range wrap(rest, max(t.width-cells(indent), 20)) {
		t.line(indent, line)
	}
}

// clean escapes scanned content and bounds its length.
func (t *text) clean(s string) string {
	if t.opts.Workflow {
		s = escapeWorkflow(s)
	} else {
		s = Escape(s)
	}
	return shorten(s, maxRunes)
}

// word is clean for what has to share a line: names, versions, identifiers.
func (t *text) word(s string) string { return shorten(t.clean(s), maxWord) }

// limit is n, or everything when the user wants everything.
func (t *text) limit(n, all int) int {
	if t.opts.Verbose {
		return all
	}
	return min(n, all)
}

// cells is how many columns a text takes, colours not counted.
func cells(s string) int {
	n := 0
	for i := 0; i < len(s); {
		if s[i] == 0x1b { // Only paint writes ESC, as ESC [ digits m.
			end := strings.IndexByte(s[i:], 'm')
			if end < 0 {
				break
			}
			i += end + 1
			continue
		}
		_, size := utf8.DecodeRuneInString(s[i:])
		i += size
		n++
	}
	return n
}

// shorten cuts a text to n characters, the last three being dots.
func shorten(s string, n int) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	runes := []rune(s)
	return string(runes[:max(n-3, 0)]) + "..."
}

// wrap breaks a text at its spaces into lines of at most width columns; a
// longer word is broken where it ends the line.
func wrap(s string, width int) []string {
	var lines []string
	line := ""
	for word := range strings.FieldsSeq(s) {
		for line == "" && cells(word) > width && !strings.Contains(word, "\x1b") {
			runes := []rune(word)
			lines = append(lines, string(runes[:width]))
			word = string(runes[width:])
		}
		switch {
		case line == "":
			line = word
		case cells(line)+1+cells(word) <= width:
			line += " " + word
		default:
			lines = append(lines, line)
			line = ""
			for cells(word) > width && !strings.Contains(word, "\x1b") {
				runes := []rune(word)
				lines = append(lines, string(runes[:width]))
				word = string(runes[width:])
			}
			line = word
		}
	}
	if line != "" || len(lines) == 0 {
		lines = append(lines, line)
	}
	return lines
}

// pad fills a text with spaces to n columns.
func pad(s string, n int) string { return s + strings.Repeat(" ", max(n-cells(s), 0)) }

// count says "1 package", "3 packages".
func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// sentence joins parts as in "a, b and c".
func sentence(parts []string) string {
	if len(parts) < 2 {
		return strings.Join(parts, "")
	}
	return strings.Join(parts[:len(parts)-1], ", ") + " and " + parts[len(parts)-1]
}
