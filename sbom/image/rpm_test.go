package image

import (
	"compress/gzip"
	"crypto/md5"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash/adler32"
	"io"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tallyman/tallyman/sbom"
)

const (
	alma9   = "NAME=\"AlmaLinux\"\nID=\"almalinux\"\nID_LIKE=\"rhel centos fedora\"\nVERSION_ID=\"9.2\"\nPRETTY_NAME=\"AlmaLinux 9.2 (Turquoise Kodkod)\"\n"
	mariner = "NAME=\"Common Base Linux Mariner\"\nVERSION=\"2.0.20240301\"\nID=mariner\nVERSION_ID=\"2.0\"\nPRETTY_NAME=\"CBL-Mariner/Linux\"\n"
	rpmSite = "usr/lib/python3.9/site-packages/"
	rpmDB   = "var/lib/rpm/Packages.db"
)

// rpmFixture inflates a database that rpm itself made, see
// sbom/rpmdb/testdata/README.md.
func rpmFixture(t testing.TB, name string) string {
	t.Helper()
	f, err := os.Open("../rpmdb/testdata/" + name + ".gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// quayFiles are the files of the packages of the fixture.
func quayFiles() []item {
	items := []item{
		{"usr/bin/quay", "#!/bin/sh\necho quay\n"}, {"usr/bin/quay-hard", "=> usr/bin/quay"}, {"usr/bin/quayside", "-> quay"},
		{rpmSite + "quay/__init__.py", "VERSION = \"0.9.1\"\n"}, {rpmSite + "quay/empty.py", ""},
		{rpmSite + "quay-0.9.1.dist-info/METADATA", "Metadata-Version: 2.1\nName: quay\nVersion: 0.9.1\n"},
		{rpmSite + "quay-0.9.1.dist-info/top_level.txt", "quay\n"}, {rpmSite + "quay-0.9.1.dist-info/INSTALLER", "rpm\n"},
		{"usr/lib/crane/old", "old\n"}, {"etc/quay/quay.conf", "berth=2 # edited\n"},
	}
	for i := range 120 {
		n := strconv.Itoa(i + 1)
		items = append(items, item{"usr/lib/quay/part-" + n, n + "\n"})
	}
	return items
}

// quayPackages are what is found of them.
var quayPackages = []string{
	"AlmaLinux:9 crane-old 0.1~rc1-1 verified layer 1", "AlmaLinux:9 python3-quay 0.9.1-3.el9_2 verified layer 1",
	"AlmaLinux:9 quay-libs 2:1.4.0-3.el9_2 verified layer 1", "AlmaLinux:9 quay-tools 2:1.4.0-3.el9_2 verified layer 1",
	"PyPI quay 0.9.1 os-owned layer 1 of python3-quay 0.9.1-3.el9_2",
}

// TestRPMFixture: an image with each of the databases that rpm made and the
// files of its packages, in the three places, before the files and after them.
func TestRPMFixture(t *testing.T) {
	for name, at := range map[string]string{"rpmdb.sqlite": "usr/lib/sysimage/rpm/", "Packages": "var/lib/rpm/", "Packages.db": "usr/share/rpm/"} {
		for _, first := range []bool{true, false} {
			db, items := item{at + name, rpmFixture(t, name)}, append(quayFiles(), item{"etc/os-release", alma9})
			if first {
				items = append([]item{db}, items...)
			} else {
				items = append(items, db)
			}
			components, gaps, inv := read(t, imageOf(t, tarOf(t, items...)))
			if diff := cmp.Diff(quayPackages, components); diff != "" {
				t.Errorf("%s: components (-want +got):\n%s", name, diff)
			}
			if len(gaps) != 0 || len(inv.Document.Files) != 0 {
				t.Errorf("%s: gaps %v, files %v", name, inv.Document.Gaps, inv.Document.Files)
			}
		}
	}
}

// TestRPMAltered: files of packages that are not what rpm put there.
func TestRPMAltered(t *testing.T) {
	_, _, inv := read(t, imageOf(t, tarsOf(t, [][]item{
		append(quayFiles(), item{"etc/os-release", alma9}, item{"var/lib/rpm/rpmdb.sqlite", rpmFixture(t, "rpmdb.sqlite")}),
		{{"usr/lib/quay/part-7", "another\n"}, {"usr/lib/quay/.wh.part-8", ""}, {"usr/lib/crane/old", "-> /bin/sh"}},
		{{rpmSite + "quay/__init__.py", "VERSION = \"0.9.1\" # patched\n"}},
	})...))
	var got []string
	for _, f := range inv.Document.Files {
		got = append(got, f.Name+" altered "+strings.Join(f.Altered, " ")+" missing "+strings.Join(f.Missing, " "))
	}
	want := []string{
		"python3-quay altered /usr/lib/python3.9/site-packages/quay/__init__.py missing ",
		"quay-libs altered /usr/lib/quay/part-7 missing /usr/lib/quay/part-8",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	for _, c := range inv.Document.Components {
		switch c.Name {
		case "quay", "python3-quay", "quay-libs", "crane-old":
			if c.Evidence != sbom.Installed {
				t.Errorf("%s is %s", c.Name, c.Evidence)
			}
		default:
			if c.Evidence != sbom.Verified {
				t.Errorf("%s is %s", c.Name, c.Evidence)
			}
		}
	}
}

// rpmOf makes a package's header: a name, a version as advisories write it, the
// source package's file, and paths and contents.
func rpmOf(name, evr, source string, files ...string) []byte {
	return rpmWith(nil, name, evr, source, files...)
}

// rpmWith is rpmOf with projects that the package says it provides, and MD5 if
// the first is "md5". Before these may be its vendor, "vendor NAME".
func rpmWith(provides []string, name, evr, source string, files ...string) []byte {
	var index, data []byte
	field := func(tag, kind, count uint32, value []byte) {
		for _, n := range []uint32{tag, kind, uint32(len(data)), count} {
			index = binary.BigEndian.AppendUint32(index, n)
		}
		data = append(data, value...)
	}
	texts := func(tag uint32, list ...string) {
		field(tag, 8, uint32(len(list)), []byte(strings.Join(list, "\x00")+"\x00"))
	}
	text := func(tag uint32, s string) { field(tag, 6, 1, []byte(s+"\x00")) }
	epoch, vr := cutEpoch(evr)
	version, release, _ := strings.Cut(vr, "-")
	text(1000, name)
	text(1001, version)
	text(1002, release)
	if n, err := strconv.Atoi(epoch); err == nil {
		field(1003, 4, 1, binary.BigEndian.AppendUint32(nil, uint32(n)))
	}
	text(1022, "x86_64")
	text(1044, source)
	if len(provides) > 0 && strings.HasPrefix(provides[0], "vendor ") {
		text(1011, provides[0])
		provides = provides[1:]
	}
	old := len(provides) > 0 && provides[0] == "md5"
	if len(provides) > 0 && !old {
		texts(1047, provides...)
	}
	if len(files) > 0 {
		var folders, names, sums []string
		var numbers []byte
		for i := 0; i < len(files); i += 2 {
			folders, names = append(folders, path.Dir("/"+files[i])+"/"), append(names, path.Base(files[i]))
			numbers = binary.BigEndian.AppendUint32(numbers, uint32(i/2))
			sum, sum5 := sha256.Sum256([]byte(files[i+1])), md5.Sum([]byte(files[i+1]))
			if old {
				sums = append(sums, hex.EncodeToString(sum5[:]))
			} else {
				sums = append(sums, hex.EncodeToString(sum[:]))
			}
		}
		texts(1117, names...)
		texts(1118, folders...)
		texts(1035, sums...)
		field(1116, 4, uint32(len(names)), numbers)
		if !old {
			field(5011, 4, 1, []byte{0, 0, 0, 8})
		}
	}
	head := binary.BigEndian.AppendUint32(nil, uint32(len(index)/16))
	return slices.Concat(binary.BigEndian.AppendUint32(head, uint32(len(data))), index, data)
}

// rpms makes a database (in ndb's format, which is the simplest) of headers.
func rpms(headers ...[]byte) string {
	head := make([]byte, 4096)
	copy(head, "RpmP")
	head[12] = 1
	for at := 32; at < len(head); at += 16 {
		copy(head[at:], "Slot")
	}
	blocks := []byte{}
	for i, h := range headers {
		n := (len(h) + 28 + 15) / 16
		slot := head[32+16*i:]
		binary.LittleEndian.PutUint32(slot[4:], uint32(i+1))
		binary.LittleEndian.PutUint32(slot[8:], uint32((4096+len(blocks))/16))
		binary.LittleEndian.PutUint32(slot[12:], uint32(n))
		raw := make([]byte, 16*n)
		copy(raw, "BlbS")
		binary.LittleEndian.PutUint32(raw[4:], uint32(i+1))
		binary.LittleEndian.PutUint32(raw[12:], uint32(len(h)))
		copy(raw[16:], h)
		tail := raw[len(raw)-12:]
		binary.LittleEndian.PutUint32(tail, adler32.Checksum(raw[:len(raw)-12]))
		binary.LittleEndian.PutUint32(tail[4:], uint32(len(h)))
		copy(tail[8:], "BlbE")
		blocks = append(blocks, raw...)
	}
	return string(head) + string(blocks)
}

// TestRPM: packages of several distributions, the layer of each, what goes when
// an upper layer rewrites or removes the database, and what cannot be read.
func TestRPM(t *testing.T) {
	bash, zlib := rpmOf("bash", "5.1.8-6.el9", "bash-5.1.8-6.el9.src.rpm"), rpmOf("zlib", "1.2.11-40.el9", "zlib-1.2.11-40.el9.src.rpm")
	six := []item{{rpmSite + "six.py", "six"}, {rpmSite + "six-1.15.0.egg-info", metadata("six", "1.15.0")}}
	sixFiles := []string{six[0].name, six[0].content, six[1].name, six[1].content}
	ownSix := rpmOf("python3-six", "1.15.0-9.el9", "python-six-1.15.0-9.el9.src.rpm", sixFiles...)
	base := []item{{"etc/os-release", alma9}, {rpmDB, rpms(bash)}}
	for _, tc := range []struct {
		name   string
		layers [][]item
		want   []string
		gaps   []string
	}{
		{"a base, one package added, one upgraded, one removed", [][]item{
			{{"etc/os-release", alma9}, {rpmDB, rpms(bash, zlib, rpmOf("gone", "1-1", ""))}},
			{{rpmDB, rpms(bash, rpmOf("zlib", "1.2.11-41.el9", "zlib-1.2.11-41.el9.src.rpm"), rpmOf("curl", "7.76.1-29.el9", "curl-7.76.1-29.el9.src.rpm"))}},
		}, []string{"AlmaLinux:9 bash 5.1.8-6.el9 installed layer 1", "AlmaLinux:9 curl 7.76.1-29.el9 installed layer 2", "AlmaLinux:9 zlib 1.2.11-41.el9 installed layer 2"}, nil},
		{"two versions of one package", [][]item{
			{{"etc/os-release", alma9}, {rpmDB, rpms(rpmOf("kernel", "5-1", ""))}}, {{rpmDB, rpms(rpmOf("kernel", "6-1", ""), rpmOf("kernel", "5-1", ""))}},
		}, []string{"AlmaLinux:9 kernel 5-1 installed layer 1", "AlmaLinux:9 kernel 6-1 installed layer 2"}, nil},
		{"the database where Fedora has it, and a link", [][]item{
			{{"etc/os-release", alma9}, {"var/lib/rpm", "-> ../../usr/lib/sysimage/rpm"}, {"usr/lib/sysimage/rpm/Packages.db", rpms(bash)}},
			{{"var/lib/rpm/Packages.db", rpms(bash, zlib)}},
		}, []string{"AlmaLinux:9 bash 5.1.8-6.el9 installed layer 1", "AlmaLinux:9 zlib 1.2.11-40.el9 installed layer 2"}, nil},
		{"the database in two formats, of which one is older", [][]item{
			{{"etc/os-release", alma9}, {rpmDB, rpms(bash)}, {"usr/lib/sysimage/rpm/Packages.db", rpms(bash, zlib)}},
		}, []string{"AlmaLinux:9 bash 5.1.8-6.el9 installed layer 1", "AlmaLinux:9 zlib 1.2.11-40.el9 installed layer 1"}, nil},
		{"Python files that a package owns", [][]item{
			append([]item{{"etc/os-release", alma9}, {rpmDB, rpms(ownSix)}}, six...),
		}, []string{"AlmaLinux:9 python3-six 1.15.0-9.el9 verified layer 1", "PyPI six 1.15.0 os-owned layer 1 of python3-six 1.15.0-9.el9"}, nil},
		{"with MD5, as packages had before", [][]item{
			append([]item{{"etc/os-release", alma9}, {rpmDB, rpms(rpmWith([]string{"md5"}, "python3-six", "1.15.0-9.el9", "", sixFiles...))}}, six...),
		}, []string{"AlmaLinux:9 python3-six 1.15.0-9.el9 verified layer 1", "PyPI six 1.15.0 os-owned layer 1 of python3-six 1.15.0-9.el9"}, nil},
		{"under the name of one of several Pythons", [][]item{
			append([]item{{"etc/os-release", alma9}, {rpmDB, rpms(rpmOf("python3.9-six", "1.15.0-9.el9", "", sixFiles...))}}, six...),
		}, []string{"AlmaLinux:9 python3.9-six 1.15.0-9.el9 verified layer 1", "PyPI six 1.15.0 os-owned layer 1 of python3.9-six 1.15.0-9.el9"}, nil},
		{"under another name, and it says which project it is", [][]item{
			append([]item{{"etc/os-release", alma9}, {rpmDB, rpms(rpmWith([]string{"python3.9dist(six)"}, "rh-compat", "1.15.0-9.el9", "", sixFiles...))}}, six...),
		}, []string{"AlmaLinux:9 rh-compat 1.15.0-9.el9 verified layer 1", "PyPI six 1.15.0 os-owned layer 1 of rh-compat 1.15.0-9.el9"}, nil},
		{"Python files that a package of another name claims", [][]item{
			append([]item{{"etc/os-release", alma9}, {rpmDB, rpms(rpmOf("harmless", "1.15.0-9.el9", "", sixFiles...))}}, six...),
		}, []string{"AlmaLinux:9 harmless 1.15.0-9.el9 verified layer 1", "PyPI six 1.15.0 installed layer 1"}, nil},
		{"a module that was altered after rpm wrote it", [][]item{
			append([]item{{"etc/os-release", alma9}, {rpmDB, rpms(ownSix)}}, six...), {{rpmSite + "six.py", "import evil"}},
		}, []string{"AlmaLinux:9 python3-six 1.15.0-9.el9 installed layer 1", "PyPI six 1.15.0 installed layer 1"}, nil},
		{"pip's own beside rpm's", [][]item{
			append([]item{{"etc/os-release", alma9}, {rpmDB, rpms(ownSix)}}, six...), {{"usr/local/lib/python3.9/site-packages/six-1.16.0.dist-info/METADATA", metadata("six", "1.16.0")}},
		}, []string{"AlmaLinux:9 python3-six 1.15.0-9.el9 verified layer 1", "PyPI six 1.15.0 os-owned layer 1 of python3-six 1.15.0-9.el9", "PyPI six 1.16.0 installed layer 2"}, nil},
		{"a virtual environment that a package brings", [][]item{
			{{"etc/os-release", alma9}, {rpmDB, rpms(rpmOf("python3-six", "1-1", "", "opt/app/lib/python3.9/site-packages/six-1.15.0.egg-info", metadata("six", "1.15.0")))},
				{"opt/app/lib/python3.9/site-packages/six-1.15.0.egg-info", metadata("six", "1.15.0")}},
		}, []string{"AlmaLinux:9 python3-six 1-1 installed layer 1", "PyPI six 1.15.0 installed layer 1"}, nil},
		{"the database removed", [][]item{base, {{"var/lib/.wh.rpm", ""}}}, nil, []string{"unread /etc/os-release layer 1"}},
		{"the database emptied of packages", [][]item{base, {{rpmDB, rpms()}}}, nil, []string{"unread /etc/os-release layer 1"}},
		{"the database emptied", [][]item{base, {{rpmDB, ""}}}, nil, []string{"unparsed /" + rpmDB + " layer 2", "unread /etc/os-release layer 1"}},
		{"the database cut off", [][]item{base, {{rpmDB, rpms(bash, zlib)[:4096+20]}}}, nil, []string{"unparsed /" + rpmDB + " layer 2", "unread /etc/os-release layer 1"}},
		{"SQLite cut off", [][]item{{{"etc/os-release", alma9}, {"var/lib/rpm/rpmdb.sqlite", rpmFixture(t, "rpmdb.sqlite")[:100_000]}}}, nil, []string{"unread /etc/os-release layer 1", "unparsed /var/lib/rpm/rpmdb.sqlite layer 1"}},
		{"Berkeley DB cut off", [][]item{{{"etc/os-release", alma9}, {"var/lib/rpm/Packages", rpmFixture(t, "Packages")[:8192]}}}, nil, []string{"unread /etc/os-release layer 1", "unparsed /var/lib/rpm/Packages layer 1"}},
		{"a record that is no package", [][]item{{{"etc/os-release", alma9}, {rpmDB, rpms(bash, []byte("x"))}}},
			[]string{"AlmaLinux:9 bash 5.1.8-6.el9 installed layer 1"}, []string{"unparsed /" + rpmDB + " layer 1"}},
		{"the database behind a link to what was not read", [][]item{
			{{"etc/os-release", alma9}, {"var/lib/rpm", "-> /srv/rpm"}, {"srv/rpm/Packages.db", rpms(bash)}},
		}, nil, []string{"unread /etc/os-release layer 1", "unread /var/lib/rpm layer 1"}},
		{"the database's file a link to what was not read", [][]item{
			{{"etc/os-release", alma9}, {rpmDB, "-> /srv/db"}, {"srv/db", rpms(bash)}},
		}, nil, []string{"unread /etc/os-release layer 1", "unread /var/lib/rpm layer 1", "unread /" + rpmDB + " layer 1"}},
		{"the database a hard link to what was not read", [][]item{
			{{"etc/os-release", alma9}, {"srv/db", rpms(bash)}, {rpmDB, "=> srv/db"}},
		}, nil, []string{"unread /etc/os-release layer 1", "unread /" + rpmDB + " layer 1"}},
		{"changes that are not in the database yet", [][]item{append(slices.Clone(base), item{"var/lib/rpm/rpmdb.sqlite-wal", "frames"})},
			[]string{"AlmaLinux:9 bash 5.1.8-6.el9 installed layer 1"}, []string{"unread /var/lib/rpm/rpmdb.sqlite-wal layer 1"}},
		{"a journal that is empty, as rpm leaves it", [][]item{append(slices.Clone(base), item{"var/lib/rpm/rpmdb.sqlite-wal", ""}, item{"var/lib/rpm/rpmdb.sqlite-shm", "x"})},
			[]string{"AlmaLinux:9 bash 5.1.8-6.el9 installed layer 1"}, nil},
		{"another root inside", [][]item{append(slices.Clone(base), item{"srv/root/" + rpmDB, rpms(zlib)}, item{"srv/b" + rpmManifest, "x"})},
			[]string{"AlmaLinux:9 bash 5.1.8-6.el9 installed layer 1"}, []string{"unsupported /srv/b" + rpmManifest + " layer 1", "unsupported /srv/root/" + rpmDB + " layer 1"}},
		{"Red Hat, whose advisories are for products", [][]item{{{"etc/os-release", "ID=rhel\nVERSION_ID=9.4\n"}, {rpmDB, rpms(bash)}}},
			[]string{" bash 5.1.8-6.el9 installed layer 1"}, []string{"ecosystem /" + rpmDB + " layer 1"}},
		{"Fedora, of which there are none", [][]item{{{"etc/os-release", "ID=fedora\nVERSION_ID=40\n"}, {rpmDB, rpms(bash)}}},
			[]string{" bash 5.1.8-6.el9 installed layer 1"}, []string{"ecosystem /" + rpmDB + " layer 1"}},
		{"packages of rpm in Debian", [][]item{{{"etc/os-release", debian12}, {rpmDB, rpms(bash)}}},
			[]string{" bash 5.1.8-6.el9 installed layer 1"}, []string{"ecosystem /" + rpmDB + " layer 1"}},
		{"Rocky and openSUSE", [][]item{{{"etc/os-release", "ID=rocky\nVERSION_ID=9.4\n"}, {rpmDB, rpms(bash)}}}, []string{"Rocky Linux:9 bash 5.1.8-6.el9 installed layer 1"}, nil},
		{"openSUSE", [][]item{{{"etc/os-release", "ID=opensuse-leap\nVERSION_ID=15.6\n"}, {rpmDB, rpms(bash)}}}, []string{"openSUSE:Leap 15.6 bash 5.1.8-6.el9 installed layer 1"}, nil},
		{"a list in the place of a database", [][]item{{{"etc/os-release", mariner}, {"var/lib/rpmmanifest/container-manifest-1", "bash-5.1.8-1.cm2.x86_64\n"},
			{rpmManifest[1:], "bash\t5.1.8-1.cm2\t1\t1\tMicrosoft Corporation\t(none)\t10\tx86_64\t0\tbash-5.1.8-1.cm2.src.rpm\nopenssl-libs\t1.1.1k-28.cm2\t1\t1\tMicrosoft Corporation\t1\t10\tx86_64\t1\topenssl-1.1.1k-28.cm2.src.rpm\n" +
				"gpg-pubkey\t3135ce90-5e6fda74\t1\t1\t(none)\t(none)\t0\t(none)\t0\t(none)\n"}}},
			[]string{"Azure Linux:2 bash 5.1.8-1.cm2 installed layer 1", "Azure Linux:2 openssl-libs 1:1.1.1k-28.cm2 installed layer 1"}, nil},
		{"a list with a line that is none", [][]item{{{"etc/os-release", mariner},
			{rpmManifest[1:], "bash\t5.1.8-1.cm2\nopenssl\t1.1.1k-28.cm2\t1\t1\tM\t(none)\t10\tx86_64\t0\topenssl-1.1.1k-28.cm2.src.rpm\n"}}},
			[]string{"Azure Linux:2 openssl 1.1.1k-28.cm2 installed layer 1"}, []string{"unparsed " + rpmManifest + " layer 1"}},
		{"an older list alone", [][]item{{{"etc/os-release", mariner}, {"var/lib/rpmmanifest/container-manifest-1", "bash-5.1.8-1.cm2.x86_64\n"}}},
			nil, []string{"unsupported /var/lib/rpmmanifest/container-manifest-1 layer 1"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			components, gaps, inv := read(t, imageOf(t, tarsOf(t, tc.layers)...))
			if diff := cmp.Diff(tc.want, components); diff != "" {
				t.Errorf("components (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tc.gaps, gaps); diff != "" {
				t.Errorf("gaps (-want +got):\n%s\n%v", diff, inv.Document.Gaps)
			}
			for _, g := range inv.Document.Gaps {
				if !g.Hides {
					t.Errorf("a gap that hides nothing: %+v", g)
				}
			}
		})
	}
}

// TestRPMComponent: the package URL, and the source package, whose epoch its
// file's name does not tell.
func TestRPMComponent(t *testing.T) {
	_, _, inv := read(t, imageOf(t, tarOf(t, item{"etc/os-release", alma9}, item{rpmDB, rpms(
		rpmOf("perl-Carp", "1.50-460.el9", "perl-5.32.1-480.el9.src.rpm"), rpmOf("perl-interpreter", "4:5.32.1-480.el9", "perl-5.32.1-480.el9.src.rpm"),
	)})))
	at := []sbom.Location{{File: "/" + rpmDB, Layer: inv.Layers[0]}}
	want := []sbom.Component{
		{
			Name: "perl-Carp", Version: "1.50-460.el9", Ecosystem: "AlmaLinux:9", Evidence: sbom.Installed, Source: "perl", SourceVersion: "4:5.32.1-480.el9",
			PURL: "pkg:rpm/almalinux/perl-Carp@1.50-460.el9?arch=x86_64&distro=almalinux-9.2&upstream=perl-5.32.1-480.el9.src.rpm&upstream_epoch=4", Locations: at,
		},
		{
			Name: "perl-interpreter", Version: "4:5.32.1-480.el9", Ecosystem: "AlmaLinux:9", Evidence: sbom.Installed, Source: "perl", SourceVersion: "4:5.32.1-480.el9",
			PURL: "pkg:rpm/almalinux/perl-interpreter@5.32.1-480.el9?arch=x86_64&distro=almalinux-9.2&epoch=4&upstream=perl-5.32.1-480.el9.src.rpm", Locations: at,
		},
	}
	if diff := cmp.Diff(want, inv.Document.Components); diff != "" {
		t.Errorf("components (-want +got):\n%s", diff)
	}
	for _, want := range want {
		again, err := sbom.FromPURL(want.PURL, "")
		if err != nil || again.Ecosystem != want.Ecosystem || again.Source != "perl" || again.Version != want.Version || again.SourceVersion != want.SourceVersion {
			t.Errorf("the package URL says %+v, %v", again, err)
		}
	}
}

// TestRPMModule: a module's label is in the package URL.
func TestRPMModule(t *testing.T) {
	_, _, inv := read(t, imageOf(t, tarOf(t, item{"etc/os-release", alma9}, item{"var/lib/rpm/Packages.db", rpmFixture(t, "Packages.db")})))
	const want = "pkg:rpm/almalinux/quay-tools@1.4.0-3.el9_2?arch=noarch&distro=almalinux-9.2&epoch=2&rpmmod=quay:1.4:9020020230512:3b0d0a5f&upstream=quay-tools-1.4.0-3.el9_2.src.rpm"
	if !slices.ContainsFunc(inv.Document.Components, func(c sbom.Component) bool { return c.PURL == want }) {
		t.Errorf("no %s in %+v", want, inv.Document.Components)
	}
}

// TestPacked: what is read of a packed file is what was packed, wherever.
func TestPacked(t *testing.T) {
	data := strings.Repeat("a database has many empty pages\n", 100_000)
	p, err := pack(strings.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	for at := 0; at < len(data); at = at*3 + 7 {
		for _, n := range []int{1, 4096, 3 * pieceBytes} {
			b := make([]byte, n)
			got, err := p.ReadAt(b, int64(at))
			if want := min(n, len(data)-at); got != want || (err == io.EOF) != (got < n) || string(b[:got]) != data[at:at+want] {
				t.Fatalf("%d bytes at %d: %d, %v", n, at, got, err)
			}
		}
	}
	if _, err := pack(strings.NewReader(data[:10]), 11); err == nil {
		t.Error("a file that is cut off was packed")
	}
}

// FuzzRPMManifest: a sound line after anything at all is found, and nothing that
// is found has a broken name or version.
func FuzzRPMManifest(f *testing.F) {
	f.Add("bash\t5.1.8-1.cm2\t1\t1\tMicrosoft Corporation\t(none)\t10\tx86_64\t0\tbash-5.1.8-1.cm2.src.rpm\n")
	f.Add("a\t1-1\t1\t1\tv\t2\t10\tx86_64\t2\tb-1-1.src.rpm\r\nb\t1-1\t1\t1\tv\t3\t10\tx86_64\t3\tb-1-1.src.rpm\n")
	f.Add("ash\t5.1.8-1.cm2\t1\t1\tM\t(none)\t10\t0\tbash-5.1.\xff8-1cm2\tx\n") // an epoch that is none
	f.Add("gpg-pubkey\t1-1\t\t\t\t\t\t(none)\t\t\n\t\t\t\t\t\t\t\t\t\n")
	f.Fuzz(func(t *testing.T, text string) {
		before, gaps := parseRPMManifest([]byte(text))
		for _, p := range before {
			if !debWord(p.Name) || !debWord(p.Version) || p.Line < 1 || p.Source == p.Name && p.SourceVersion == p.Version {
				t.Errorf("package %+v", p)
			}
		}
		if len(before)+len(gaps) > strings.Count(text, "\n")+1 {
			t.Errorf("%d packages and %d gaps of %q", len(before), len(gaps), text)
		}
		after, _ := parseRPMManifest([]byte(text + "\nsentinel\t1-1\t1\t1\tv\t(none)\t10\tx86_64\t0\tsentinel-1-1.src.rpm\n"))
		if len(after) != len(before)+1 || after[len(after)-1].Name != "sentinel" {
			t.Errorf("%d packages, and with one more %d", len(before), len(after))
		}
	})
}
