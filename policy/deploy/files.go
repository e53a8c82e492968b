package deploy

import (
	"fmt"
	"strings"

	"github.com/tallyman/tallyman/policy/lint"
	"github.com/tallyman/tallyman/sbom"
)

// fileRule is a rule about the files of an installed package: those that it
// objects to, and what is said of them.
type fileRule struct {
	lint.Rule
	files func(*sbom.Files) []string
	what  string
	// alone is true when the files are no package's.
	alone bool
}

const recordSpecification = "https://packaging.python.org/en/latest/specifications/recording-installed-packages/#the-record-file"

func fileRules() []fileRule {
	return []fileRule{alteredFiles(), extraFiles(), missingFiles(), startupFiles()}
}

func alteredFiles() fileRule {
	return fileRule{lint.Rule{
		ID: "TM-FILE-01", Aliases: []string{}, Severity: lint.Error, Risk: lint.RiskHigh, Default: true,
		Title:  "The files of installed packages are those that were installed",
		Why:    "What runs is then not what the package's name and version say, and no advisory speaks about it: a patch that nobody remembers, or code that somebody planted.",
		Remedy: "Install the package again in the image; what has to be patched, build as a version of its own.",
		Bad:    `{"checked": 2, "altered": ["/usr/local/lib/python3.12/site-packages/a/__init__.py"]}`,
		Good:   `{"checked": 2}`,
		Source: recordSpecification,
	}, func(f *sbom.Files) []string { return f.Altered }, "have another content than", false}
}

func extraFiles() fileRule {
	return fileRule{lint.Rule{
		ID: "TM-FILE-02", Aliases: []string{}, Severity: lint.Warning, Risk: lint.RiskMedium, Default: true,
		Title:  "The folders of installed packages hold no modules of others",
		Why:    "A module in a package's folder is imported under the package's name, and no list says who put it there.",
		Remedy: "Remove the file, or keep it in a package of its own.",
		Bad:    `{"checked": 2, "extra": ["/usr/local/lib/python3.12/site-packages/a/b.py"]}`,
		Good:   `{"checked": 2}`,
		Source: recordSpecification,
	}, func(f *sbom.Files) []string { return f.Extra }, "lie among the files of the package and are not named by", false}
}

func missingFiles() fileRule {
	return fileRule{lint.Rule{
		ID: "TM-FILE-03", Aliases: []string{}, Severity: lint.Info, Risk: lint.RiskLow, Default: true,
		Title:  "The files of installed packages are there",
		Why:    "A package of which a part was deleted may fail when that part is needed, and is no longer what its version says.",
		Remedy: "Delete nothing out of installed packages, or leave it: tests and examples are seldom missed.",
		Bad:    `{"checked": 2, "missing": ["/usr/local/lib/python3.12/site-packages/a/__init__.py"]}`,
		Good:   `{"checked": 2}`,
		Source: recordSpecification,
	}, func(f *sbom.Files) []string { return f.Missing }, "are not there, of those named by", false}
}

func startupFiles() fileRule {
	return fileRule{lint.Rule{
		ID: "TM-FILE-04", Aliases: []string{}, Severity: lint.Warning, Risk: lint.RiskMedium, Default: true,
		Title:  "What runs at every start of Python came with a package",
		Why:    "A .pth file, sitecustomize.py and usercustomize.py run before any code of the application, whatever it is; of these no package's list says who put them there.",
		Remedy: "Remove the file, or bring it along in a package of its own.",
		Bad:    `{"starts": ["/usr/local/lib/python3.12/site-packages/sitecustomize.py"]}`,
		Good:   `{"checked": 2}`,
		Source: "https://docs.python.org/3/library/site.html",
	}, func(f *sbom.Files) []string { return f.Starts }, "files that run at every start of Python and that no package's list names", true}
}

// CheckFiles judges what came of holding the files of an image's packages
// against their lists: one finding for each package, rule and layer, in the
// package's list. They are sorted.
func CheckFiles(doc *sbom.Document) []lint.Finding {
	out := []lint.Finding{}
	for i := range doc.Files {
		f := &doc.Files[i]
		for _, r := range fileRules() {
			what := r.what
			if !r.alone {
				what = fmt.Sprintf("files of %s %s %s its list", f.Name, f.Version, r.what)
			}
			layers, of := grouped(r.files(f), f.Locations)
			for _, layer := range layers {
				found := r.New(strings.TrimPrefix(f.List, "/"), 0, 0, "", what+": "+someOf(of[layer]))
				found.Layer = layer
				out = append(out, found)
			}
		}
	}
	return lint.Sort(out)
}

// filesShown is how many files a message names.
const filesShown = 5

func someOf(files []string) string {
	if more := len(files) - filesShown; more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(files[:filesShown], ", "), more)
	}
	return strings.Join(files, ", ")
}
