package audit

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/tallyman/tallyman/sbom"
)

// names returns "name evidence [constraint] file:line" of every component.
func names(doc *sbom.Document) []string {
	var out []string
	for _, c := range doc.Components {
		for _, l := range c.Locations {
			s := c.Name + " " + l.File
			if c.Constraint {
				s += " constraint"
			}
			out = append(out, s)
		}
	}
	return out
}

func collected(t *testing.T, f *Folder) *sbom.Document {
	t.Helper()
	s, err := (&Auditor{}).collect(t.Context(), f)
	if err != nil {
		t.Fatal(err)
	}
	return sbom.Merge("", s.docs...)
}

func TestIncludedFilesCountOnce(t *testing.T) {
	fsys := fstest.MapFS{
		"app/requirements.txt":       {Data: []byte("-r requirements-base.txt\n-c limits.txt\nb==1\n")},
		"app/requirements-base.txt":  {Data: []byte("a==1\n")},
		"app/limits.txt":             {Data: []byte("c<2\n")},
		"app/requirements-alone.txt": {Data: []byte("-r ../shared.txt\n")},
		"shared.txt":                 {Data: []byte("d==1\n")},
	}
	got := names(collected(t, &Folder{FS: fsys, Dir: "app"}))
	want := []string{"a requirements-base.txt", "b requirements.txt", "c limits.txt constraint", "d ../shared.txt"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("components (-want +got):\n%s", diff)
	}
}

// A file that only constrains another is still a requirement file of its own.
func TestNothingIsLostWhenAnAttackerNamesAFileAsAConstraint(t *testing.T) {
	fsys := fstest.MapFS{
		"requirements.txt":   {Data: []byte("a==1\n")},
		"requirements-b.txt": {Data: []byte("-c requirements.txt\n")},
	}
	if got := names(collected(t, &Folder{FS: fsys, Dir: "."})); !slices.Contains(got, "a requirements.txt") {
		t.Errorf("the requirement is lost: %v", got)
	}
}

// Files that include each other are all included by another: none may be lost.
func TestACycleOfIncludesLosesNothing(t *testing.T) {
	fsys := fstest.MapFS{
		"requirements-a.txt": {Data: []byte("-r requirements-b.txt\na==1\n")},
		"requirements-b.txt": {Data: []byte("-r requirements-a.txt\nb==1\n")},
	}
	doc := collected(t, &Folder{FS: fsys, Dir: "."})
	for _, want := range []string{"a requirements-a.txt", "b requirements-b.txt"} {
		if !slices.Contains(names(doc), want) {
			t.Errorf("%q is lost: %v", want, names(doc))
		}
	}
	if !slices.ContainsFunc(doc.Gaps, func(g sbom.Gap) bool { return g.Kind == sbom.GapInclude && g.Hides }) {
		t.Errorf("the cycle is no gap: %v", doc.Gaps)
	}
}

// Eight hundred files that all include one another would be read for minutes.
func TestAnAttackersCircleOfIncludesIsCutWithOneGap(t *testing.T) {
	const files = 800
	var all strings.Builder
	for i := range files {
		fmt.Fprintf(&all, "-r requirements-%d.txt\n", i)
	}
	fsys := fstest.MapFS{}
	for i := range files {
		fsys[fmt.Sprintf("requirements-%d.txt", i)] = &fstest.MapFile{Data: fmt.Appendf(nil, "a%d==1\n%s", i, all.String())}
	}
	cut := 0
	for _, g := range collected(t, &Folder{FS: fsys, Dir: "."}).Gaps {
		if g.Kind == sbom.GapTooLarge && g.Hides && strings.Contains(g.Reason, "of the folder") {
			cut++
		}
	}
	if cut != 1 {
		t.Errorf("%d gaps say that the files of the folder are too large, want 1", cut)
	}
}

// Every manifest that nothing reads hides what it names.
func TestAManifestWithoutAReaderHides(t *testing.T) {
	fsys := fstest.MapFS{
		"requirements.txt":             {Data: []byte("a==1\n")},
		"package.json":                 {Data: []byte(`{"dependencies":{"x":"1"}}`)},
		"ui/package.json":              {Data: []byte(`{"type":"module"}`)},
		"peer/package.json":            {Data: []byte(`{"peerDependencies":{"x":"1"}}`)},
		"one/yarn.lock":                {Data: []byte("# yarn lockfile v1\n\nx@1:\n  version \"1.0.0\"\n")},
		"one/package.json":             {Data: []byte(`{"dependencies":{"x":"1"}}`)},
		"one/sub/package.json":         {Data: []byte(`{"dependencies":{"y":"1"}}`)},
		"bare/node_modules/x/index.js": {},
		"go.mod":                       {Data: []byte("module m\n")},
	}
	var hiding []string
	for _, g := range collected(t, &Folder{FS: fsys, Dir: "."}).Gaps {
		if g.Hides && g.Kind == sbom.GapUnsupported {
			hiding = append(hiding, g.File)
		}
	}
	if diff := cmp.Diff([]string{"bare/node_modules", "go.mod", "one/sub/package.json", "package.json", "peer/package.json"}, hiding); diff != "" {
		t.Errorf("hiding (-want +got):\n%s", diff)
	}
}

