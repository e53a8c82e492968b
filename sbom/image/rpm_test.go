package image

import (
	"compress/gzip"
	"io"
	"os"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const (
	alma9   = "NAME=\"AlmaLinux\"\nID=\"almalinux\"\nID_LIKE=\"rhel centos fedora\"\nVERSION_ID=\"9.2\"\nPRETTY_NAME=\"AlmaLinux 9.2 (Turquoise Kodkod)\"\n"
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

// TestRPMFixture: an image with each of the databases that rpm made and the
// files of its packages, in the three places.
func TestRPMFixture(t *testing.T) {
	want := []string{
		"AlmaLinux:9 crane-old 0.1~rc1-1 verified layer 1", "AlmaLinux:9 python3-quay 0.9.1-3.el9_2 verified layer 1",
		"AlmaLinux:9 quay-libs 2:1.4.0-3.el9_2 verified layer 1", "AlmaLinux:9 quay-tools 2:1.4.0-3.el9_2 verified layer 1",
		"PyPI quay 0.9.1 os-owned layer 1 of python3-quay 0.9.1-3.el9_2",
	}
	for name, at := range map[string]string{"rpmdb.sqlite": "usr/lib/sysimage/rpm/", "Packages": "var/lib/rpm/", "Packages.db": "usr/share/rpm/"} {
		for _, first := range []bool{true, false} {
			db, items := item{at + name, rpmFixture(t, name)}, append(quayFiles(), item{"etc/os-release", alma9})
			if first {
				items = append([]item{db}, items...)
			} else {
				items = append(items, db)
			}
			components, gaps, inv := read(t, imageOf(t, tarOf(t, items...)))
			if diff := cmp.Diff(want, components); diff != "" {
				t.Errorf("%s: components (-want +got):\n%s", name, diff)
			}
			if len(gaps) != 0 || len(inv.Document.Files) != 0 {
				t.Errorf("%s: gaps %v, files %v", name, inv.Document.Gaps, inv.Document.Files)
			}
		}
	}
}
