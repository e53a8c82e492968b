//go:build unix

package image

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"testing/iotest"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/klauspost/compress/zstd"
)

// The inputs of TestDamaged. Each has the package "a", version 1, in a sound
// form or in a damaged one: what comes of it is an error, a gap that hides, or
// the package. Nothing else is allowed, whatever is written in the table.

// aPath and aMetadata are the package's.
const aPath = site + "a-1.dist-info/METADATA"

var aMetadata = metadata("a", "1")

// sound is a layer with the package, and something that does not compress.
func sound(t testing.TB) []byte {
	noise := new(bytes.Buffer)
	if _, err := io.CopyN(noise, rand.NewChaCha8([32]byte{}), 64<<10); err != nil {
		t.Fatal(err)
	}
	return tarOf(t, item{"data/noise", noise.String()}, item{aPath, aMetadata}, item{"data/more", noise.String()[:4096]})
}

func gzipped(t testing.TB, content []byte) []byte { return members(t, content) }

func zstandard(t testing.TB, content []byte, options ...zstd.EOption) []byte {
	t.Helper()
	w, err := zstd.NewWriter(nil, options...)
	if err != nil {
		t.Fatal(err)
	}
	return w.EncodeAll(content, nil)
}

func flipped(data []byte, at int) []byte {
	data = bytes.Clone(data)
	if at < 0 {
		at += len(data)
	}
	data[at] ^= 0x10
	return data
}

// rawEntry is a header as given, with its checksum right, and content.
func rawEntry(name string, kind byte, content string, change func(h []byte)) []byte {
	var b bigTar
	b.entry(kind, name, "", 0o644, []byte(content))
	h := b.buf[:512]
	if change != nil {
		change(h)
	}
	checksum(h)
	return b.buf
}

func size(text string) func(h []byte) {
	return func(h []byte) { copy(h[124:136], text) }
}

// archive ends an archive of entries.
func archive(entries ...[]byte) []byte {
	return append(bytes.Join(entries, nil), make([]byte, 1024)...)
}

// paxed is an entry with extended header records before it.
// https://pubs.opengroup.org/onlinepubs/9799919799/utilities/pax.html#tag_20_94_13_03
func paxed(kind byte, records string, entry []byte) []byte {
	return append(rawEntry("PaxHeaders/x", kind, records, nil), entry...)
}

func paxRecord(key, value string) string {
	rest := " " + key + "=" + value + "\n"
	n := len(rest)
	for len(strconv.Itoa(n))+len(rest) != n {
		n = len(strconv.Itoa(n)) + len(rest)
	}
	return strconv.Itoa(n) + rest
}

func plainA(change func(h []byte)) []byte { return rawEntry(aPath, '0', aMetadata, change) }

// onlyTar makes an image of one layer whose archive is what the configuration
// says: nothing but the archive itself is wrong.
func onlyTar(make func(t testing.TB) []byte) func(t testing.TB) v1.Image {
	return func(t testing.TB) v1.Image { data := make(t); return withLayer(t, data, data) }
}

func raw(entries ...[]byte) func(t testing.TB) v1.Image {
	return onlyTar(func(testing.TB) []byte { return archive(entries...) })
}

func stored(make func(t testing.TB, content []byte) []byte) func(t testing.TB) v1.Image {
	return func(t testing.TB) v1.Image { data := sound(t); return withLayer(t, make(t, data), data) }
}

func layers(items ...[]item) func(t testing.TB) v1.Image {
	return func(t testing.TB) v1.Image { return imageOf(t, tarsOf(t, items)...) }
}

const (
	foundA     = "a 1 installed"
	cut        = "error: unexpected EOF"
	notAnImage = "error: the layer is damaged"
	badHeader  = "error: archive/tar: invalid tar header"
)