// Settings in what is audited configure nothing; in the user's own repository
// tallyman.yaml does, and what other auditors read is none of ours.
func TestForeignSettingsAreListed(t *testing.T) {
	fsys := fstest.MapFS{"requirements.txt": {Data: []byte("a==1\n")}, "tallyman.yaml": {}, "osv-scanner.toml": {}}
	for _, own := range []bool{false, true} {
		f := &Folder{FS: fsys, Dir: ".", Own: own}
		if own {
			f.Honoured = []string{"tallyman.yaml"}
		}
		var listed []string
		for _, g := range collected(t, f).Gaps {
			if g.Kind == sbom.GapIgnoredConfig && !g.Hides {
				listed = append(listed, g.File)
			}
		}
		want := []string{"osv-scanner.toml", "tallyman.yaml"}
		if own {
			want = nil
		}
		if diff := cmp.Diff(want, listed); diff != "" {
			t.Errorf("own %v: listed (-want +got):\n%s", own, diff)
		}
	}
}

// What a Dockerfile installs from is audited whatever its name, and hides when
// it is not there.
func TestAFileThatRunInstallsFromIsNeverLost(t *testing.T) {
	fsys := fstest.MapFS{
		"app/Dockerfile": {Data: []byte("FROM python:3.12\nCOPY conf/deps.txt /tmp/\nRUN pip install -r /tmp/conf/deps.txt\nRUN pip install -r gone.txt\n")},
		"conf/deps.txt":  {Data: []byte("a==1\n")},
	}
	s, err := (&Auditor{Stages: []string{StageSBOM}}).collect(t.Context(), &Folder{FS: fsys, Dir: "."})
	if err != nil {
		t.Fatal(err)
	}
	doc := sbom.Merge("", s.docs...)
	if diff := cmp.Diff([]string{"a conf/deps.txt"}, names(doc)); diff != "" {
		t.Errorf("components (-want +got):\n%s", diff)
	}
	if !slices.ContainsFunc(doc.Gaps, func(g sbom.Gap) bool { return g.Hides && g.Kind == sbom.GapInclude }) {
		t.Errorf("the missing file is no gap: %v", doc.Gaps)
	}
}

// A Dockerfile may install the project whose manifest was taken out of sight.
func TestAProjectWithoutManifestHides(t *testing.T) {
	dockerfile := &fstest.MapFile{Data: []byte("FROM python:3.12\nCOPY . .\nRUN pip install .\n")}
	project := &fstest.MapFile{Data: []byte("[project]\nname = \"p\"\nversion = \"1\"\ndependencies = []\n")}
	for _, tt := range []struct {
		name    string
		fsys    fstest.MapFS
		exclude []string
		want    bool
	}{
		{"gone", fstest.MapFS{"app/Dockerfile": dockerfile}, nil, true},
		{"elsewhere", fstest.MapFS{"app/Dockerfile": dockerfile, "other/pyproject.toml": project}, nil, true},
		{"left out", fstest.MapFS{"app/Dockerfile": dockerfile, "app/pyproject.toml": project}, []string{"**/pyproject.toml"}, true},
		{"beside", fstest.MapFS{"app/Dockerfile": dockerfile, "app/pyproject.toml": project}, nil, false},
		{"above", fstest.MapFS{"app/Dockerfile": dockerfile, "pyproject.toml": project}, nil, false},
		{"below", fstest.MapFS{"app/Dockerfile": dockerfile, "app/src/pyproject.toml": project}, nil, false},
	} {
		s, err := (&Auditor{Stages: []string{StageSBOM}}).collect(t.Context(), &Folder{FS: tt.fsys, Dir: ".", Exclude: tt.exclude})
		if err != nil {
			t.Fatal(err)
		}
		got := slices.ContainsFunc(sbom.Merge("", s.docs...).Gaps, func(g sbom.Gap) bool {
			return g.Hides && g.Kind == sbom.GapInclude && g.Line == 3
		})
		if got != tt.want {
			t.Errorf("%s: a gap %v, want %v", tt.name, got, tt.want)
		}
	}
}

// What was read all the same is not said to be left out, and no flag is named
// that nobody gave.
func TestLeftOutIsWhatWasNotRead(t *testing.T) {
	fsys := fstest.MapFS{
		"Dockerfile":           {Data: []byte("FROM python:3.12\nCOPY . .\nRUN pip install -r requirements.txt\n")},
		"requirements.txt":     {Data: []byte("-r req-base.txt\na==1\n")},
		"req-base.txt":         {Data: []byte("b==1\n")},
		"requirements-dev.txt": {Data: []byte("c==1\n")},
	}
	f := &Folder{FS: fsys, Dir: ".", Exclude: []string{"req*"}}
	s, err := (&Auditor{Stages: []string{StageSBOM}}).collect(t.Context(), f)
	if err != nil {
		t.Fatal(err)
	}
	if got := names(sbom.Merge("", s.docs...)); !slices.Contains(got, "a requirements.txt") {
		t.Fatalf("the Dockerfile's requirement file was not read: %q", got)
	}
	if diff := cmp.Diff("--exclude left out requirements-dev.txt", s.leftOutNote(f)); diff != "" {
		t.Errorf("note (-want +got):\n%s", diff)
	}
	if got := s.leftOutNote(&Folder{Include: []string{"a"}}); !strings.HasPrefix(got, "--include left") {
		t.Errorf("note with --include only: %q", got)
	}
}
