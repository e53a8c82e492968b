package policy

import (
	"slices"
	"testing"

	"github.com/tallyman/tallyman/policy/lint"
	"github.com/tallyman/tallyman/sbom"
	"github.com/tallyman/tallyman/vuln"
)

// inherited is an audit with a grave finding in an image's lowest layer, of
// three, and the parameter that is to make it milder.
func inherited() Input {
	in := clean()
	in.Parameters.OnlyAdded = true
	in.Image.Layers = []string{"sha256:b0", "sha256:a1", "sha256:a2"}
	in.Image.History = []sbom.Layer{{Digest: "sha256:b0"}, {Digest: "sha256:a1"}, {Digest: "sha256:a2"}}
	f := gradioFinding()
	f.Evidence, f.Locations = sbom.Installed, []sbom.Location{{File: "/x/METADATA", Layer: "sha256:b0"}}
	in.Findings = []vuln.Finding{f}
	return in
}

func known() *Base { return &Base{Name: "python:3.12", Digest: "sha256:ba5e", Layers: 1} }

// TestBaseBringsWarns: what a base brings whose layers are known warns.
func TestBaseBringsWarns(t *testing.T) {
	in := inherited()
	in.Image.Base = known()
	d := decide(t, in)
	wantReason(t, d, Allowed, Warn, "inherited", "the base image brings it")
	in.Findings[0].Verdict, in.Findings[0].Gates = vuln.Unknown, false
	wantReason(t, decide(t, in), Allowed, Warn, "inherited", "could not be judged, and the base image brings it")
}

// TestClaimedBaseDoesNotMakeFindingsMilder: each case is a finding in what an
// attacker says is the base's.
func TestClaimedBaseDoesNotMakeFindingsMilder(t *testing.T) {
	for _, test := range []struct {
		attack string
		edit   func(*Input)
	}{
		{"LabelsThatNameABase", func(in *Input) { in.Image.BaseName, in.Image.BaseDigest = "python:3.12", "sha256:ba5e" }},
		{"LabelsOfTheConfiguration", func(in *Input) {
			in.Image.Labels = map[string]string{"org.opencontainers.image.base.digest": "sha256:ba5e", "org.opencontainers.image.base.name": "python:3.12"}
		}},
		{"LayersMarkedAsTheBases", func(in *Input) {
			for i := range in.Image.History {
				in.Image.History[i].Base = true
			}
		}},
		{"ABaseThatCoversAllLayers", func(in *Input) { in.Image.Base = &Base{Name: "x", Digest: "sha256:ba5e", Layers: 3} }},
		{"ABaseOfMoreLayersThanThereAre", func(in *Input) { in.Image.Base = &Base{Name: "x", Digest: "sha256:ba5e", Layers: 1 << 40} }},
		{"ABaseOfFewerThanNone", func(in *Input) { in.Image.Base = &Base{Name: "x", Digest: "sha256:ba5e", Layers: -1} }},
		{"ABaseWithoutADigest", func(in *Input) { in.Image.Base = &Base{Name: "x", Layers: 1} }},
		{"TheBasesLayerOnTopAgain", func(in *Input) {
			in.Image.Base = known()
			in.Image.Layers[2], in.Image.History[2].Digest = "sha256:b0", "sha256:b0"
		}},
		{"ThePackageInALayerOfOursToo", func(in *Input) {
			in.Image.Base = known()
			in.Findings[0].Locations = append(in.Findings[0].Locations, sbom.Location{File: "/y/METADATA", Layer: "sha256:a1"})
		}},
		{"ThePackageInAFileOfOursToo", func(in *Input) {
			in.Image.Base = known()
			in.Findings[0].Locations = append(in.Findings[0].Locations, sbom.Location{File: "requirements.txt", Line: 1})
		}},
		{"NoPlaceAtAll", func(in *Input) { in.Image.Base, in.Findings[0].Locations = known(), nil }},
		{"LayersWithoutDigests", func(in *Input) {
			in.Image.Base = known()
			in.Image.Layers, in.Findings[0].Locations = []string{"", "", ""}, []sbom.Location{{File: "requirements.txt"}}
		}},
		{"TheBaseWithoutTheParameter", func(in *Input) { in.Image.Base, in.Parameters.OnlyAdded = known(), false }},
	} {
		t.Run(test.attack, func(t *testing.T) {
			in := inherited()
			test.edit(&in)
			d := decide(t, in)
			wantReason(t, d, Denied, Deny, "vulnerability", "")
			if slices.ContainsFunc(d.Reasons, func(r Reason) bool { return r.Rule == "inherited" }) {
				t.Errorf("milder: %+v", d.Reasons)
			}
			document, _, err := NewDocument(in)
			if err != nil {
				t.Fatal(err)
			}
			if document.Findings[0].Base && in.Parameters.OnlyAdded {
				t.Error("a policy is told that the base brings it")
			}
		})
	}
}

// TestMalwareOfTheBaseDenies whatever is said of the base.
func TestMalwareOfTheBaseDenies(t *testing.T) {
	in := inherited()
	in.Image.Base = known()
	in.Findings[0].Malicious, in.Findings[0].IDs = true, []string{"MAL-2026-1"}
	wantReason(t, decide(t, in), Denied, Deny, "malicious", "is malicious")
}

