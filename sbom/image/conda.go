package image

import (
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/tallyman/tallyman/internal/limit"
	"github.com/tallyman/tallyman/sbom"
	"github.com/tallyman/tallyman/sbom/pep440"
)

// condaFact is what conda notes of an installed package besides its name and
// version.
type condaFact struct {
	// Build, Channel and Subdir say which of the builds of a version it is.
	Build   string `json:"build,omitempty"`
	Channel string `json:"channel,omitempty"`
	Subdir  string `json:"subdir,omitempty"`
	// Archive is the form of the archive, "conda" or "tar.bz2".
	Archive string `json:"archive,omitempty"`
	// SHA256 is the hex digest of the archive.
	SHA256    string `json:"sha256,omitempty"`
	Requested bool   `json:"requested,omitempty"`
	// Metadata are the metadata files of Python distributions that the package
	// has, below the environment's folder.
	Metadata []string `json:"metadata,omitempty"`
}

// condaMeta is the part of a file of conda-meta that is read.
// https://docs.conda.io/projects/conda/en/stable/dev-guide/api/conda/models/records/index.html#conda.models.records.PrefixRecord
type condaMeta struct {
	Name          string          `json:"name"`
	Version       string          `json:"version"`
	Build         string          `json:"build"`
	Channel       json.RawMessage `json:"channel"`
	Subdir        string          `json:"subdir"`
	File          string          `json:"fn"`
	SHA256        string          `json:"sha256"`
	RequestedSpec string          `json:"requested_spec"`
	Files         []string        `json:"files"`
}

// parseConda reads a file of conda-meta.
func parseConda(data []byte) (*packageFact, *condaFact, error) {
	var raw condaMeta
	if err := json.Unmarshal(data, &raw); err != nil {
		return nil, nil, errors.New("not what conda notes of an installed package")
	}
	if !debWord(raw.Name) || !debWord(raw.Version) {
		return nil, nil, errors.New("what conda notes of an installed package names no package or no version")
	}
	f := &condaFact{
		Build: plain(raw.Build), Channel: condaChannel(raw.Channel, raw.Subdir), Subdir: plain(raw.Subdir),
		Requested: raw.RequestedSpec != "" && raw.RequestedSpec != "None",
	}
	for _, suffix := range []string{"conda", "tar.bz2"} {
		if strings.HasSuffix(raw.File, "."+suffix) {
			f.Archive = suffix
		}
	}
	if sums := (archiveInfo{Hashes: map[string]string{"sha256": raw.SHA256}}).digests(); len(sums) == 1 {
		f.SHA256 = strings.TrimPrefix(sums[0], "sha256:")
	}
	for _, p := range raw.Files {
		if p = path.Clean("/" + validText(p)); kindOf(p) == kindPython {
			f.Metadata = append(f.Metadata, p)
		}
	}
	if len(f.Metadata) > limit.CondaDistributions {
		return nil, nil, fmt.Errorf("a conda package of %d Python distributions: %w of %d", len(f.Metadata), limit.ErrTooLarge, limit.CondaDistributions)
	}
	slices.Sort(f.Metadata)
	return &packageFact{Name: raw.Name, Version: raw.Version}, f, nil
}

// condaChannel is the name of a channel, which conda writes as a URL, with the
// subdirectory at its end or not, as a name ("pkgs/main"), or as an object of
// old. In a URL "/t/TOKEN" may come before the name.
// https://docs.conda.io/projects/conda/en/stable/user-guide/concepts/channels.html
func condaChannel(raw json.RawMessage, subdir string) string {
	var s string
	var object struct {
		Name string `json:"name"`
	}
	switch {
	case json.Unmarshal(raw, &s) == nil:
	case json.Unmarshal(raw, &object) == nil:
		s = object.Name
	}
	s = strings.TrimSuffix(strings.TrimRight(s, "/"), "/"+subdir)
	if s = path.Base(withoutQuery(s)); s == "." || s == "/" {
		return ""
	}
	return plain(s)
}

