package catalog_test

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/tallyman/tallyman/sbom/catalog"
)

// FuzzLocks holds for each format of lock: nothing panics, a lock gives at
// least one component or one gap, every component has a name and either a
// version or a gap, and lines are lines of the file.
func FuzzLocks(f *testing.F) {
	for _, seed := range []string{packageLock3, packageLock1, yarn1, yarn4, pnpm9, pnpm5, yamlBomb, "", "{", "packages:\n  '"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, content string) {
		lines := strings.Count(content, "\n") + 1
		for _, name := range []string{"package-lock.json", "yarn.lock", "pnpm-lock.yaml"} {
			doc, err := catalog.Folder(t.Context(), fstest.MapFS{name: {Data: []byte(content)}}, []string{name})
			if err != nil {
				t.Fatal(err)
			}
			if len(doc.Components)+len(doc.Gaps) == 0 && !strings.Contains(content, "@workspace:") && !strings.Contains(content, `"link"`) && name != "package-lock.json" {
				t.Errorf("%s: nothing was found and nothing was said", name)
			}
			for _, c := range doc.Components {
				if c.Name == "" || c.Version == "" && len(doc.Gaps) == 0 || c.Locations[0].Line > lines {
					t.Errorf("%s: %+v", name, c)
				}
			}
		}
	})
}

// FuzzPythonMetadata holds that a distribution is a component with name and
// version, or a gap.
func FuzzPythonMetadata(f *testing.F) {
	for _, seed := range []string{"Name: a\nVersion: 1\n", "Metadata-Version: 2.1\n\nName: a\n", "License: x\n y\nName: a\nVersion: 1\n", "", ":", " \n", "Name: a\n\tb\nVersion:\n"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, content string) {
		fsys := fstest.MapFS{"a-1.dist-info/METADATA": {Data: []byte(content)}}
		doc, err := catalog.Python(t.Context(), fsys)
		if err != nil {
			t.Fatal(err)
		}
		if len(doc.Gaps) > 0 {
			return
		}
		if len(doc.Components) != 1 || doc.Components[0].Name == "" || doc.Components[0].Version == "" {
			t.Errorf("%q: %+v and no gap", content, doc.Components)
		}
	})
}
