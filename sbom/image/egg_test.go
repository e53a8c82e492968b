package image

import (
	"archive/zip"
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// zipOf builds a zip archive of names and contents.
func zipOf(t testing.TB, files ...string) string {
	t.Helper()
	var buf bytes.Buffer
	w := zip.NewWriter(&buf)
	for i := 0; i < len(files); i += 2 {
		f, err := w.Create(files[i])
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write([]byte(files[i+1])); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.String()
}

// TestEggs has every form of egg.
func TestEggs(t *testing.T) {
	zipped := zipOf(t, "a.py", "x", eggMetadata, metadata("a", "1"))
	many := make([]string, 0, 50_000)
	for i := range 25_000 {
		many = append(many, fmt.Sprint(i), "")
	}
	const at = site + "a-1-py3.12.egg"
	for _, tc := range []struct {
		name             string
		items            []item
		components, gaps []string
	}{
		{"zipped", []item{{at, zipped}}, []string{"PyPI a 1 installed layer 1"}, nil},
		{"zipped behind a program", []item{{at, "#!/bin/sh\nexec python3 \"$0\"\n" + zipped}}, []string{"PyPI a 1 installed layer 1"}, nil},
		{"a folder", []item{{at + "/EGG-INFO/PKG-INFO", metadata("a", "1")}}, []string{"PyPI a 1 installed layer 1"}, nil},
		{"a file", []item{{site + "a-1-py3.12.egg-info", metadata("a", "1")}}, []string{"PyPI a 1 installed layer 1"}, nil},
		{"a folder of metadata", []item{{site + "a-1-py3.12.egg-info/PKG-INFO", metadata("a", "1")}}, []string{"PyPI a 1 installed layer 1"}, nil},
		{"called something else", []item{{site + "gradio-4.19.1-py3.12.egg", zipped}}, []string{"PyPI a 1 installed layer 1", "PyPI gradio 4.19.1 installed layer 1"}, []string{"conflict /" + site + "gradio-4.19.1-py3.12.egg layer 1"}},
		{"no archive", []item{{at, "PK"}}, nil, []string{"unparsed /" + at + " layer 1"}},
		{"cut", []item{{at, zipped[:len(zipped)-1]}}, nil, []string{"unparsed /" + at + " layer 1"}},
		{"without metadata", []item{{at, zipOf(t, "a.py", "x")}}, nil, []string{"unparsed /" + at + " layer 1"}},
		{"metadata twice", []item{{at, zipOf(t, eggMetadata, metadata("a", "1"), eggMetadata, metadata("a", "2"))}}, nil, []string{"unparsed /" + at + " layer 1"}},
		{"metadata that inflates", []item{{at, zipOf(t, eggMetadata, strings.Repeat(" ", 2<<20)+metadata("a", "1"))}}, nil, []string{"unparsed /" + at + " layer 1"}},
		{"too many files", []item{{at, zipOf(t, many...)}}, nil, []string{"unparsed /" + at + " layer 1"}},
		{"too large", []item{{at, strings.Repeat("\x00", 17<<20)}}, nil, []string{"too-large /" + at + " layer 1"}},
		{"gone", []item{{at, zipped}, {at, "-> /nowhere"}}, nil, []string{"unread /" + at + " layer 1"}},
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

// TestEggLink: a development install is of the folder that it points to, and one
// that points to nothing known hides what is installed.
func TestEggLink(t *testing.T) {
	for content, want := range map[string]string{
		"/srv/app/src\n../": "file:///srv/app/src", "/app\n.": "file:///srv/app/src",
		"/srv/other\n.": "", "src\n.": "", "": "",
	} {
		_, gaps, inv := read(t, imageOf(t, tarOf(t, item{"app", "-> srv/app/src"}, item{"srv/app/src/my_app.egg-info/PKG-INFO", metadata("my-app", "0.1")}, item{site + "my-app.egg-link", content})))
		c := inv.Document.Components[0]
		if c.URL != want || c.Editable != (want != "") || len(gaps) == 0 != c.Editable {
			t.Errorf("%q: URL %q, editable %v, gaps %v", content, c.URL, c.Editable, gaps)
		}
	}
}

// FuzzEgg: whatever stands before an egg, the same is read of it.
func FuzzEgg(f *testing.F) {
	f.Add([]byte(zipOf(f, eggMetadata, metadata("a", "1"))))
	f.Add([]byte(zipOf(f, "a", "", "EGG-INFO/", "", eggMetadata, metadata("b", "2"), eggMetadata, metadata("a", "1"))))
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := parseEgg(data)
		if err != nil {
			return
		}
		if !nameOK.MatchString(got.Name) || !debWord(got.Version) {
			t.Errorf("read %+v", got)
		}
		again, err := parseEgg(append([]byte("#!/bin/sh\n"), data...))
		if err != nil || *again != *got {
			t.Errorf("read %+v, and %+v behind a line, %v", got, again, err)
		}
	})
}
