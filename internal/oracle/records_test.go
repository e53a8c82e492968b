package oracle

import (
	"archive/zip"
	"cmp"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ossf/osv-schema/bindings/go/osvschema"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/tallyman/tallyman/sbom"
)

// shared returns a folder of the data that lies beside the repository, and
// skips the test without it.
func shared(tb testing.TB, path string) string {
	tb.Helper()
	root := os.Getenv("TALLYMAN_SHARED")
	if root == "" {
		root = filepath.Join("..", "..", "..", "shared")
	}
	full := filepath.Join(root, path)
	if _, err := os.Stat(full); err != nil {
		tb.Skipf("the shared data is absent (set TALLYMAN_SHARED): %v", err)
	}
	return full
}

// subject is a package as records name it: ecosystem with release suffix, and
// name in normal form.
type subject struct{ ecosystem, name string }

// records are those of one ecosystem, as the reference decodes them.
type records struct {
	byID map[string]*osvschema.Vulnerability
	// of lists the records that name a package, sorted by id.
	of map[subject][]*osvschema.Vulnerability
	// spelled is a package's name as the first of its records spells it.
	spelled map[subject]string
	// undecodable are the entries that the reference drops without a word.
	undecodable []string
}

// readZip reads the all.zip of an ecosystem. Other ecosystems that its records
// name are left out: the reference looks for their packages in their own zips.
func readZip(tb testing.TB, path, ecosystem string) *records {
	tb.Helper()
	z, err := zip.OpenReader(path)
	if err != nil {
		tb.Fatal(err)
	}
	defer z.Close()
	r := &records{byID: map[string]*osvschema.Vulnerability{}, of: map[subject][]*osvschema.Vulnerability{}, spelled: map[subject]string{}}
	for _, f := range z.File {
		data := readEntry(tb, f)
		v := &osvschema.Vulnerability{}
		if err := protojson.Unmarshal(data, v); err != nil {
			r.undecodable = append(r.undecodable, f.Name)
			continue
		}
		r.byID[v.GetId()] = v
	}
	for _, v := range r.byID {
		for _, s := range subjectsOf(v) {
			if familyOf(s.ecosystem) == ecosystem {
				r.of[s] = append(r.of[s], v)
			}
		}
	}
	r.spread(ecosystem)
	for s, list := range r.of {
		slices.SortFunc(list, func(a, b *osvschema.Vulnerability) int { return strings.Compare(a.GetId(), b.GetId()) })
		r.spelled[s] = spelling(list[0], s)
	}
	return r
}

// spread gives the records that name a distribution without a release to the
// packages of all its releases.
func (r *records) spread(ecosystem string) {
	if ecosystem != "Debian" {
		return
	}
	for s, list := range r.of {
		every := r.of[subject{ecosystem, s.name}]
		if s.ecosystem == ecosystem || len(every) == 0 {
			continue
		}
		for _, v := range every {
			if !slices.Contains(list, v) {
				r.of[s] = append(r.of[s], v)
			}
		}
	}
	maps.DeleteFunc(r.of, func(s subject, _ []*osvschema.Vulnerability) bool { return s.ecosystem == ecosystem })
}

func familyOf(ecosystem string) string {
	family, _, _ := strings.Cut(ecosystem, ":")
	return family
}

func readEntry(tb testing.TB, f *zip.File) []byte {
	tb.Helper()
	in, err := f.Open()
	if err != nil {
		tb.Fatal(err)
	}
	defer in.Close()
	data, err := io.ReadAll(in)
	if err != nil {
		tb.Fatal(err)
	}
	return data
}

// subjectsOf lists the packages that a record names, each once.
func subjectsOf(v *osvschema.Vulnerability) []subject {
	var out []subject
	for _, a := range v.GetAffected() {
		if eco := a.GetPackage().GetEcosystem(); eco != "" {
			out = append(out, subject{eco, sbom.NormalName(eco, a.GetPackage().GetName())})
		}
	}
	slices.SortFunc(out, compareSubjects)
	return slices.Compact(out)
}

func compareSubjects(a, b subject) int {
	return cmp.Or(strings.Compare(a.ecosystem, b.ecosystem), strings.Compare(a.name, b.name))
}

func spelling(v *osvschema.Vulnerability, s subject) string {
	for _, a := range entriesOf(v, s) {
		return a.GetPackage().GetName()
	}
	return s.name
}

// entriesOf are a record's affected entries for a package: those of its release
// and those of every release.
func entriesOf(v *osvschema.Vulnerability, s subject) []*osvschema.Affected {
	var out []*osvschema.Affected
	for _, a := range v.GetAffected() {
		eco := a.GetPackage().GetEcosystem()
		if (eco == s.ecosystem || eco == familyOf(s.ecosystem)) && sbom.NormalName(eco, a.GetPackage().GetName()) == s.name {
			out = append(out, a)
		}
	}
	return out
}

// eventVersion is the version of whichever field of an event is set.
func eventVersion(e *osvschema.Event) string {
	return cmp.Or(e.GetIntroduced(), e.GetFixed(), e.GetLastAffected(), e.GetLimit())
}
