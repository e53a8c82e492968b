package attest_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/tallyman/tallyman/attest"
	"github.com/tallyman/tallyman/policy"
)

func fingerprint(digit string) string { return "sha256:" + strings.Repeat(digit, 64) }

func allowed() policy.Decision {
	return policy.Decision{
		Outcome: policy.Allowed,
		AsOf:    time.Date(2026, 11, 22, 1, 2, 3, 999, time.FixedZone("", 3600)),
		Digests: map[string]string{
			"image": fingerprint("1"), "sbom": fingerprint("2"), "snapshot": fingerprint("3"), "policy": fingerprint("4"), "lint": "",
		},
	}
}

var summary = attest.Summary{ResourceURI: "registry.example/team/app", VerifierVersion: "v0.1.0"}

func TestVSA(t *testing.T) {
	got, err := attest.VSA(allowed(), summary)
	if err != nil {
		t.Fatal(err)
	}
	hex := func(digit string) string { return strings.Repeat(digit, 64) }
	want := `{"verifier":{"id":"https://tallyman.dev","version":{"tallyman":"v0.1.0"}},"timeVerified":"2026-11-22T00:02:03Z",` +
		`"resourceUri":"registry.example/team/app","policy":{"uri":"https://tallyman.dev/policy/default","digest":{"sha256":"` + hex("4") + `"}},` +
		`"inputAttestations":[{"uri":"https://tallyman.dev/decision/v1#image","digest":{"sha256":"` + hex("1") + `"}},` +
		`{"uri":"https://tallyman.dev/decision/v1#sbom","digest":{"sha256":"` + hex("2") + `"}},` +
		`{"uri":"https://tallyman.dev/decision/v1#snapshot","digest":{"sha256":"` + hex("3") + `"}}],` +
		`"verificationResult":"PASSED","verifiedLevels":["SLSA_BUILD_LEVEL_UNEVALUATED"],"slsaVersion":"1.0"}`
	if diff := cmp.Diff(string(got), want); diff != "" {
		t.Errorf("-got +want:\n%s", diff)
	}
	denied := allowed()
	denied.Outcome = policy.Denied
	if got, err = attest.VSA(denied, summary); err != nil || !strings.Contains(string(got), `"FAILED","verifiedLevels":["FAILED"]`) {
		t.Errorf("denied: %s, %v", got, err)
	}
}

func TestVSARefuses(t *testing.T) {
	for name, change := range map[string]func(*policy.Decision, *attest.Summary){
		"no image name":    func(_ *policy.Decision, s *attest.Summary) { s.ResourceURI = "" },
		"no time":          func(d *policy.Decision, _ *attest.Summary) { d.AsOf = time.Time{} },
		"not a digest":     func(d *policy.Decision, _ *attest.Summary) { d.Digests["sbom"] = "sha256:xyz" },
		"undecided":        func(d *policy.Decision, _ *attest.Summary) { d.Outcome = policy.Undecided },
		"unknown outcome":  func(d *policy.Decision, _ *attest.Summary) { d.Outcome = 99 },
		"negative outcome": func(d *policy.Decision, _ *attest.Summary) { d.Outcome = -1 },
	} {
		t.Run(name, func(t *testing.T) {
			d, s := allowed(), summary
			change(&d, &s)
			got, err := attest.VSA(d, s)
			if err == nil || got != nil {
				t.Fatalf("VSA wrote %s", got)
			}
			if strings.Contains(name, "outcome") || name == "undecided" {
				if !errors.Is(err, attest.ErrUndecided) {
					t.Errorf("%v, want ErrUndecided", err)
				}
			}
		})
	}
}

