package drift

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/tallyman/tallyman/sbom/pep508"
	"github.com/tallyman/tallyman/sbom/pylock"
)

// A lock that is left behind when the manifest moves on is a finding at the
// manifest's line, with both sides; one that follows it is none.
func TestALockThatAnAttackerLeavesBehindIsFound(t *testing.T) {
	const lock = "version = 1\nrequires-python = \">=3.12\"\n\n[[package]]\nname = \"gradio\"\nversion = \"4.19.1\"\nsource = { registry = \"https://pypi.org/simple\" }\n"
	read := pylock.Read(fstest.MapFS{"uv.lock": {Data: []byte(lock)}}, "uv.lock")
	for declared, want := range map[string]int{"gradio>=5": 1, "gradio>=4": 0, "torch": 1} {
		req, err := pep508.Parse(declared)
		if err != nil {
			t.Fatal(err)
		}
		found := CheckLock(read, "pyproject.toml", []pep508.Requirement{req}, []int{7})
		if len(found) != want {
			t.Errorf("%s: %d findings, want %d: %v", declared, len(found), want, found)
		}
		for _, f := range found {
			if f.File != "pyproject.toml" || f.Line != 7 || !strings.Contains(f.Message, "uv.lock") {
				t.Errorf("%s: %+v", declared, f)
			}
		}
	}
}
