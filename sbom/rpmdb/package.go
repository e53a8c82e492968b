package rpmdb

import (
	"bytes"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/tallyman/tallyman/internal/limit"
)

// Package is one installed package, as its header tells of it.
// https://rpm.org/docs/4.20.x/manual/tags.html
type Package struct {
	// Name, Version and Release are never "".
	Name, Version, Release string
	// Epoch is "" when the package has none, which rpm orders like "0".
	Epoch string
	// Arch is "" for a public key.
	Arch string
	// SourceRPM is the file name of the source package, as
	// "bash-5.1.8-6.el9.src.rpm".
	SourceRPM string
	// Vendor is who built it, in the vendor's own words; "" when it is not told.
	Vendor string
	// Module is the label of the module that it was built in, as
	// "nodejs:18:9020020230512:3b0d0a5f"; "" for none.
	// https://docs.fedoraproject.org/en-US/modularity/core-concepts/nsvca/
	Module string

	files    fileTags
	provides [][]byte
}

// EVR is the package's version as advisories write it, "epoch:version-release",
// without an epoch of 0.
func (p *Package) EVR() string {
	if p.Epoch == "" || p.Epoch == "0" {
		return p.Version + "-" + p.Release
	}
	return p.Epoch + ":" + p.Version + "-" + p.Release
}

// The tags. https://rpm.org/docs/4.20.x/manual/tags.html
const (
	tagSHA1      = 269
	tagSHA256    = 273
	tagName      = 1000
	tagVersion   = 1001
	tagRelease   = 1002
	tagEpoch     = 1003
	tagVendor    = 1011
	tagArch      = 1022
	tagSourceRPM = 1044
	tagProvides  = 1047
	tagModule    = 5096
)

// key reports whether the record is a public key: one without files, that was
// built from nothing.
func (p *Package) key() bool {
	return p.Name == "gpg-pubkey" && p.Arch == "" && (p.SourceRPM == "" || p.SourceRPM == "(none)") && p.files.count() == 0
}

// parsePackage reads a record. There may be a package and an error: then it is
// there, and not all of it can be trusted.
func parsePackage(blob []byte) (*Package, error) {
	h, err := parseHeader(blob)
	if err != nil {
		return nil, err
	}
	p := &Package{}
	for tag, to := range map[uint32]*string{
		tagName: &p.Name, tagVersion: &p.Version, tagRelease: &p.Release, tagVendor: &p.Vendor,
		tagArch: &p.Arch, tagSourceRPM: &p.SourceRPM, tagModule: &p.Module,
	} {
		if *to, err = h.text(tag); err != nil {
			return nil, err
		}
	}
	p.Vendor = strings.ToValidUTF8(p.Vendor, "\ufffd")
	if !word(p.Name) || !word(p.Version) || !word(p.Release) {
		return nil, errors.New("an installed package without a usable name, version or release")
	}
	for _, optional := range []string{p.Arch, p.SourceRPM, p.Module} {
		if optional != "" && !word(optional) {
			return nil, fmt.Errorf("an installed package with the unusable field %.80q", optional)
		}
	}
	epoch, there, err := h.number(tagEpoch)
	if err != nil {
		return nil, err
	}
	if there {
		p.Epoch = strconv.FormatUint(uint64(epoch), 10)
	}
	if p.provides, err = h.list(tagProvides); err != nil {
		return nil, err
	}
	err = h.intact()
	files, filesErr := parseFiles(h)
	if p.files = files; filesErr != nil {
		filesErr = fmt.Errorf("the files of %.80q: %w", p.Name, filesErr)
	}
	if err != nil {
		err = fmt.Errorf("%.80q: %w", p.Name, err)
	}
	return p, errors.Join(err, filesErr)
}

// word reports whether s can be a package's name, version or the like.
func word(s string) bool {
	return s != "" && len(s) <= limit.RPMWordBytes && utf8.ValidString(s) &&
		!strings.ContainsFunc(s, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) || r == utf8.RuneError })
}

// intact holds the part of a header that came with the package against the
// digest that was in the package's signature. It finds damage; who alters a
// database on purpose writes a new digest.
func (h *header) intact() error {
	if h.signed == nil {
		return nil
	}
	for _, d := range []struct {
		tag  uint32
		hash func() hash.Hash
	}{{tagSHA256, sha256.New}, {tagSHA1, sha1.New}} {
		if _, there := h.entries[d.tag]; !there {
			continue
		}
		noted, err := h.text(d.tag)
		if err != nil {
			return err
		}
		sum := d.hash()
		sum.Write(bytes.Join(h.signed, nil))
		if hex.EncodeToString(sum.Sum(nil)) != strings.ToLower(noted) {
			return errors.New("its header does not have the digest that it was signed with")
		}
		return nil
	}
	return nil
}
