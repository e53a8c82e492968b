package image

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestUnsupported: what is seen by its name and not read is one gap for each
// folder of packages, with the number of files, and names like those are none.
func TestUnsupported(t *testing.T) {
	const nix = "nix/store/0c1b6lkj5rgqsqa8y4cx0y3fvq4xz8kp-"
	for _, tc := range []struct {
		name  string
		files []string
		want  []string
	}{
		{"jars", []string{"srv/a.jar", "srv/b.war", "srv/c.ear", "srv/plugins/x.hpi"}, []string{"/srv Java archives, for which there is no reader yet (3 files)", "/srv/plugins/x.hpi Java archives, for which there is no reader yet"}},
		{"gems, and those of Ruby", []string{"usr/local/lib/ruby/gems/3.3.0/specifications/rack-3.0.0.gemspec", "usr/local/lib/ruby/gems/3.3.0/specifications/default/json-2.7.gemspec"}, []string{"/usr/local/lib/ruby/gems/3.3.0/specifications Ruby gems, for which there is no reader yet (2 files)"}},
		{"a gem's own specification", []string{"app/x.gemspec"}, nil},
		{"Composer", []string{"app/vendor/composer/installed.json"}, []string{"/app/vendor/composer/installed.json PHP Composer packages, for which there is no reader yet"}},
		{"another installed.json", []string{"app/composer/installed.json"}, nil},
		{".NET", []string{"app/web.deps.json", "app/web.dll", "app/web.exe", "app/deps.json"}, []string{"/app/web.deps.json NuGet packages of a .NET program, for which there is no reader yet"}},
		{"programs of other systems", []string{"app/a.exe", "app/b.dll", "app/c.dylib"}, nil},
		{"R", []string{"usr/lib/R/library/base/DESCRIPTION", "usr/local/lib/R/site-library/dplyr/DESCRIPTION", "usr/local/lib/R/site-library/rlang/DESCRIPTION"}, []string{"/usr/lib/R/library/base/DESCRIPTION R packages, for which there is no reader yet", "/usr/local/lib/R/site-library R packages, for which there is no reader yet (2 files)"}},
		{"R of a user, and renv's", []string{"root/R/x86_64-pc-linux-gnu-library/4.3/dplyr/DESCRIPTION", "app/renv/library/R-4.3/x86_64-pc-linux-gnu/dplyr/DESCRIPTION", "root/.cache/R/renv/cache/v5/R-4.3/x86_64-pc-linux-gnu/dplyr/1.1.4/fedd9d00/dplyr/DESCRIPTION"},
			[]string{"/app/renv/library/R-4.3/x86_64-pc-linux-gnu/dplyr/DESCRIPTION R packages, for which there is no reader yet", "/root/.cache/R/renv/cache/v5/R-4.3/x86_64-pc-linux-gnu/dplyr/1.1.4/fedd9d00/dplyr/DESCRIPTION R packages, for which there is no reader yet", "/root/R/x86_64-pc-linux-gnu-library/4.3/dplyr/DESCRIPTION R packages, for which there is no reader yet"}},
		{"another DESCRIPTION", []string{"app/DESCRIPTION", "app/library/x/DESCRIPTION"}, nil},
		{"Julia", []string{"root/.julia/packages/JSON/93Ea8/Project.toml", "opt/julia/packages/HTTP/sJD5V/Project.toml"}, []string{"/opt/julia/packages/HTTP/sJD5V/Project.toml Julia packages, for which there is no reader yet", "/root/.julia/packages/JSON/93Ea8/Project.toml Julia packages, for which there is no reader yet"}},
		{"a project of Julia", []string{"app/Project.toml", "app/packages/core/Project.toml"}, nil},
		{"Erlang", []string{"opt/app/lib/kernel-9.2/ebin/kernel.app", "opt/app/lib/cowboy-2.10.0/ebin/cowboy.app", "opt/app/x.app"}, []string{"/opt/app/lib Erlang or Elixir applications, for which there is no reader yet (2 files)"}},
		{"Lua", []string{"usr/local/lib/luarocks/rocks-5.1/lua-cjson/2.1.0-1/rock_manifest", "usr/local/lib/luarocks/rocks-5.1/lpeg/1.0-1/rock_manifest"}, []string{"/usr/local/lib/luarocks/rocks-5.1 Lua rocks, for which there is no reader yet (2 files)"}},
		{"Swift", []string{"app/.build/checkouts/swift-nio/Package.swift", "app/Package.swift"}, []string{"/app/.build/checkouts/swift-nio/Package.swift Swift packages, for which there is no reader yet"}},
		{"Homebrew", []string{"home/linuxbrew/.linuxbrew/Cellar/jq/1.7/INSTALL_RECEIPT.json", "home/linuxbrew/.linuxbrew/Cellar/xz/5.4/INSTALL_RECEIPT.json"}, []string{"/home/linuxbrew/.linuxbrew/Cellar Homebrew packages, for which there is no reader (2 files)"}},
		{"a snap", []string{"var/lib/snapd/snaps/core22_1.snap", "app/x.snap"}, []string{"/var/lib/snapd/snaps/core22_1.snap snaps, for which there is no reader"}},
		{"flatpak", []string{"var/lib/flatpak/app/org.x/x86_64/stable/0a/metadata", "var/lib/flatpak/runtime/org.y/x86_64/23/0b/metadata", "app/metadata"}, []string{"/var/lib/flatpak Flatpak applications or runtimes, for which there is no reader (2 files)"}},
		{"Yarn's loader and its archives", []string{"app/.pnp.cjs", "app/.yarn/cache/left-pad-npm-1.3.0-1.zip"}, []string{"/app/.pnp.cjs npm packages that Yarn Plug'n'Play loads out of zip archives, for which there is no reader"}},
		{"Yarn's archives, which nothing loads", []string{"app/.yarn/cache/left-pad-npm-1.3.0-1.zip"}, nil},
		{"wheels that are not installed", []string{"wheels/a-1-py3-none-any.whl", "usr/local/lib/python3.11/ensurepip/_bundled/pip-23.2.1-py3-none-any.whl"}, nil},
		{"opkg", []string{"usr/lib/opkg/status"}, []string{"/usr/lib/opkg/status an opkg package database, for which there is no reader"}},
		{"XBPS", []string{"var/db/xbps/pkgdb-0.38.plist"}, []string{"/var/db/xbps/pkgdb-0.38.plist an XBPS package database, for which there is no reader"}},
		{"pacman", []string{"var/lib/pacman/local/a-1/desc", "var/lib/pacman/local/b-1/desc"}, []string{"/var/lib/pacman/local a pacman package database, for which there is no reader (2 files)"}},
		{"Portage", []string{"var/db/pkg/app/a-1/CONTENTS", "var/db/pkg/dev/b-1/CONTENTS"}, []string{"/var/db/pkg a Portage package database, for which there is no reader (2 files)"}},
		{"Nix", []string{nix + "glibc-2.39/", nix + "glibc-2.39/lib/libc.so.6", nix + "hello-1/", nix + "hello-1/bin/", "nix/store/.links/", "nix/store/.links/0a"}, []string{"/" + nix + "glibc-2.39 a store of Nix, for which there is no reader (packages: 2)"}},
		{"Guix", []string{"gnu/store/0c1b-hello-1/"}, []string{"/gnu/store/0c1b-hello-1 a store of Guix, for which there is no reader (packages: 1)"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var items []item
			for _, f := range tc.files {
				items = append(items, item{f, "x"})
			}
			var got []string
			_, _, inv := read(t, imageOf(t, tarOf(t, items...)))
			for _, g := range inv.Document.Gaps {
				if got = append(got, g.File+" "+g.Reason); g.Kind != "unsupported" || !g.Hides || g.Layer == "" {
					t.Errorf("%+v", g)
				}
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			// What a layer above removes is not there.
			above := []item{{".wh.x", ""}}
			for _, f := range tc.files {
				top, _, _ := strings.Cut(f, "/")
				above = append(above, item{".wh." + top, ""})
			}
			if _, gaps, _ := read(t, imageOf(t, tarOf(t, items...), tarOf(t, above...))); gaps != nil {
				t.Errorf("removed, and still %v", gaps)
			}
		})
	}
}

// TestUnsupportedOfTheDistribution: what a package of the distribution brings in
// the folders of its own runtimes is that package's, and what it brings in a
// folder of its own, or nobody's file beside it, is not.
func TestUnsupportedOfTheDistribution(t *testing.T) {
	for p, gaps := range map[string]int{
		"usr/lib/jvm/java-17-openjdk-amd64/lib/jrt-fs.jar":                    0,
		"usr/share/ca-certificates-java/ca-certificates-java.jar":             0,
		"usr/lib/ruby/gems/3.1.0/specifications/default/json-2.6.gemspec":     0,
		"usr/share/rubygems-integration/all/specifications/rack-2.2.gemspec":  0,
		"usr/lib/x86_64-linux-gnu/ruby/gems/3.1.0/specifications/x-1.gemspec": 0,
		"usr/lib/R/library/base/DESCRIPTION":                                  0,
		"usr/lib/R/site-library/dplyr/DESCRIPTION":                            0,
		"usr/lib/erlang/lib/kernel-9.2/ebin/kernel.app":                       0,
		"usr/lib/python3/dist-packages/x/y.jar":                               0,
		"usr/lib/hadoop/x.jar":                                                1,
		"usr/share/elasticsearch/lib/x.jar":                                   1,
		"opt/java/openjdk/lib/jrt-fs.jar":                                     1,
		"usr/local/lib/R/site-library/dplyr/DESCRIPTION":                      1,
		"usr/share/grafana/vendor/composer/installed.json":                    1,
	} {
		base := []item{{"etc/os-release", debian12}, {"var/lib/dpkg/status", deb("a", "1")}, {p, "PK"}}
		owned := append(base, item{"var/lib/dpkg/info/a.md5sums", sums(p, "PK")})
		other := append(base[:len(base):len(base)], item{"var/lib/dpkg/info/a.md5sums", sums(p, "other")})
		for what, want := range map[string]int{"owned": gaps, "altered": 1} {
			items := map[string][]item{"owned": owned, "altered": other}[what]
			if _, got, _ := read(t, imageOf(t, tarOf(t, items...))); len(got) != want {
				t.Errorf("%s, %s: gaps %v, want %d", p, what, got, want)
			}
		}
	}
}

// TestManyUnsupported: thousands of packages of one kind are one gap, with their
// number.
func TestManyUnsupported(t *testing.T) {
	var items []item
	for i := range 3000 {
		items = append(items, item{fmt.Sprintf("usr/local/lib/R/site-library/p%04d/DESCRIPTION", i), "x"}, item{fmt.Sprintf("nix/store/%04d-p/", i), ""})
	}
	_, gaps, inv := read(t, imageOf(t, tarOf(t, items...)))
	if len(gaps) != 2 || !strings.Contains(inv.Document.Gaps[1].Reason, "3000 files") || !strings.Contains(inv.Document.Gaps[0].Reason, "packages: 3000") {
		t.Errorf("got %v", inv.Document.Gaps)
	}
}
