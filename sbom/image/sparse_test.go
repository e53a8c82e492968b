package image

import (
	"archive/tar"
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// sparse is an archive with one file, of which data is stored, and behind which
// holes follow up to size bytes.
// https://www.gnu.org/software/tar/manual/html_node/Old-GNU-Format.html
func sparse(t testing.TB, name, data string, size int64) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(data)), Typeflag: tar.TypeReg, Format: tar.FormatGNU}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte(data)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	out := buf.Bytes()
	out[156] = tar.TypeGNUSparse
	number := func(at int, n int64) { copy(out[at:at+12], fmt.Sprintf("%011o\x00", n)) }
	number(386, 0)
	number(398, int64(len(data)))
	number(410, size)
	number(422, 0)
	number(483, size)
	copy(out[148:156], "        ")
	sum := 0
	for _, b := range out[:512] {
		sum += int(b)
	}
	copy(out[148:156], fmt.Sprintf("%06o\x00 ", sum))
	return out
}

// TestSparse: a file with holes is read as what it is, and one that is large by
// its holes alone is a gap and costs nothing.
func TestSparse(t *testing.T) {
	const huge = 8 << 30
	for _, tc := range []struct {
		name, file string
		size       int64
		want, gaps []string
	}{
		{"metadata with a hole at its end", site + "a-1.dist-info/METADATA", 4096, []string{"PyPI a 1 installed layer 1"}, nil},
		{"metadata of 8 GiB of holes", site + "a.egg-info", huge, nil, []string{"too-large /" + site + "a.egg-info layer 1"}},
		{"a module of 8 GiB of holes", dist + "a.py", huge, nil, []string{"too-large /" + dist + "a.py layer 1"}},
		{"a file that nobody reads", "opt/data/model.bin", huge, nil, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			data := sparse(t, tc.file, strings.TrimSuffix(metadata("a", "1"), "\n")+"\n", tc.size)
			got, gaps, _ := read(t, imageOf(t, data))
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("components (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tc.gaps, gaps); diff != "" {
				t.Errorf("gaps (-want +got):\n%s", diff)
			}
		})
	}
}
