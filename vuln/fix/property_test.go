package fix

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/tallyman/tallyman/sbom"
	"github.com/tallyman/tallyman/sbom/pep440"
	"github.com/tallyman/tallyman/sbom/pep508"
	"github.com/tallyman/tallyman/vuln"
)

// randomLine makes a requirement line: what stands before its clauses, the
// clauses, and what stands behind them.
func randomLine(r *rand.Rand) (before, clauses, after string) {
	pick := func(list ...string) string { return list[r.IntN(len(list))] }
	before = pick("gradio", "Gradio", "gradio[oauth]", "gradio [oauth, mcp]", "gradio ", "\ufeffgradio", "  gradio")
	after = pick("", " ", "  # a comment >=1", " ; python_version < '3.12'", ";sys_platform=='win32'", "\r\n", " --config-settings a=b", "\nother>=1\n", " \\\n # >=3\nother\n")
	space, comma := pick("", " "), pick(",", ", ", " , ", ",\\\n  ")
	var list []string
	for range r.IntN(4) {
		version := randomVersion(r)
		switch op := pick(">=", ">", "<", "<=", "!=", "~=", "==.*", "!=.*", ">=", "<"); {
		case op == "~=":
			list = append(list, op+space+version+".1")
		case strings.HasSuffix(op, ".*"):
			list = append(list, op[:2]+space+version+".*")
		default:
			list = append(list, op+space+version)
		}
	}
	if r.IntN(5) == 0 {
		list = []string{pick("==", "===") + space + randomVersion(r)}
	}
	clauses = strings.Join(list, comma)
	if len(list) > 0 && r.IntN(6) == 0 && !strings.Contains(comma, "\n") {
		clauses = "(" + clauses + ")"
	}
	return before, clauses, after
}

func randomVersion(r *rand.Rand) string {
	parts := []string{fmt.Sprint(r.IntN(7))}
	for range r.IntN(3) {
		parts = append(parts, fmt.Sprint(r.IntN(12)))
	}
	return strings.Join(parts, ".")
}

// TestEditsAreTheIntersection: the clauses of an edited line admit what the old
// ones did from the floor on (a pin names the floor), everything outside of
// them is the same byte for byte, and a second run changes nothing.
func TestEditsAreTheIntersection(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	edits, caps := 0, 0
	for range 20_000 {
		before, clauses, after := randomLine(r)
		line := before + clauses + after
		floor := pep440.MustParse(randomVersion(r))
		old, err := pep440.ParseSpecifiers(strings.NewReplacer("(", "", ")", "", "\\\n", "").Replace(clauses))
		if err != nil {
			t.Fatal(err)
		}
		finding := found("gradio", "requirements.txt", 1, floor.String())
		got, refused := edited(t, "requirements.txt", line, finding)
		pin, pinned := old.Pin()
		want := old.Set().Intersect(atLeast(floor))
		switch {
		case !pinned && want.IsEmpty():
			if caps++; got != line || len(refused) == 0 {
				t.Fatalf("%q from %s on admits nothing: got %q, refused %v", line, floor, got, refused)
			}
			continue
		case pinned && pin.Compare(floor) < 0:
			want = pep440.Clause{Operator: old.Clauses()[0].Operator, Text: floor.String(), Version: floor}.Set()
		case pinned:
			want = old.Set()
		}
		if len(refused) > 0 {
			t.Fatalf("%q from %s on: refused %v", line, floor, refused)
		}
		before = strings.TrimRight(before, " ")
		if !strings.HasPrefix(got, before) || !strings.HasSuffix(got, after) {
			t.Fatalf("%q from %s on: %q differs outside of the clauses", line, floor, got)
		}
		middle := strings.NewReplacer("\\\n", "").Replace(got[len(before) : len(got)-len(after)])
		requirement, err := pep508.Parse("gradio" + middle)
		if err != nil {
			t.Fatalf("%q from %s on: %q: %v", line, floor, got, err)
		}
		if !requirement.Specifiers.Set().Equal(want) {
			t.Fatalf("%q from %s on: %q admits %s, want %s", line, floor, got, requirement.Specifiers.Set(), want)
		}
		if got != line {
			edits++
		}
		if again, refused := edited(t, "requirements.txt", got, finding); again != got || len(refused) > 0 {
			t.Fatalf("%q from %s on: %q, and again %q, refused %v", line, floor, got, again, refused)
		}
	}
	if edits < 5000 || caps < 1000 {
		t.Errorf("only %d edits and %d caps among the random lines", edits, caps)
	}
}

