package image

import (
	"bytes"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestFamilies: until a layer shows a sign every digest is made, then those of
// the families that were seen, and a Python file's in any case.
func TestFamilies(t *testing.T) {
	x, y, py := item{"usr/bin/before", "x"}, item{"usr/share/after", "y"}, item{"usr/lib/python3/dist-packages/p.py", "p"}
	sums := func(name, text, which string) looseFile {
		m, s1, s2 := md5.Sum([]byte(text)), sha1.Sum([]byte(text)), sha256.Sum256([]byte(text))
		f := looseFile{Path: "/" + name}
		for _, c := range which {
			switch c {
			case 'm':
				f.MD5 = m[:]
			case '1':
				f.SHA1 = s1[:]
			case '2':
				f.SHA256 = s2[:]
			}
		}
		return f
	}
	for _, tc := range []struct {
		signs           []item
		after, afterOfP string
	}{
		{nil, "m12", "m12"},
		{[]item{{"etc/passwd", ""}, {"usr/lib/gcc/x86_64-linux-gnu/12/cc1", ""}, {"usr/lib/x86_64-unknown-linux-gnu/x", ""}}, "m12", "m12"},
		{[]item{{"etc/debian_version", "12"}}, "m", "m2"},
		{[]item{{"usr/lib/x86_64-linux-gnu/libc.so.6", ""}}, "m", "m2"},
		{[]item{{"lib/arm-linux-gnueabihf/libc.so.6", ""}}, "m", "m2"},
		{[]item{{"etc/apk/world", ""}}, "1", "12"},
		{[]item{{"usr/lib/apk/db/installed", ""}}, "1", "12"},
		{[]item{{"usr/lib/.build-id/00/11", "-> x"}}, "2", "2"},
		{[]item{{"etc/redhat-release", ""}, {"etc/apt/sources.list", ""}}, "m2", "m2"},
	} {
		items := append(append([]item{x}, tc.signs...), y, py)
		facts, err := walk(bytes.NewReader(tarOf(t, items...)), "")
		if err != nil {
			t.Fatal(err)
		}
		var got []looseFile
		for f := range facts.Loose.all() {
			for _, i := range []item{x, y, py} {
				if f.Path == "/"+i.name {
					got = append(got, f)
				}
			}
		}
		want := []looseFile{sums(x.name, "x", "m12"), sums(y.name, "y", tc.after), sums(py.name, "p", tc.afterOfP)}
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(looseFile{})); diff != "" {
			t.Errorf("%v (-want +got):\n%s", tc.signs, diff)
		}
	}
}
