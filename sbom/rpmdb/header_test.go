package rpmdb

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tallyman/tallyman/internal/limit"
)

// listed are the fields of a list of files: path, digest, flags, mode, state.
func listed(algorithm uint32, folders []string, rows ...struct {
	folder       uint32
	name, digest string
	flags        uint32
	mode         uint16
	state        byte
}) []field {
	var names, digests []string
	var indexes, flags []uint32
	var modes []uint16
	var states []byte
	for _, r := range rows {
		names, digests, indexes = append(names, r.name), append(digests, r.digest), append(indexes, r.folder)
		flags, modes, states = append(flags, r.flags), append(modes, r.mode), append(states, r.state)
	}
	return []field{
		texts(tagBasenames, names...), texts(tagDirnames, folders...), number32(tagDirIndexes, indexes...), texts(tagDigests, digests...),
		number32(tagFlags, flags...), number16(tagModes, modes...), characters(tagStates, states...), number32(tagAlgorithm, algorithm),
	}
}

type row = struct {
	folder       uint32
	name, digest string
	flags        uint32
	mode         uint16
	state        byte
}

// TestPackage: the fields of a header, and what a region and what rpm adds to
// it mean.
func TestPackage(t *testing.T) {
	full := append(nevra("bash", "5.1.8", "6.el9"), number32(tagEpoch, 3), text(tagVendor, "AlmaLinux"), text(tagSourceRPM, "bash-5.1.8-6.el9.src.rpm"),
		text(tagModule, "shell:5:1:a"), texts(tagProvides, "bash", "python3dist(six)"))
	for _, blob := range [][]byte{build(full...), signed(full)} {
		p, err := parsePackage(blob)
		if err != nil {
			t.Fatal(err)
		}
		got := []string{p.Name, p.EVR(), p.Arch, p.Vendor, p.SourceRPM, p.Module, strings.Join(slices.Collect(p.Provides()), " ")}
		want := []string{"bash", "3:5.1.8-6.el9", "noarch", "AlmaLinux", "bash-5.1.8-6.el9.src.rpm", "shell:5:1:a", "bash python3dist(six)"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	}
	p, err := parsePackage(signed(nevra("a", "1", "1"), text(tagArch, "x86_64"), number32(tagEpoch, 0)))
	if err != nil || p.Arch != "x86_64" || p.Epoch != "0" || p.EVR() != "1-1" {
		t.Errorf("what rpm added: %+v, %v", p, err)
	}
}

// TestBrokenHeaders: each is an error, and those that leave a package give it.
func TestBrokenHeaders(t *testing.T) {
	sound := nevra("a", "1", "1")
	region := signed(sound)
	tampered := bytes.Replace(region, []byte("\x001\x00"), []byte("\x002\x00"), 1)
	for _, tc := range []struct {
		name string
		blob []byte
		want string
		left bool // the package is there all the same
	}{
		{"empty", nil, "fewer than 8 bytes", false},
		{"no entries", make([]byte, 8), "0 entries", false},
		{"cut off", build(sound...)[:60], "in a record of 60 bytes", false},
		{"a byte more", append(build(sound...), 0), "in a record of", false},
		{"a billion entries", edit(build(sound...), 0, be(1<<30)...), "1073741824 entries", false},
		{"a value outside", edit(build(sound...), 8+8, be(1<<20)...), "lies outside", false},
		{"no end of a text", build(append(sound[1:], field{tagName, typeString, 1, []byte("a")})...), "tag 1000 has another type", false},
		{"a name that is a number", build(append(sound[1:], number32(tagName, 1))...), "tag 1000 has another type", false},
		{"two names", build(append(sound, text(tagName, "b"))...), "tag 1000 is given twice", false},
		{"two epochs", build(append(sound, number32(tagEpoch, 1, 2))...), "tag 1003 has another type", false},
		{"no version", build(text(tagName, "a"), text(tagRelease, "1")), "without a usable name, version or release", false},
		{"a name with a line feed", build(nevra("a\nb", "1", "1")...), "without a usable name", false},
		{"a name that is not UTF-8", build(nevra("a\xff", "1", "1")...), "without a usable name", false},
		{"an architecture with a space", build(append(nevra("a", "1", "1")[:3], text(tagArch, "x y"))...), "unusable field", false},
		{"a region without its trailer", edit(region, 8+8, be(1<<20)...), "immutable region is damaged", false},
		{"a version altered", tampered, "the digest that it was signed with", true},
		{"files in no folder", build(append(sound, texts(tagBasenames, "x"), number32(tagDirIndexes, 0))...), "a folder that is not listed", true},
		{"more digests than files", build(append(sound, texts(tagBasenames, "x"), number32(tagDirIndexes, 0), texts(tagDirnames, "/"), texts(tagDigests, "00", "11"))...), "not of one length", true},
		{"more names than bytes", build(append(sound, field{tagBasenames, typeList, 1 << 30, []byte("x\x00")})...), "tag 1117 has another type", true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p, err := parsePackage(tc.blob)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v, want one with %q", err, tc.want)
			}
			if (p != nil) != tc.left {
				t.Errorf("package %+v", p)
			}
			if p != nil && len(slices.Collect(p.Files())) != 0 {
				t.Errorf("files of a list that is broken: %v", slices.Collect(p.Files()))
			}
		})
	}
}