// damaged are the inputs and what comes of each: the first word of an error, or
// the packages, and then the gaps. "gone" says that the right answer is that
// the package is not there.
var damaged = []struct {
	name string
	img  func(t testing.TB) v1.Image
	want string
}{
	{"gzip cut in its header", stored(func(t testing.TB, c []byte) []byte { return gzipped(t, c)[:5] }), cut},
	{"gzip cut in its first kilobyte", stored(func(t testing.TB, c []byte) []byte { return gzipped(t, c)[:1000] }), cut},
	{"gzip cut in the middle", stored(func(t testing.TB, c []byte) []byte { z := gzipped(t, c); return z[:len(z)/2] }), cut},
	{"gzip without its checksum", stored(func(t testing.TB, c []byte) []byte { z := gzipped(t, c); return z[:len(z)-8] }), cut},
	{"gzip without its last byte", stored(func(t testing.TB, c []byte) []byte { z := gzipped(t, c); return z[:len(z)-1] }), cut},
	{"gzip with a flipped bit in the data", stored(func(t testing.TB, c []byte) []byte { return flipped(gzipped(t, c), 30_000) }), "error: gzip: invalid checksum"},
	{"gzip with a flipped bit in the checksum", stored(func(t testing.TB, c []byte) []byte { return flipped(gzipped(t, c), -8) }), "error: gzip: invalid checksum"},
	{"gzip with a flipped bit in the length", stored(func(t testing.TB, c []byte) []byte { return flipped(gzipped(t, c), -2) }), "error: gzip: invalid checksum"},
	{"gzip with rubbish behind it", stored(func(t testing.TB, c []byte) []byte { return append(gzipped(t, c), "rubbish and more"...) }), "error: gzip: invalid header"},
	{"gzip with zeros behind it", stored(func(t testing.TB, c []byte) []byte { return append(gzipped(t, c), make([]byte, 512)...) }), "error: gzip: invalid header"},
	{"gzip in two members, the package in the second", stored(func(t testing.TB, c []byte) []byte { return members(t, c[:70_000], c[70_000:]) }), foundA},
	{"gzip in two members, the second cut", stored(func(t testing.TB, c []byte) []byte {
		z := members(t, c[:512], c[512:])
		return z[:len(z)-20]
	}), cut},
	{"gzip in ten thousand empty members", stored(func(t testing.TB, c []byte) []byte {
		return append(bytes.Repeat(gzipped(t, nil), 10_000), gzipped(t, c)...)
	}), foundA},
	{"gzip of gzip", stored(func(t testing.TB, c []byte) []byte { return gzipped(t, gzipped(t, c)) }), badHeader},
	{"the content of another layer", stored(func(t testing.TB, c []byte) []byte { return gzipped(t, tarOf(t, item{"b", ""})) }), notAnImage},
	{"one byte of the package altered", stored(func(t testing.TB, c []byte) []byte {
		return gzipped(t, bytes.Replace(c, []byte("Version: 1"), []byte("Version: 9"), 1))
	}), notAnImage},
	{"an archive put before it", stored(func(t testing.TB, c []byte) []byte { return append(make([]byte, 1024), c...) }), notAnImage},
	{"nothing at all", stored(func(t testing.TB, c []byte) []byte { return nil }), notAnImage},
	{"one byte", stored(func(t testing.TB, c []byte) []byte { return []byte{0x1f} }), cut},
	{"zstd cut", stored(func(t testing.TB, c []byte) []byte { z := zstandard(t, c); return z[:len(z)-20] }), cut},
	{"zstd with a flipped bit", stored(func(t testing.TB, c []byte) []byte { return flipped(zstandard(t, c), 30_000) }), "error: CRC check failed"},
	{"zstd with rubbish behind it", stored(func(t testing.TB, c []byte) []byte { return append(zstandard(t, c), "rubbish"...) }), "error: invalid input: magic number mismatch"},
	{"zstd that asks for a window of 1 GiB", stored(func(t testing.TB, c []byte) []byte {
		z := append(binary.LittleEndian.AppendUint32(nil, 0xfd2fb528), 0x00, (30-10)<<3) // RFC 8878, 3.1.1.1
		return append(z, 0x01, 0, 0)
	}), "error: window size exceeded"},
	{"zstd behind a skippable frame", stored(func(t testing.TB, c []byte) []byte {
		return append([]byte("\x50\x2a\x4d\x18\x04\x00\x00\x00pzst"), zstandard(t, c)...)
	}), foundA},
	{"zstd behind a skippable frame that is longer than the layer", stored(func(t testing.TB, c []byte) []byte {
		return append([]byte("\x50\x2a\x4d\x18\xff\xff\xff\xff"), zstandard(t, c)...)
	}), cut},
	{"zstd in frames with tables between them", stored(chunked), foundA},
	{"bzip2", stored(func(t testing.TB, c []byte) []byte { return []byte("BZh91AY&SY") }), "error: compressed with bzip2 or xz, which no image specification knows"},
	{"xz", stored(func(t testing.TB, c []byte) []byte { return []byte("\xfd7zXZ\x00\x00") }), "error: compressed with bzip2 or xz, which no image specification knows"},
	{"eStargz with a table of contents that names other files", func(t testing.TB) v1.Image {
		stored, content := eStargz(t, item{aPath, aMetadata})
		return withLayer(t, stored, content)
	}, foundA},
	{"a file of 64 MB in 64 kB", onlyTar(func(t testing.TB) []byte {
		return archive(rawEntry("data/bomb", '0', strings.Repeat("\x00", 64<<20), nil), plainA(nil))
	}), foundA},

	{"an archive of zeros", onlyTar(func(t testing.TB) []byte { return make([]byte, 10<<10) }), "gone"},
	{"an archive of no bytes", onlyTar(func(t testing.TB) []byte { return []byte{} }), "gone"},
	{"no end mark", onlyTar(func(t testing.TB) []byte { return plainA(nil) }), foundA},
	{"half an end mark", onlyTar(func(t testing.TB) []byte { return append(plainA(nil), make([]byte, 512)...) }), foundA},
	{"cut in a header", onlyTar(func(t testing.TB) []byte { return plainA(nil)[:300] }), cut},
	{"cut in a file", onlyTar(func(t testing.TB) []byte { return plainA(nil)[:530] }), cut},
	{"a zero block between two files", onlyTar(func(t testing.TB) []byte {
		return archive(rawEntry("x", '0', "", nil), make([]byte, 512), plainA(nil))
	}), badHeader},
	{"files behind the end mark, which nobody unpacks", onlyTar(func(t testing.TB) []byte {
		return append(archive(rawEntry("x", '0', "", nil)), archive(plainA(nil))...)
	}), "gone"},
	{"a wrong header checksum", onlyTar(func(t testing.TB) []byte { return archive(flipped(plainA(nil), 100)) }), badHeader},
	{"text in the place of a header", onlyTar(func(t testing.TB) []byte { return archive(bytes.Repeat([]byte("text "), 200)) }), badHeader},
	{"a size that is no number", raw(plainA(size("x0000000010\x00"))), badHeader},
	{"a negative size in base 256", raw(plainA(size("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x00"))), badHeader},
	{"a size of 1<<62", raw(plainA(size("\x80\x00\x00\x00\x40\x00\x00\x00\x00\x00\x00\x00"))), cut},
	{"a size of 1<<70", raw(plainA(size("\x80\x00\x00\x40\x00\x00\x00\x00\x00\x00\x00\x00"))), badHeader},
	{"a size in base 256", raw(plainA(size("\x80\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00" + string(rune(len(aMetadata)))))), foundA},
	{"a size larger than what follows", raw(plainA(size("00000077777\x00"))), cut},
	{"a file of a kind that nobody knows", raw(rawEntry(aPath, 'Z', aMetadata, nil)), "unparsed"},

	{"a name that climbs out", raw(rawEntry("../../../"+aPath, '0', aMetadata, nil)), foundA},
	{"a name that climbs within", raw(rawEntry("opt/../"+aPath, '0', aMetadata, nil)), foundA},
	{"an absolute name", raw(rawEntry("/"+aPath, '0', aMetadata, nil)), foundA},
	{"an empty name", raw(rawEntry("", '0', "x", nil), plainA(nil)), foundA},
	{"a file in the place of the root, above the package", layers([]item{{aPath, aMetadata}}, []item{{".", "x"}}), foundA},
	{"names of dots and slashes", raw(rawEntry(".", '5', "", nil), rawEntry("..", '5', "", nil), rawEntry("///", '5', "", nil), plainA(nil)), foundA},
	{"a name of 5000 bytes", raw(rawEntry(strings.Repeat("x/", 2500)+aPath, '0', aMetadata, nil)), "too-large"},
	{"a link target of 5000 bytes", raw(append(rawEntry("././@LongLink", 'K', strings.Repeat("y/", 2500)+"\x00", nil), rawEntry("x", '2', "", nil)...), plainA(nil)), foundA + " too-large"},
	{"a name that is not UTF-8", raw(rawEntry("opt/\xff\xfe/"+aPath, '0', aMetadata, nil)), foundA},
	{"a name with control characters", raw(rawEntry("opt/\x1b[2J\n/"+aPath, '0', aMetadata, nil)), foundA},
	{"a name with backslashes, which is one file", raw(rawEntry(strings.ReplaceAll(aPath, "/", "\\"), '0', aMetadata, nil)), "gone"},
	{"a NUL in a name", raw(paxed('x', paxRecord("path", "x\x00"+aPath), plainA(nil))), badHeader},
	{"a device in the place of metadata", raw(rawEntry(aPath, '3', "", nil)), "unparsed"},
	{"a pipe in the place of metadata", raw(rawEntry(aPath, '6', "", nil)), "unparsed"},
	{"a folder in the place of metadata", raw(rawEntry(aPath+"/", '5', "", nil)), "unparsed"},

	{"a link to itself above the package", layers([]item{{"usr/local/lib/python3.12", "-> python3.12"}, {aPath, aMetadata}}), foundA},
	{"links in a circle above the package", layers([]item{{"opt/x", "-> y"}, {"opt/y", "-> x"}, {"opt/x/a-1.dist-info/METADATA", aMetadata}}), foundA},
	{"metadata behind links in a circle", layers([]item{{aPath, "-> METADATA2"}, {aPath + "2", "-> METADATA"}}), "unread"},
	{"metadata behind forty-one links", layers(chain(41)), "a 1 installed unread"},
	{"metadata behind a link out of the root", layers([]item{{aPath, "-> ../../../../../../../../../../etc/passwd"}}), "unread"},
	{"metadata that is a hard link to itself", layers([]item{{aPath, "=> " + aPath}}), "unread"},
	{"metadata that is a hard link to a later entry", layers([]item{{aPath, "=> opt/late.egg-info"}, {"opt/late.egg-info", metadata("late", "1")}}), "late 1 installed unread"},
	{"metadata that is a hard link to nothing", layers([]item{{aPath, "=> nowhere"}}), "unread"},
	{"the metadata twice, the second right", layers([]item{{aPath, metadata("b", "2")}, {aPath, aMetadata}}), foundA},
	{"the metadata, then a folder, then the metadata", layers([]item{{aPath, aMetadata}, {aPath + "/", ""}, {aPath, aMetadata}}), foundA},
	{"a file, and a file below it", layers([]item{{"usr/local/lib", "x"}, {aPath, aMetadata}}), foundA},

	{"sparse as of old, with a hole", onlyTar(func(t testing.TB) []byte { return sparse(t, aPath, aMetadata, 4096) }), foundA},
	{"sparse as of old, of 8 GiB", onlyTar(func(t testing.TB) []byte { return sparse(t, aPath, aMetadata, 8<<30) }), "too-large"},
	{"sparse as of old, the map cut", raw(rawEntry(aPath, 'S', aMetadata, func(h []byte) { h[482] = 1 })), badHeader},
	{"sparse 0.0", raw(paxed('x', paxRecord("GNU.sparse.size", strconv.Itoa(len(aMetadata)))+paxRecord("GNU.sparse.numblocks", "1")+
		paxRecord("GNU.sparse.offset", "0")+paxRecord("GNU.sparse.numbytes", strconv.Itoa(len(aMetadata))), plainA(nil))), foundA},
	{"sparse 0.1, of 1 TiB", raw(paxed('x', paxRecord("GNU.sparse.size", "1099511627776")+paxRecord("GNU.sparse.numblocks", "1")+
		paxRecord("GNU.sparse.map", "0,"+strconv.Itoa(len(aMetadata))), plainA(nil))), "too-large"},
	{"sparse 0.1, a negative size", raw(paxed('x', paxRecord("GNU.sparse.size", "-1")+paxRecord("GNU.sparse.numblocks", "1")+
		paxRecord("GNU.sparse.map", "0,1"), plainA(nil))), badHeader},
	{"sparse 1.0, a map of nothing", raw(paxed('x', paxRecord("GNU.sparse.major", "1")+paxRecord("GNU.sparse.minor", "0")+
		paxRecord("GNU.sparse.realsize", "10"), plainA(nil))), cut},
	{"sparse 1.0, another name", raw(paxed('x', paxRecord("GNU.sparse.major", "1")+paxRecord("GNU.sparse.minor", "0")+paxRecord("GNU.sparse.name", aPath)+
		paxRecord("GNU.sparse.realsize", strconv.Itoa(len(aMetadata))), rawEntry("GNUSparseFile.0/x", '0', fmt.Sprintf("%-512s", fmt.Sprintf("1\n0\n%d\n", len(aMetadata)))+aMetadata, nil))), foundA},

	{"PAX: another name", raw(paxed('x', paxRecord("path", aPath), rawEntry("harmless", '0', aMetadata, nil))), foundA},
	{"PAX: the name of nothing", raw(paxed('x', paxRecord("path", ""), plainA(nil))), foundA},
	{"PAX: another size", raw(paxed('x', paxRecord("size", strconv.Itoa(len(aMetadata))), plainA(size("00000000000\x00")))), foundA},
	{"PAX: a size that is too large", raw(paxed('x', paxRecord("size", "999999"), plainA(nil))), cut},
	{"PAX: a negative size", raw(paxed('x', paxRecord("size", "-5"), plainA(nil))), badHeader},
	{"PAX: a size that is no number", raw(paxed('x', paxRecord("size", "much"), plainA(nil))), badHeader},
	{"PAX: a record of the wrong length", raw(paxed('x', "99 path=x\n", plainA(nil))), badHeader},
	{"PAX: a record without a length", raw(paxed('x', "path=x\n", plainA(nil))), badHeader},
	{"PAX: 2 MB of records", raw(paxed('x', strings.Repeat(paxRecord("comment", strings.Repeat("c", 1000)), 2000), plainA(nil))), "error: archive/tar: header field too long"},
	{"PAX: records for all files, which no runtime applies to names", raw(paxed('g', paxRecord("path", "harmless")+paxRecord("size", "0"), plainA(nil))), foundA},
	{"PAX: records for nothing", onlyTar(func(t testing.TB) []byte { return archive(rawEntry("x", 'x', paxRecord("path", aPath), nil)) }), "gone"},
	{"GNU: a long name of 2 MB", raw(append(rawEntry("././@LongLink", 'L', strings.Repeat("n", 2<<20)+"\x00", nil), plainA(nil)...)), "error: archive/tar: header field too long"},
	{"GNU: a long name without a file", onlyTar(func(t testing.TB) []byte { return archive(rawEntry("././@LongLink", 'L', aPath+"\x00", nil)) }), "gone"},

	{"whiteouts of the root, of dots, of nothing", layers([]item{{aPath, aMetadata}}, []item{{".wh.", ""}, {".wh..", ""}, {".wh...", ""}, {"../.wh..wh.aufs", ""}, {"usr/.wh...", ""}}), foundA},
	{"an opaque root", layers([]item{{aPath, aMetadata}}, []item{{".wh..wh..opq", ""}}), "gone"},
	{"an opaque mark that is a folder", layers([]item{{aPath, aMetadata}}, []item{{site + ".wh..wh..opq/", ""}}), "gone"},
	{"a whiteout in the layer of its file", layers([]item{{site + ".wh.a-1.dist-info", ""}, {aPath, aMetadata}}), foundA},
	{"a whiteout below a whiteout", layers([]item{{aPath, aMetadata}}, []item{{site + ".wh.x/.wh.a", ""}}), foundA},
	{"a whiteout behind links in a circle", layers([]item{{aPath, aMetadata}, {"l", "-> l"}}, []item{{"l/.wh.usr", ""}}), foundA},

	{"dpkg's status of noise", layers([]item{{"etc/os-release", debian12}, {"var/lib/dpkg/status", strings.Repeat("\x00\xff\n", 100)}, {aPath, aMetadata}}), foundA + " unread unparsed unparsed"},
	{"dpkg's status with a package without a version", layers([]item{{"etc/os-release", debian12}, {"var/lib/dpkg/status", "Package: x\nStatus: install ok installed\n\n" + deb("y", "1")}, {aPath, aMetadata}}), "y 1 installed a 1 installed unparsed"},
	{"dpkg's status with a field twice", layers([]item{{"etc/os-release", debian12}, {"var/lib/dpkg/status", deb("y", "1")[:len(deb("y", "1"))-1] + "Version: 2\n\n"}, {aPath, aMetadata}}), "y 2 installed a 1 installed unparsed"},
	{"dpkg's status with a line of 2 MB", layers([]item{{"etc/os-release", debian12}, {"var/lib/dpkg/status", deb("y", "1") + strings.Repeat("x", 2<<20) + "\n\n" + deb("z", "1")}, {aPath, aMetadata}}), "y 1 installed a 1 installed too-large"},
	{"dpkg's status gone", layers([]item{{"etc/os-release", debian12}, {"var/lib/dpkg/info/y.list", "/usr/bin/y\n"}, {aPath, aMetadata}}), foundA + " unread"},
	{"apk's database of noise", layers([]item{{"etc/os-release", alpine320}, {apkDB, "\x00\x01\nP\n"}, {aPath, aMetadata}}), foundA + " unread unparsed unparsed"},
	{"apk's database cut in a package", layers([]item{{"etc/os-release", alpine320}, {apkDB, apk("y", "1", "y") + "P:z\n"}, {aPath, aMetadata}}), "y 1 installed a 1 installed unparsed"},
	{"metadata of noise", layers([]item{{aPath, "\x00\xff\xfe"}}), "unparsed"},
	{"metadata of nothing", layers([]item{{aPath, ""}}), "unparsed"},
	{"metadata without a version", layers([]item{{aPath, "Name: a\n\nVersion: 1\n"}}), "unparsed"},
	{"metadata of 65 MB", onlyTar(func(t testing.TB) []byte {
		return archive(rawEntry(aPath, '0', aMetadata+strings.Repeat("\n", 65<<20), nil))
	}), "too-large"},
	{"RECORD of noise", layers([]item{{aPath, aMetadata}, {site + "a-1.dist-info/RECORD", "\x00\"\xff\n\"\"\","}}), foundA + " unverified"},
	{"RECORD that names the whole root", layers([]item{{aPath, aMetadata}, {site + "a-1.dist-info/RECORD", "../../../../../../../,sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU,0\n"}}), foundA},
	{"direct_url.json of noise", layers([]item{{aPath, aMetadata}, {site + "a-1.dist-info/direct_url.json", "{"}}), foundA + " unparsed"},
	{"os-release of noise", layers([]item{{"etc/os-release", "\x00=\xff\n\"\n="}, {aPath, aMetadata}}), foundA + " unread"},
	{"package.json of noise", layers([]item{{"app/node_modules/x/package.json", "{\"name\":"}, {aPath, aMetadata}}), foundA + " unparsed"},
	{"rpm's database of noise", layers([]item{{"var/lib/rpm/rpmdb.sqlite", strings.Repeat("x", 5000)}, {aPath, aMetadata}}), foundA + " unparsed"},
	{"rpm's database cut behind its header", layers([]item{{"usr/lib/sysimage/rpm/rpmdb.sqlite", "SQLite format 3\x00\x10\x00" + strings.Repeat("\x00", 400)}, {aPath, aMetadata}}), foundA + " unparsed"},

	{"no layers", func(t testing.TB) v1.Image { return imageOf(t) }, "gone"},
	{"the same layer twice", func(t testing.TB) v1.Image { l := sound(t); return imageOf(t, l, l) }, foundA},
	{"a layer more than diff IDs", func(t testing.TB) v1.Image { return shifted(t, 1) }, "error: 2 layers in its manifest, 1 in its configuration"},
	{"a diff ID more than layers", func(t testing.TB) v1.Image { return shifted(t, 3) }, "error: 2 layers in its manifest, 3 in its configuration"},
	{"a diff ID twice", func(t testing.TB) v1.Image { return shifted(t, 2) }, notAnImage},
	{"more history than layers", func(t testing.TB) v1.Image { return historied(t, make([]v1.History, 9)) }, foundA},
	{"history of empty layers alone", func(t testing.TB) v1.Image { return historied(t, []v1.History{{EmptyLayer: true}}) }, foundA},
	{"a configuration that is not JSON", func(t testing.TB) v1.Image { return unreadable{imageOf(t, sound(t))} }, "error: invalid character"},
	{"a layer that ends with an error", func(t testing.TB) v1.Image { return breaking{withLayer(t, sound(t), sound(t)).(lyingImage)} }, "error: connection reset"},
	{"a media type that lies", func(t testing.TB) v1.Image {
		return typed{withLayer(t, gzipped(t, sound(t)), sound(t)).(lyingImage), types.OCIUncompressedLayer}
	}, foundA},
}

