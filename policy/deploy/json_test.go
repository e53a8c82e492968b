package deploy_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tallyman/tallyman/policy/deploy"
)

// TestKubernetesEverywhere holds which images are found in objects that are
// written otherwise than as YAML of Kubernetes' own kinds, and which are none.
func TestKubernetesEverywhere(t *testing.T) {
	const argo = "apiVersion: argoproj.io/v1alpha1\nkind: "
	for _, tt := range []struct {
		name, file, content string
		want                []string
	}{
		{"an object", "a.json", `{"apiVersion":"v1","kind":"Pod","metadata":{"name":"p"},"spec":{"containers":[{"name":"c","image":"x/a:1"}]}}`, []string{"1 x/a:1"}},
		{"a list, its kind at the end", "a.json", "{\"items\": [\n{\"kind\":\"Pod\",\"spec\":{\"initContainers\":[{\"image\":\"x/a:1\"}]}},\n{\"spec\":{\"containers\":[{\"image\":\"x/b:1\"}]}}],\n\"kind\":\"List\",\"apiVersion\":\"v1\"}", []string{"2 x/a:1", "3 x/b:1"}},
		{"several, indented with tabs", "a.json", "{\n\t\"apiVersion\":\"v1\",\"kind\":\"Pod\",\n\t\"spec\":{\"containers\":[{\"image\":\"x/a:1\"}]}}\n{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"spec\":{\"containers\":[{\"image\":\"x/b:1\"}]}}", []string{"3 x/a:1", "4 x/b:1"}},
		{"a key that is escaped", "a.json", `{"\u0061piVersion":"v1","\u006bind":"Pod","spec":{"containers":[{"image":"x/a:1"}]}}`, []string{"1 x/a:1"}},
		{"braces in JSON are no template", "a.json", `{"apiVersion":"v1","kind":"Pod","spec":{"containers":[{"image":"x/a:1","args":["{{ x }}"]}]}}`, []string{"1 x/a:1"}},
		{"an image twice", "a.json", `{"apiVersion":"v1","kind":"Pod","spec":{"containers":[{"image":"x/a:1","image":"x/b:1"}]}}`, []string{"1 x/a:1", `gap 1 container "" of an unnamed Pod has the key "image" 2 times, and which of them counts is not known`}},
		{"cut short", "a.json", `{"apiVersion":"v1","kind":"Pod","spec":{"containers":[{"image":"x/a:1"}]}} {"apiVersion":"v1","kind":"Pod","spec":{"conta`, []string{"1 x/a:1", "gap 0 the manifest cannot be parsed, and the images that it names are not known: unexpected EOF"}},
		{"deeper than anybody writes", "a.json", `{"apiVersion":"v1","kind":"Pod"} ` + strings.Repeat("[", 500) + strings.Repeat("]", 500), []string{"gap 0 the manifest cannot be parsed, and the images that it names are not known: line 1: it nests deeper than 128"}},
		{"data with an image", "a.json", `{"containers":[{"image":"x/a:1"}]}`, nil},
		{"data that is cut short", "a.json", `{"kind":`, nil},
		{"YAML that is called JSON", "a.json", "apiVersion: v1\nkind: Pod\nspec: {containers: [{image: x/a:1}]}\n", []string{"3 x/a:1"}},
		{"a comma too many, which YAML allows", "a.json", `{"apiVersion":"v1","kind":"Pod","spec":{"containers":[{"image":"x/a:1"},]}}`, []string{"1 x/a:1"}},

		{"Knative", "a.yaml", "apiVersion: serving.knative.dev/v1\nkind: Service\nspec: {template: {spec: {containers: [{image: x/a:1}]}}}\n", []string{"3 x/a:1"}},
		{"Argo's rollout", "a.yaml", argo + "Rollout\nspec: {template: {spec: {containers: [{name: c, image: x/a:1}]}}}\n", []string{"3 x/a:1"}},
		{"Argo's workflow", "a.yaml", argo + "Workflow\nspec:\n  templates:\n  - container: {image: x/a:1}\n  - script: {image: x/b:1, source: x}\n    sidecars: [{name: s, image: x/c:1}]\n  - steps: [[{name: s, template: t}]]\n", []string{"5 x/a:1", "6 x/b:1", "7 x/c:1"}},
		{"Tekton", "a.yaml", "apiVersion: tekton.dev/v1\nkind: Task\nspec: {stepTemplate: {image: x/a:1}, steps: [{name: s, image: x/b:1}]}\n", []string{"3 x/a:1", "3 x/b:1"}},
		{"OpenShift", "a.yaml", "apiVersion: apps.openshift.io/v1\nkind: DeploymentConfig\nspec: {template: {spec: {containers: [{name: c, image: x/a:1}]}}}\n", []string{"3 x/a:1"}},
		{"a cron job", "a.yaml", "apiVersion: batch/v1\nkind: CronJob\nspec: {jobTemplate: {spec: {template: {spec: {containers: [{image: x/a:1}]}}}}}\n", []string{"3 x/a:1"}},

		{"a field of a kind that others define may name one", "a.yaml", "apiVersion: monitoring.coreos.com/v1\nkind: Prometheus\nmetadata: {name: p}\nspec: {image: 'quay.io/p/p:v2'}\n", []string{`gap 4 a field of Prometheus "p" names the image "quay.io/p/p:v2", which is not asked for: only the images of containers are`}},
		{"a field whose name ends in Image", "a.yaml", "apiVersion: example.com/v1\nkind: Site\nspec: {workerImage: 'x/a:1', backgroundImage: '/img/a'}\n", []string{`gap 3 a field of an unnamed Site names the image "x/a:1", which is not asked for: only the images of containers are`}},
		{"a picture is none", "a.yaml", "apiVersion: example.com/v1\nkind: Site\nspec: {image: 'img/logo.png'}\n", nil},
		{"a pattern of a rule is none", "a.yaml", "apiVersion: kyverno.io/v1\nkind: ClusterPolicy\nspec: {rules: [{validate: {pattern: {spec: {containers: [{image: '!*:latest'}]}}}}]}\n", nil},
		{"text is none", "a.yaml", "apiVersion: v1\nkind: ConfigMap\ndata: {image: 'x/a:1', containers: 'image: x/b:1'}\n", nil},
		{"a schema is none", "a.yaml", "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nspec: {properties: {containers: {type: array, items: {properties: {image: {type: string}}}}}}\n", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			named, gaps := deploy.KubernetesImages(tt.file, []byte(tt.content))
			var got []string
			for _, n := range named {
				got = append(got, fmt.Sprintf("%d %s", n.Line, n.Reference))
			}
			for _, g := range gaps {
				got = append(got, fmt.Sprintf("gap %d %s", g.Line, g.Reason))
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("images (-want +got):\n%s", diff)
			}
		})
	}
}