// TestFiles: which files of a package are on disk with a digest to hold them
// against.
func TestFiles(t *testing.T) {
	const sum = "d41d8cd98f00b204e9800998ecf8427e"
	fields := append(nevra("a", "1", "1"), listed(1, []string{"/usr/bin/", "/etc/"},
		row{0, "plain", sum, 0, 0o100755, 0}, row{1, "edited.conf", sum, flagConfig, 0o100644, 0}, row{0, "ghost", sum, flagGhost, 0o100644, 0},
		row{0, "may-be-missing", sum, flagMissingOK, 0o100644, 0}, row{0, "left-out", sum, 2, 0o100644, 2}, row{0, "replaced", sum, 0, 0o100644, 1},
		row{0, "folder", "", 0, 0o040755, 0}, row{0, "link", "", 0, 0o120777, 0}, row{0, "device", sum, 0, 0o020666, 0}, row{0, "no-digest", "xyz", 0, 0o100644, 0},
	)...)
	p, err := parsePackage(signed(fields))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for f := range p.Files() {
		got = append(got, f.Path)
		if f.Config != (f.Path == "/etc/edited.conf") || len(f.Digest) != 16 {
			t.Errorf("%+v", f)
		}
	}
	if diff := cmp.Diff([]string{"/usr/bin/plain", "/etc/edited.conf"}, got); diff != "" || p.Algorithm() != MD5 {
		t.Errorf("algorithm %d (-want +got)\n%s", p.Algorithm(), diff)
	}
}

// TestKeys: a record called gpg-pubkey is a key only if it is nothing else.
func TestKeys(t *testing.T) {
	key := []field{text(tagName, "gpg-pubkey"), text(tagVersion, "f6286890"), text(tagRelease, "6b0295d7"), text(tagSourceRPM, "(none)")}
	files := listed(8, []string{"/usr/bin/"}, row{0, "evil", strings.Repeat("00", 32), 0, 0o100755, 0})
	for _, tc := range []struct {
		name   string
		record []byte
		want   Database
	}{
		{"a key", build(key...), Database{Keys: 1}},
		{"a package of that name with files", build(append(slices.Clone(key), files...)...), Database{Packages: 1}},
		{"a package of that name for an architecture", build(append(slices.Clone(key), text(tagArch, "noarch"))...), Database{Packages: 1}},
		{"a package of that name with a source", build(append(slices.Clone(key[:3]), text(tagSourceRPM, "evil-1-1.src.rpm"))...), Database{Packages: 1}},
	} {
		data := ndbOf(tc.record)
		got := Read(bytes.NewReader(data), int64(len(data)), func(*Package) {})
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%s (-want +got)\n%s", tc.name, diff)
		}
	}
}

// TestBrokenRecord: a record that cannot be read is a gap, and those beside it
// are read.
func TestBrokenRecord(t *testing.T) {
	data := ndbOf(signed(nevra("a", "1", "1")), []byte("no header"), signed(nevra("c", "1", "1")))
	var names []string
	db := Read(bytes.NewReader(data), int64(len(data)), func(p *Package) { names = append(names, p.Name) })
	if diff := cmp.Diff([]string{"a", "c"}, names); diff != "" || len(db.Gaps) != 1 || !db.Gaps[0].Hides {
		t.Errorf("gaps %v (-want +got)\n%s", db.Gaps, diff)
	}
}

// FuzzHeader: a header is its parts and nothing more, what is found in it is
// fit to be shown, and a digest that was signed holds.
func FuzzHeader(f *testing.F) {
	files := listed(8, []string{"/usr/bin/"}, row{0, "a", strings.Repeat("00", 32), 0, 0o100755, 0})
	f.Add(build(nevra("a", "1", "1")...))
	f.Add(signed(append(nevra("a", "1", "1"), files...), number32(tagEpoch, 1)))
	f.Add(signed(append(nevra("gpg-pubkey", "1", "1"), texts(tagProvides, "x"))))
	f.Fuzz(func(t *testing.T, blob []byte) {
		p, err := parsePackage(blob)
		if p == nil {
			if err == nil {
				t.Error("neither a package nor an error")
			}
			return
		}
		if !word(p.Name) || !word(p.Version) || !word(p.Release) || strings.ContainsAny(p.EVR(), " \n") {
			t.Errorf("package %+v", p)
		}
		n := 0
		for file := range p.Files() {
			if n++; len(file.Digest) == 0 || n > p.files.count() {
				t.Errorf("file %+v", file)
			}
		}
		for _, other := range [][]byte{append(slices.Clone(blob), 0), blob[:len(blob)-1]} {
			if more, _ := parsePackage(other); more != nil {
				t.Errorf("with a byte more or less it is a package, too: %+v", more)
			}
		}
		h, _ := parseHeader(blob)
		if _, noted := h.entries[tagSHA256]; err != nil || h.signed == nil || !noted {
			return
		}
		last := 8 + len(h.signed[2]) + entryBytes*(int(binary.BigEndian.Uint32(blob))-len(h.signed[2])/entryBytes) + len(h.signed[3]) - 1
		if again, err := parsePackage(edit(blob, last, blob[last]^1)); again != nil && err == nil {
			t.Error("the last byte of what is signed can be altered")
		}
	})
}

// TestHeaderBombs: a small record that asks for much memory or work is refused.
func TestHeaderBombs(t *testing.T) {
	zeros := field{tagBasenames, typeList, 4 << 20, make([]byte, 4<<20)}
	if _, err := parsePackage(build(append(nevra("a", "1", "1"), zeros)...)); !errors.Is(err, limit.ErrTooLarge) {
		t.Errorf("a list of four million texts: %v", err)
	}
	deep := append(nevra("a", "1", "1"), texts(tagBasenames, "x", "y"), texts(tagDirnames, "/"+strings.Repeat("a", limit.PathBytes)+"/"), number32(tagDirIndexes, 0, 0))
	if p, err := parsePackage(build(deep...)); !errors.Is(err, limit.ErrTooLarge) || p == nil {
		t.Errorf("a folder whose name is too long for each of its files: %v, %v", p, err)
	}
}