// chain is metadata behind n links.
func chain(n int) []item {
	items := []item{{"opt/l0/a-1.dist-info/METADATA", aMetadata}}
	for i := range n {
		items = append(items, item{fmt.Sprintf("opt/l%d", i+1), fmt.Sprintf("-> l%d", i)})
	}
	return append(items, item{site + "b-1.dist-info/METADATA", fmt.Sprintf("-> /opt/l%d/a-1.dist-info/METADATA", n)})
}

// shifted is an image of two layers with n diff IDs, each that of the first.
func shifted(t testing.TB, n int) v1.Image {
	t.Helper()
	img := imageOf(t, sound(t), tarOf(t, item{"b", ""}))
	config, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	config = config.DeepCopy()
	first := config.RootFS.DiffIDs[0]
	config.RootFS.DiffIDs = nil
	for range n {
		config.RootFS.DiffIDs = append(config.RootFS.DiffIDs, first)
	}
	return reconfigured{img, config}
}

type reconfigured struct {
	v1.Image
	config *v1.ConfigFile
}

func (r reconfigured) ConfigFile() (*v1.ConfigFile, error) { return r.config, nil }

func historied(t testing.TB, history []v1.History) v1.Image {
	t.Helper()
	img := imageOf(t, sound(t))
	config, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	config = config.DeepCopy()
	config.History = history
	return reconfigured{img, config}
}

