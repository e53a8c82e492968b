package pylock

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/tallyman/tallyman/sbom"
)

// TestALockThatNamesFilesOfAnotherVersion: an attacker writes a clean version
// into the lock, and leaves the file of the vulnerable one.
func TestALockThatNamesFilesOfAnotherVersion(t *testing.T) {
	const uv = "version = 1\nrequires-python = '>=3.10'\n[[package]]\nname = 'demo'\nversion = '3.0'\n"
	const standard = "lock-version = '1.0'\ncreated-by = 'x'\n[[packages]]\nname = 'demo'\nversion = '3.0'\n"
	const poetry = "[[package]]\nname = 'demo'\nversion = '3.0'\n"
	for _, test := range []struct {
		name, file, text, want string
	}{
		{"wheel", "uv.lock", uv + "source = { registry = 'https://pypi.org/simple' }\nwheels = [{ url = 'https://files.pythonhosted.org/x/demo-2.0-py3-none-any.whl' }]\n", "demo-2.0-py3-none-any.whl"},
		{"the same", "uv.lock", uv + "source = { registry = 'https://pypi.org/simple' }\nwheels = [{ url = 'https://files.pythonhosted.org/x/demo-3-py3-none-any.whl' }]\n", ""},
		{"a local version", "uv.lock", uv + "source = { registry = 'https://pypi.org/simple' }\nwheels = [{ url = 'https://x.org/demo-3.0%2Bcpu-py3-none-any.whl#sha256=0' }]\n", ""},
		{"sdist", "uv.lock", uv + "source = { registry = 'https://pypi.org/simple' }\nsdist = { url = 'https://files.pythonhosted.org/x/demo-2.0.tar.gz' }\n", "demo-2.0.tar.gz"},
		{"an archive of any name", "uv.lock", uv + "source = { url = 'https://github.com/x/demo/archive/v2.0.tar.gz' }\n", ""},
		{"another project's wheel", "uv.lock", uv + "source = { url = 'https://x.org/other-2.0-py3-none-any.whl' }\n", ""},
		{"standard wheel", "pylock.toml", standard + "[[packages.wheels]]\npath = 'w/demo-2.0-py3-none-any.whl'\nhashes = {}\n", "demo-2.0-py3-none-any.whl"},
		{"standard archive", "pylock.toml", standard + "[packages.archive]\nurl = 'https://x.org/demo-2.0.tar.gz?x=y'\nhashes = {}\n", "demo-2.0.tar.gz"},
		{"poetry file", "poetry.lock", poetry + "files = [{ file = 'demo-2.0-py3-none-any.whl', hash = '' }]\n[metadata]\nlock-version = '2.1'\n", "demo-2.0-py3-none-any.whl"},
		{"poetry source", "poetry.lock", poetry + "[package.source]\ntype = 'url'\nurl = 'https://x.org/demo-2.0-py3-none-any.whl'\n[metadata]\nlock-version = '2.1'\n", "demo-2.0-py3-none-any.whl"},
		{"pdm file", "pdm.lock", "[metadata]\nlock_version = '4.5.0'\n" + poetry + "files = [{ url = 'https://x.org/demo-2.0-py3-none-any.whl', hash = '' }]\n", "demo-2.0-py3-none-any.whl"},
		{"pipenv file", "Pipfile.lock", `{"_meta":{"pipfile-spec":6},"default":{"demo":{"version":"==3.0","file":"https://x.org/demo-2.0-py3-none-any.whl"}},"develop":{}}`, "demo-2.0-py3-none-any.whl"},
	} {
		got := ""
		for _, g := range Read(fstest.MapFS{test.file: {Data: []byte(test.text)}}, test.file).Gaps {
			if g.Kind == sbom.GapConflict && g.Hides {
				got += g.Reason
			}
		}
		if test.want == "" && got != "" || !strings.HasSuffix(got, map[bool]string{true: " the file " + test.want + " for it"}[test.want != ""]) {
			t.Errorf("%s: %q", test.name, got)
		}
	}
}