// TestCircles holds that aliases which lead back, or to one place a thousand
// times, end.
func TestCircles(t *testing.T) {
	bomb := "a0: &a0 {containers: [{image: 'x/a:1'}]}\n"
	for i := 1; i < 60; i++ {
		bomb += fmt.Sprintf("a%d: &a%d [*a%d, *a%d]\n", i, i, i-1, i-1)
	}
	named, _ := deploy.KubernetesImages("a.yaml", []byte("apiVersion: example.com/v1\nkind: X\n"+bomb))
	if len(named) != 1 {
		t.Errorf("%d images, want the one that is there", len(named))
	}
	if gaps := deploy.ValuesImages("values.yaml", []byte("image: &i {repository: x/a, tag: 1, more: [*i, *i]}\n")); len(gaps) != 1 {
		t.Errorf("gaps %v, want the one image", gaps)
	}
}

// TestValues holds which of a chart's values are images.
func TestValues(t *testing.T) {
	gaps := deploy.ValuesImages("chart/values.yaml", []byte("image: {registry: ghcr.io, repository: you/app, tag: v1}\nsidecar:\n  image: x/b:1\nproxyImage: 'bob:hunter2@h/x:1'\nlogo: {image: a/b.png}\nimage2: {repository: no}\nimages: [{image: {repository: x/c}}]\n"))
	var got []string
	for _, g := range gaps {
		name, _, _ := strings.Cut(g.Reason, ", and")
		got = append(got, fmt.Sprintf("%d %s", g.Line, name))
	}
	want := []string{
		`1 a chart's values name the image "ghcr.io/you/app:v1"`, `3 a chart's values name the image "x/b:1"`,
		`7 a chart's values name the image "x/c"`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("values (-want +got):\n%s", diff)
	}
	for name, want := range map[string]bool{
		"values.yaml": true, "chart/values-prod.yml": true, "prod.values.yaml": true, "values.schema.json": false, "eigenvalues.yaml": false,
	} {
		if got := deploy.IsValues(name); got != want {
			t.Errorf("IsValues(%q) = %t, want %t", name, got, want)
		}
	}
}

// TestRunsServices holds which YAML is a compose file whatever it is called.
func TestRunsServices(t *testing.T) {
	for content, want := range map[string]bool{
		"services: {a: {image: x}}":                 true,
		"services: {a: {build: .}}":                 true,
		"services: {a: {build: {context: .}}}":      true,
		"x: &x {image: y}\nservices: {a: {<<: *x}}": true,
		"services: [{image: x}]":                    false,
		"services: {App\\Foo: {class: image}}":      false,
		"services: {a: {image: {width: 1}}}":        false,
		"jobs: {a: {services: {b: {image: x}}}}":    false,
		"services: {a: {build: }}":                  false,
		"services: image: [":                        false,
	} {
		if got := deploy.RunsServices("a.yaml", []byte(content)); got != want {
			t.Errorf("RunsServices(%q) = %t, want %t", content, got, want)
		}
	}
}

