package audit

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/tallyman/tallyman/sbom"
)

// namedIn is what the files of a folder name: a line for each image, its
// places, and each gap about one.
func namedIn(t *testing.T, f *Folder) ([]NamedImage, []sbom.Gap) {
	t.Helper()
	s, err := (&Auditor{Images: true}).collect(t.Context(), f)
	if err != nil {
		t.Fatal(err)
	}
	images, more := s.images(f.folderOf())
	var gaps []sbom.Gap
	for _, g := range append(sbom.Merge("", s.docs...).Gaps, more...) {
		if g.Kind == sbom.GapUnpulled || g.Kind == sbom.GapTooLarge {
			gaps = append(gaps, g)
		}
	}
	return images, gaps
}

func namedLines(t *testing.T, dir string, files map[string]string) []string {
	t.Helper()
	fsys := fstest.MapFS{}
	for name, text := range files {
		fsys[name] = &fstest.MapFile{Data: []byte(text)}
	}
	images, gaps := namedIn(t, &Folder{FS: fsys, Dir: dir})
	var out []string
	for _, i := range images {
		line := string(i.Role) + " " + i.Reference
		if i.Platform != "" {
			line += " for " + i.Platform
		}
		if i.Skipped != "" {
			line += " skipped: " + i.Skipped
		}
		for _, p := range i.Places {
			line += "; " + p.String()
		}
		out = append(out, line)
	}
	for _, g := range gaps {
		out = append(out, fmt.Sprintf("gap %s:%d %s", g.File, g.Line, g.Reason))
	}
	return out
}

func podOf(image string) string {
	return "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: [{name: a, image: " + image + "}]}\n"
}