func withoutQuery(s string) string {
	if i := strings.IndexAny(s, "?#"); i >= 0 {
		s = s[:i]
	}
	return s
}

// condaPackages adds the conda packages that are no Python distribution: those
// have metadata of their own, by which PyPI's advisories are looked up. Of the
// others OSV has no advisories, which each environment says once.
func (b *builder) condaPackages() {
	bare := map[string][]string{}
	named := b.condaNamed()
	for p, f := range b.files {
		if f.Kind != kindConda || f.Package == nil || f.Conda == nil {
			continue
		}
		folder := path.Dir(p)
		if stem := strings.TrimSuffix(path.Base(p), ".json"); stem != f.Package.Name+"-"+f.Package.Version+"-"+f.Conda.Build {
			b.newGap(sbom.GapConflict, p, f.layer, fmt.Sprintf("the file names the conda package %q %q, its own name something else", f.Package.Name, f.Package.Version))
		}
		if b.isDistribution(path.Dir(folder), f, named) {
			continue
		}
		c := sbom.Component{
			Name: f.Package.Name, Version: f.Package.Version, Evidence: sbom.Installed, Installer: "conda", Requested: f.Conda.Requested,
			PURL:      sbom.CondaPURL(f.Package.Name, f.Package.Version, f.Conda.Build, f.Conda.Channel, f.Conda.Subdir, f.Conda.Archive),
			Locations: []sbom.Location{{File: p, Layer: b.layers[f.layer]}},
		}
		if f.Conda.SHA256 != "" {
			c.Hashes = []string{"sha256:" + f.Conda.SHA256}
		}
		b.doc.Components = append(b.doc.Components, c)
		bare[folder] = append(bare[folder], p)
	}
	for folder, files := range bare {
		b.newGap(sbom.GapEcosystem, folder, b.files[slices.Min(files)].layer,
			fmt.Sprintf("%d conda packages that are no Python distributions, for which there is no advisory ecosystem", len(files)))
	}
}

// condaNamed counts the records of conda that name each metadata file.
func (b *builder) condaNamed() map[string]int {
	named := map[string]int{}
	for p, f := range b.files {
		if f.Kind != kindConda || f.Conda == nil {
			continue
		}
		for _, m := range f.Conda.Metadata {
			if real, err := b.resolve(path.Join(path.Dir(path.Dir(p)), m)); err == nil {
				named[real]++
			}
		}
	}
	return named
}

// isDistribution reports whether a conda package is one of the Python
// distributions that are found without it. It has to bring the metadata of one
// below the environment that is called like it; or that has its version, says
// that conda installed it, and is no other record's, as pytorch brings torch.
// What a forged record names of someone else's is listed all the same.
func (b *builder) isDistribution(environment string, record placed, named map[string]int) bool {
	return slices.ContainsFunc(record.Conda.Metadata, func(m string) bool {
		real, err := b.resolve(path.Join(environment, m))
		f, there := b.files[real]
		if err != nil || !there || f.Kind != kindPython || f.Package == nil {
			return false
		}
		if sbom.NormalName("PyPI", f.Package.Name) == sbom.NormalName("PyPI", record.Package.Name) {
			return true
		}
		by := b.files[path.Join(path.Dir(real), "INSTALLER")]
		byConda := by.file != nil && by.Installer == "conda" || by.file == nil && !strings.HasSuffix(path.Dir(real), ".dist-info")
		return named[real] == 1 && byConda && sameVersion(f.Package.Version, record.Package.Version)
	})
}

// sameVersion compares the versions of a distribution and of a package of it.
func sameVersion(a, b string) bool {
	v, err := pep440.Parse(a)
	w, err2 := pep440.Parse(b)
	return a == b || err == nil && err2 == nil && v.Compare(w) == 0
}
