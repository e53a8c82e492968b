package catalog

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
)

const pnpmEntries = `lockfileVersion: '9.0'

settings:
  autoInstallPeers: true

patchedDependencies:
  '@sveltejs/package':
    path: patches/@sveltejs__package.patch

onlyBuiltDependencies:
  - esbuild

packages:

  '@alloc/quick-lru@5.2.0':
    resolution: {integrity: sha512-AAEC}
    engines: {node: ^18.17.0 || >=20.5.0, npm: '>= 8'}
    cpu: [x64]
    hasBin: true
    deprecated: this isn't supported
    peerDependencies:
      '@types/node': ^18.0.0 || >=20.0.0
      react: '*'
    peerDependenciesMeta:
      '@types/node':
        optional: true

  glob@7.2.3:
    resolution: {integrity: sha512-AAEC, tarball: https://example.com/glob.tgz}
    deprecated: |-
      Old versions: of "glob
          'are not # supported

  tar@6.0.0:
    resolution: {integrity: sha512-AAEC}
    transitivePeerDependencies:
      - supports-color
    dev: true
`

const pnpmTrimmed = `lockfileVersion: '9.0'

settings:
  autoInstallPeers: true

patchedDependencies:
  '@sveltejs/package':
    path: patches/@sveltejs__package.patch

onlyBuiltDependencies:
  - esbuild

packages:

  '@alloc/quick-lru@5.2.0':
    resolution: {integrity: sha512-AAEC}
    deprecated: this isn't supported

  glob@7.2.3:
    resolution: {integrity: sha512-AAEC, tarball: https://example.com/glob.tgz}
    deprecated: |-
      Old versions: of "glob
          'are not # supported

  tar@6.0.0:
    resolution: {integrity: sha512-AAEC}
    dev: true
`

func TestTrimPnpmEntries(t *testing.T) {
	if diff := cmp.Diff(pnpmTrimmed, string(trimPnpmEntries([]byte(pnpmEntries)))); diff != "" {
		t.Errorf("trimPnpmEntries (-want +got):\n%s", diff)
	}
}

// A line that may be part of something else than it looks like is never taken
// out: it might take a package with it.
func TestTrimPnpmEntriesWhenAttackerHidesAPackage(t *testing.T) {
	const head = "packages:\n  a@1.0.0:\n    resolution: {integrity: sha512-AAEC}\n"
	for name, lines := range map[string]string{
		"an open bracket":               "    engines: {node: '1',\n  b@1.0.0: x}\n",
		"a bracket closed in a comment": "    engines: {node: '1', #}\n  b@1.0.0: x}\n",
		"an open single quote":          "    engines: 'x\n  b@1.0.0: y'\n",
		"an open double quote":          "    engines: \"x\n  b@1.0.0: y\"\n",
		"a quote in a plain text":       "    cpu: [a:'b, \"c', x\"]\n",
		"a quote behind a quote":        "    cpu: ['a'b, \"c', x]\n",
		"an escaped quote":              "    cpu: [\"a\\\", b]\"]\n",
		"a quote after its end":         "    engines: 'a' b\n",
		"an anchor":                     "    engines: &x {node: '1'}\n",
		"an anchor in a list":           "    cpu: [&x x64]\n",
		"an alias":                      "    engines: *x\n",
		"a tag":                         "    engines: !!map {node: '1'}\n",
		"a complex key":                 "    ? engines\n    : {node: '1'}\n",
		"a merge":                       "    <<: *x\n",
		"a block of text":               "    engines: |\n      x\n",
		"a text over two lines":         "    hasBin: true\n      b@1.0.0\n",
		"a text in a dropped block":     "    peerDependencies:\n      a: ^1\n        b: ^2\n",
		"a line of its own":             "    peerDependencies:\n     b@1.0.0: x\n",
		"a field that is not known":     "    unknown:\n      b: x\n",
		"a tab":                         "    engines:\t{node: '1'}\n",
		"a carriage return":             "    hasBin: true\r  b@1.0.0: {}\n",
		"a line separator":              "    hasBin: true\u2028  b@1.0.0: {}\n",
		"a next line":                   "    hasBin: true\u0085  b@1.0.0: {}\n",
		"a directive":                   "%YAML 1.1\n",
		"an open quote elsewhere":       "settings:\n  a: \"x\npackages:\n  b@1.0.0:\n    hasBin: true\n  c: \"\n",
		"an open bracket elsewhere":     "settings: [a,\npackages:\n  b@1.0.0:\n    hasBin: true\n]\n",
	} {
		whole := head + "    hasBin: true\n" + lines
		if diff := cmp.Diff(whole, string(trimPnpmEntries([]byte(whole)))); diff != "" {
			t.Errorf("%s: trimmed (-want +got):\n%s", name, diff)
		}
	}
}

// entriesOf is what a YAML parser makes of each entry's key and resolution, and
// whether it can read the lock.
func entriesOf(data []byte) (map[string]map[string]string, bool) {
	var lock struct {
		Packages map[string]struct {
			Resolution map[string]string `yaml:"resolution"`
		} `yaml:"packages"`
	}
	if err := yaml.Unmarshal(data, &lock); err != nil {
		return nil, false
	}
	out := map[string]map[string]string{}
	for key, entry := range lock.Packages {
		out[key] = entry.Resolution
	}
	return out, true
}

func FuzzTrimPnpmEntries(f *testing.F) {
	f.Add([]byte(pnpmEntries))
	f.Add([]byte("packages:\n  a@1:\n    cpu: [x, 'y']\n    engines: {node: '>=1'}\n    peerDependencies:\n      a: '*'\n      - b\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		trimmed := trimPnpmEntries(data)
		if len(trimmed) == len(data) {
			return
		}
		want, ok := entriesOf(data)
		if !ok {
			return // syft says so of what it is given, if it is still so
		}
		got, ok := entriesOf(trimmed)
		if !ok {
			t.Fatalf("cannot be read after trimming:\n%s", trimmed)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("trimming changed the entries (-want +got):\n%s", diff)
		}
	})
}

// TestTrimRealLock holds that the lock of a real project is trimmed, and says
// the same.
func TestTrimRealLock(t *testing.T) {
	root := os.Getenv("TALLYMAN_SHARED")
	if root == "" {
		root = filepath.Join("..", "..", "..", "shared")
	}
	data, err := os.ReadFile(filepath.Join(root, "data", "gradio", "pnpm-lock.yaml"))
	if err != nil {
		t.Skipf("skipped: needs ../shared (set TALLYMAN_SHARED): %v", err)
	}
	data = trimPnpmLock(data)
	trimmed := trimPnpmEntries(data)
	if strings.Contains(string(trimmed), "engines:") {
		t.Error("nothing was trimmed")
	}
	want, _ := entriesOf(data)
	got, _ := entriesOf(trimmed)
	if diff := cmp.Diff(want, got); diff != "" || len(want) < 1000 {
		t.Errorf("trimming changed the %d entries (-want +got):\n%s", len(want), diff)
	}
}
