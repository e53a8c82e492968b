package image

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/klauspost/compress/zstd"
)

// members compresses each part for itself and puts them behind one another, as
// pigz and eStargz do.
func members(t testing.TB, parts ...[]byte) []byte {
	t.Helper()
	var out bytes.Buffer
	for _, p := range parts {
		w := gzip.NewWriter(&out)
		if _, err := w.Write(p); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return out.Bytes()
}

// eStargz is a layer as the stargz snapshotter's builder stores it: each entry a
// member, a landmark among them, the table of contents the last, and a footer
// that is an empty member with the table's offset.
// https://github.com/containerd/stargz-snapshotter/blob/main/docs/estargz.md
func eStargz(t testing.TB, items ...item) (stored, content []byte) {
	t.Helper()
	all := append([]item{{".no.prefetch.landmark", "\x0f"}}, items...)
	all = append(all, item{"stargz.index.json", `{"version":1,"entries":[]}`})
	var parts [][]byte
	for i, it := range all {
		one := tarOf(t, it)
		if i < len(all)-1 {
			one = one[:len(one)-1024] // the end mark
		}
		parts = append(parts, one)
		content = append(content, one...)
	}
	stored = members(t, parts...)
	var footer bytes.Buffer
	w := gzip.NewWriter(&footer)
	w.Extra = append([]byte{'S', 'G', 22, 0}, "0000000000000000STARGZ"...)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return append(stored, footer.Bytes()...), content
}

// chunked is a layer as zstd:chunked stores it: several frames, and skippable
// ones with tables between and behind them.
// https://datatracker.ietf.org/doc/html/rfc8878#section-3.1.2
func chunked(t testing.TB, content []byte) []byte {
	t.Helper()
	skippable := append(binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(nil, 0x184d2a50), 5), "table"...)
	var out bytes.Buffer
	for _, part := range [][]byte{content[:512], content[512:]} {
		w, err := zstd.NewWriter(&out)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(part); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		out.Write(skippable)
	}
	return out.Bytes()
}

func TestFormats(t *testing.T) {
	items := []item{{site + "a-1.dist-info/METADATA", metadata("a", "1")}, {site + "b-2.dist-info/METADATA", metadata("b", "2")}}
	content := tarOf(t, items...)
	star, starContent := eStargz(t, items...)
	for _, tc := range []struct {
		name            string
		stored, content []byte
	}{
		{"uncompressed", content, content},
		{"gzip", members(t, content), content},
		{"gzip of several members", members(t, content[:100], nil, content[100:]), content},
		{"eStargz", star, starContent},
		{"zstd:chunked", chunked(t, content), content},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, gaps, _ := read(t, withLayer(t, tc.stored, tc.content))
			if diff := cmp.Diff([]string{"PyPI a 1 installed layer 1", "PyPI b 2 installed layer 1"}, got); diff != "" {
				t.Errorf("components (-want +got):\n%s", diff)
			}
			if len(gaps) != 0 {
				t.Errorf("gaps %q", gaps)
			}
		})
	}
}

// TestFormatsUnknown: other compressions are refused by name.
func TestFormatsUnknown(t *testing.T) {
	for name, stored := range map[string]string{"bzip2": "BZh91AY&SY", "xz": "\xfd7zXZ\x00"} {
		_, err := Read(t.Context(), withLayer(t, []byte(stored), nil), Options{})
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// withheld is a layer that fails the test when it is read.
type withheld struct {
	v1.Layer
	t          *testing.T
	descriptor v1.Descriptor
}

func (w withheld) Descriptor() (*v1.Descriptor, error) { return &w.descriptor, nil }
func (w withheld) MediaType() (types.MediaType, error) { return w.descriptor.MediaType, nil }
func (w withheld) Compressed() (io.ReadCloser, error) {
	w.t.Error("the layer was read")
	return nil, io.EOF
}
func (w withheld) Digest() (v1.Hash, error) { return w.descriptor.Digest, nil }
func (w withheld) Size() (int64, error)     { return w.descriptor.Size, nil }

var _ partial.Describable = withheld{}

// TestClosedLayers: a layer that is elsewhere or encrypted is a gap, nobody
// goes where the image's author says, and the rest is read.
func TestClosedLayers(t *testing.T) {
	for _, tc := range []struct {
		name      string
		mediaType types.MediaType
		urls      []string
		want      string
	}{
		{"docker foreign", types.DockerForeignLayer, []string{"https://169.254.169.254/latest"}, "foreign"},
		{"oci non-distributable", types.OCIRestrictedLayer, nil, "foreign"},
		{"oci non-distributable uncompressed", types.OCIUncompressedRestrictedLayer, nil, "foreign"},
		{"an ordinary layer with addresses", types.OCILayer, []string{"https://169.254.169.254/latest"}, "foreign"},
		{"encrypted", "application/vnd.oci.image.layer.v1.tar+gzip+encrypted", nil, "encrypted"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			secret := static.NewLayer([]byte("elsewhere"), tc.mediaType)
			h, err := secret.Digest()
			if err != nil {
				t.Fatal(err)
			}
			closed := withheld{secret, t, v1.Descriptor{MediaType: tc.mediaType, Digest: h, Size: 9, URLs: tc.urls}}
			img, err := mutate.Append(empty.Image,
				mutate.Addendum{Layer: static.NewLayer(tarOf(t, item{site + "a-1.dist-info/METADATA", metadata("a", "1")}), types.OCIUncompressedLayer)},
				mutate.Addendum{Layer: closed, URLs: tc.urls})
			if err != nil {
				t.Fatal(err)
			}
			got, gaps, inv := read(t, img)
			if diff := cmp.Diff([]string{"PyPI a 1 installed layer 1"}, got); diff != "" {
				t.Errorf("components (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff([]string{"image  layer 2"}, gaps); diff != "" {
				t.Fatalf("gaps (-want +got):\n%s", diff)
			}
			if g := inv.Document.Gaps[0]; !strings.Contains(g.Reason, tc.want) || !g.Hides {
				t.Errorf("gap %+v", g)
			}
		})
	}
}
