package image

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/tallyman/tallyman/sbom"
)

// FuzzWalk: whatever the bytes of a layer, every path in its facts is absolute,
// clean and inside, and facts that were written and read again give the same
// inventory.
func FuzzWalk(f *testing.F) {
	for _, tc := range squashCases {
		for _, items := range tc.layers {
			f.Add(tarOf(f, items...))
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		facts, err := walk(bytes.NewReader(summed(data)), "sha256:00")
		if err != nil {
			return
		}
		for e := range facts.Entries.all() {
			if !strings.HasPrefix(e.Path, "/") || path.Clean(e.Path) != e.Path {
				t.Errorf("the path %q leaves the root", e.Path)
			}
		}
		key := cacheKey{Analyser: 1, Tool: "t", Digest: facts.Layer, DiffID: "sha256:01"}
		var written bytes.Buffer
		if err := writeFacts(&written, key, facts); err != nil {
			t.Fatal(err)
		}
		again, err := decodeFacts(bytes.NewReader(written.Bytes()[:written.Len()-sha256.Size]), key)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(inventoryOf(t, facts), inventoryOf(t, again)); diff != "" {
			t.Errorf("facts read back from the cache differ:\n%s", diff)
		}
	})
}

// summed puts the checksums of an archive's headers right, which a change of any
// other byte makes wrong.
func summed(data []byte) []byte {
	data = bytes.Clone(data)
	for at := 0; at+512 <= len(data); at += 512 {
		h := data[at : at+512]
		if h[0] == 0 {
			continue
		}
		copy(h[148:156], "        ")
		sum := 0
		for _, c := range h {
			sum += int(c)
		}
		copy(h[148:156], fmt.Sprintf("%06o\x00 ", sum))
		size, err := strconv.ParseUint(string(bytes.Trim(h[124:136], " \x00")), 8, 32)
		if err == nil {
			at += int(size+511) &^ 511
		}
	}
	return data
}

func inventoryOf(t *testing.T, facts *layerFacts) *Inventory {
	t.Helper()
	s, err := squash(t.Context(), []*layerFacts{facts, facts})
	if err != nil {
		t.Fatal(err)
	}
	return s.inventory("")
}

// FuzzStatus: a sound paragraph after anything at all is found, and nothing
// that is found has an empty or broken name or version.
func FuzzStatus(f *testing.F) {
	f.Add(deb("a", "1") + deb("b", "2:1-1"))
	f.Add("Package: a\nStatus: install ok half-configured\nVersion: 1\nSource: x (2)\nDescription: y\n Version: 3\n\n")
	f.Add("Package: a\r\nVersion: 1\r\n\r\nPackage: a\nPackage: b\n\n: \n#\n")
	f.Fuzz(func(t *testing.T, text string) {
		before, _, err := parseStatus(strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range before {
			if !debWord(p.Name) || !debWord(p.Version) || p.Line < 1 {
				t.Errorf("package %+v", p)
			}
		}
		after, _, err := parseStatus(strings.NewReader(text + "\n\n" + deb("sentinel", "1")))
		if err != nil {
			t.Fatal(err)
		}
		if len(after) != len(before)+1 || after[len(before)].Name != "sentinel" {
			t.Errorf("%d packages, and %d with one more", len(before), len(after))
		}
	})
}

// FuzzMetadata: the name and version that are read are those that come first,
// whatever is in the body.
func FuzzMetadata(f *testing.F) {
	f.Add([]byte(metadata("a", "1")))
	f.Add([]byte("\ufeffNAME: a\r\nversion: 1\r\n\r\nName: b"))
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := parseMetadata(data)
		if err != nil {
			return
		}
		if !nameOK.MatchString(got.Name) || !debWord(got.Version) {
			t.Errorf("read %+v", got)
		}
		more, err := parseMetadata(append(bytes.Clone(data), "\n\nName: evil\nVersion: 99\n"...))
		if err != nil || *more != *got {
			t.Errorf("a body changes %+v to %+v, %v", got, more, err)
		}
	})
}

// FuzzConfig: of the values in an image's environment only those of GRADIO_*
// settings that do not look secret are told: with any others in their place the
// facts are the same. What is told is sorted and each name once.
func FuzzConfig(f *testing.F) {
	f.Add([]byte(`{"os":"linux","config":{"User":"0","Env":["PATH=/bin","HF_TOKEN=hf_x","GRADIO_SERVER_NAME=0.0.0.0","GRADIO_AUTH=a:b","A","=x"],"ExposedPorts":{"7860/tcp":{}},"Healthcheck":{"Test":["NONE"]}}}`))
	f.Add([]byte(`{"created":"2026-01-01T00:00:00Z","config":{"Labels":{"a":"b"},"Env":["X_KEY=","x_key=1","GPG_KEY=1"],"WorkingDir":"../.."},"rootfs":{"type":"layers","diff_ids":[]}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		config, err := v1.ParseConfigFile(bytes.NewReader(data))
		if err != nil {
			return
		}
		got := newConfig(config)
		if !slices.IsSorted(got.EnvNames) || len(slices.Compact(slices.Clone(got.EnvNames))) != len(got.EnvNames) || !slices.IsSorted(got.ExposedPorts) {
			t.Errorf("not in order: %q %q", got.EnvNames, got.ExposedPorts)
		}
		for _, name := range got.SecretEnvNames {
			if !slices.Contains(got.EnvNames, name) || got.GradioEnv[name] != "" {
				t.Errorf("the secret %q is not among the names, or told", name)
			}
		}
		for i, variable := range config.Config.Env {
			name, value, _ := strings.Cut(variable, "=")
			if value != "" && (sbom.LooksSecret(name) || !strings.HasPrefix(name, "GRADIO_")) {
				config.Config.Env[i] = name + "=another"
			}
		}
		if diff := cmp.Diff(got, newConfig(config)); diff != "" {
			t.Errorf("other values give other facts (-first +second):\n%s", diff)
		}
	})
}
