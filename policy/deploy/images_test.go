package deploy_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tallyman/tallyman/policy/deploy"
	"github.com/tallyman/tallyman/sbom"
)

// said is what a collector returns, a line for each image and gap.
func said(images []deploy.Named, gaps []sbom.Gap) []string {
	var out []string
	for _, n := range images {
		line := fmt.Sprintf("%d %s %s", n.Line, n.By, n.Reference)
		if n.Platform != "" {
			line += " for " + n.Platform
		}
		if n.Built {
			line += " (built)"
		}
		out = append(out, line)
	}
	for _, g := range gaps {
		out = append(out, fmt.Sprintf("gap %s %d %s", g.Kind, g.Line, g.Reason))
	}
	return out
}

func TestComposeImages(t *testing.T) {
	for _, test := range []struct {
		name, text string
		want       []string
	}{
		{"plain", "services:\n  db:\n    image: postgres:17\n    platform: linux/arm64\n", []string{`3 service "db" postgres:17 for linux/arm64`}},
		{"built here", "services:\n  web:\n    build: .\n    image: web:1\n", []string{`4 service "web" web:1 (built)`}},
		{"built without a name", "services:\n  web:\n    build: .\n", nil},
		{"built, and pulled all the same", "services:\n  web:\n    build: .\n    image: web:1\n    pull_policy: always\n", []string{`4 service "web" web:1`}},
		{"built, and never pulled", "services:\n  web:\n    build: .\n    image: web:1\n    pull_policy: build\n", []string{`4 service "web" web:1 (built)`}},
		{"no build after all", "services:\n  web:\n    build:\n    image: web:1\n", []string{`4 service "web" web:1`}},
		{"default", "services:\n  a:\n    image: ${REPO:-x/y}:${TAG-1}\n", []string{`3 service "a" x/y:1`}},
		{"nested default", "services:\n  a:\n    image: x:${A:-${B:-2}}\n", []string{`3 service "a" x:2`}},
		{"no default", "services:\n  a:\n    image: x:$TAG\n", []string{`gap unpulled 3 the image of service "a" is named by the variable $TAG, which has no default`}},
		{"required", "services:\n  a:\n    image: x:${TAG:?give one}\n", []string{`gap unpulled 3 the image of service "a" is named by the variable $TAG, which has no default`}},
		{"replaced when set", "services:\n  a:\n    image: x${TAG:+:$TAG}\n", []string{`3 service "a" x`}},
		{"not closed", "services:\n  a:\n    image: \"x:${TAG\"\n", []string{`gap unpulled 3 the image of service "a" is named by the variable ${TAG, which has no default`}},
		{"dollar", "services:\n  a:\n    image: x$$y\n", []string{`3 service "a" x$y`}},
		{"built under a name that nobody knows", "services:\n  a:\n    build: .\n    image: x:$TAG\n", nil},
		{"credentials", "services:\n  a:\n    image: u:secret@registry.example/x\n", []string{`gap unpulled 3 the image of service "a", "registry.example/x", has credentials in its name, and is not asked for`}},
		{"tag and digest", "services:\n  a:\n    image: python:3.12@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n", []string{`3 service "a" python:3.12@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef`}},
		{"tag and digest of a registry", "services:\n  a:\n    image: r.example:5000/a/python:3.12@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n", []string{`3 service "a" r.example:5000/a/python:3.12@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef`}},
		{"not a name", "services:\n  a:\n    image: [x]\n", []string{`gap unpulled 3 the image of service "a" is not a name`}},
		{"empty", "services:\n  a:\n    image:\n", []string{`gap unpulled 3 the image of service "a" has no name`}},
		{"merge key", "x-a: &a\n  image: x:1\nservices:\n  a:\n    <<: *a\n  b:\n    <<: *a\n    image: y:1\n", []string{`2 service "a" x:1`, `8 service "b" y:1`}},
		{"named context", "services:\n  a:\n    build:\n      context: .\n      additional_contexts:\n        base: docker-image://alpine:3\n        src: ../x\n", []string{`6 the build of service "a" alpine:3`}},
		{"named context in a list", "services:\n  a:\n    build:\n      additional_contexts:\n      - base=docker-image://alpine:3\n", []string{`5 the build of service "a" alpine:3`}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, said(deploy.ComposeImages("compose.yaml", []byte(test.text)))); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

const templateGap = "a template: the images that it names are known when it is rendered (helm template . > manifests.yaml)"

func TestKubernetesImages(t *testing.T) {
	const head = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\n"
	for _, test := range []struct {
		name, text string
		want       []string
	}{
		{"in one line", "{apiVersion: v1, kind: Pod, metadata: {name: p}, spec: {containers: [{name: a, image: x:1}]}}\n", []string{`1 container "a" of Pod "p" x:1`}},
		{"keys written otherwise", "\"api\\u0056ersion\": v1\n? kind\n: Pod\nspec:\n  containers: [{name: a, image: x:1}]\n", []string{`5 container "a" of an unnamed Pod x:1`}},
		{"no template for the braces of a comment", "# {{\napiVersion: v1\nkind: Rollout\nspec:\n  containers:\n  -   image: x:1\n", []string{`6 container "" of an unnamed Rollout x:1`}},
		{"a template with an image in one line", "apiVersion: v1\nkind: Rollout\nspec: {{ .Values.spec }}\n  containers: [{image: x:1}]\n", []string{"gap unpulled 4 " + templateGap}},
		{"two images in one place", "apiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - image: x:1\n    image: y:1\n", []string{`5 container "" of an unnamed Pod x:1`,
			`gap unpulled 5 container "" of an unnamed Pod has the key "image" 2 times, and which of them counts is not known`}},
		{"pod", head + "spec:\n  containers:\n  - name: a\n    image: x:1\n", []string{`7 container "a" of Pod "p" x:1`}},
		{"init and ephemeral", head + "spec:\n  initContainers: [{name: i, image: i:1}]\n  ephemeralContainers: [{name: e, image: e:1}]\n", []string{`5 container "i" of Pod "p" i:1`, `6 container "e" of Pod "p" e:1`}},
		{"cron job", "apiVersion: batch/v1\nkind: CronJob\nspec:\n  jobTemplate: {spec: {template: {spec: {containers: [{name: a, image: x:1}]}}}}\n", []string{`4 container "a" of an unnamed CronJob x:1`}},
		{"a kind of others", "apiVersion: argoproj.io/v1alpha1\nkind: Rollout\nmetadata: {name: r}\nspec: {template: {spec: {containers: [{name: a, image: x:1}]}}}\n", []string{`4 container "a" of Rollout "r" x:1`}},
		{"list", "apiVersion: v1\nkind: List\nitems:\n- kind: Pod\n  metadata: {name: p}\n  spec: {containers: [{name: a, image: x:1}]}\n", []string{`6 container "a" of Pod "p" x:1`}},
		{"two documents", head + "spec: {containers: [{name: a, image: x:1}]}\n---\n" + head + "spec: {containers: [{name: a, image: y:1}]}\n", []string{`4 container "a" of Pod "p" x:1`, `9 container "a" of Pod "p" y:1`}},
		{"image volume", head + "spec:\n  volumes:\n  - name: v\n    image: {reference: data:1}\n", []string{`7 volume "v" of Pod "p" data:1`}},
		{"a service names none", "apiVersion: v1\nkind: Service\nspec: {ports: [{port: 80}]}\n", nil},
		{"not Kubernetes", "containers:\n- image: x:1\n", nil},
		{"template", "apiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - image: {{ .Values.image }}\n", []string{"gap unpulled 5 " + templateGap}},
		{"template in quotes", "apiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - image: \"{{ .Values.image }}\"\n", []string{"gap unpulled 5 " + templateGap}},
		{"template of a kind", "apiVersion: v1\nkind: {{ .Values.kind }}\nspec: {}\n", []string{"gap unpulled 2 " + templateGap}},
		{"template without images", "apiVersion: v1\nkind: Service\nmetadata:\n  name: {{ .Release.Name }}\n", nil},
		{"braces in a text", head + "spec:\n  containers:\n  - image: x:1\n    args:\n    - |\n      a {{ b }}\n", []string{`6 container "" of Pod "p" x:1`}},
		{"broken", head + "spec: [\n", []string{"gap unpulled 0 the manifest cannot be parsed, and the images that it names are not known: yaml: line 4: did not find expected node content"}},
		{"circle", "apiVersion: v1\nkind: Pod\nspec: &s\n  containers:\n  - image: x:1\n    more: *s\n", nil},
		{"credentials", head + "spec: {containers: [{name: a, image: 'u:secret@r.example/x'}]}\n", []string{`gap unpulled 4 the image of container "a" of Pod "p", "r.example/x", has credentials in its name, and is not asked for`}},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := said(deploy.KubernetesImages("k.yaml", []byte(test.text)))
			if test.name == "circle" {
				if len(got) == 0 {
					t.Error("a manifest that contains itself says nothing")
				}
				return
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// FuzzImages: whatever is read, every image has a name, stands on a line of the
// file, and shows no password; and the same bytes give the same.
func FuzzImages(f *testing.F) {
	f.Add("services:\n  a:\n    image: ${REPO:-x/y}:${TAG-1}\n")
	f.Add("x: &x\n  image: u:secret@h/x\nservices:\n  a: *x\n  b:\n    <<: [*x, *x]\n")
	f.Add("apiVersion: v1\nkind: List\nitems:\n- kind: Pod\n  spec: &s {containers: [{image: x}], again: *s}\n")
	f.Add("apiVersion: v1\nkind: Pod\nspec:\n  image: {{ .x }}\n")
	f.Add("resources: [a.yaml]\nimages:\n- {name: x, newName: y, newTag: '1'}\npatches:\n- patch: |\n    - {op: replace, path: /image, value: z}\n")
	f.Add("services:\n  a:\n    build: {context: ., target: dev, args: {V: 2}}\n  b:\n    build: {args: [V=1], dockerfile: $X}\n")
	f.Fuzz(func(t *testing.T, text string) {
		lines := strings.Count(text, "\n") + strings.Count(text, "\r") + strings.Count(text, "\u2028") + strings.Count(text, "\u2029") + strings.Count(text, "\u0085") + 1
		k, gaps := deploy.ReadKustomization("kustomization.yaml", []byte(text))
		for _, o := range k.Overrides {
			changed, applies := o.Apply("x:1")
			if applies != (o.Name == "x") || !applies && changed != "x:1" {
				t.Errorf("%+v makes %q of x:1", o, changed)
			}
		}
		for _, g := range gaps {
			if !g.Hides {
				t.Errorf("the gap %+v hides nothing", g)
			}
		}
		for _, b := range deploy.ComposeBuilds("compose.yaml", []byte(text)) {
			if b.By == "" || b.Line < 1 {
				t.Errorf("the build %+v", b)
			}
		}
		for _, read := range []func(string, []byte) ([]deploy.Named, []sbom.Gap){deploy.ComposeImages, deploy.KubernetesImages} {
			images, gaps := read("f.yaml", []byte(text))
			again, _ := read("f.yaml", []byte(text))
			if diff := cmp.Diff(images, again); diff != "" {
				t.Errorf("not the same twice:\n%s", diff)
			}
			for _, n := range images {
				if safe, secret := deploy.SafeReference(n.Reference); n.Reference == "" || secret || safe != n.Reference {
					t.Errorf("the reference %q", n.Reference)
				}
				if n.Line < 1 || n.Line > lines {
					t.Errorf("line %d of %d", n.Line, lines)
				}
			}
			for _, g := range gaps {
				if !g.Hides || g.Line < 0 || g.Line > lines {
					t.Errorf("the gap %+v", g)
				}
			}
		}
	})
}

func TestOverrides(t *testing.T) {
	const digest = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	for _, test := range []struct {
		reference string
		override  deploy.Override
		want      string
	}{
		{"app", deploy.Override{Name: "app", NewTag: "2"}, "app:2"},
		{"app:1", deploy.Override{Name: "app", NewTag: "2"}, "app:2"},
		{"app:1", deploy.Override{Name: "app", NewName: "r.example:5000/app"}, "r.example:5000/app:1"},
		{"app:1", deploy.Override{Name: "app", Digest: digest}, "app@" + digest},
		{"app@" + digest, deploy.Override{Name: "app", NewTag: "2"}, "app:2"},
		{"app:1@" + digest, deploy.Override{Name: "app", NewName: "b"}, "b:1@" + digest},
		{"r.example:5000/app", deploy.Override{Name: "r.example:5000/app", NewTag: "2"}, "r.example:5000/app:2"},
		{"app:1", deploy.Override{Name: "application", NewTag: "2"}, "app:1"},
		{"x/app:1", deploy.Override{Name: "app", NewTag: "2"}, "x/app:1"},
		{"app:1", deploy.Override{Name: "app"}, "app:1"},
	} {
		if got, _ := test.override.Apply(test.reference); got != test.want {
			t.Errorf("%+v makes %q of %q, want %q", test.override, got, test.reference, test.want)
		}
	}
}