// FuzzRequirements: whatever the file, an edit leaves every other requirement
// as it was, and planning never panics.
func FuzzRequirements(f *testing.F) {
	for _, seed := range []string{
		"gradio>=4,<5\nother", "gradio\\\n>=4", "\ufeffgradio ; x", "gradio==4 --hash=sha256:00", "gradio (>=1)\r\n-e .\n",
		"-r other.txt\rgradio", "gradio\u2028>=1", "gradio~=1.2 # c\n\n\n", "\\\n\\\ngradio>=1\\", "gradio>=1\x85gradio",
	} {
		f.Add(seed, 1, "4.44.1")
	}
	f.Fuzz(func(t *testing.T, content string, line int, floor string) {
		fsys := fstest.MapFS{"requirements.txt": {Data: []byte(content)}}
		plan := New(fsys, []vuln.Finding{found("gradio", "requirements.txt", line, floor)}, Options{})
		files, err := plan.Apply(fsys.ReadFile)
		if err != nil {
			t.Fatal(err)
		}
		after, ok := files["requirements.txt"]
		if !ok {
			return
		}
		g := requirementGrammar{"requirements.txt"}
		old, now := others(g.declared([]byte(content)), line), others(g.declared(after), line)
		if diff := cmp.Diff(old, now, cmp.AllowUnexported(declaration{}, lineName{})); diff != "" {
			t.Errorf("%q became %q (-before +after):\n%s", content, after, diff)
		}
	})
}

func others(list []declaration, line int) []declaration {
	var out []declaration
	for _, d := range list {
		if d.line != line {
			out = append(out, d)
		}
	}
	return out
}

// TestDiffApplies has git apply the patches of random plans.
func TestDiffApplies(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is not installed")
	}
	dir := t.TempDir()
	git := func(stdin string, args ...string) {
		cmd := exec.Command("git", args...)
		cmd.Dir, cmd.Stdin = dir, strings.NewReader(stdin)
		// A hook that runs the tests has the variables of its repository, which
		// this test must not touch.
		cmd.Env = slices.DeleteFunc(os.Environ(), func(s string) bool { return strings.HasPrefix(s, "GIT_") })
		cmd.Env = append(cmd.Env, "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null", "GIT_CEILING_DIRECTORIES="+filepath.Dir(dir))
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v\n%s\n%s", args, err, out, stdin)
		}
	}
	git("", "init", "-q")
	r := rand.New(rand.NewPCG(3, 4))
	for round := range 40 {
		fsys := fstest.MapFS{}
		var findings []vuln.Finding
		for _, name := range []string{"requirements.txt", "a b/requirements.txt", "ü/requirements \"x\".txt", "back\\slash\t日本.txt"} {
			var lines []string
			for i := range 1 + r.IntN(40) {
				text := "other"
				if r.IntN(6) == 0 {
					text = "gradio>=4"
					finding := found("gradio", name, i+1, "4.44.1")
					if r.IntN(4) == 0 {
						finding.Fixed, finding.Floor, finding.Malicious, finding.Verdict = "", "", true, vuln.Forced
					} else if r.IntN(3) == 0 {
						finding.Package, finding.Evidence, finding.Through = "starlette", sbom.Assumed, "gradio 6.25.0"
					}
					findings = append(findings, finding)
				}
				lines = append(lines, text)
			}
			content := strings.Join(lines, []string{"\n", "\r\n"}[round%2])
			if r.IntN(2) == 0 {
				content += "\n"
			}
			if r.IntN(3) == 0 {
				content = "\ufeff" + content
			}
			fsys[name] = &fstest.MapFile{Data: []byte(content)}
			path := filepath.Join(dir, "sub", name)
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		plan := New(fsys, findings, Options{})
		if len(plan.Edits) == 0 {
			continue
		}
		git(string(plan.Diff("sub")), "apply", "--whitespace=nowarn", "-")
		files, err := plan.Apply(fsys.ReadFile)
		if err != nil {
			t.Fatal(err)
		}
		for name, want := range files {
			got, err := os.ReadFile(filepath.Join(dir, "sub", name))
			if err != nil || string(got) != string(want) {
				t.Fatalf("round %d, %s: %v, got %q, want %q\n%s", round, name, err, got, want, plan.Diff("sub"))
			}
		}
	}
}

