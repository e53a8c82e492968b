package testimage

import (
	"crypto/ed25519"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// maxBytes is how large the example may be, so that a clone stays small.
const maxBytes = 300_000

// TestFilesAreGenerated fails when what the repository holds is not, byte by
// byte, what the generator writes: run "go generate ./internal/testimage".
func TestFilesAreGenerated(t *testing.T) {
	want, err := Files()
	if err != nil {
		t.Fatal(err)
	}
	testdata := filepath.Join("..", "..", "testdata")
	total := 0
	for name, data := range want {
		total += len(data)
		got, err := os.ReadFile(filepath.Join(testdata, filepath.FromSlash(name)))
		if err != nil {
			t.Errorf("%v", err)
			continue
		}
		if diff := cmp.Diff(string(data), string(got)); diff != "" {
			t.Errorf("%s (-generated +repository):\n%s", name, diff)
		}
	}
	if total > maxBytes {
		t.Errorf("%d bytes, more than %d", total, maxBytes)
	}
	err = fs.WalkDir(os.DirFS(testdata), LayoutDir, func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && want[path.Clean(name)] == nil {
			t.Errorf("%s is not from the generator", name)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

func TestFilesAreTheSameEachTime(t *testing.T) {
	first, err := Files()
	if err != nil {
		t.Fatal(err)
	}
	second, err := Files()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(first, second); diff != "" {
		t.Errorf("two runs differ:\n%s", diff)
	}
}

// TestSignature checks the signature with nothing but the standard library.
func TestSignature(t *testing.T) {
	files, err := Files()
	if err != nil {
		t.Fatal(err)
	}
	var index v1.IndexManifest
	if err := json.Unmarshal(files[LayoutDir+"/index.json"], &index); err != nil {
		t.Fatal(err)
	}
	image, signature := index.Manifests[0], index.Manifests[1]
	if want := "sha256-" + image.Digest.Hex + ".sig"; signature.Annotations[refName] != want {
		t.Errorf("the signature is called %q, want %q", signature.Annotations[refName], want)
	}
	var m v1.Manifest
	if err := json.Unmarshal(files[LayoutDir+"/blobs/sha256/"+signature.Digest.Hex], &m); err != nil {
		t.Fatal(err)
	}
	payload := files[LayoutDir+"/blobs/sha256/"+m.Layers[0].Digest.Hex]
	if !strings.Contains(string(payload), `"docker-manifest-digest":"`+image.Digest.String()+`"`) {
		t.Errorf("the payload %s does not name the image", payload)
	}
	block, _ := pem.Decode(files[PublicKey])
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	sig, err := base64.StdEncoding.DecodeString(m.Layers[0].Annotations[signatureAnnotation])
	if err != nil {
		t.Fatal(err)
	}
	if !ed25519.Verify(key.(ed25519.PublicKey), payload, sig) {
		t.Error("the signature does not verify")
	}
}
