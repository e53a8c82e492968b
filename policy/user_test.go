package policy

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/tallyman/tallyman/internal/limit"
	"github.com/tallyman/tallyman/sbom"
	"github.com/tallyman/tallyman/vuln"
)

func wantUsage(t *testing.T, d Decision, err error, words string) {
	t.Helper()
	if !errors.Is(err, ErrUsage) || !strings.Contains(err.Error(), words) {
		t.Errorf("got error %v, want ErrUsage with %q", err, words)
	}
	if d.Outcome != Undecided {
		t.Errorf("beside an error the outcome is %s", d.Outcome)
	}
}

func modules(files map[string]string) fstest.MapFS {
	dir := fstest.MapFS{}
	for name, text := range files {
		dir[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return dir
}

func TestUserModulesAddReasons(t *testing.T) {
	tests := []struct {
		name, module string
		outcome      Outcome
		effect       Effect
		rule, words  string
	}{
		{"Tallyman", "package tallyman\ndeny contains \"no gradio\" if { some c in input.components; c.name == \"gradio\" }",
			Denied, Deny, "tallyman.deny", "no gradio"},
		{"Subpackage", "package tallyman.team.rules\ndeny_gradio contains {\"msg\": \"no gradio\"} if input.image.user == \"1000\"",
			Denied, Deny, "tallyman.team.rules.deny_gradio", "no gradio"},
		{"Conftest", "package main\nviolation contains {\"msg\": \"bad\", \"details\": {}} if input.target.name == \"chatbot\"",
			Denied, Deny, "main.violation", "bad"},
		{"ConftestWarn", "package main\nwarn_user contains msg if msg := sprintf(\"user %s\", [input.image.user])",
			Allowed, Warn, "main.warn_user", "user 1000"},
		{"Undecided", "package tallyman\nundecided contains {\"rule\": \"mine\", \"message\": \"who knows\"}",
			Undecided, Undecide, "mine", "who knows"},
		{"Boolean", "package tallyman\ndeny if input.facts.components == 2", Denied, Deny, "tallyman.deny", "holds"},
		{"Sentence", "package tallyman\ndeny := \"one sentence\"", Denied, Deny, "tallyman.deny", "one sentence"},
		{"OddMessage", "package main\ndeny contains 7", Denied, Deny, "main.deny", "7"},
		{"OddValue", "package main\ndeny := 7", Undecided, Undecide, "policy", "not a set of messages"},
		{"Clock", "package main\ndeny contains \"now\" if time.now_ns() == time.parse_rfc3339_ns(input.as_of)", Denied, Deny, "main.deny", "now"},
		{"EvaluationError", "package main\nwarn contains m if { m := to_number(input.target.name) }", Undecided, Undecide, "policy", "m.rego:2"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			d, err := Decide(t.Context(), clean(), Options{Modules: modules(map[string]string{"m.rego": test.module})})
			if err != nil {
				t.Fatal(err)
			}
			wantReason(t, d, test.outcome, test.effect, test.rule, test.words)
		})
	}
}

// TestUserDeniesOldInterpreters: an interpreter of an image, which no advisory
// source knows, is there for a rule to ask its version.
func TestUserDeniesOldInterpreters(t *testing.T) {
	const module = `package tallyman

deny contains sprintf("Python %s", [c.version]) if {
	some c in input.components
	startswith(c.purl, "pkg:generic/python@")
	semver.compare(c.version, "3.12.0") < 0
}`
	for version, want := range map[string]Outcome{"3.11.7": Denied, "3.12.1": Allowed} {
		in := clean()
		in.Components = append(in.Components, sbom.Component{Name: "python", Version: version, PURL: sbom.GenericPURL("python", version), Evidence: sbom.Installed,
			Locations: []sbom.Location{{File: "/usr/local/bin/python3", Layer: in.Image.Layers[0]}}})
		in.Gaps = append(in.Gaps, sbom.NewGap(sbom.GapRuntime, "/usr/local/bin/python3", 0, "listed and not judged"))
		d, err := Decide(t.Context(), in, Options{Modules: modules(map[string]string{"m.rego": module})})
		if err != nil {
			t.Fatal(err)
		}
		wantReason(t, d, want, Warn, "gap", "(runtime)")
		if want == Denied {
			wantReason(t, d, want, Deny, "tallyman.deny", "Python "+version)
		}
	}
}

// Another rule's fault does not take away what a rule found.
func TestUserDenyStaysWhenAttackerBreaksAnotherRule(t *testing.T) {
	d, err := Decide(t.Context(), clean(), Options{Modules: modules(map[string]string{
		"a.rego": "package main\ndeny contains \"no\"",
		"b.rego": "package main\nwarn contains m if { m := to_number(input.target.name) }",
	})})
	if err != nil {
		t.Fatal(err)
	}
	wantReason(t, d, Denied, Deny, "main.deny", "no")
	wantReason(t, d, Denied, Undecide, "policy", "b.rego:2")
}

func TestUserModulesCannotRemoveBuiltinReasons(t *testing.T) {
	in := clean()
	in.Findings = []vuln.Finding{gradioFinding()}
	for name, module := range map[string]string{
		"same package":    "package tallyman.builtin\nwarn contains \"x\"\ndeny := []\nthreshold := 99\nclasses := []",
		"defaults":        "package tallyman\nwarn contains \"x\"\ndefault deny := false\nallow := true",
		"its own results": "package tallyman\nwarn contains \"x\"\ndeny contains d if { some d in data.tallyman.builtin.deny }",
	} {
		d, err := Decide(t.Context(), in, Options{Modules: modules(map[string]string{"m.rego": module})})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		wantReason(t, d, Denied, Deny, "vulnerability", "gradio")
	}
}

func TestDecideRefusesModules(t *testing.T) {
	tests := []struct {
		name, module, words string
	}{
		{"ParseError", "package main\n\ndeny contains", "m.rego:3"},
		{"CompileError", "package main\n\ndeny contains x if y", "m.rego:3"},
		{"NoPackage", "deny contains \"x\"", "m.rego:1"},
		{"Network", "package main\ndeny contains r.body if r := http.send({\"method\": \"GET\", \"url\": \"http://192.0.2.1\"})", "http.send"},
		{"Lookup", "package main\ndeny contains x if some x in net.lookup_ip_addr(\"example.org\")", "net.lookup_ip_addr"},
		{"Environment", "package main\ndeny contains x if x := opa.runtime().env.HOME", "opa.runtime"},
		{"Randomness", "package main\ndeny contains x if x := rand.intn(\"a\", 5)", "rand.intn"},
		{"UUID", "package main\ndeny contains x if x := uuid.rfc4122(\"a\")", "uuid.rfc4122"},
		{"TimeZones", "package main\ndeny contains x if x := time.weekday([time.now_ns(), \"Local\"])", "time.weekday"},
		{"FilesBySchema", "package main\ndeny contains x if x := json.match_schema({}, {\"$ref\": \"file:///etc/passwd\"})", "json.match_schema"},
		{"NothingThatDecides", "package main\ndenny contains \"x\"", "no rule deny"},
		{"PackageThatNobodyAsks", "package kubernetes\ndeny contains \"x\"", "no rule deny"},
		{"Empty", "# nothing\n", "m.rego"},
		{"OldSyntax", "package main\ndeny[msg] { msg := \"x\" }", "m.rego:2"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			d, err := Decide(t.Context(), clean(), Options{Modules: modules(map[string]string{"m.rego": test.module})})
			wantUsage(t, d, err, test.words)
		})
	}
}

func TestDecideRefusesModulesBeyondTheBound(t *testing.T) {
	big := "package main\ndeny contains \"x\"\n#" + strings.Repeat("x", limit.PolicyBytes/2)
	d, err := Decide(t.Context(), clean(), Options{Modules: modules(map[string]string{"a.rego": big, "b.rego": big})})
	wantUsage(t, d, err, `"b.rego"`)
	if !errors.Is(err, limit.ErrTooLarge) {
		t.Errorf("got %v, want ErrTooLarge", err)
	}
}

func TestDecideLeavesOutTestsOfModules(t *testing.T) {
	d, err := Decide(t.Context(), clean(), Options{Modules: modules(map[string]string{
		"m.rego": "package main\nwarn contains \"x\"", "m_test.rego": "this is not Rego",
	})})
	if err != nil || d.Outcome != Allowed {
		t.Errorf("got %s, %v", d.Outcome, err)
	}
}

func TestDecideUndecidedWhenCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	d, err := Decide(ctx, clean(), Options{})
	if !errors.Is(err, context.Canceled) || errors.Is(err, ErrUsage) || d.Outcome != Undecided {
		t.Errorf("got %s, %v", d.Outcome, err)
	}
}
