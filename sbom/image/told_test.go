package image

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
)

// withHistory gives an image a history of its own.
func withHistory(t testing.TB, img v1.Image, history ...v1.History) v1.Image {
	t.Helper()
	config, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	config = config.DeepCopy()
	config.History = history
	if img, err = mutate.ConfigFile(img, config); err != nil {
		t.Fatal(err)
	}
	return img
}

// TestLayersToldByHistory: each layer has its own line, whatever stands between
// them, without secrets; a history of other layers tells nothing.
func TestLayersToldByHistory(t *testing.T) {
	img := imageOf(t, tarsOf(t, [][]item{{{"a", "a"}}, {{"b", "b"}}})...)
	first, second := v1.History{CreatedBy: "ADD file:12 in / "}, v1.History{CreatedBy: "RUN |1 TOKEN=hunter2 /bin/sh -c make # buildkit"}
	empty := v1.History{CreatedBy: "ENV A=b", EmptyLayer: true}
	for _, test := range []struct {
		name        string
		history     []v1.History
		want        []string
		unhistoried bool
	}{
		{"none", nil, []string{"", ""}, false},
		{"with empty layers", []v1.History{empty, first, empty, empty, second, empty}, []string{first.CreatedBy, "RUN |1 TOKEN=*** /bin/sh -c make # buildkit"}, false},
		{"one too few", []v1.History{empty, first}, []string{"", ""}, true},
		{"one too many", []v1.History{first, second, first}, []string{"", ""}, true},
	} {
		inv, err := Read(t.Context(), withHistory(t, img, test.history...), Options{})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for i, l := range inv.Document.Layers {
			got = append(got, l.CreatedBy)
			if l.Digest != inv.Layers[i] || l.DiffID == "" || l.Base {
				t.Errorf("%s: layer %d is %+v", test.name, i, l)
			}
		}
		if diff := cmp.Diff(test.want, got); diff != "" || inv.Unhistoried != test.unhistoried {
			t.Errorf("%s: unhistoried %v (-want +got):\n%s", test.name, inv.Unhistoried, diff)
		}
	}
}
