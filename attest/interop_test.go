package attest_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sigstore/cosign/v2/pkg/cosign"

	"github.com/tallyman/tallyman/attest"
	"github.com/tallyman/tallyman/policy"
)

// stock is a cosign command line that is not ours.
type stock struct {
	program, folder string
	// legacy and bundle are the flags that choose the format when writing, and
	// readLegacy and readBundle when reading.
	legacy, bundle, readLegacy, readBundle []string
}

// stocks are the programs that the environment names; .ci/interop builds them.
func stocks(t *testing.T) map[string]stock {
	t.Helper()
	found := map[string]stock{}
	if program := os.Getenv("TALLYMAN_COSIGN_V2"); program != "" {
		folder := t.TempDir()
		// v2 wants a trusted root for a bundle, though a key needs nothing of it.
		trusted := filepath.Join(folder, "trusted_root.json")
		if err := os.WriteFile(trusted, []byte(`{"mediaType":"application/vnd.dev.sigstore.trustedroot+json;version=0.1"}`), 0o600); err != nil {
			t.Fatal(err)
		}
		found["v2"] = stock{
			program: program, folder: folder,
			bundle: []string{"--new-bundle-format"}, readBundle: []string{"--new-bundle-format", "--trusted-root", trusted},
		}
	}
	if program := os.Getenv("TALLYMAN_COSIGN_V3"); program != "" {
		found["v3"] = stock{
			program: program, folder: t.TempDir(),
			legacy: []string{"--use-signing-config=false", "--new-bundle-format=false"}, bundle: []string{"--use-signing-config=false"},
			readLegacy: []string{"--new-bundle-format=false"},
		}
	}
	if len(found) == 0 {
		t.Skip("no stock cosign: set TALLYMAN_COSIGN_V2 and TALLYMAN_COSIGN_V3, or run .ci/interop")
	}
	return found
}

const interopPassword = "interop"

// run runs cosign without a network (loopback needs no proxy) or a home.
func (s stock) run(t *testing.T, env []string, arguments ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, s.program, arguments...)
	cmd.Dir = s.folder
	cmd.Env = append([]string{
		"HOME=" + s.folder, "COSIGN_PASSWORD=" + interopPassword, "PATH=/nonexistent",
		"HTTP_PROXY=http://127.0.0.1:1", "HTTPS_PROXY=http://127.0.0.1:1",
	}, env...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	if err != nil {
		err = fmt.Errorf("cosign %s: %w\n%s", strings.Join(arguments, " "), err, &out)
	}
	return out.String(), err
}

