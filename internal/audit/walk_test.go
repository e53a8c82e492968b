package audit

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/tallyman/tallyman/sbom"
)

func TestClassify(t *testing.T) {
	for name, want := range map[string]fileKind{
		"requirements.txt":                       requirementFile,
		"app/requirements-dev.txt":               requirementFile,
		"dev-requirements.txt":                   requirementFile,
		"requirements/base.txt":                  requirementFile,
		"requirements.in":                        requirementFile,
		"pre-requirements.txt":                   requirementFile,
		"notes.txt":                              notManifest,
		"requirements.md":                        notManifest,
		"Dockerfile":                             dockerFile,
		"Dockerfile.gpu":                         dockerFile,
		"Dockerfile_cuda":                        dockerFile,
		"gpu.Dockerfile":                         dockerFile,
		"Containerfile":                          dockerFile,
		"Dockerfile.dockerignore":                notManifest,
		"Dockerfiles/readme.txt":                 notManifest,
		"compose.yaml":                           composeFile,
		"docker-compose.gpu.yml":                 composeFile,
		"package-lock.json":                      catalogued,
		"pnpm-lock.yaml":                         catalogued,
		"package.json":                           npmManifest,
		"v/site-packages/a-1.dist-info/METADATA": catalogued,
		"v/site-packages/a-1.dist-info/RECORD":   notManifest,
		"site-packages/requirements.txt":         requirementFile,
		"v/lib/python3.12/site-packages/pkg/requirements.txt": notManifest,
		"v/Lib/site-packages/pkg/tests/Dockerfile":            notManifest,
		"README.md":         spaceReadme,
		"sub/tallyman.yaml": foreignRules,
		"osv-scanner.toml":  foreignRules,
	} {
		if got := classify(name); got != want {
			t.Errorf("classify(%q) = %d, want %d", name, got, want)
		}
	}
}

func TestRelative(t *testing.T) {
	for _, c := range []struct{ dir, name, want string }{
		{".", "a/b", "a/b"},
		{"a", "a/b", "b"},
		{"a/b", "a/b/c/d", "c/d"},
		{"a/b", "a/c", "../c"},
		{"a/b", "c", "../../c"},
		{"ab", "abc/d", "../abc/d"},
	} {
		if got := relative(c.dir, c.name); got != c.want {
			t.Errorf("relative(%q, %q) = %q, want %q", c.dir, c.name, got, c.want)
		}
	}
}

func TestWalkSkipsVersionControlAndInstalledNpm(t *testing.T) {
	fsys := fstest.MapFS{
		"requirements.txt":                 {Data: []byte("a==1\n")},
		".git/requirements.txt":            {Data: []byte("b==1\n")},
		"node_modules/x/package-lock.json": {Data: []byte("{}")},
		"app/Dockerfile":                   {Data: []byte("FROM scratch\n")},
		"app/old/requirements.txt":         {Data: []byte("c==1\n")},
	}
	found, err := walk(t.Context(), &Folder{FS: fsys, Dir: ".", Exclude: []string{"app/old/**"}})
	if err != nil {
		t.Fatal(err)
	}
	want := map[fileKind][]string{requirementFile: {"requirements.txt"}, dockerFile: {"app/Dockerfile"}}
	if diff := cmp.Diff([]string{"app/old"}, found.leftOut); diff != "" {
		t.Errorf("left out (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want, found.files); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	if len(found.gaps) > 0 {
		t.Errorf("gaps: %v", found.gaps)
	}
}

// A link out of the tree may hide a manifest: it hides whether it names a file
// that we would read or a folder.
func TestWalkHidesWhenAnAttackerLinksOutOfTheTree(t *testing.T) {
	outside, tree := t.TempDir(), t.TempDir()
	write(t, filepath.Join(outside, "requirements.txt"), "secret==1\n")
	write(t, filepath.Join(tree, "sub", "requirements.txt"), "a==1\n")
	write(t, filepath.Join(tree, ".git", "requirements.txt"), "secret==1\n")
	for name, target := range map[string]string{
		"requirements.txt": filepath.Join(outside, "requirements.txt"),
		"linked":           outside,
		"again":            "sub",
		"skipped":          ".git",
		"notes.md":         "nowhere",
	} {
		if err := os.Symlink(target, filepath.Join(tree, name)); err != nil {
			t.Skipf("this system makes no symbolic links: %v", err)
		}
	}
	root, err := os.OpenRoot(tree)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	found, err := walk(t.Context(), &Folder{FS: root.FS(), Dir: "."})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"sub/requirements.txt"}, found.files[requirementFile]); diff != "" {
		t.Errorf("read (-want +got):\n%s", diff)
	}
	var hiding []string
	for _, g := range found.gaps {
		if g.Hides {
			hiding = append(hiding, g.File)
		} else if g.Kind != sbom.GapLink || g.File != "again" {
			t.Errorf("gap %+v", g)
		}
	}
	slices.Sort(hiding)
	if diff := cmp.Diff([]string{"linked", "requirements.txt", "skipped"}, hiding); diff != "" {
		t.Errorf("hiding (-want +got):\n%s", diff)
	}
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
