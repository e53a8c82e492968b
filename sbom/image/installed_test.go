package image

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tallyman/tallyman/sbom"
)

// TestInstalled: what INSTALLER, REQUESTED and direct_url.json say of how a
// distribution came there is kept, and no credentials with it.
func TestInstalled(t *testing.T) {
	const sum = "47dee4a9d4a1b9bfe4f1d2d2a2ccb8a1f5c6b9bcd0c2c4b1e9f0e0d6a3c1b2f4"
	for _, tc := range []struct {
		name  string
		files []item
		want  sbom.Component
	}{
		{"nothing", nil, sbom.Component{}},
		{"pip, requested", []item{{"INSTALLER", "pip\n"}, {"REQUESTED", ""}}, sbom.Component{Installer: "pip", Requested: true}},
		{"no word", []item{{"INSTALLER", "pip install --index-url https://me:secret@example.org"}}, sbom.Component{}},
		{"a token", []item{{"INSTALLER", "ghp_" + strings.Repeat("a", 36)}}, sbom.Component{}},
		{"too long to be one", []item{{"INSTALLER", strings.Repeat("pip\n", 1000)}}, sbom.Component{}},
		{"a commit", []item{{"direct_url.json", `{"url":"https://me:secret@example.org/a.git?token=secret","subdirectory":"../../py/","vcs_info":{"vcs":"git","requested_revision":"main","commit_id":"0123abc"}}`}},
			sbom.Component{URL: "git+https://example.org/a.git@0123abc#subdirectory=py"}},
		{"an archive", []item{{"direct_url.json", `{"url":"https://example.org/a-1-py3-none-any.whl#egg=a","archive_info":{"hash":"sha256=` + strings.ToUpper(sum) + `","hashes":{"sha256":"` + sum + `","sha512":"00","crc32":"01020304"}}}`}},
			sbom.Component{URL: "https://example.org/a-1-py3-none-any.whl", Hashes: []string{"sha256:" + sum}}},
		{"an archive of long ago", []item{{"direct_url.json", `{"url":"https://example.org/a.tar.gz","archive_info":{"hash":"md5=d41d8cd98f00b204e9800998ecf8427e"}}`}},
			sbom.Component{URL: "https://example.org/a.tar.gz", Hashes: []string{"md5:d41d8cd98f00b204e9800998ecf8427e"}}},
		{"a folder", []item{{"direct_url.json", `{"url":"file:///app","dir_info":{}}`}}, sbom.Component{URL: "file:///app"}},
		{"an editable folder", []item{{"direct_url.json", `{"url":"file:///app","dir_info":{"editable":true}}`}}, sbom.Component{URL: "file:///app", Editable: true}},
		{"a token in the path", []item{{"direct_url.json", `{"url":"https://example.org/ghp_` + strings.Repeat("a", 36) + `/a.git","vcs_info":{"vcs":"git"}}`}}, sbom.Component{URL: "git+https://example.org/***/a.git"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := site + "a-1.dist-info/"
			items := []item{{dir + "METADATA", metadata("a", "1")}, {dir + "RECORD", ""}}
			for _, f := range tc.files {
				items = append(items, item{dir + f.name, f.content})
			}
			_, gaps, inv := read(t, imageOf(t, tarOf(t, items...)))
			if len(gaps) != 0 || len(inv.Document.Components) != 1 {
				t.Fatalf("components %+v, gaps %v", inv.Document.Components, gaps)
			}
			c := inv.Document.Components[0]
			got := sbom.Component{Installer: c.Installer, Requested: c.Requested, URL: c.URL, Editable: c.Editable, Hashes: c.Hashes}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestNoURL: a distribution that says that it came from a URL, and not which, is
// not taken for one of the index.
func TestNoURL(t *testing.T) {
	for _, content := range []string{"", "[]", "{}", `{"url":"","dir_info":{}}`, `{"url":"../a"}`, `{"url":"git@example.org:a.git"}`} {
		_, gaps, _ := read(t, imageOf(t, tarOf(t, item{site + "a-1.dist-info/METADATA", metadata("a", "1")}, item{site + "a-1.dist-info/direct_url.json", content})))
		if want := []string{"unparsed /" + site + "a-1.dist-info/direct_url.json layer 1"}; !slices.Equal(gaps, want) {
			t.Errorf("%q: gaps %v", content, gaps)
		}
	}
}

// FuzzDirectURL: what is kept of a URL names its scheme and no user, and reads
// the same again.
func FuzzDirectURL(f *testing.F) {
	for _, seed := range []string{
		`{"url":"https://me:secret@example.org/a.git","vcs_info":{"vcs":"git","commit_id":"01"}}`,
		`{"url":"file:///app","subdirectory":"a/../../b","dir_info":{"editable":true}}`,
		`{"url":"https://example.org/a.whl","archive_info":{"hash":"md5=d41d8cd98f00b204e9800998ecf8427e","hashes":{"sha256":"x"}}}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		d, err := parseDirectURL(data)
		if err != nil {
			return
		}
		scheme, rest, _ := strings.Cut(d.URL, ":")
		authority, _, _ := strings.Cut(strings.TrimPrefix(rest, "//"), "/")
		if d.URL != "***" && (scheme == "" || withoutCredentials(d.URL) != d.URL) || strings.HasPrefix(rest, "//") && strings.Contains(authority, "@") {
			t.Errorf("kept %q", d.URL)
		}
		if strings.HasPrefix(d.Subdirectory, "/") || strings.HasPrefix(d.Subdirectory+"/", "../") {
			t.Errorf("subdirectory %q", d.Subdirectory)
		}
		for _, h := range d.Hashes {
			if algorithm, value, _ := strings.Cut(h, ":"); algorithm == "" || len(value) < 32 {
				t.Errorf("digest %q", h)
			}
		}
	})
}