func TestVerifyDecisionNamesThePartThatDiffers(t *testing.T) {
	store, signer := newStore(t, nil), newSigner(t)
	subject := store.push(t)
	for predicateType, predicate := range decisionPredicates(t, allowed()) {
		t.Run(predicateType, func(t *testing.T) {
			_, err := attest.Attest(t.Context(), store, subject, predicateType, predicate, signer, attest.FormatBundle)
			if err != nil {
				t.Fatal(err)
			}
			list, err := attest.Attestations(t.Context(), store, subject.Descriptor.Digest, predicateType, keys(t, signer))
			if err != nil {
				t.Fatal(err)
			}
			statement := list[0].Statement
			same := allowed().Digests
			if err := attest.VerifyDecision(statement, same); err != nil {
				t.Errorf("same parts: %v", err)
			}
			other := allowed().Digests
			other["sbom"] = fingerprint("9")
			other["lint"] = fingerprint("8")
			delete(other, "snapshot")
			err = attest.VerifyDecision(statement, other)
			var differs *attest.DifferenceError
			if !errors.As(err, &differs) {
				t.Fatalf("%v, want a DifferenceError", err)
			}
			want := []attest.Difference{
				{Part: "lint", Recomputed: fingerprint("8")},
				{Part: "sbom", Recorded: fingerprint("2"), Recomputed: fingerprint("9")},
				{Part: "snapshot", Recorded: fingerprint("3")},
			}
			if diff := cmp.Diff(differs.Differences, want); diff != "" {
				t.Errorf("-got +want:\n%s", diff)
			}
			if text := err.Error(); !strings.Contains(text, "sbom was "+fingerprint("2")+" and is "+fingerprint("9")) {
				t.Errorf("the message does not name the part: %s", text)
			}
		})
	}
}

func TestVerifyDecisionOfSomethingElse(t *testing.T) {
	for name, statement := range map[string]attest.Statement{
		"an SBOM":               {PredicateType: attest.PredicateCycloneDX, Predicate: json.RawMessage(bom)},
		"a VSA without parts":   {PredicateType: attest.PredicateVSA, Predicate: json.RawMessage(`{}`)},
		"an empty decision":     {PredicateType: attest.PredicateDecision, Predicate: json.RawMessage(`{"decision":{}}`)},
		"a VSA with no content": {PredicateType: attest.PredicateVSA},
		"a part named twice": {PredicateType: attest.PredicateVSA, Predicate: json.RawMessage(`{"inputAttestations":[` +
			`{"uri":"https://tallyman.dev/decision/v1#sbom","digest":{"sha256":"a"}},{"uri":"https://tallyman.dev/decision/v1#sbom","digest":{"sha256":"b"}}]}`)},
	} {
		if err := attest.VerifyDecision(statement, map[string]string{}); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// TestStatementsAgainstSchemas validates what is signed with the schemas in
// ../shared.
func TestStatementsAgainstSchemas(t *testing.T) {
	folder := schemas(t)
	subject := newStore(t, nil).push(t)
	for predicateType, predicate := range decisionPredicates(t, allowed()) {
		statement, err := attest.NewStatement(subject, predicateType, predicate)
		if err != nil {
			t.Fatal(err)
		}
		validate(t, filepath.Join(folder, "intoto-statement-v1.schema.json"), statement)
		if predicateType == attest.PredicateVSA {
			validate(t, filepath.Join(folder, "slsa-vsa-v1.schema.json"), statement)
		}
	}
}

func decisionPredicates(t *testing.T, d policy.Decision) map[string][]byte {
	t.Helper()
	short, err := attest.VSA(d, summary)
	if err != nil {
		t.Fatal(err)
	}
	long, err := attest.DecisionPredicate(d, summary)
	if err != nil {
		t.Fatal(err)
	}
	return map[string][]byte{attest.PredicateVSA: short, attest.PredicateDecision: long}
}

func schemas(t *testing.T) string {
	t.Helper()
	shared := os.Getenv("TALLYMAN_SHARED")
	if shared == "" {
		shared = filepath.Join("..", "..", "shared")
	}
	folder := filepath.Join(shared, "schemas", "own")
	if _, err := os.Stat(folder); err != nil {
		t.Skipf("the schemas are not here: %v (set TALLYMAN_SHARED)", err)
	}
	return folder
}

func validate(t *testing.T, schemaFile string, statement attest.Statement) {
	t.Helper()
	schema, err := jsonschema.NewCompiler().Compile(schemaFile)
	if err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(statement)
	if err != nil {
		t.Fatal(err)
	}
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(string(data)))
	if err != nil {
		t.Fatal(err)
	}
	if err := schema.Validate(value); err != nil {
		t.Errorf("%s: %v\n%s", filepath.Base(schemaFile), err, data)
	}
}
