package audit

import (
	"bytes"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

// repository writes files into a new repository, tracks some of them and
// returns its folder and its files.
func repository(t testing.TB, version string, files map[string]string, tracked ...string) (string, fs.FS) {
	t.Helper()
	dir := t.TempDir()
	git(t, dir, nil, "init", "-q")
	for name, text := range files {
		name = filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if len(tracked) > 0 {
		git(t, dir, nil, append([]string{"add", "-f", "--"}, tracked...)...)
	}
	git(t, dir, nil, "update-index", "--force-write-index", "--index-version", version)
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	return dir, root.FS()
}

func git(t testing.TB, dir string, stdin []byte, args ...string) string {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is not installed")
	}
	cmd := exec.Command("git", append([]string{"-c", "core.excludesFile=", "-c", "core.quotePath=false"}, args...)...)
	cmd.Dir, cmd.Stdin = dir, bytes.NewReader(stdin)
	cmd.Env = append(withoutGit(os.Environ()), "HOME="+dir, "XDG_CONFIG_HOME="+dir, "GIT_CONFIG_NOSYSTEM=1", "GIT_CEILING_DIRECTORIES="+filepath.Dir(dir))
	out, err := cmd.Output()
	if exit, ok := err.(*exec.ExitError); ok && args[0] == "check-ignore" && exit.ExitCode() == 1 {
		err = nil // none is ignored
	}
	if err != nil {
		t.Fatalf("git %v: %v", args, err)
	}
	return string(out)
}

// withoutGit drops git's own variables: a hook that runs the tests has those of
// its repository, and these tests must not touch that.
func withoutGit(env []string) []string {
	return slices.DeleteFunc(env, func(s string) bool { return strings.HasPrefix(s, "GIT_") })
}

// ignoredFiles asks about every file below fsys in the order of a walk.
func ignoredFiles(t testing.TB, fsys fs.FS) []string {
	t.Helper()
	g := newGitIgnore(&Folder{FS: fsys, Dir: ".", Own: true})
	if g == nil {
		t.Fatal("the index cannot be read")
	}
	var out []string
	skipped := map[string]bool{}
	err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil || name == ".":
			return err
		case name == ".git":
			return fs.SkipDir
		case skipped[path.Dir(name)] || g.ignores(name, d.IsDir()):
			if skipped[name] = d.IsDir(); !d.IsDir() {
				out = append(out, name)
			}
		case d.IsDir():
			g.enter(name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(out)
	return out
}

// asGit is what git says of the same files.
func asGit(t testing.TB, dir string, fsys fs.FS) []string {
	t.Helper()
	var all []string
	fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		if name == ".git" {
			return fs.SkipDir
		}
		if !d.IsDir() {
			all = append(all, name)
		}
		return err
	})
	out := strings.Split(strings.Trim(git(t, dir, []byte(strings.Join(all, "\x00")), "check-ignore", "-z", "--stdin"), "\x00"), "\x00")
	slices.Sort(out)
	return append([]string(nil), slices.DeleteFunc(out, func(s string) bool { return s == "" })...)
}

