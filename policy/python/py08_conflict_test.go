package python_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/tallyman/tallyman/policy/python"
	"github.com/tallyman/tallyman/sbom"
	"github.com/tallyman/tallyman/sbom/pep508"
	"github.com/tallyman/tallyman/sbom/pyreq"
)

func linux() []pep508.Environment {
	return []pep508.Environment{pep508.NewEnvironment("3.11", "linux/amd64"), pep508.NewEnvironment("3.13", "linux/amd64")}
}

func TestLinesThatExcludeOneAnother(t *testing.T) {
	for _, test := range []struct {
		name  string
		files map[string]string
		want  []string
	}{
		{"OneFile", map[string]string{"r.txt": "gradio>=5\nGradio<4\n"}, []string{"r.txt:1 no version satisfies gradio >=5 (r.txt:1) and Gradio <4 (r.txt:2)"}},
		{"Pins", map[string]string{"r.txt": "a==1\nb==1\na==2\n"}, []string{"r.txt:1 no version satisfies a ==1 (r.txt:1) and a ==2 (r.txt:3)"}},
		{"Compatible", map[string]string{"r.txt": "a>=1\na<3,!=2\n"}, nil},
		{"Included", map[string]string{"all.txt": "-r r.txt\na<1\n", "r.txt": "a>=1\n"}, []string{"all.txt:2 no version satisfies a <1 (all.txt:2) and a >=1 (r.txt:1)"}},
		{"Constrained", map[string]string{"all.txt": "-c r.txt\na<1\n", "r.txt": "a>=1\n"}, []string{"all.txt:2 no version satisfies a <1 (all.txt:2) and a >=1 (r.txt:1)"}},
		{"NotInstalledTogether", map[string]string{"x.txt": "a<1\n", "y.txt": "a>=1\n"}, nil},
		{"MarkersThatNeverMeet", map[string]string{"r.txt": "a<1; python_version < '3.12'\na>=1; python_version >= '3.12'\n"}, nil},
		{"MarkersThatMeet", map[string]string{"r.txt": "a<1; python_version < '3.12'\na>=1\n"}, []string{"r.txt:1 no version satisfies a <1 (r.txt:1) and a >=1 (r.txt:2)"}},
		{"MarkerThatNobodyAsksFor", map[string]string{"r.txt": "a<1; python_version < '3'\na>=1\n"}, nil},
		{"ThreeTogether", map[string]string{"r.txt": "a>=1,!=2.0\na<=2\na>=2,!=3\n"}, []string{"r.txt:1 no version satisfies a !=2.0,>=1 (r.txt:1) and a <=2 (r.txt:2) and a !=3,>=2 (r.txt:3)"}},
		{"ConstraintsAlone", map[string]string{"all.txt": "-c r.txt\n", "r.txt": "a>=1\na<1\n"}, nil},
		{"DirectReference", map[string]string{"r.txt": "a @ https://example.com/a-1.tar.gz\na<1\na>=0.1\n"}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			fsys := fstest.MapFS{}
			for name, text := range test.files {
				fsys[name] = &fstest.MapFile{Data: []byte(text)}
			}
			var docs []*sbom.Document
			for _, name := range []string{"all.txt", "r.txt", "x.txt", "y.txt"} {
				if _, ok := test.files[name]; ok && (name != "r.txt" || test.files["all.txt"] == "") {
					docs = append(docs, pyreq.Read(fsys, name, pyreq.Options{}).Document())
				}
			}
			found, gaps := python.CheckTogether(sbom.Merge("", docs...), linux())
			var got []string
			for _, f := range found {
				got = append(got, fmt.Sprintf("%s:%d %s", f.File, f.Line, f.Message))
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if (len(gaps) > 0) != (len(test.want) > 0) {
				t.Errorf("gaps %v, want one exactly when there is a finding", gaps)
			}
		})
	}
}

// Nobody can hide a conflict behind lines without number: what is not compared
// is a gap that hides.
func TestTooManyLinesOfOnePackageAreAGap(t *testing.T) {
	var b strings.Builder
	for i := range 2000 {
		fmt.Fprintf(&b, "a!=%d\n", i)
	}
	doc := pyreq.Read(fstest.MapFS{"r.txt": {Data: []byte(b.String() + "a<1\na>=1\n")}}, "r.txt", pyreq.Options{}).Document()
	found, gaps := python.CheckTogether(doc, linux())
	if len(found) != 0 || len(gaps) != 1 || !gaps[0].Hides || gaps[0].Package != "a" {
		t.Errorf("got %v and %v, want a gap that hides", found, gaps)
	}
}
