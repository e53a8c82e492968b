package pylock_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/pelletier/go-toml/v2"

	"github.com/tallyman/tallyman/sbom"
	"github.com/tallyman/tallyman/sbom/pylock"
)

const planted = "correcthorsebatterystaple"

// fuzzLock holds, for one text, that no package is lost without a gap, that the
// inventory is sound, and that no password of a URL comes out. count tells how
// many packages the text has, by a plain decoder, -1 if it cannot be decoded.
func fuzzLock(t *testing.T, name, text string, count func(text []byte) int) {
	text = strings.ReplaceAll(text, "hunter2", planted)
	f := pylock.Read(fstest.MapFS{name: {Data: []byte(text)}}, name)
	d := f.Document()
	checkInventory(t, f, d)
	listed := len(d.Gaps)
	for _, c := range d.Components {
		listed += len(c.Locations)
	}
	for _, p := range f.Packages {
		if p.Own {
			listed++
		}
	}
	switch want := count([]byte(text)); {
	case want < 0 && len(d.Gaps) == 0:
		t.Errorf("a text that cannot be decoded leaves no gap")
	case listed < want:
		t.Errorf("%d packages and gaps of %d packages", listed, want)
	}
	for _, g := range d.Gaps {
		if g.Kind == sbom.GapTooLarge && len(text) < 1000 {
			t.Errorf("%d bytes are too large", len(text))
		}
	}
	if onlyInURLs(text) {
		if out := fmt.Sprintf("%+v\n%+v\n%v", f, d, f.Violations(nil)); strings.Contains(out, planted) {
			t.Errorf("the password comes out:\n%s", out)
		}
	}
}

// onlyInURLs reports whether the planted password stands as such in every
// place.
func onlyInURLs(text string) bool {
	return strings.Count(text, planted) == strings.Count(text, "https://bob:"+planted+"@example.com/")
}

func countTOML(keys ...string) func([]byte) int {
	return func(text []byte) int {
		var all map[string]any
		if err := toml.Unmarshal([]byte(strings.TrimPrefix(string(text), "\ufeff")), &all); err != nil {
			return -1
		}
		n := 0
		for _, key := range keys {
			packages, _ := all[key].([]any)
			n += len(packages)
		}
		return n
	}
}

func countPipfile(text []byte) int {
	var all map[string]map[string]any
	if err := json.Unmarshal([]byte(strings.TrimPrefix(string(text), "\ufeff")), &all); err != nil {
		return -1
	}
	n := 0
	for section, packages := range all {
		if section != "_meta" {
			n += len(packages)
		}
	}
	return n
}

func FuzzUV(f *testing.F) {
	seeds(f, uvLock, strings.ReplaceAll(uvLock, "[[package]]", "[[distribution]]"))
	f.Fuzz(func(t *testing.T, text string) { fuzzLock(t, "uv.lock", text, countTOML("package", "distribution")) })
}

func FuzzPoetry(f *testing.F) {
	seeds(f, poetry2)
	f.Fuzz(func(t *testing.T, text string) { fuzzLock(t, "poetry.lock", text, countTOML("package")) })
}

func FuzzPDM(f *testing.F) {
	seeds(f, pdmLock)
	f.Fuzz(func(t *testing.T, text string) { fuzzLock(t, "pdm.lock", text, countTOML("package")) })
}

func FuzzStandard(f *testing.F) {
	seeds(f, standardLock)
	f.Fuzz(func(t *testing.T, text string) { fuzzLock(t, "pylock.toml", text, countTOML("packages")) })
}

func FuzzPipenv(f *testing.F) {
	f.Add(pipfileLock)
	f.Add(`{"default": {"a": {"version": "==1", "file": "https://bob:hunter2@example.com/a.whl"}}}`)
	f.Add(`{"default": null, "_meta": null}`)
	f.Fuzz(func(t *testing.T, text string) { fuzzLock(t, "Pipfile.lock", text, countPipfile) })
}

func seeds(f *testing.F, texts ...string) {
	for _, text := range texts {
		f.Add(text)
	}
	for _, text := range []string{
		"[[package]]\nname = \"a\"\nversion = \"1\"\nsource = { url = \"https://bob:hunter2@example.com/a\" }\n[package.x]\n[y]\n[[package]]\n",
		"x = '''\n[[package]]\n'''\n[[\"package\"]]\n", "package = [{name = \"a\"}]\n[[packages]]\nx = [[1], [\n[2]]]\n", "[[package]]\n[[package.package]]\nname='x'\n",
	} {
		f.Add(text)
		f.Add(strings.ReplaceAll(text, "package]]", "packages]]"))
	}
}