type unreadable struct{ v1.Image }

func (unreadable) ConfigFile() (*v1.ConfigFile, error) {
	return v1.ParseConfigFile(strings.NewReader("not JSON"))
}

type breaking struct{ lyingImage }

func (b breaking) Layers() ([]v1.Layer, error) {
	return []v1.Layer{breakingLayer{static.NewLayer(b.stored, types.OCILayer)}}, nil
}

type typed struct {
	lyingImage
	as types.MediaType
}

func (l typed) Layers() ([]v1.Layer, error) {
	return []v1.Layer{static.NewLayer(l.stored, l.as)}, nil
}

// outcome writes what came of an image in one line.
func outcome(inv *Inventory, err error) (text string, hides bool) {
	if err != nil {
		text = err.Error()
		for _, known := range []string{cut, notAnImage, badHeader} {
			if strings.Contains(text, strings.TrimPrefix(known, "error: ")) {
				return known, true
			}
		}
		return "error: " + text, true
	}
	var out []string
	for _, c := range inv.Document.Components {
		out = append(out, c.Name+" "+c.Version+" "+string(c.Evidence))
	}
	for _, g := range inv.Document.Gaps {
		hides = hides || g.Hides
		out = append(out, string(g.Kind))
	}
	if len(out) == 0 {
		return "gone", false
	}
	return strings.Join(out, " "), hides
}

