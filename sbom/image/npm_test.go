package image

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestNPM has the ways in which packages of npm come into an image.
func TestNPM(t *testing.T) {
	const a, store = `{"name":"a","version":"1.0.0"}`, "root/.local/share/pnpm/store/v3/files/"
	for _, tc := range []struct {
		name             string
		items            []item
		components, gaps []string
	}{
		{"nested and scoped", []item{{"srv/node_modules/a/package.json", a}, {"srv/node_modules/a/node_modules/@s/b/package.json", `{"name":"@s/b","version":"2.0.0"}`}, {"srv/node_modules/@s/package.json", "{}"}},
			[]string{"npm @s/b 2.0.0 installed layer 1", "npm a 1.0.0 installed layer 1"}, nil},
		{"pnpm's folders and links", []item{{"srv/node_modules/.pnpm/a@1.0.0/node_modules/a/package.json", a}, {"srv/node_modules/a", "-> .pnpm/a@1.0.0/node_modules/a"}, {"srv/node_modules/.modules.yaml", "x"}},
			[]string{"npm a 1.0.0 installed layer 1"}, nil},
		{"hard links to pnpm's store", []item{
			{store + "ab/cdef", a}, {store + "ab/0123-exec", "#!/usr/bin/env node"}, {store + "00/cdef-index.json", `{"name":"b","version":"3.0.0"}`}, {store + "ab/empty", ""},
			{"srv/node_modules/.pnpm/a@1.0.0/node_modules/a/package.json", "=> " + store + "ab/cdef"}},
			[]string{"npm a 1.0.0 installed layer 1"}, nil},
		{"hard links of pnpm's store to what is installed", []item{{"app/node_modules/a/package.json", a}, {store + "ab/cdef", "=> app/node_modules/a/package.json"}},
			[]string{"npm a 1.0.0 installed layer 1"}, nil},
		{"a store alone", []item{{store + "ab/cdef", a}}, nil, nil},
		{"a hard link to what is no package in the store", []item{{store + "ab/cdef", `{"type":"module"}`}, {"srv/node_modules/a/package.json", "=> " + store + "ab/cdef"}}, nil, []string{"unread /srv/node_modules/a/package.json layer 1"}},
		{"what only says how modules are loaded", []item{{"srv/node_modules/a/esm/package.json", "x"}, {"srv/node_modules/b/package.json", `{"type":"module","main":"x.js"}`}}, nil, nil},
		{"private, without a version", []item{{"srv/node_modules/a/package.json", `{"name":"a","private":true}`}}, nil, nil},
		{"private, with one", []item{{"srv/node_modules/a/package.json", `{"name":"a","private":true,"version":"1.0.0"}`}}, []string{"npm a 1.0.0 installed layer 1"}, nil},
		{"the version removed", []item{{"srv/node_modules/a/package.json", `{"name":"a","main":"x.js"}`}}, nil, []string{"unparsed /srv/node_modules/a/package.json layer 1"}},
		{"name and version removed", []item{{"srv/node_modules/a/package.json", `{"dependencies":{}}`}}, nil, []string{"unparsed /srv/node_modules/a/package.json layer 1"}},
		{"emptied", []item{{"srv/node_modules/a/package.json", "{}"}}, nil, []string{"unparsed /srv/node_modules/a/package.json layer 1"}},
		{"fixtures of tests", []item{{"srv/node_modules/r/test/resolver/node_modules/a/package.json", a}, {"srv/node_modules/@s/r/fixtures/node_modules/b/package.json", "{"}},
			[]string{"npm a 1.0.0 claimed layer 1"}, []string{"claim /srv/node_modules/@s/r/fixtures/node_modules/b/package.json layer 1"}},
		{"a package called like a folder of tests", []item{{"srv/node_modules/test/node_modules/a/package.json", a}, {"srv/node_modules/@s/test/node_modules/b/package.json", `{"name":"b","version":"1.0.0"}`}, {"srv/test/node_modules/c/package.json", `{"name":"c","version":"1.0.0"}`}},
			[]string{"npm a 1.0.0 installed layer 1", "npm b 1.0.0 installed layer 1", "npm c 1.0.0 installed layer 1"}, nil},
		{"an application inside a package", []item{{"usr/lib/node_modules/app/packages/server/node_modules/a/package.json", a}}, []string{"npm a 1.0.0 installed layer 1"}, nil},
		{"Plug'n'Play", []item{{"srv/.pnp.cjs", "x"}, {"srv/.yarn/cache/a-npm-1.0.0-0123456789-abc.zip", "PK"}}, nil, []string{"unsupported /srv/.pnp.cjs layer 1"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			components, gaps, _ := read(t, imageOf(t, tarOf(t, tc.items...)))
			if diff := cmp.Diff(tc.components, components); diff != "" {
				t.Errorf("components (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tc.gaps, gaps); diff != "" {
				t.Errorf("gaps (-want +got):\n%s", diff)
			}
		})
	}
}

// FuzzPackageJSON: what is read is a name and a version, and another field
// changes neither.
func FuzzPackageJSON(f *testing.F) {
	f.Add([]byte(`{"name":"a","version":"1.0.0"}`))
	f.Add([]byte(`{"name":"a","private":true}`))
	f.Add([]byte(`{"type":"module"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := parsePackageJSON(data)
		if err != nil || got == nil {
			return
		}
		if !debWord(got.Name) || !debWord(got.Version) {
			t.Errorf("read %+v", got)
		}
		again, err := parsePackageJSON(append([]byte(`{"description":"x",`), data[bytes.IndexByte(data, '{')+1:]...))
		if err != nil || *again != *got {
			t.Errorf("read %+v, and %+v with a description, %v", got, again, err)
		}
	})
}
