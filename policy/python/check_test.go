package python_test

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/tallyman/tallyman/policy/lint"
	"github.com/tallyman/tallyman/policy/python"
	"github.com/tallyman/tallyman/sbom/pyreq"
)

// read reads a requirement file that stands at the root.
func read(content string) *pyreq.File {
	fsys := fstest.MapFS{"requirements.txt": {Data: []byte(content)}, "limits.txt": {Data: []byte("gradio<6\n")}}
	return pyreq.Read(fsys, "requirements.txt", pyreq.Options{})
}

// fired returns "line rule" for each finding.
func fired(content string, enable ...string) []string {
	out := []string{}
	for _, f := range python.Check(read(content), enable...) {
		out = append(out, fmt.Sprintf("%d %s", f.Line, f.Rule))
	}
	return out
}

func TestEveryRuleFiresOnBadAndNotOnGood(t *testing.T) {
	for _, r := range python.Rules() {
		t.Run(r.ID, func(t *testing.T) {
			fires := func(content string) bool {
				return slices.ContainsFunc(python.Check(read(content), "all"), func(f lint.Finding) bool { return f.Rule == r.ID })
			}
			if !fires(r.Bad) {
				t.Errorf("silent on its bad example:\n%s", r.Bad)
			}
			if fires(r.Good) {
				t.Errorf("fires on its good example:\n%s", r.Good)
			}
			if gaps := read(r.Good).Gaps; len(gaps) > 0 && !strings.HasPrefix(r.Good, "git+") && !strings.HasPrefix(r.Good, "-e") {
				t.Errorf("the good example has gaps: %v", gaps)
			}
		})
	}
}

func TestRulesAreDocumented(t *testing.T) {
	var ids []string
	for _, r := range python.Rules() {
		for name, text := range map[string]string{"Title": r.Title, "Why": r.Why, "Remedy": r.Remedy, "Bad": r.Bad, "Good": r.Good} {
			if strings.TrimSpace(text) == "" {
				t.Errorf("%s: %s is empty", r.ID, name)
			}
		}
		if !strings.HasPrefix(r.Source, "https://") || !slices.IsSorted(r.Aliases) {
			t.Errorf("%s: Source %q, Aliases %v", r.ID, r.Source, r.Aliases)
		}
		ids = append(ids, r.ID)
	}
	if !slices.IsSorted(ids) || len(slices.Compact(slices.Clone(ids))) != len(ids) {
		t.Errorf("identifiers are not sorted or not unique: %v", ids)
	}
}

// TestDenies: what denies by default is what cannot be defended, and no more.
func TestDenies(t *testing.T) {
	var high []string
	for _, r := range python.Rules() {
		if r.Risk == lint.RiskHigh {
			high = append(high, r.ID)
		}
	}
	if diff := cmp.Diff(high, []string{"TM-PY-01", "TM-PY-02"}); diff != "" {
		t.Errorf("got -, want +\n%s", diff)
	}
}

func TestCheck(t *testing.T) {
	const digest = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	for _, tt := range []struct {
		name, content string
		want          []string
	}{
		{"nothing", "fastapi==1.0\n", nil},
		{"every plain index", "-i http://a/\n--extra-index-url http://b/\n-f http://c/\n", []string{"1 TM-PY-02", "2 TM-PY-02", "2 TM-PY-04", "3 TM-PY-02"}},
		{"find-links in a folder", "-f ./wheels\n", nil},
		{"loopback", "-i http://localhost:8080/simple\n-f http://127.0.0.1/\n-f http://[::1]/\n", nil},
		{"not loopback", "-i http://localhost.example.com/\n", []string{"1 TM-PY-02"}},
		{"plain URL", "http://a/x-1.0-py3-none-any.whl\n", []string{"1 TM-PY-02", "1 TM-PY-06"}},
		{"plain URL with digest", "http://a/x-1.0-py3-none-any.whl#sha256=" + digest + "\n", nil},
		{"plain URL with --hash", "x @ http://a/x-1.0.tar.gz --hash=sha256:" + digest + "\n", nil},
		{"weak digest", "https://a/x-1.0-py3-none-any.whl#md5=0123456789abcdef0123456789abcdef\n", []string{"1 TM-PY-06"}},
		{"cut digest", "https://a/x-1.0-py3-none-any.whl#sha256=0123\n", []string{"1 TM-PY-06"}},
		{"plain git", "git+git://a/x@v1\n", []string{"1 TM-PY-02", "1 TM-PY-05"}},
		{"plain git with a commit", "git+git://a/x@0123456789abcdef0123456789abcdef01234567\n", nil},
		{"git over ssh", "git+ssh://git@github.com/o/r@0123456789abcdef0123456789abcdef01234567#egg=x\n", nil},
		{"user name is no revision", "git+ssh://0123456789abcdef0123456789abcdef01234567@h/o/r\n", []string{"1 TM-PY-01", "1 TM-PY-05"}},
		{"short commit", "git+https://a/x@0123456\n", []string{"1 TM-PY-05"}},
		{"no revision", "x @ git+https://a/x\n", []string{"1 TM-PY-05"}},
		{"revision in the fragment", "git+https://a/x#egg=x@0123456789abcdef0123456789abcdef01234567\n", []string{"1 TM-PY-05"}},
		{"local wheel", "./wheels/x-1.0-py3-none-any.whl\n", nil},
		{"outside", "-e ../x\n-e /srv/x\n~/x\nfile:///srv/x-1.0-py3-none-any.whl\n-e ./a/../../x\n", []string{"1 TM-PY-07", "2 TM-PY-07", "3 TM-PY-07", "4 TM-PY-07", "5 TM-PY-07"}},
		{"inside", "-e .\n-e ./x\n-e a/../x\n", nil},
		{"gradio", "gradio\nGradio[oauth]>4\ngradio!=4.1\n", []string{"1 GR-DEP-03", "2 GR-DEP-03", "3 GR-DEP-03"}},
		{"bounded gradio", "gradio<5\ngradio~=4.1\ngradio==4.*\ngradio<=5\n", nil},
		{"gradio bounded by constraints", "-c limits.txt\ngradio\n", nil},
		{"look-alikes", "gradi==1\ngradioo==1\ngrabio==1\ngardio==1\ngradio_clint==1\n", []string{"1 GR-DEP-06", "2 GR-DEP-06", "3 GR-DEP-06", "4 GR-DEP-06", "5 GR-DEP-06"}},
		{"no look-alikes", "radon==1\ngradio_client==1\nGradio==5.0\nspacy==1\ng==1\n", nil},
		{"credentials of another line's option", "x==1 --config-settings=a=https://u:hunter2@h/\n", []string{"1 TM-PY-01"}},
		{"token in a query", "-f https://a.example/?token=hunter2\n", []string{"1 TM-PY-01"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.want == nil {
				tt.want = []string{}
			}
			if diff := cmp.Diff(fired(tt.content), tt.want); diff != "" {
				t.Errorf("got -, want +\n%s", diff)
			}
		})
	}
}

