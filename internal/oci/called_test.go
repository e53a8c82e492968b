package oci

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	ggcrlayout "github.com/google/go-containerregistry/pkg/v1/layout"
)

// namedImage is an image of a layout, with what its index.json says of it.
type namedImage struct {
	ref, containerd string
	platform        string
}

// namedLayout is a layout of an image for each, and their digests.
func namedLayout(t *testing.T, images []namedImage) (dir string, digests []string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "save:layout")
	l, err := ggcrlayout.Write(dir, empty.Index)
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range images {
		img := testImage(t, "amd64")
		labels := map[string]string{}
		if one.ref != "" {
			labels[refName] = one.ref
		}
		if one.containerd != "" {
			labels[containerdName] = one.containerd
		}
		opts := []ggcrlayout.Option{ggcrlayout.WithAnnotations(labels)}
		if one.platform != "" {
			img = testImage(t, strings.TrimPrefix(one.platform, "linux/"))
			opts = append(opts, ggcrlayout.WithPlatform(v1.Platform{OS: "linux", Architecture: strings.TrimPrefix(one.platform, "linux/")}))
		}
		if err := l.AppendImage(img, opts...); err != nil {
			t.Fatal(err)
		}
		digests = append(digests, digestOf(t, img).String())
	}
	return dir, digests
}

// TestEveryListedNameOpens types each word of the list of images behind the path
// of a layout, in a folder and in a tar.
func TestEveryListedNameOpens(t *testing.T) {
	for name, tc := range map[string]struct {
		images []namedImage
		// list are the words, and D0 the digest of the first image.
		list string
	}{
		"tags":                      {[]namedImage{{ref: "1"}, {ref: "2"}}, "1, 2"},
		"whole references":          {[]namedImage{{ref: "docker.io/library/x:2"}, {ref: "localhost:5000/team/y:2"}}, "docker.io/library/x:2, localhost:5000/team/y:2"},
		"containerd's, of one tag":  {[]namedImage{{ref: "1", containerd: "docker.io/library/db:1"}, {ref: "1", containerd: "docker.io/library/web:1"}}, "docker.io/library/db:1, docker.io/library/web:1"},
		"without a tag":             {[]namedImage{{ref: "db"}, {ref: "example.test/web"}}, "db, example.test/web"},
		"with a digest":             {[]namedImage{{ref: "x@sha256:" + strings.Repeat("0", 64)}, {ref: "y"}}, "x@sha256:" + strings.Repeat("0", 64) + ", y"},
		"one has none":              {[]namedImage{{}, {ref: "y"}}, "D0, y"},
		"one that nobody can type":  {[]namedImage{{ref: "x y\x1b[31m"}, {ref: "y"}}, "D0, y"},
		"one with a login":          {[]namedImage{{ref: "joe:hunter2@registry.test/x"}, {ref: "y"}}, "D0, y"},
		"two of one name":           {[]namedImage{{ref: "x:1"}, {ref: "docker.io/library/x:1"}, {ref: "y"}}, "D0, D1, y"},
		"platforms of one of two":   {[]namedImage{{ref: "x:1", platform: "linux/amd64"}, {ref: "x:1", platform: "linux/arm64"}, {ref: "y:1", platform: "linux/amd64"}}, "x:1, y:1"},
		"the same platform twice":   {[]namedImage{{ref: "x:1", platform: "linux/amd64"}, {ref: "x:1", platform: "linux/amd64"}}, "D0, D1"},
		"a tag that ends the other": {[]namedImage{{ref: "1"}, {ref: "x:1"}}, "1, x:1"},
	} {
		t.Run(name, func(t *testing.T) {
			dir, digests := namedLayout(t, tc.images)
			want := map[string]bool{}
			for _, word := range strings.Split(tc.list, ", ") {
				for i, digest := range digests {
					word = strings.ReplaceAll(word, "D"+string(rune('0'+i)), digest)
				}
				want[word] = true
			}
			for _, path := range []string{"oci:" + dir, dir, tarDir(t, dir)} {
				_, err := tryOpen(t, path, Options{})
				var ours *Error
				if !errors.As(err, &ours) || !errors.Is(err, ErrAmbiguous) {
					t.Fatalf("%s: %v, want several images", path, err)
				}
				words := strings.Split(ours.Err.Error(), ", ")
				opened := map[v1.Hash]bool{}
				for _, word := range words {
					if !want[word] {
						t.Errorf("%s: the list has %q, want %v", path, word, want)
					}
					sep := ":"
					if digestOK.MatchString(word) {
						sep = "@"
					}
					img := open(t, path+sep+word, Options{Platform: "linux/amd64"})
					opened[img.Digest()] = true
					if again := open(t, path+strings.TrimSuffix(sep, "@")+strings.TrimPrefix(word, img.Digest().String())+"@"+img.Digest().String(), Options{}); sep == ":" && again.Digest() != img.Digest() {
						t.Errorf("%s%s%s and its digest: opened another one", path, sep, word)
					}
				}
				if len(words) != len(want) || len(opened) != len(want) {
					t.Errorf("%s: %d words open %d images, want %d of each", path, len(words), len(opened), len(want))
				}
				hint := ours.Hint[strings.LastIndex(ours.Hint, " ")+1:]
				if _, err := tryOpen(t, hint, Options{Platform: "linux/amd64"}); err != nil {
					t.Errorf("%s: the hint %q: %v", path, ours.Hint, err)
				}
			}
		})
	}
}

// TestNameBehindPath holds where the path ends and the name begins.
func TestNameBehindPath(t *testing.T) {
	dir, digests := namedLayout(t, []namedImage{{ref: "docker.io/library/x:2"}})
	digest := digests[0]
	for word, want := range map[string]Ref{
		dir:                                    {KindLayout, dir, ""},
		dir + ":2":                             {KindLayout, dir, "2"},
		dir + ":x":                             {KindLayout, dir, "x"},
		dir + ":docker.io/library/x:2":         {KindLayout, dir, "docker.io/library/x:2"},
		dir + "@" + digest:                     {KindLayout, dir, digest},
		dir + ":x:2@" + digest:                 {KindLayout, dir, "x:2@" + digest},
		"oci:" + dir + ":x:2":                  {KindLayout, dir, "x:2"},
		"-":                                    {KindStream, "", ""},
		"-:x:2":                                {KindStream, "", "x:2"},
		"-:docker.io/library/x:2":              {KindStream, "", "docker.io/library/x:2"},
		"-@" + digest:                          {KindStream, "", digest},
		"oci:nowhere:2":                        {KindLayout, "nowhere", "2"},
		"docker-archive:nowhere.tar@" + digest: {KindDockerArchive, "nowhere.tar", digest},
	} {
		got, err := Parse(word)
		if err != nil || got != want {
			t.Errorf("Parse(%q) = %+v, %v, want %+v", word, got, err, want)
		}
		if again, err := Parse(got.String()); err != nil || again != got {
			t.Errorf("Parse(%q), which it calls itself, = %+v, %v", got.String(), again, err)
		}
	}
	for _, word := range []string{dir + "@" + digest[:19], "oci:" + dir + "@" + digest[:70]} {
		if _, err := Parse(word); err == nil || !strings.Contains(err.Error(), "ends in a part of a digest") {
			t.Errorf("Parse(%q): %v", word, err)
		}
	}
}