func TestLinksAreNotEdited(t *testing.T) {
	dir := t.TempDir()
	for name, content := range map[string]string{"real.txt": "gradio>=4\n", "d/requirements.txt": "gradio>=4\n"} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for link, to := range map[string]string{"requirements.txt": "real.txt", "linked": "d"} {
		if err := os.Symlink(to, filepath.Join(dir, link)); err != nil {
			t.Skip(err)
		}
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	for name, want := range map[string]string{
		"requirements.txt":        "it is a symbolic link: edit the file that it leads to",
		"linked/requirements.txt": `the folder "linked" is a symbolic link: edit the file where it is`,
		"../outside.txt":          "it is outside of the tree",
		"gone.txt":                "no such file or directory",
	} {
		got := New(root.FS(), []vuln.Finding{found("gradio", name, 1, "5.0.0")}, Options{})
		if len(got.Edits) > 0 || len(got.Refused) != 1 || got.Refused[0].Reason != want {
			t.Errorf("%s: %+v, want %q", name, got, want)
		}
	}
}

func TestAChangedFileIsNotOverwritten(t *testing.T) {
	fsys := fstest.MapFS{"requirements.txt": {Data: []byte("gradio>=4\n")}}
	plan := New(fsys, []vuln.Finding{found("gradio", "requirements.txt", 1, "5.0.0")}, Options{})
	fsys["requirements.txt"].Data = []byte("gradio>=4\nmine\n")
	if _, err := plan.Apply(fsys.ReadFile); err == nil {
		t.Error("no error for a file that has changed")
	}
}

func TestUnknownVerdictsAskForNothing(t *testing.T) {
	f := found("gradio", "requirements.txt", 1, "5.0.0")
	f.Verdict = vuln.Unknown
	got := New(fstest.MapFS{"requirements.txt": {Data: []byte("gradio>=4\n")}}, []vuln.Finding{f}, Options{})
	if len(got.Edits)+len(got.Refused) > 0 {
		t.Errorf("%+v", got)
	}
}

func BenchmarkNew(b *testing.B) {
	var content strings.Builder
	var findings []vuln.Finding
	for i := range 1000 {
		name := fmt.Sprintf("package-%d", i)
		fmt.Fprintf(&content, "%s>=1.0,<3  # comment\n", name)
		f := found(name, "requirements.txt", i+1, "2.5")
		f.Locations = []sbom.Location{{File: "requirements.txt", Line: i + 1}}
		findings = append(findings, f)
	}
	fsys := fstest.MapFS{"requirements.txt": {Data: []byte(content.String())}}
	b.ReportAllocs()
	for b.Loop() {
		if plan := New(fsys, findings, Options{}); len(plan.Edits) != 1000 {
			b.Fatal(len(plan.Edits))
		}
	}
}