// TestOnlyAddedSaysThatTheBaseIsUnknown: a parameter that does nothing is not
// silent.
func TestOnlyAddedSaysThatTheBaseIsUnknown(t *testing.T) {
	wantReason(t, decide(t, inherited()), Denied, Warn, "only-added", "not known")
}

// TestPolicySeesTheBase: the user's own rules read of every component, finding
// and layer whether the base brings it, true or false.
func TestPolicySeesTheBase(t *testing.T) {
	in := inherited()
	in.Image.Base = known()
	in.Components = append(in.Components, sbom.Component{Name: "b", Locations: []sbom.Location{{File: "/b", Layer: "sha256:b0"}}})
	d, err := Decide(t.Context(), in, Options{Tool: "tallyman test", Modules: modules(map[string]string{"base.rego": `package tallyman.user
warn contains sprintf("of the base: %v, added: %v, layers: %v, findings: %v", [base, added, layers, findings]) if {
	base := count([c | some c in input.components; c.base == true])
	added := count([c | some c in input.components; c.base == false])
	layers := [l.base | some l in input.image.history]
	findings := [f.base | some f in input.findings]
}`})})
	if err != nil {
		t.Fatal(err)
	}
	wantReason(t, d, Allowed, Warn, "tallyman.user.warn", "of the base: 1, added: 2, layers: [true, false, false], findings: [true]")
}

// left is an audit with a grave lint finding about a file in an image's lowest
// layer, of three, and the parameter that is to make it milder.
func left() Input {
	in := inherited()
	in.Findings = nil
	f := rootFinding()
	f.Rule, f.Aliases, f.File, f.Line, f.Layer = "GR-SEC-01", []string{}, "image config", 0, "sha256:b0"
	f.Message = `a layer holds "/root/.ssh/id_rsa", a private key`
	in.Lint = []lint.Finding{f}
	return in
}

// TestBaseBringsFilesThatWarn: what lies in a base whose layers are known warns,
// whatever is said of ours beside it.
func TestBaseBringsFilesThatWarn(t *testing.T) {
	in := left()
	in.Image.Base = known()
	wantReason(t, decide(t, in), Allowed, Warn, "inherited-lint", "a private key, and the base image brings it")
	document, _, err := NewDocument(in)
	if err != nil {
		t.Fatal(err)
	}
	if !document.Lint[0].Base {
		t.Error("a policy is not told that the base brings it")
	}
	ours := in.Lint[0]
	ours.Layer = "sha256:a2"
	in.Lint = append(in.Lint, ours)
	d := decide(t, in)
	wantReason(t, d, Denied, Deny, "lint", "a private key")
	wantReason(t, d, Denied, Warn, "inherited-lint", "the base image brings it")
	for _, r := range d.Reasons {
		if r.Effect == Deny && !slices.Equal(r.Evidence, []string{"GR-SEC-01 image config (layer sha256:a2)"}) {
			t.Errorf("denied for %q", r.Evidence)
		}
	}
}

// TestClaimedBaseDoesNotMakeFilesMilder: each case is a private key in what an
// attacker says is the base's.
func TestClaimedBaseDoesNotMakeFilesMilder(t *testing.T) {
	for _, test := range []struct {
		attack string
		edit   func(*Input)
	}{
		{"LabelsThatNameABase", func(in *Input) { in.Image.BaseName, in.Image.BaseDigest = "python:3.12", "sha256:ba5e" }},
		{"LayersMarkedAsTheBases", func(in *Input) {
			for i := range in.Image.History {
				in.Image.History[i].Base = true
			}
		}},
		{"ABaseThatCoversAllLayers", func(in *Input) { in.Image.Base = &Base{Name: "x", Digest: "sha256:ba5e", Layers: 3} }},
		{"ABaseWithoutADigest", func(in *Input) { in.Image.Base = &Base{Name: "x", Layers: 1} }},
		{"TheBasesLayerOnTopAgain", func(in *Input) {
			in.Image.Base = known()
			in.Image.Layers[2], in.Image.History[2].Digest = "sha256:b0", "sha256:b0"
		}},
		{"AKeyInALayerOnTop", func(in *Input) { in.Image.Base, in.Lint[0].Layer = known(), "sha256:a1" }},
		{"ALayerThatIsNone", func(in *Input) { in.Image.Base, in.Lint[0].Layer = known(), "sha256:c3" }},
		{"NoLayer", func(in *Input) { in.Image.Base, in.Lint[0].Layer = known(), "" }},
		{"LayersWithoutDigests", func(in *Input) {
			in.Image.Base, in.Lint[0].Layer = known(), ""
			in.Image.Layers = []string{"", "", ""}
		}},
		{"TheBaseWithoutTheParameter", func(in *Input) { in.Image.Base, in.Parameters.OnlyAdded = known(), false }},
	} {
		t.Run(test.attack, func(t *testing.T) {
			in := left()
			test.edit(&in)
			d := decide(t, in)
			wantReason(t, d, Denied, Deny, "lint", "a private key")
			if slices.ContainsFunc(d.Reasons, func(r Reason) bool { return r.Rule == "inherited-lint" }) {
				t.Errorf("milder: %+v", d.Reasons)
			}
		})
	}
}
