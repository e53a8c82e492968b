package sbom_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tallyman/tallyman/sbom"
)

func TestFromPURL(t *testing.T) {
	for _, c := range []struct {
		purl, distro string
		want         sbom.Component
	}{
		{"pkg:pypi/gradio@4.19.1", "", sbom.Component{Name: "gradio", Version: "4.19.1", Ecosystem: "PyPI"}},
		{"pkg:npm/%40gradio/client@1.0.0", "", sbom.Component{Name: "@gradio/client", Version: "1.0.0", Ecosystem: "npm"}},
		{"pkg:golang/github.com/a/b@v1.2.3", "", sbom.Component{Name: "github.com/a/b", Version: "v1.2.3", Ecosystem: "Go"}},
		{"pkg:golang/github.com/Masterminds/goutils@v1.1.0%2Bincompatible?x=y#a/B", "", sbom.Component{Name: "github.com/Masterminds/goutils", Version: "v1.1.0+incompatible", Ecosystem: "Go"}},
		{"pkg:golang/stdlib@1.21.0", "", sbom.Component{Name: "stdlib", Version: "1.21.0", Ecosystem: "Go"}},
		{"pkg:maven/org.a/b@1", "", sbom.Component{Name: "org.a:b", Version: "1", Ecosystem: "Maven"}},
		{"pkg:deb/debian/libssl3@3.0.11-1~deb12u1?arch=amd64&distro=debian-12&upstream=openssl", "", sbom.Component{Name: "libssl3", Version: "3.0.11-1~deb12u1", Ecosystem: "Debian:12", Source: "openssl"}},
		{"pkg:deb/debian/libc6@2.36-9?distro=debian-12.5&upstream=glibc%402.36-8", "", sbom.Component{Name: "libc6", Version: "2.36-9", Ecosystem: "Debian:12", Source: "glibc", SourceVersion: "2.36-8"}},
		{"pkg:deb/debian/curl@7.88.1-10?distro=bookworm", "", sbom.Component{Name: "curl", Version: "7.88.1-10", Ecosystem: "Debian:12"}},
		{"pkg:deb/debian/curl@7.88.1-10", "debian-11", sbom.Component{Name: "curl", Version: "7.88.1-10", Ecosystem: "Debian:11"}},
		{"pkg:deb/debian/login@4.13?distro=debian-12&epoch=1", "", sbom.Component{Name: "login", Version: "1:4.13", Ecosystem: "Debian:12"}},
		{"pkg:deb/debian/curl@7.88.1-10", "", sbom.Component{Name: "curl", Version: "7.88.1-10"}},
		{"pkg:deb/raspbian/curl@7.88.1-10?distro=debian-12", "", sbom.Component{Name: "curl", Version: "7.88.1-10"}},
		{"pkg:deb/ubuntu/curl@7?distro=ubuntu-22.04", "", sbom.Component{Name: "curl", Version: "7", Ecosystem: "Ubuntu:22.04:LTS"}},
		{"pkg:deb/ubuntu/curl@7?distro=ubuntu-23.10", "", sbom.Component{Name: "curl", Version: "7", Ecosystem: "Ubuntu:23.10"}},
		{"pkg:apk/alpine/musl@1.2.5-r0?distro=alpine-3.20.1", "", sbom.Component{Name: "musl", Version: "1.2.5-r0", Ecosystem: "Alpine:v3.20"}},
		{"pkg:rpm/almalinux/bash@5.1?distro=almalinux-9.3", "", sbom.Component{Name: "bash", Version: "5.1", Ecosystem: "AlmaLinux:9"}},
		{"pkg:generic/thing@1", "", sbom.Component{Name: "thing", Version: "1"}},
	} {
		c.want.PURL, c.want.Locations = c.purl, []sbom.Location{}
		got, err := sbom.FromPURL(c.purl, c.distro)
		if err != nil {
			t.Errorf("FromPURL(%q): %v", c.purl, err)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("FromPURL(%q, %q) (-want +got):\n%s", c.purl, c.distro, diff)
		}
	}
	for _, bad := range []string{"", "gradio", "pkg:pypi", "pkg:pypi/", "https://pypi.org/project/gradio"} {
		if c, err := sbom.FromPURL(bad, ""); err == nil {
			t.Errorf("FromPURL(%q) = %+v, want an error", bad, c)
		}
	}
}

func TestCutSourceRPM(t *testing.T) {
	for file, want := range map[string][3]string{
		"bash-5.1.8-6.el9.src.rpm":             {"bash", "5.1.8", "6.el9"},
		"java-1.8.0-openjdk-1.8.0.1-1.src.rpm": {"java-1.8.0-openjdk", "1.8.0.1", "1"},
		"kernel-1-1.nosrc.rpm":                 {"kernel", "1", "1"},
		"bash-5.1.8-6.el9.x86_64.rpm":          {}, "-1-1.src.rpm": {}, "a--1.src.rpm": {}, "a-1-.src.rpm": {}, "a.src.rpm": {}, "(none)": {}, "": {},
	} {
		name, version, release := sbom.CutSourceRPM(file)
		if got := [3]string{name, version, release}; got != want {
			t.Errorf("%q: %q, want %q", file, got, want)
		}
	}
}
