package dockerfile

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tallyman/tallyman/policy/lint"
	"github.com/tallyman/tallyman/sbom/dockerfile"
)

func grImg02() rule {
	return rule{lint.Rule{
		ID: "GR-IMG-02", Aliases: []string{}, Severity: lint.Info, Risk: lint.RiskLow, Default: true,
		Title:  "The shipped image holds no more than it runs",
		Why:    "Compilers, shells' helpers and full distributions are most of an image's known vulnerabilities, and an intruder's tools.",
		Remedy: "Ship a slim, runtime or distroless base image, and leave compilers and download tools in an earlier stage.",
		Bad:    "FROM python:3.12\nUSER 1000\n",
		Good:   "FROM python:3.12-slim\nUSER 1000\n",
		Source: "https://docs.docker.com/build/building/best-practices/#choose-the-right-base-image",
	}, func(p *pass) {
		final := p.Final()
		if final == nil {
			return
		}
		if s := p.origin(final); s.From != nil && s.Base.Known {
			if why := large(s.Base); why != "" {
				p.at(s, s.From, fmt.Sprintf("the shipped image is built on %s, %s", shown(s.Base.Text), why))
			}
		}
		p.installs(func(s *dockerfile.Stage, in *dockerfile.Instruction, i *dockerfile.Install) {
			if s.Reach != dockerfile.Shipped {
				return
			}
			tools := texts(i.Packages, func(w dockerfile.Word) bool {
				return slices.Contains(buildTools, packageName(w.Text)) && !removed(in.Script, i, packageName(w.Text))
			})
			if len(tools) > 0 {
				p.report(s, i.Command.Line, i.Command.Column, fmt.Sprintf("the shipped image gets %s, which running the application seldom needs", listed(tools)))
			}
		}, "apt-get", "apt", "apk", "yum", "dnf", "microdnf")
	}}
}

// large says why a base image is not minimal, "" when it may be.
func large(i dockerfile.Image) string {
	tag := strings.ToLower(i.Tag)
	slim := slices.ContainsFunc([]string{"slim", "alpine", "distroless", "minimal", "wolfi", "runtime"}, func(s string) bool {
		return strings.Contains(tag, s) || strings.Contains(i.Repository, s)
	})
	switch {
	case strings.Contains(tag, "devel"):
		return "which has compilers and headers"
	case slim || strings.HasPrefix(i.Repository, "cgr.dev/") || strings.Contains(i.Repository, "distroless"):
		return ""
	}
	official := i.Repository == i.Base() || strings.HasPrefix(i.Repository, "docker.io/library/") || strings.HasPrefix(i.Repository, "library/")
	switch {
	case !official:
		return ""
	case slices.Contains([]string{"python", "node", "golang", "rust", "ruby", "php", "openjdk", "gcc", "buildpack-deps", "perl"}, i.Base()):
		return "the full variant with compilers and headers"
	case slices.Contains([]string{"ubuntu", "debian", "centos", "fedora", "rockylinux", "almalinux", "amazonlinux"}, i.Base()):
		return "a whole distribution"
	}
	return ""
}

// buildTools are packages of Debian, Alpine and Red Hat that build or fetch.
var buildTools = []string{
	"autoconf", "automake", "build-base", "build-essential", "clang", "cmake", "curl", "g++", "gcc", "git", "gfortran",
	"make", "openssh-client", "openssh-server", "sudo", "wget",
}

// packageName cuts the version off a package argument.
func packageName(s string) string {
	if i := strings.IndexAny(s, "=~<>/"); i >= 0 {
		s = s[:i]
	}
	return s
}

// removed reports whether the same script takes the package out again.
func removed(script *dockerfile.Script, i *dockerfile.Install, name string) bool {
	virtual, _ := i.Option("-t", "--virtual")
	for _, v := range script.Invocations() {
		if !slices.Contains([]string{"remove", "purge", "autoremove", "del", "erase"}, v.Verb) {
			continue
		}
		for _, w := range v.Operands {
			if w.Text == name || virtual.HasValue && w.Text == virtual.Value.Text {
				return true
			}
		}
	}
	return false
}