// TestHashes: the rule is off until it is asked for, and one finding a file.
func TestHashes(t *testing.T) {
	const content = "a==1\nb==1 --hash=sha256:00\nc==1\n"
	if got := fired(content); len(got) != 0 {
		t.Errorf("fires without being enabled: %v", got)
	}
	for _, enable := range []string{"all", "gr-dep-04"} {
		found := python.Check(read(content), enable)
		if len(found) != 1 || found[0].Message != "2 of 3 requirements have no digest, a first" {
			t.Errorf("%s: %+v", enable, found)
		}
	}
}

// TestExtraIndexNamesWhatMayBeTaken: a digest keeps a package, a direct
// reference names its own source.
func TestExtraIndexNamesWhatMayBeTaken(t *testing.T) {
	const digest = " --hash=sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	for content, want := range map[string]string{
		"": "any package",
		"torch==2.1.0\nour_private.lib\nkept==1" + digest + "\nx @ https://a.example/x.zip\nTorch\n": "torch, our-private-lib",
		"a\nb\nc\nd\ne\nf\ng\n": "a, b, c, d, e and 2 more",
	} {
		found := python.Check(read("--extra-index-url https://i.example/simple\n" + content))
		i := slices.IndexFunc(found, func(f lint.Finding) bool { return f.Rule == "TM-PY-04" })
		if i < 0 || found[i].Message != want+" may come from https://i.example/simple as well" {
			t.Errorf("%q: %+v, want %q named", content, found, want)
		}
	}
}

// TestNoCredentialShows plants a password wherever a URL may stand.
func TestNoCredentialShows(t *testing.T) {
	const secret = "hunter2correcthorse"
	var lines []string
	for _, f := range []string{
		"-i http://bob:%s@h/", "--extra-index-url https://bob:%s@h/", "-f http://h/?token=%s", "--trusted-host bob:%s@h",
		"git+http://bob:%s@h/r", "-e git+https://bob:%s@h/r@main#egg=gradi", "x @ http://bob:%s@h/x.zip",
		"http://bob:%s@h/x-1-py3-none-any.whl", "-e file://bob:%s@h/x", "gradio --global-option=http://bob:%s@h",
	} {
		lines = append(lines, fmt.Sprintf(f, secret))
	}
	found := python.Check(read(strings.Join(lines, "\n")), "all")
	data, err := json.Marshal(found)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(data), secret) {
		t.Errorf("the secret shows in %s", data)
	}
	flagged := map[int]bool{}
	for _, f := range found {
		if f.Rule == "TM-PY-01" {
			flagged[f.Line] = true
		}
	}
	if len(flagged) != len(lines) {
		t.Errorf("%d of %d lines are flagged: %v", len(flagged), len(lines), flagged)
	}
}

// TestRealFiles logs how often each rule fires on public applications.
func TestRealFiles(t *testing.T) {
	dir := os.Getenv("TALLYMAN_SHARED")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared")
	}
	root, err := os.OpenRoot(filepath.Join(dir, "data"))
	if err != nil {
		t.Skipf("no real data: set TALLYMAN_SHARED, or put it at ../shared beside the repository (%v)", err)
	}
	defer root.Close()
	for _, tree := range []string{"gradio", "gradio-apps"} {
		fires := map[string]int{}
		err := fs.WalkDir(root.FS(), tree, func(name string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.Contains(name, "requirements") || filepath.Ext(name) != ".txt" {
				return err
			}
			for _, f := range python.Check(pyreq.Read(root.FS(), name, pyreq.Options{}), "all") {
				fires[f.Rule]++
				if f.Risk == lint.RiskHigh || f.Rule == "GR-DEP-06" {
					t.Logf("%s:%d %s %s", f.File, f.Line, f.Rule, f.Message)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: %v", tree, fires)
		if tree == "gradio-apps" && fires["TM-PY-05"] == 0 {
			t.Error("the applications have VCS requirements without a commit, and none was found")
		}
	}
}