// TestDamaged: whatever was done to an image, what comes of it is an error, a
// gap that hides, or the right answer. With -v it prints the table.
func TestDamaged(t *testing.T) {
	for _, tc := range damaged {
		t.Run(tc.name, func(t *testing.T) {
			inv, err := Read(t.Context(), tc.img(t), Options{Cache: newCache(t, t.TempDir(), CacheOptions{})})
			got, hides := outcome(inv, err)
			matches := got == tc.want || err != nil && strings.HasPrefix(tc.want, "error: ") && strings.Contains(got, strings.TrimPrefix(tc.want, "error: "))
			if !matches {
				t.Errorf("got  %s\nwant %s", got, tc.want)
			}
			if !hides && tc.want != "gone" && !strings.Contains(got, foundA) {
				t.Errorf("read as clean: %s", got)
			}
			t.Logf("| %s | %s |", tc.name, strings.ReplaceAll(tc.want, foundA, "a 1"))
		})
	}
}

// TestDamagedCache: whatever was done to the cache's file of a layer, the image
// is read as if there were none.
func TestDamagedCache(t *testing.T) {
	img, other := layers([]item{{aPath, aMetadata}})(t), layers([]item{{"b", ""}})(t)
	want, _ := readWith(t, img, nil)
	for _, tc := range []struct {
		name   string
		damage func(t *testing.T, file string, data []byte) error
	}{
		{"a bit flipped in the compression's header", rewritten(func(b []byte) []byte { return flipped(b, 2) })},
		{"a bit flipped in the key", rewritten(func(b []byte) []byte { return flipped(b, 20) })},
		{"a bit flipped in the facts", rewritten(func(b []byte) []byte { return flipped(b, len(b)/2) })},
		{"a bit flipped in the last of the facts", rewritten(func(b []byte) []byte { return flipped(b, -33) })},
		{"a bit flipped in the checksum", rewritten(func(b []byte) []byte { return flipped(b, -1) })},
		{"cut to nothing", rewritten(func(b []byte) []byte { return nil })},
		{"cut to half", rewritten(func(b []byte) []byte { return b[:len(b)/2] })},
		{"without its last byte", rewritten(func(b []byte) []byte { return b[:len(b)-1] })},
		{"with a byte more", rewritten(func(b []byte) []byte { return append(b, 0) })},
		{"twice", rewritten(func(b []byte) []byte { return append(b, b...) })},
		{"zeros of the same length", rewritten(func(b []byte) []byte { return make([]byte, len(b)) })},
		{"that of another layer", func(t *testing.T, file string, _ []byte) error {
			dir := t.TempDir()
			readWith(t, other, newCache(t, dir, CacheOptions{}))
			data, err := os.ReadFile(onlyFile(t, dir))
			return errors.Join(err, os.WriteFile(file, data, 0o600))
		}},
		{"that of another program", func(t *testing.T, file string, _ []byte) error {
			dir := t.TempDir()
			readWith(t, img, newCache(t, dir, CacheOptions{Tool: "another"}))
			data, err := os.ReadFile(onlyFile(t, dir))
			return errors.Join(err, os.WriteFile(file, data, 0o600))
		}},
		{"a link to a sound one", func(t *testing.T, file string, data []byte) error {
			aside := filepath.Join(t.TempDir(), "aside")
			return errors.Join(os.WriteFile(aside, data, 0o600), os.Remove(file), os.Symlink(aside, file))
		}},
		{"a link to itself", func(t *testing.T, file string, _ []byte) error {
			return errors.Join(os.Remove(file), os.Symlink(filepath.Base(file), file))
		}},
		{"a pipe", func(t *testing.T, file string, _ []byte) error {
			return errors.Join(os.Remove(file), syscall.Mkfifo(file, 0o600))
		}},
		{"a folder", func(t *testing.T, file string, _ []byte) error {
			return errors.Join(os.Remove(file), os.Mkdir(file, 0o700))
		}},
		{"a file of 2 GiB of holes", func(t *testing.T, file string, _ []byte) error { return os.Truncate(file, 2<<30) }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := t.TempDir()
			readWith(t, img, newCache(t, dir, CacheOptions{}))
			file := onlyFile(t, dir)
			data, err := os.ReadFile(file)
			if err := errors.Join(err, tc.damage(t, file, data)); err != nil {
				t.Fatal(err)
			}
			got, opened := readWith(t, img, newCache(t, dir, CacheOptions{}))
			if opened != 1 || got.Known != 0 {
				t.Errorf("%d layers opened, %d known", opened, got.Known)
			}
			got.CacheError = nil
			sameInventory(t, want, got)
			t.Logf("| cache: %s | read again |", tc.name)
		})
	}
}

func rewritten(change func([]byte) []byte) func(*testing.T, string, []byte) error {
	return func(_ *testing.T, file string, data []byte) error { return os.WriteFile(file, change(data), 0o600) }
}

// breakingLayer ends in the middle, as a connection does.
type breakingLayer struct{ v1.Layer }

func (l breakingLayer) Compressed() (io.ReadCloser, error) {
	r, err := l.Layer.Compressed()
	if err != nil {
		return nil, err
	}
	return io.NopCloser(io.MultiReader(io.LimitReader(r, 5000), iotest.ErrReader(errors.New("connection reset")))), nil
}
