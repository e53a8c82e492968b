package policy

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tallyman/tallyman/policy/lint"
	"github.com/tallyman/tallyman/sbom"
	"github.com/tallyman/tallyman/vuln"
)

func parts(t *testing.T, in Input, opts Options) map[string]string {
	t.Helper()
	got, err := DigestParts(in, opts)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestDigestPartsNameThePartThatAnAttackerChanged(t *testing.T) {
	opts := Options{Tool: "tallyman v1"}
	before := parts(t, clean(), opts)
	tests := []struct {
		part string
		edit func(*Input, *Options)
	}{
		{"image", func(in *Input, _ *Options) { in.Image.Digest = "x"; in.Target.ImageDigest = "sha256:9" }},
		{"config", func(in *Input, _ *Options) { in.Image.User = "root" }},
		{"sbom", func(in *Input, _ *Options) { in.Components[0].Version = "4.44.1" }},
		{"snapshot", func(in *Input, _ *Options) { in.SnapshotDigest = "sha256:9" }},
		{"advisories", func(in *Input, _ *Options) { in.Advisories[0].Records-- }},
		{"findings", func(in *Input, _ *Options) { in.Findings = []vuln.Finding{gradioFinding()} }},
		{"lint", func(in *Input, _ *Options) { in.Lint = []lint.Finding{rootFinding()} }},
		{"signatures", func(in *Input, _ *Options) { in.Signatures[0].Signer = "key sha256:9" }},
		{"gaps", func(in *Input, _ *Options) { in.Gaps = []sbom.Gap{{}} }},
		{"policy", func(_ *Input, o *Options) {
			o.Modules = modules(map[string]string{"m.rego": "package main\nwarn contains \"x\""})
		}},
		{"exceptions", func(in *Input, _ *Options) { in.Exceptions = []Exception{accept("x")} }},
		{"parameters", func(in *Input, _ *Options) { in.Parameters.Unfixed = "ignore" }},
		{"stages", func(in *Input, _ *Options) { in.Stages = in.Stages[:1] }},
		{"target", func(in *Input, _ *Options) { in.Target.Name = "other" }},
		{"tool", func(_ *Input, o *Options) { o.Tool = "tallyman v2" }},
	}
	var names []string
	for _, test := range tests {
		names = append(names, test.part)
		in, changed := clean(), opts
		test.edit(&in, &changed)
		after := parts(t, in, changed)
		if after[test.part] == before[test.part] {
			t.Errorf("%s changed, and its digest did not", test.part)
		}
		for part := range before {
			related := test.part == "image" && (part == "config" || part == "target")
			if part != test.part && !related && after[part] != before[part] {
				t.Errorf("%s changed, and so did the digest of %s", test.part, part)
			}
		}
	}
	if diff := cmp.Diff(slices.Sorted(slices.Values(names)), slices.Sorted(maps.Keys(before))); diff != "" {
		t.Errorf("parts tested and parts that exist differ:\n%s", diff)
	}
}

func TestDigestPartsAreThoseOfTheDecision(t *testing.T) {
	in := clean()
	in.Exceptions = []Exception{accept("DL3002")}
	in.Lint = []lint.Finding{rootFinding()}
	d, err := Decide(t.Context(), in, Options{Tool: "tallyman v1"})
	if err != nil {
		t.Fatal(err)
	}
	// A verifier holds the exceptions as the decision shows them.
	in.Exceptions = d.Exceptions
	if diff := cmp.Diff(d.Digests, parts(t, in, Options{Tool: "tallyman v1"})); diff != "" {
		t.Error(diff)
	}
}

func TestDigestOfAListIsThatOfItsJSON(t *testing.T) {
	for _, list := range [][]lint.Finding{nil, {}, {rootFinding()}, {rootFinding(), {Message: "<&>\n\u2028"}, {}}} {
		data, err := json.Marshal(list)
		if err != nil {
			t.Fatal(err)
		}
		for escaped, plain := range map[string]string{`\u003c`: "<", `\u003e`: ">", `\u0026`: "&"} {
			data = bytes.ReplaceAll(data, []byte(escaped), []byte(plain))
		}
		want := fmt.Sprintf("sha256:%x", sha256.Sum256(data))
		for name, digest := range map[string]func() (string, error){
			"digestList": func() (string, error) { return digestList(list) },
			"digestJSON": func() (string, error) { return digestJSON(list) },
		} {
			if got, err := digest(); got != want || err != nil {
				t.Errorf("%s of %s: %s, %v, want %s", name, data, got, err, want)
			}
		}
	}
}
