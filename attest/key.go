package attest

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"

	"github.com/secure-systems-lab/go-securesystemslib/encrypted"
	"github.com/sigstore/sigstore/pkg/cryptoutils"
	"github.com/sigstore/sigstore/pkg/signature"
	"github.com/sigstore/sigstore/pkg/signature/options"
)

// ErrPassword is wrapped by the error of LoadSigner when the password does not
// open the key.
var ErrPassword = errors.New("the password does not open the key")

// Signer signs with a local private key. Make one with LoadSigner.
type Signer struct {
	signer signature.Signer
	key    publicKey
}

// KeyID is the SHA-256 of the public key's PKIX form: "key sha256:...".
func (s *Signer) KeyID() string { return s.key.id }

// PublicKeyPEM is the public key for Options.Keys and for `cosign --key`.
func (s *Signer) PublicKeyPEM() ([]byte, error) {
	return cryptoutils.MarshalPublicKeyToPEM(s.key.public)
}

// sign returns the signature of message. ECDSA and RSA sign its SHA-256, which
// is what `cosign verify --key` assumes whatever the curve; Ed25519 signs it
// whole.
func (s *Signer) sign(message []byte) ([]byte, error) {
	sig, err := s.signer.SignMessage(bytes.NewReader(message))
	if err != nil {
		return nil, fmt.Errorf("signing with %s: %w", s.key.id, err)
	}
	return sig, nil
}

// LoadSigner reads a private key in PEM: cosign's encrypted key ("ENCRYPTED
// SIGSTORE PRIVATE KEY", "ENCRYPTED COSIGN PRIVATE KEY"), for which it calls
// password once, or an unencrypted PKCS #8, SEC 1 or PKCS #1 key (ECDSA,
// Ed25519, RSA). Opening an encrypted key costs half a second of scrypt. No
// error says anything of key or password.
func LoadSigner(keyPEM []byte, password func() ([]byte, error)) (*Signer, error) {
	block, _ := pem.Decode(keyPEM)
	if block == nil {
		return nil, errors.New("the private key is not PEM: give the cosign.key that `cosign generate-key-pair` wrote")
	}
	private, err := parsePrivate(block, password)
	if err != nil {
		return nil, err
	}
	with, ok := private.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("a private key of type %T cannot sign: use ECDSA, Ed25519 or RSA", private)
	}
	key, err := newPublicKey(with.Public())
	if err != nil {
		return nil, err
	}
	signer, err := signature.LoadSigner(private, crypto.SHA256)
	if err != nil {
		return nil, fmt.Errorf("loading %s: %w", key.id, err)
	}
	return &Signer{signer: signer, key: key}, nil
}

func parsePrivate(block *pem.Block, password func() ([]byte, error)) (crypto.PrivateKey, error) {
	switch block.Type {
	case "PRIVATE KEY":
		return parsed(x509.ParsePKCS8PrivateKey(block.Bytes))
	case "EC PRIVATE KEY":
		return parsed(x509.ParseECPrivateKey(block.Bytes))
	case "RSA PRIVATE KEY":
		return parsed(x509.ParsePKCS1PrivateKey(block.Bytes))
	case "ENCRYPTED SIGSTORE PRIVATE KEY", "ENCRYPTED COSIGN PRIVATE KEY":
		return decrypt(block.Bytes, password)
	case "PUBLIC KEY":
		return nil, errors.New("this is a public key: signing needs the private key (cosign.key)")
	}
	return nil, fmt.Errorf("a PEM block of type %q is not a private key that tallyman reads: use cosign's key or unencrypted PKCS #8", block.Type)
}

// parsed drops the parser's words: they might quote key material.
func parsed[K any](key K, err error) (crypto.PrivateKey, error) {
	if err != nil {
		return nil, errors.New("the private key is damaged: its PEM block does not hold what its type says")
	}
	return key, nil
}

func decrypt(data []byte, password func() ([]byte, error)) (crypto.PrivateKey, error) {
	if password == nil {
		return nil, errors.New("the private key is encrypted and no password was given: set COSIGN_PASSWORD")
	}
	pass, err := password()
	if err != nil {
		return nil, fmt.Errorf("asking for the key's password: %w", err)
	}
	plain, err := encrypted.Decrypt(data, pass)
	if err != nil {
		return nil, fmt.Errorf("%w: check COSIGN_PASSWORD", ErrPassword)
	}
	return parsed(x509.ParsePKCS8PrivateKey(plain))
}

