package policy

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
)

// DigestParts returns the digest of each part that a decision over in rests
// on, by the part's name: what Decision.Digests holds. Whoever holds the parts
// recomputes them and sees which one differs.
//
// "image" and "snapshot" are the digests of the image and of the advisory
// snapshot themselves, left out when there is none. Each other digest is the
// SHA-256 of the part's canonical JSON: the fields in the order of the
// published structs, map keys sorted, no white space, no HTML escapes, lists
// sorted, defaults filled in. "policy" covers every module, the built-in ones
// included, as {"name", "sha256"} in the order of the names.
func DigestParts(in Input, opts Options) (map[string]string, error) {
	user, err := loadModules(opts.Modules)
	if err != nil {
		return nil, err
	}
	if in, err = canonical(in); err != nil {
		return nil, err
	}
	return digestParts(in, opts.Tool, user)
}

// digestParts takes a canonical Input.
func digestParts(in Input, tool string, user *userPolicy) (map[string]string, error) {
	modules, err := moduleDigests(user)
	if err != nil {
		return nil, err
	}
	digests := map[string]string{}
	for name, list := range map[string]func() (string, error){
		"sbom":     func() (string, error) { return digestList(in.Components) },
		"findings": func() (string, error) { return digestList(in.Findings) },
		"lint":     func() (string, error) { return digestList(in.Lint) },
		"gaps":     func() (string, error) { return digestList(in.Gaps) },
	} {
		if digests[name], err = list(); err != nil {
			return nil, fmt.Errorf("digest of %q: %w", name, err)
		}
	}
	for name, part := range map[string]any{
		"target":     in.Target,
		"config":     in.Image,
		"advisories": in.Advisories,
		"signatures": in.Signatures,
		"policy":     modules,
		"exceptions": asWritten(in.Exceptions),
		"parameters": in.Parameters,
		"stages":     in.Stages,
		"tool":       tool,
	} {
		if digests[name], err = digestJSON(part); err != nil {
			return nil, fmt.Errorf("digest of %q: %w", name, err)
		}
	}
	if in.Image == nil {
		delete(digests, "config")
	}
	if in.Target.ImageDigest != "" {
		digests["image"] = in.Target.ImageDigest
	}
	if in.SnapshotDigest != "" {
		digests["snapshot"] = in.SnapshotDigest
	}
	return digests, nil
}

// asWritten drops what a decision itself fills in.
func asWritten(exceptions []Exception) []Exception {
	out := append([]Exception{}, exceptions...)
	for i := range out {
		out[i].Used, out[i].Expired = 0, false
	}
	return out
}

type moduleDigest struct {
	Name   string `json:"name"`
	SHA256 string `json:"sha256"`
}

func moduleDigests(user *userPolicy) ([]moduleDigest, error) {
	files, err := builtinFiles()
	if err != nil {
		return nil, err
	}
	var out []moduleDigest
	for _, group := range []struct {
		prefix string
		files  []moduleFile
	}{{"builtin/", files}, {"user/", user.files}} {
		for _, f := range group.files {
			sum := sha256.Sum256(f.data)
			out = append(out, moduleDigest{group.prefix + f.name, hex.EncodeToString(sum[:])})
		}
	}
	return out, nil
}

// Digest returns the digest of the decision's own canonical JSON, "sha256:..."
// in lower case hexadecimal.
func (d *Decision) Digest() string {
	digest, err := digestJSON(d)
	if err != nil {
		panic("policy: a decision is plain data: " + err.Error())
	}
	return digest
}

// digestJSON is the SHA-256 of v's JSON as DigestParts describes it.
func digestJSON(v any) (string, error) {
	d := newDigester()
	if err := d.encode(v); err != nil {
		return "", err
	}
	return d.digest(), nil
}

// digestList is digestJSON of a list, of which one element at a time is
// encoded: the JSON of an inventory is as large as all else that is in memory.
func digestList[T any](list []T) (string, error) {
	if list == nil {
		return digestJSON(nil)
	}
	d := newDigester()
	d.hash.Write([]byte("["))
	for i := range list {
		if i > 0 {
			d.hash.Write([]byte(","))
		}
		if err := d.encode(&list[i]); err != nil {
			return "", err
		}
	}
	d.hash.Write([]byte("]"))
	return d.digest(), nil
}

// digester hashes JSON without the line end that an encoder adds.
type digester struct {
	hash    hash.Hash
	encoder *json.Encoder
}

func newDigester() *digester {
	d := &digester{hash: sha256.New()}
	d.encoder = json.NewEncoder(d)
	d.encoder.SetEscapeHTML(false)
	return d
}

func (d *digester) encode(v any) error { return d.encoder.Encode(v) }

// Write is called once for each value, with its JSON and a line end.
func (d *digester) Write(value []byte) (int, error) {
	d.hash.Write(bytes.TrimSuffix(value, []byte("\n")))
	return len(value), nil
}

func (d *digester) digest() string { return "sha256:" + hex.EncodeToString(d.hash.Sum(nil)) }