func TestNamedImages(t *testing.T) {
	const pod = `container "a" of Pod "p"`
	for _, test := range []struct {
		name  string
		dir   string
		files map[string]string
		want  []string
	}{
		{"stages", ".", map[string]string{"Dockerfile": "ARG V=3.12\nFROM golang:1 AS build\nFROM node:22 AS unused\nFROM --platform=linux/arm64 python:${V}\n" +
			"COPY --from=build /a /a\nCOPY --from=ghcr.io/astral-sh/uv:1 /uv /uv\nRUN --mount=from=busybox:1,target=/b true\n"},
			[]string{
				`build busybox:1; Dockerfile:7 (RUN of stage "2")`,
				`build ghcr.io/astral-sh/uv:1; Dockerfile:6 (COPY of stage "2")`,
				`build golang:1; Dockerfile:2 (FROM of stage "build")`,
				`build node:22; Dockerfile:3 (FROM of stage "unused")`,
				`base python:3.12 for linux/arm64; Dockerfile:4 (FROM of stage "2")`,
			}},
		{"frontends, however they are named", ".", map[string]string{
			"a/Dockerfile": "#!/usr/bin/env x\n# syntax = x/shebang:1\nFROM scratch\n",
			"c/Dockerfile": "FROM scratch\n",
			"compose.yaml": "services:\n  a:\n    build: {context: c, args: {BUILDKIT_SYNTAX: 'x/map:${V:-1}'}}\n  b:\n    build: {context: c, args: ['BUILDKIT_SYNTAX=u:secret@h/list:1']}\n",
		}, []string{
			`frontend x/map:1; compose.yaml:3 (the frontend of service "a")`, `frontend x/shebang:1; a/Dockerfile:2 (the frontend)`,
			`gap compose.yaml:5 the image of the frontend of service "b", "h/list:1", has credentials in its name, and is not asked for`,
		}},
		{"a compose file that is JSON", ".", map[string]string{"stack.json": "{\n\t\"services\": {\"a\": {\"image\": \"x:1\"}}}"},
			[]string{`runs x:1; stack.json:2 (service "a")`}},
		{"services and a Pod in one file", ".", map[string]string{"all.yaml": "services: {a: {image: 'x:1'}}\n---\n" + podOf("y:1")},
			[]string{`runs x:1; all.yaml:1 (service "a")`, `runs y:1; all.yaml:6 (` + pod + `)`}},
		{"values that look like services", ".", map[string]string{"chart/values.yaml": "services: {a: {image: 'x/a', tag: '1'}}\n"},
			[]string{`gap chart/values.yaml:1 a chart's values name the image "x/a", and which one runs is known when it is rendered (helm template . > manifests.yaml)`}},
		{"no image at all", ".", map[string]string{"Dockerfile": "FROM scratch AS a\nFROM a\n"}, nil},
		{"a base that nobody knows", ".", map[string]string{"Dockerfile": "ARG BASE\nFROM ${BASE}\n"},
			[]string{`gap Dockerfile:2 the image of FROM of stage "0", "${BASE}", is named by a variable without a default`}},
		{"a platform of the builder's", ".", map[string]string{"Dockerfile": "FROM --platform=$BUILDPLATFORM golang:1\n"},
			[]string{`base golang:1; Dockerfile:1 (FROM of stage "0")`}},
		{"a service builds a stage that is not the last", ".", map[string]string{
			"app/Dockerfile": "ARG V=1\nFROM dev:1 AS root\nFROM root AS dev\nFROM x:${V}\n",
			"compose.yaml":   "services:\n  a:\n    build:\n      context: app\n      target: dev\n      args: {V: 2, VV: 3}\n",
		}, []string{
			`base dev:1; app/Dockerfile:2 (FROM of stage "root")`, `base x:1; app/Dockerfile:4 (FROM of stage "2")`,
			`gap compose.yaml:3 service "a" gives the argument V, by which the image of stage "2" in Dockerfile is named: the image of its default is audited, and not this one`,
		}},
		{"arguments that name no image", ".", map[string]string{
			"Dockerfile": "ARG V=1\nFROM x:$VV\n", "compose.yaml": "services:\n  a:\n    build:\n      args: [V=2]\n",
		}, []string{`gap Dockerfile:2 the image of FROM of stage "0", "x:$VV", is named by a variable without a default`}},
		{"credentials", ".", map[string]string{"Dockerfile": "FROM u:secret@r.example/x\n"},
			[]string{`gap Dockerfile:1 the image of FROM of stage "0", "r.example/x", has credentials in its name, and is not asked for`}},
		{"what runs weighs more than what is built on", ".", map[string]string{"Dockerfile": "FROM x:1\n", "k/p.yaml": podOf("x:1")},
			[]string{`runs x:1; Dockerfile:1 (FROM of stage "0"); k/p.yaml:4 (` + pod + `)`}},
		{"built here", ".", map[string]string{"Dockerfile": "FROM scratch\n", "compose.yaml": "services:\n  a:\n    build: .\n    image: x:1\n  b:\n    image: x:1\n"},
			[]string{`runs x:1 skipped: service "a" builds it (compose.yaml:4), so that no registry has what runs; compose.yaml:4 (service "a"); compose.yaml:6 (service "b")`}},
		{"built from what nobody reads", ".", map[string]string{
			"compose.yaml": "services:\n  a:\n    build: {dockerfile_inline: 'FROM evil:1'}\n  b:\n    build: {context: sub, dockerfile: odd.txt}\n  c:\n    build: https://example.com/x.git\n  d:\n    build: sub\n",
			"sub/odd.txt":  "FROM evil:1\n", "sub/Containerfile": "FROM good:1\n",
		}, []string{
			`base good:1; sub/Containerfile:1 (FROM of stage "0")`,
			`gap compose.yaml:3 service "a" is built from what is not a file of this folder, and the images that it is built on are not known`,
			`gap compose.yaml:5 service "b" is built from "sub/odd.txt", which was not read, and the images that it is built on are not known`,
			`gap compose.yaml:7 service "c" is built from what is not a file of this folder, and the images that it is built on are not known`,
		}},
		{"what a kustomization makes of images otherwise", ".", map[string]string{
			"kustomization.yaml": "transformers: [t.yaml]\nreplacements:\n- path: r.yaml\n- source: {kind: X}\n  targets: [{fieldPaths: [spec.containers.0.image]}]\n- targets: [{fieldPaths: [metadata.labels.a]}]\n",
		}, []string{
			"gap kustomization.yaml:1 what the transformers of a kustomization make of images is known when it is built (kustomize build . > manifests.yaml)",
			"gap kustomization.yaml:3 a replacement may set an image, which is known when the kustomization is built (kustomize build . > manifests.yaml)",
			"gap kustomization.yaml:4 a replacement may set an image, which is known when the kustomization is built (kustomize build . > manifests.yaml)",
		}},
		{"built in another folder", ".", map[string]string{"demo/Dockerfile": "FROM scratch\n", "compose.yaml": "services:\n  b:\n    image: x:1\n", "demo/compose.yaml": "services:\n  a:\n    build: .\n    image: x:1\n"},
			[]string{`runs x:1; compose.yaml:3 (service "b"); demo/compose.yaml:4 (service "a")`}},
		{"built here and pulled by a cluster", ".", map[string]string{"Dockerfile": "FROM scratch\n", "compose.yaml": "services:\n  a:\n    build: .\n    image: x:1\n", "p.yaml": podOf("x:1")},
			[]string{`runs x:1; compose.yaml:4 (service "a"); p.yaml:4 (` + pod + `)`}},
		{"from the audited folder", "app", map[string]string{"app/k/p.yaml": podOf("x:1"), "other/p.yaml": podOf("y:1")},
			[]string{`runs x:1; k/p.yaml:4 (` + pod + `)`}},
		{"kustomized", ".", map[string]string{
			"base/p.yaml":             podOf("app"),
			"base/kustomization.yaml": "resources: [p.yaml]\n",
			"prod/kustomization.yaml": "resources: [../base]\nimages:\n- name: app\n  newName: r.example/app\n  newTag: '2'\n",
			"test/kustomization.yml":  "bases: [../base]\nimages:\n- name: app\n  digest: sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n",
			"alone.yaml":              podOf("y:1"),
		}, []string{
			`runs app@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef; base/p.yaml:4 (` + pod + `, changed by test/kustomization.yml:3)`,
			`runs r.example/app:2; base/p.yaml:4 (` + pod + `, changed by prod/kustomization.yaml:3)`,
			`runs y:1; alone.yaml:4 (` + pod + `)`,
		}},
		{"circle of kustomizations", ".", map[string]string{
			"p.yaml": podOf("x:1"), "a/kustomization.yaml": "resources: [../b, ../p.yaml]\n", "b/kustomization.yaml": "resources: [../a]\n",
		}, []string{`runs x:1; p.yaml:4 (` + pod + `)`, `gap b/kustomization.yaml:1 the resource "../a" leads back to itself, or too deep`}},
		{"what a kustomization hides", ".", map[string]string{
			"kustomization.yaml": "resources:\n- https://example.com/x.yaml\n- gone.yaml\n- ../../etc/x.yaml\nhelmCharts: [{name: x}]\npatches:\n- path: op.yaml\n- path: harmless.yaml\n- patch: |\n    - {op: replace, path: /spec/image, value: y}\nimages: [{name: app, newName: 'u:secret@h/x'}]\n",
			"op.yaml":            "- op: replace\n  path: /spec/containers/0/image\n  value: evil\n", "harmless.yaml": "- op: remove\n  path: /spec/replicas\n",
		}, []string{
			`gap kustomization.yaml:2 the resource "https://example.com/x.yaml" is not in this folder, and the images that it names are not known`,
			`gap kustomization.yaml:3 the resource "gone.yaml" was not read, and the images that it names are not known`,
			`gap kustomization.yaml:4 the resource "../../etc/x.yaml" was not read, and the images that it names are not known`,
			`gap kustomization.yaml:5 the images of the charts that a kustomization renders are known when it is built (kustomize build . > manifests.yaml)`,
			`gap kustomization.yaml:7 the patch "op.yaml" may set an image, which is known when the kustomization is built (kustomize build . > manifests.yaml)`,
			`gap kustomization.yaml:9 a patch sets an image, which is known when the kustomization is built (kustomize build . > manifests.yaml)`,
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, namedLines(t, test.dir, test.files)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// An attacker who puts credentials into the name that a kustomization gives
// makes nobody ask for it, and gets them onto no terminal.
func TestKustomizedCredentials(t *testing.T) {
	got := namedLines(t, ".", map[string]string{
		"p.yaml": podOf("app"), "kustomization.yaml": "resources: [p.yaml]\nimages: [{name: app, newName: 'u:secret@h.example/x'}]\n",
	})
	if len(got) != 1 || !strings.HasPrefix(got[0], "gap kustomization.yaml:2") || strings.Contains(got[0], "secret@") {
		t.Errorf("got %q", got)
	}
}

// More images than are audited are a gap, and not forgotten.
func TestMoreImagesThanAreAudited(t *testing.T) {
	var compose strings.Builder
	compose.WriteString("services:\n")
	for i := range 300 {
		fmt.Fprintf(&compose, "  s%d:\n    image: x:%d\n", i, i)
	}
	got := namedLines(t, ".", map[string]string{"compose.yaml": compose.String()})
	if want := "gap :0 the folder names 300 images: those after the first 256 are not audited"; len(got) != 257 || got[256] != want {
		t.Errorf("%d lines, the last is %q", len(got), got[len(got)-1])
	}
}

var (
	imageKey = regexp.MustCompile(`^\s*(- )?["']?image["']?\s*:\s*\S`)
	fromLine = regexp.MustCompile(`(?i)^\s*FROM\s+(?:--\S+\s+)*(\S+)(?:\s+AS\s+(\S+))?`)
)

// TestRealDeploymentsNameTheirImages: of real folders, every line that names an
// image by sight is a place of one, or stands in a file of which a gap speaks.
func TestRealDeploymentsNameTheirImages(t *testing.T) {
	for _, folder := range []string{"deployment", "corpus", "gradio", "gradio-apps"} {
		t.Run(folder, func(t *testing.T) {
			dir := shared(t, "data", folder)
			root, err := os.OpenRoot(dir)
			if err != nil {
				t.Fatal(err)
			}
			defer root.Close()
			images, gaps := namedIn(t, &Folder{FS: root.FS(), Dir: "."})
			have := map[string]bool{}
			places := 0
			for _, i := range images {
				for _, p := range i.Places {
					have[fmt.Sprintf("%s:%d", p.File, p.Line)] = true
					places++
				}
			}
			for _, g := range gaps {
				have[g.File] = true
			}
			counts := map[string]int{}
			if err := fs.WalkDir(root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
				if err == nil && !d.IsDir() {
					checkSeen(t, dir, name, have, counts)
				}
				return err
			}); err != nil {
				t.Fatal(err)
			}
			if len(images) == 0 {
				t.Error("no image")
			}
			t.Logf("%d images in %d places (lines by sight: %v), %d gaps", len(images), places, counts, len(gaps))
		})
	}
}

// checkSeen holds the lines of one file that name an image by sight against
// those that were collected.
func checkSeen(t *testing.T, dir, name string, have map[string]bool, counts map[string]int) {
	kind := classify(name)
	isYAML := strings.HasSuffix(name, "ml") && kind != workflowFile && (kind == composeFile || kind == notManifest)
	if kind != dockerFile && !isYAML || have[name] {
		return
	}
	src, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	stages := map[string]bool{"scratch": true}
	for i, line := range strings.Split(string(src), "\n") {
		at := fmt.Sprintf("%s:%d", name, i+1)
		switch from := fromLine.FindStringSubmatch(line); {
		case kind == dockerFile && from != nil:
			known := stages[strings.ToLower(from[1])] || strings.HasPrefix(from[1], "$") // may be a stage
			stages[strings.ToLower(from[2])] = true
			if counts["FROM"]++; !known && !have[at] {
				t.Errorf("%s: %q is not collected", at, line)
			}
		case isYAML && imageKey.MatchString(line):
			if counts["image:"]++; !have[at] {
				t.Errorf("%s: %q is not collected", at, line)
			}
		}
	}
}