// publicKey is a key to verify with, in every way that its owner may have
// signed.
type publicKey struct {
	public    crypto.PublicKey
	id        string // "key sha256:..."
	hint      string // as cosign writes it into bundles
	verifiers []signature.Verifier
}

// parsePublicKey reads one PEM block; the fingerprint is taken of the parsed
// key, so that two spellings of a key are one key.
func parsePublicKey(keyPEM []byte) (publicKey, error) {
	block, _ := pem.Decode(keyPEM)
	if block == nil {
		return publicKey{}, errors.New("the public key is not PEM: give the cosign.pub that `cosign generate-key-pair` wrote")
	}
	if block.Type == "ENCRYPTED SIGSTORE PRIVATE KEY" || block.Type == "ENCRYPTED COSIGN PRIVATE KEY" {
		return publicKey{}, errors.New("this is a private key: verifying needs the public key only (cosign.pub)")
	}
	public, err := cryptoutils.UnmarshalPEMToPublicKey(keyPEM)
	if err != nil {
		return publicKey{}, fmt.Errorf("reading a public key from a PEM block of type %q: %w", block.Type, err)
	}
	return newPublicKey(public)
}

func newPublicKey(public crypto.PublicKey) (publicKey, error) {
	if err := strong(public); err != nil {
		return publicKey{}, fmt.Errorf("the key is too weak or of an unknown kind: %w", err)
	}
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return publicKey{}, fmt.Errorf("encoding a public key of type %T: %w", public, err)
	}
	sum := sha256.Sum256(der)
	verifiers, err := verifiersOf(public)
	if err != nil {
		return publicKey{}, err
	}
	return publicKey{
		public:    public,
		id:        "key sha256:" + hex.EncodeToString(sum[:]),
		hint:      base64.StdEncoding.EncodeToString(sum[:]),
		verifiers: verifiers,
	}, nil
}

// Sizes of RSA keys, in bits: what is shorter can be broken, and what is longer
// than anybody makes only costs time.
// https://nvlpubs.nist.gov/nistpubs/SpecialPublications/NIST.SP.800-131Ar2.pdf (section 3)
const (
	minRSABits = 2048
	maxRSABits = 8192
)

// strong refuses keys that do not protect what they sign.
func strong(public crypto.PublicKey) error {
	switch key := public.(type) {
	case *rsa.PublicKey:
		if bits := key.N.BitLen(); bits < minRSABits || bits > maxRSABits {
			return fmt.Errorf("an RSA key of %d bits, not of %d to %d", bits, minRSABits, maxRSABits)
		}
		if key.E < 65537 || key.E%2 == 0 {
			return fmt.Errorf("an RSA key with the exponent %d", key.E)
		}
		return nil
	case *ecdsa.PublicKey:
		switch key.Curve {
		case elliptic.P256(), elliptic.P384(), elliptic.P521():
			return nil
		}
		return fmt.Errorf("an ECDSA key on the curve %s", key.Curve.Params().Name)
	case ed25519.PublicKey:
		return nil
	}
	return fmt.Errorf("a key of type %T", public)
}

// verifiersOf lists the schemes that cosign has signed with for this kind of
// key: SHA-256 whatever the curve (v1, v2) or the curve's own hash (bundles of
// v3); Ed25519 pure or prehashed. Each scheme alone is sound, and a signature
// of one does not verify under another.
func verifiersOf(public crypto.PublicKey) ([]signature.Verifier, error) {
	first, err := signature.LoadVerifier(public, crypto.SHA256)
	if err != nil {
		return nil, fmt.Errorf("a public key of type %T cannot verify: %w", public, err)
	}
	list := []signature.Verifier{first}
	var second signature.Verifier
	switch key := public.(type) {
	case ed25519.PublicKey:
		second, err = signature.LoadDefaultVerifier(public, options.WithED25519ph())
	case *ecdsa.PublicKey:
		if key.Curve.Params().BitSize > 256 {
			second, err = signature.LoadDefaultVerifier(public)
		}
	case *rsa.PublicKey:
	}
	if err != nil {
		return nil, fmt.Errorf("a public key of type %T cannot verify: %w", public, err)
	}
	if second != nil {
		list = append(list, second)
	}
	return list, nil
}