// TestBrokenDeploymentIsAGap holds that nobody hides an image by making its
// manifest one that no parser reads, and that data which is broken stays data.
func TestBrokenDeploymentIsAGap(t *testing.T) {
	const (
		pod     = `{"apiVersion":"v1","kind":"Pod","spec":{"containers":[{"name":"c","image":"x/a:1"}]}}`
		marked  = "{\n\"apiVersion\": \"v1\",\n<<<<<<< HEAD\n\"kind\": \"Pod\",\n=======\n\"kind\": \"Job\",\n>>>>>>> b\n\"spec\": {\"containers\": [{\"image\": \"x/a:1\"}]}}\n"
		compose = `{"services": {"web": {"image": "x/a:1"}}}`
	)
	for _, tt := range []struct {
		name, file, content string
		want                []string // of each image and gap the beginning
	}{
		{"one brace less", "a.json", pod[:len(pod)-1], []string{"x/a:1", "gap the manifest cannot be parsed"}},
		{"cut within the image", "a.json", pod[:len(pod)-8], []string{"gap the manifest cannot be parsed"}},
		{"markers of a merge", "a.json", marked, []string{"gap the manifest cannot be parsed"}},
		{"markers of a merge, after a byte order mark", "a.json", "\ufeff" + marked, []string{"gap the manifest cannot be parsed"}},
		{"a comma less", "a.json", strings.Replace(pod, `"v1",`, `"v1"`, 1), []string{"gap the manifest cannot be parsed"}},
		{"one brace less in a file of YAML", "a.yaml", pod[:len(pod)-1], []string{"gap the manifest cannot be parsed"}},
		{"flow style without quotes", "a.yaml", "{apiVersion: v1, kind: Pod, spec: {containers: [{image: x/a:1}]}", []string{"gap the manifest cannot be parsed"}},
		{"broken YAML that is called JSON", "a.json", "apiVersion: v1\nkind: Pod\nspec: {containers: [{image: x/a:1}]\n", []string{"gap the manifest cannot be parsed"}},
		{"services, one brace less", "a.json", compose[:len(compose)-1], []string{"x/a:1", "gap the services cannot be read to their end"}},
		{"services, markers of a merge", "a.json", strings.Replace(compose, `"web"`, "\n<<<<<<< HEAD\n\"web\"", 1), []string{"gap the services cannot be read to their end"}},
		{"services in YAML of another name", "stack.yml", "services:\n  web:\n<<<<<<< HEAD\n    image: x/a:1\n=======\n    image: x/a:2\n>>>>>>> b\n", []string{"gap the services cannot be read to their end"}},

		{"UTF-16", "a.json", utf16of(pod), []string{"x/a:1"}},
		{"UTF-16, one brace less", "a.json", utf16of(pod[:len(pod)-1]), []string{"gap the manifest cannot be parsed"}},
		{"UTF-16, services", "a.json", utf16of(compose), []string{"x/a:1"}},

		{"data that is cut short", "a.json", `{"kind": "book", "rows": [{"image": "a.png"`, nil},
		{"data with services", "a.json", `{"services": ["haircut"], "image": "a.png", `, nil},
		{"prose", "a.json", `{"text": "apiVersion and kind of an object", `, nil},
		{"services of something else", "a.yaml", "services:\n  App\\Foo: {class: x\n", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			named, gaps := deploy.KubernetesImages(tt.file, []byte(tt.content))
			if deploy.RunsServices(tt.file, []byte(tt.content)) {
				more, missing := deploy.ComposeImages(tt.file, []byte(tt.content))
				named, gaps = append(named, more...), append(gaps, missing...)
			}
			got := []string{}
			for _, n := range named {
				got = append(got, n.Reference)
			}
			for _, g := range gaps {
				reason, _, _ := strings.Cut(g.Reason, ",")
				got = append(got, "gap "+reason)
			}
			if diff := cmp.Diff(append([]string{}, tt.want...), got); diff != "" {
				t.Errorf("images and gaps (-want +got):\n%s", diff)
			}
		})
	}
}

// utf16of is ASCII as UTF-16 with its mark, as PowerShell writes it.
func utf16of(text string) string {
	out := "\xff\xfe"
	for _, c := range text {
		out += string(c) + "\x00"
	}
	return out
}

func FuzzKubernetesJSON(f *testing.F) {
	f.Add([]byte(`{"apiVersion":"v1","kind":"Pod","spec":{"containers":[{"image":"x/a:1"}]}}`))
	f.Add([]byte(`{"apiVersion":"v1","kind":"List","items":[{"spec":{"containers":[{"image":"u:p@h/x"}]}}]}{}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		named, gaps := deploy.KubernetesImages("a.json", data)
		lines := 1 + strings.Count(string(data), "\n")
		for _, n := range named {
			if n.Line < 1 || n.Line > lines || n.Reference == "" {
				t.Errorf("%+v of a file of %d lines", n, lines)
			}
		}
		for _, g := range gaps {
			if g.Line > lines {
				t.Errorf("%+v of a file of %d lines", g, lines)
			}
		}
	})
}
