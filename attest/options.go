package attest

import (
	"errors"
	"fmt"
	"time"

	"github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore-go/pkg/verify"
	"github.com/sigstore/sigstore/pkg/signature"
)

// Options say who is trusted. The zero value trusts nobody: everything that is
// found is reported as unchecked.
type Options struct {
	// Keys are public keys as PEM, one block each; a signature of any of them
	// counts.
	Keys [][]byte
	// Identity is whom a certificate must name, nil when certificates do not
	// count.
	Identity *Identity
	// TrustedRoot is a Sigstore trusted root (trusted_root.json: certificate
	// authorities, logs, timestamp authorities). Required for Identity and
	// RequireLog; it is never fetched. For the public instance it is what
	// `cosign trusted-root create` or `gh attestation trusted-root` prints.
	// https://github.com/sigstore/protobuf-specs/blob/main/protos/sigstore_trustroot.proto
	TrustedRoot []byte
	// RequireLog makes a signature by a key count only with an entry in a
	// transparency log of TrustedRoot. Certificates need one regardless, when
	// TrustedRoot has a log.
	RequireLog bool
}

// Identity is whom a keyless certificate must name. One of each pair is
// required: a certificate's identity means nothing without the issuer that
// vouched for it. Regular expressions must match the whole value (cosign's
// match any part, so that "https://github.com/me/" there also accepts
// "https://evil.example/https://github.com/me/").
type Identity struct {
	// Subject is the subject alternative name: an e-mail address, a workflow.
	Subject, SubjectRegexp string
	// Issuer is the OIDC issuer, "https://token.actions.githubusercontent.com".
	Issuer, IssuerRegexp string
}

// checker is Options once they are parsed.
type checker struct {
	keys       []publicKey
	identity   *verify.CertificateIdentity
	trusted    root.TrustedMaterial
	requireLog bool
	// unable says why nothing can be checked, nil if it can.
	unable error
}

func newChecker(o Options) (*checker, error) {
	c := &checker{requireLog: o.RequireLog}
	for i, keyPEM := range o.Keys {
		key, err := parsePublicKey(keyPEM)
		if err != nil {
			return nil, fmt.Errorf("public key %d: %w", i+1, err)
		}
		c.keys = append(c.keys, key)
	}
	if o.Identity != nil {
		identity, err := o.Identity.matcher()
		if err != nil {
			return nil, err
		}
		c.identity = &identity
	}
	if len(o.TrustedRoot) > 0 {
		trusted, err := root.NewTrustedRootFromJSON(o.TrustedRoot)
		if err != nil {
			return nil, fmt.Errorf("reading the trusted root: %w: give a trusted_root.json as `cosign trusted-root create` prints it", err)
		}
		c.trusted = trusted
	}
	switch {
	case c.trusted != nil:
	case c.identity != nil:
		c.unable = errors.New("a certificate identity can only be checked against a trusted root, which is never fetched: give --trusted-root FILE")
	case c.requireLog:
		c.unable = errors.New("a log entry can only be checked against a trusted root, which is never fetched: give --trusted-root FILE")
	}
	return c, nil
}

func (c *checker) trustsNobody() bool { return len(c.keys) == 0 && c.identity == nil }

func (i Identity) matcher() (verify.CertificateIdentity, error) {
	if i.Subject == "" && i.SubjectRegexp == "" || i.Issuer == "" && i.IssuerRegexp == "" {
		return verify.CertificateIdentity{}, errors.New("a certificate is checked by identity and issuer together: give --certificate-identity and --certificate-oidc-issuer")
	}
	id, err := verify.NewShortCertificateIdentity(i.Issuer, whole(i.IssuerRegexp), i.Subject, whole(i.SubjectRegexp))
	if err != nil {
		return id, fmt.Errorf("certificate identity %q, issuer %q: %w", i.Subject+i.SubjectRegexp, i.Issuer+i.IssuerRegexp, err)
	}
	return id, nil
}

func whole(expression string) string {
	if expression == "" {
		return ""
	}
	return "^(?:" + expression + ")$"
}

// certificateVerifier demands all that the trusted root can check: its logs,
// its certificate-transparency logs, and at least one proof of when the
// certificate was used.
func (c *checker) certificateVerifier() (*verify.Verifier, bool, error) {
	options := []verify.VerifierOption{verify.WithObserverTimestamps(1)}
	logged := c.requireLog || len(c.trusted.RekorLogs()) > 0
	if logged {
		options = append(options, verify.WithTransparencyLog(1))
	}
	if len(c.trusted.CTLogs()) > 0 {
		options = append(options, verify.WithSignedCertificateTimestamps(1))
	}
	v, err := verify.NewVerifier(c.trusted, options...)
	return v, logged, err
}

// keyVerifier trusts one key in one scheme, without end.
func (c *checker) keyVerifier(scheme signature.Verifier) (*verify.Verifier, error) {
	options := []verify.VerifierOption{verify.WithNoObserverTimestamps()}
	if c.requireLog {
		options = append(options, verify.WithTransparencyLog(1))
	}
	return verify.NewVerifier(keyMaterial{c.trusted, root.NewExpiringKey(scheme, time.Time{}, time.Time{})}, options...)
}

// keyMaterial is a trusted root, or none, with one key that answers to every
// hint: a hint in a bundle is only a claim.
type keyMaterial struct {
	root.TrustedMaterial
	key *root.ExpiringKey
}

// PublicKeyVerifier returns the key.
func (m keyMaterial) PublicKeyVerifier(string) (root.TimeConstrainedVerifier, error) {
	return m.key, nil
}