func TestGitIgnoreSaysWhatGitSays(t *testing.T) {
	patterns := strings.Join([]string{
		"# comment", `\#hash.txt`, "*.log", "!keep.log", "build/", "/top.txt", "doc/*.txt", "**/deep.txt", "a/**/z.txt", "all/**",
		"sp ace.txt  ", `trail.txt\ `, "[a-c]1.txt", "[!a-c]2.txt", "[[:digit:]]x.txt", "[z-a].txt", "[unclosed", `back\`, "q?.txt", "!", "/", "**",
		"!*.txt", "!*/", "!*.log", "*.tmp", "naïve.*", "*.[oa]", "cr.txt\r", "a**b", "dir", "x/y/", "[]]c.txt", "[a-]d.txt", `\!bang.txt`,
	}, "\n")
	names := []string{
		"#hash.txt", "a.log", "keep.log", "build/out.txt", "sub/build/out.txt", "top.txt", "sub/top.txt", "doc/a.txt", "doc/sub/a.txt",
		"deep.txt", "1/2/deep.txt", "a/z.txt", "a/b/c/z.txt", "all/x", "all/y/z", "sp ace.txt", "trail.txt ", "a1.txt", "d1.txt", "a2.txt", "d2.txt",
		"1x.txt", "z.txt", "[unclosed", "q1.txt", "x.tmp", "keep/x.tmp", "naïve.md", "lib.a", "cr.txt", "a-b", "dir/f", "x/y/z", "y/x/y/z", "]c.txt", "-d.txt", "!bang.txt", "plain.txt",
	}
	// "**" and its exceptions would hide the others: each pattern alone, and all.
	sets := append(strings.Split(patterns, "\n"), patterns, strings.ReplaceAll(patterns, "\n**\n", "\n"))
	for _, set := range sets {
		files := map[string]string{".gitignore": set + "\n", "sub/.gitignore": "!build/\n*.txt\n"}
		for _, name := range names {
			files[name] = ""
		}
		dir, fsys := repository(t, "2", files, "plain.txt", "build/out.txt", "all/y/z")
		if diff := cmp.Diff(asGit(t, dir, fsys), ignoredFiles(t, fsys)); diff != "" {
			t.Errorf("with %.60q (-git +ours):\n%s", set, diff)
		}
	}
}

// TestGitIgnoreAgreesOnRandomPatterns draws patterns and paths of few letters,
// so that they meet.
func TestGitIgnoreAgreesOnRandomPatterns(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	draw := func(pieces []string, n int) string {
		var b strings.Builder
		for range 1 + random.IntN(n) {
			b.WriteString(pieces[random.IntN(len(pieces))])
		}
		return b.String()
	}
	for range 25 {
		files := map[string]string{}
		var tracked []string
		for range 25 {
			var parts []string
			for range 1 + random.IntN(3) {
				parts = append(parts, draw([]string{"a", "b", "c"}, 2))
			}
			name := strings.Join(parts, "/") + ".f"
			if files[name] = ""; random.IntN(6) == 0 {
				tracked = append(tracked, name)
			}
		}
		for _, file := range []string{".gitignore", "a/.gitignore", "b/.gitignore"} {
			for range 4 {
				files[file] += draw([]string{"a", "b", "c", "*", "**", "/", "/", "?", "[ab]", "[!a]", ".f", "!", `\a`}, 5) + "\n"
			}
		}
		dir, fsys := repository(t, []string{"2", "3", "4"}[random.IntN(3)], files, tracked...)
		if diff := cmp.Diff(asGit(t, dir, fsys), ignoredFiles(t, fsys)); diff != "" {
			t.Errorf("with %q (-git +ours):\n%s", files[".gitignore"]+"|"+files["a/.gitignore"]+"|"+files["b/.gitignore"], diff)
		}
	}
}

func TestIgnoredPathsAreSkippedAndListed(t *testing.T) {
	files := map[string]string{
		".gitignore": "build/\nlocal-requirements.txt\nforced/\n", "requirements.txt": "a==1\n",
		"local-requirements.txt": "b==1\n", "build/requirements.txt": "c==1\n",
		"forced/requirements.txt": "d==1\n", "forced/other-requirements.txt": "e==1\n",
	}
	for _, version := range []string{"2", "3", "4"} {
		_, fsys := repository(t, version, files, "requirements.txt", "forced/requirements.txt")
		found, err := walk(t.Context(), &Folder{FS: fsys, Dir: ".", Own: true})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"forced/requirements.txt", "requirements.txt"}, found.files[requirementFile]); diff != "" {
			t.Errorf("version %s (-want +got):\n%s", version, diff)
		}
		if diff := cmp.Diff([]string{"build/", "forced/other-requirements.txt", "local-requirements.txt"}, found.ignored); diff != "" {
			t.Errorf("version %s, ignored (-want +got):\n%s", version, diff)
		}
	}
}

// What is not the user's own, cannot be told, or was asked for, is audited.
func TestNothingIsIgnored(t *testing.T) {
	files := map[string]string{".gitignore": "*\n", "app/requirements.txt": "a==1\n"}
	dir, fsys := repository(t, "2", files)
	count := func(name string, f *Folder) {
		t.Helper()
		found, err := walk(t.Context(), f)
		if err != nil || len(found.files[requirementFile]) != 1 || len(found.ignored) != 0 {
			t.Errorf("%s: %+v, %v, want the file read", name, found, err)
		}
	}
	count("InAForeignFolder", &Folder{FS: fsys, Dir: "."})
	count("TheAuditedFolderIsIgnored", &Folder{FS: fsys, Dir: "app", Own: true})
	count("OneFile", &Folder{FS: fsys, Dir: "app", File: "app/requirements.txt", Own: true})
	index := filepath.Join(dir, ".git", "index")
	data, err := os.ReadFile(index)
	if err != nil {
		t.Fatal(err)
	}
	for name, broken := range map[string][]byte{"CutIndex": data[:len(data)-3], "EmptyIndex": {}, "ChangedIndex": append(slices.Clone(data), 0)} {
		if err := os.WriteFile(index, broken, 0o644); err != nil {
			t.Fatal(err)
		}
		count(name, &Folder{FS: fsys, Dir: ".", Own: true})
	}
	if err := os.Remove(index); err != nil {
		t.Fatal(err)
	}
	count("NoIndex", &Folder{FS: fsys, Dir: ".", Own: true})
	count("NoRepository", &Folder{FS: fstest.MapFS{".gitignore": {Data: []byte("*\n")}, "requirements.txt": {Data: []byte("a==1\n")}}, Dir: ".", Own: true})
}

// The patterns of a repository inside of ours are its own.
func TestAnotherRepositoryInsideDoesNotHideItself(t *testing.T) {
	dir, fsys := repository(t, "2", map[string]string{"requirements.txt": "a==1\n", "dep/.gitignore": "*\n", "dep/requirements.txt": "b==1\n", "dep/sub/.gitignore": "*\n", "dep/sub/requirements.txt": "c==1\n"}, "requirements.txt")
	git(t, dir, nil, "init", "-q", "dep")
	found, err := walk(t.Context(), &Folder{FS: fsys, Dir: ".", Own: true})
	if err != nil || len(found.files[requirementFile]) != 3 {
		t.Errorf("%v %v, want three files", found.files[requirementFile], err)
	}
}

func FuzzGitIndex(f *testing.F) {
	for _, version := range []string{"2", "4"} {
		_, fsys := repository(f, version, map[string]string{"a": "1", "b/c": "2", "b/d": "3"}, "a", "b/c")
		data, err := fs.ReadFile(fsys, ".git/index")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		x, err := parseGitIndex(data)
		if err != nil {
			return
		}
		for name := range x.files {
			for dir := path.Dir(name); dir != "." && dir != "/"; dir = path.Dir(dir) {
				if !x.tracks(dir, true) {
					t.Errorf("%q is tracked and %q above it is not", name, dir)
				}
			}
		}
	})
}

func FuzzIgnorePattern(f *testing.F) {
	for _, seed := range []string{"*.log", "a/**/b", "[!a-z]x", `\ `, "[[:alpha:]", "!/x/", "[]-]"} {
		f.Add(seed, "a/b.log")
	}
	f.Fuzz(func(t *testing.T, pattern, name string) {
		rules := parseIgnore(pattern)
		for i := range rules {
			before := rules[i].matches(name, true)
			if rules[i].folder && rules[i].matches(name, false) {
				t.Errorf("%q of folders matches the file %q", pattern, name)
			}
			if again := parseIgnore(pattern); again[i].matches(name, true) != before {
				t.Errorf("%q matches %q differently the second time", pattern, name)
			}
		}
	})
}