// keyPair writes cosign's key files into folder and loads them.
func keyPair(t *testing.T, folder string) (private, public string, signer *attest.Signer) {
	t.Helper()
	pair, err := cosign.GenerateKeyPair(func(bool) ([]byte, error) { return []byte(interopPassword), nil })
	if err != nil {
		t.Fatal(err)
	}
	private, public = filepath.Join(folder, "cosign.key"), filepath.Join(folder, "cosign.pub")
	for file, data := range map[string][]byte{private: pair.PrivateBytes, public: pair.PublicBytes} {
		if err := os.WriteFile(file, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	signer, err = attest.LoadSigner(pair.PrivateBytes, func() ([]byte, error) { return []byte(interopPassword), nil })
	if err != nil {
		t.Fatal(err)
	}
	return private, public, signer
}

// TestInteropTheyVerifyOurs: cosign verifies what we write, and refuses it
// with another key.
func TestInteropTheyVerifyOurs(t *testing.T) {
	for version, program := range stocks(t) {
		folder := t.TempDir()
		_, public, signer := keyPair(t, folder)
		_, stranger, _ := keyPair(t, t.TempDir())
		for _, format := range bothFormats {
			store := newStore(t, nil)
			subject := store.push(t)
			sign(t, store, subject, signer, format)
			attestBOM(t, store, subject, signer, format)
			for predicateType, predicate := range decisionPredicates(t, allowed()) {
				if _, err := attest.Attest(t.Context(), store, subject, predicateType, predicate, signer, format); err != nil {
					t.Fatal(err)
				}
			}
			read := program.readLegacy
			if format == attest.FormatBundle {
				read = program.readBundle
			}
			ref := subject.Reference + "@" + subject.Descriptor.Digest.String()
			commands := map[string][]string{
				"signature": {"verify"},
				"cyclonedx": {"verify-attestation", "--type", "cyclonedx"},
				"vsa":       {"verify-attestation", "--type", attest.PredicateVSA},
				"decision":  {"verify-attestation", "--type", attest.PredicateDecision},
			}
			for what, command := range commands {
				t.Run(strings.Join([]string{version, string(format), what}, " "), func(t *testing.T) {
					command = append(append(command, read...), "--insecure-ignore-tlog=true")
					if _, err := program.run(t, nil, append(command, "--key", public, ref)...); err != nil {
						t.Error(err)
					}
					if out, err := program.run(t, nil, append(command, "--key", stranger, ref)...); err == nil {
						t.Errorf("a stranger's key verifies:\n%s", out)
					}
				})
			}
		}
	}
}

// TestInteropWeVerifyTheirs: we verify what cosign writes, in each of its
// formats.
func TestInteropWeVerifyTheirs(t *testing.T) {
	for version, program := range stocks(t) {
		modes := map[string]struct {
			// flags are for sign and attest, signing for sign alone.
			flags, signing, env []string
			format              attest.Format
		}{
			"legacy": {flags: program.legacy, format: attest.FormatCosign},
			"bundle": {flags: program.bundle, format: attest.FormatBundle},
			"OCI 1.1": {
				flags:   program.legacy,
				signing: []string{"--registry-referrers-mode=oci-1-1"},
				env:     []string{"COSIGN_EXPERIMENTAL=1"},
				format:  attest.FormatCosign,
			},
		}
		folder := t.TempDir()
		private, _, signer := keyPair(t, folder)
		predicate := filepath.Join(folder, "bom.json")
		if err := os.WriteFile(predicate, []byte(bom), 0o600); err != nil {
			t.Fatal(err)
		}
		for mode, m := range modes {
			t.Run(version+" "+mode, func(t *testing.T) {
				store := newStore(t, nil)
				subject := store.push(t)
				ref := subject.Reference + "@" + subject.Descriptor.Digest.String()
				with := append(append([]string{}, m.flags...), "--yes", "--tlog-upload=false", "--key", private, ref)
				if _, err := program.run(t, m.env, append(append([]string{"sign"}, m.signing...), with...)...); err != nil {
					t.Fatal(err)
				}
				if _, err := program.run(t, m.env, append([]string{"attest", "--type", "cyclonedx", "--predicate", predicate}, with...)...); err != nil {
					t.Fatal(err)
				}
				expectTheirs(t, store, subject, signer, m.format)
				// What cosign signed counts as signed by this key, but for
				// OCI 1.1, which other readers of tags do not find.
				again, err := attest.Sign(t.Context(), store, subject, signer, m.format)
				if want := m.signing == nil; err != nil || again.Existing != want {
					t.Errorf("signing again with the same key: %+v, %v, want Existing = %v", again, err, want)
				}
			})
		}
	}
}

func expectTheirs(t *testing.T, store attest.Store, subject attest.Subject, signer *attest.Signer, format attest.Format) {
	t.Helper()
	got := verify(t, store, subject, keys(t, signer))
	if len(got) != 2 || got[1].PredicateType != attest.PredicateCycloneDX {
		t.Fatalf("got %+v, want a signature and a CycloneDX attestation", got)
	}
	for _, s := range got {
		if s.Status != policy.SignatureVerified || s.Format != string(format) {
			t.Errorf("%+v, want verified %s", s, format)
		}
	}
	if got := verify(t, store, subject, keys(t, newSigner(t))); attest.Signed(got) || got[0].Status != policy.SignatureFailed {
		t.Errorf("with a stranger's key: %+v", got)
	}
}
