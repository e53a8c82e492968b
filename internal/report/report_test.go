package report_test

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"github.com/tallyman/tallyman/internal/audit"
	"github.com/tallyman/tallyman/internal/report"
)

func TestUnknownFormatNamesTheKnown(t *testing.T) {
	var b bytes.Buffer
	err := report.Write(&b, "txt", denied(), report.Options{})
	if err == nil || b.Len() > 0 {
		t.Fatalf("Write(txt) = %v and %d bytes, want an error and nothing", err, b.Len())
	}
	for _, f := range report.Formats() {
		if !strings.Contains(err.Error(), f) {
			t.Errorf("%q does not name %s", err, f)
		}
	}
}

func TestSameReportSameBytes(t *testing.T) {
	for _, format := range report.Formats() {
		want := write(t, format, denied(), report.Options{})
		rng := rand.New(rand.NewPCG(1, 2))
		for range 5 {
			if got := write(t, format, shuffled(denied(), rng), report.Options{}); !bytes.Equal(got, want) {
				t.Errorf("%s differs on shuffled input:\n%s", format, cmp.Diff(string(want), string(got)))
			}
		}
	}
}

func shuffled(r *audit.Report, rng *rand.Rand) *audit.Report {
	mix(r.Components, rng)
	mix(r.Findings, rng)
	mix(r.Lint, rng)
	mix(r.Rules, rng)
	mix(r.Gaps, rng)
	mix(r.Signatures, rng)
	mix(r.Snapshot.Ecosystems, rng)
	mix(r.Decision.Reasons, rng)
	mix(r.Decision.Exceptions, rng)
	return r
}

func mix[T any](list []T, rng *rand.Rand) {
	rng.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
}

// Write is handed the report that other formats are made from next.
func TestWriteLeavesTheReport(t *testing.T) {
	r := shuffled(denied(), rand.New(rand.NewPCG(3, 4)))
	before, _ := json.Marshal(r)
	for _, format := range report.Formats() {
		write(t, format, r, report.Options{})
	}
	after, _ := json.Marshal(r)
	if diff := cmp.Diff(string(before), string(after)); diff != "" {
		t.Errorf("Write changed the report:\n%s", diff)
	}
}

func TestJSONReadsBack(t *testing.T) {
	for name, r := range map[string]*audit.Report{"denied": denied(), "allowed": allowed(), "empty": {Version: 1, Command: "audit"}} {
		first := write(t, report.FormatJSON, r, report.Options{})
		back, err := report.Read(bytes.NewReader(first))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, format := range report.Formats() {
			want, got := write(t, format, r, report.Options{Verbose: true}), write(t, format, back, report.Options{Verbose: true})
			if diff := cmp.Diff(string(want), string(got)); diff != "" {
				t.Errorf("%s as %s differs after reading it back:\n%s", name, format, diff)
			}
		}
	}
}

func TestReadRefuses(t *testing.T) {
	for name, c := range map[string]struct{ in, want string }{
		"no version":      {`{"command":"audit"}`, "no version"},
		"a later version": {`{"version":2,"command":"audit"}`, "version 2 is unknown"},
		"one stage":       {`{"version":1,"command":"lint","findings":[]}`, `command "lint"`},
		"no JSON":         {`DENIED  chatbot`, "not the JSON"},
		"two values":      {`{"version":1,"command":"audit"}{}`, "not the JSON"},
		"a wrong outcome": {`{"version":1,"command":"audit","decision":{"outcome":"fine"}}`, `unknown outcome "fine"`},
	} {
		if r, err := report.Read(strings.NewReader(c.in)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: Read = %v, %v, want an error with %q", name, r, err, c.want)
		}
	}
}

// The fields that other programs may build on are always there, as lists even
// when they are empty.
func TestStageJSON(t *testing.T) {
	for command, fields := range map[string][]string{
		"sbom":   {"components", "gaps"},
		"vuln":   {"findings", "gaps"},
		"lint":   {"findings", "gaps"},
		"verify": {"signatures", "gaps"},
		"audit":  {"components", "findings", "lint", "signatures", "gaps", "rules", "notes"},
	} {
		for _, r := range []*audit.Report{denied(), {}} {
			r.Command = command
			var got map[string]any
			if err := json.Unmarshal(write(t, report.FormatJSON, r, report.Options{}), &got); err != nil {
				t.Fatal(err)
			}
			for _, f := range fields {
				if _, ok := got[f].([]any); !ok {
					t.Errorf("%s: %q is %T, want a list", command, f, got[f])
				}
			}
		}
	}
	d := denied()
	d.Command = "lint"
	golden(t, "lint.json", write(t, report.FormatJSON, d, report.Options{}))
}

func TestEveryFormatIsSafeOnATerminal(t *testing.T) {
	for _, format := range report.Formats() {
		out := string(write(t, format, hostile(), report.Options{}))
		bad := func(r rune) bool { return r != '\n' && !unicode.IsPrint(r) }
		if at := strings.IndexFunc(out, bad); at >= 0 {
			t.Errorf("%s holds an unprintable character: %q", format, out[max(at-40, 0):min(at+40, len(out))])
		}
	}
}

func FuzzEscape(f *testing.F) {
	f.Add("a\x1b[31m\u202e\xff\n")
	f.Fuzz(func(t *testing.T, s string) {
		got := report.Escape(s)
		for _, r := range got {
			if !unicode.IsPrint(r) {
				t.Fatalf("Escape(%q) = %q", s, got)
			}
		}
		if again := report.Escape(got); again != got {
			t.Fatalf("Escape is not idempotent: %q, %q", got, again)
		}
	})
}
