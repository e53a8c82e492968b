package catalog

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/anchore/syft/syft/file"
)

// resolver shows syft's catalogers exactly one file and the few that stand
// beside it, from memory. So a cataloger can read nothing that we did not
// bound, follow no link, find no licence text to scan, and whatever it reports
// or fails to report is about that one file.
type resolver struct {
	// name is the path of the file that is catalogued.
	name string
	// files are the contents by path, name among them.
	files map[string][]byte
}

var _ file.Resolver = (*resolver)(nil)

func (r *resolver) location() file.Location { return file.NewLocation(r.name) }

// FileContentsByLocation implements file.ContentResolver.
func (r *resolver) FileContentsByLocation(l file.Location) (io.ReadCloser, error) {
	data, ok := r.files[l.RealPath]
	if !ok {
		return nil, fmt.Errorf("%q is not there", l.RealPath)
	}
	return io.NopCloser(bytes.NewReader(data)), nil
}

// FileMetadataByLocation implements file.MetadataResolver.
func (r *resolver) FileMetadataByLocation(file.Location) (file.Metadata, error) {
	return file.Metadata{}, nil
}

// HasPath implements file.PathResolver.
func (r *resolver) HasPath(name string) bool { _, ok := r.files[name]; return ok }

// FilesByPath implements file.PathResolver. syft asks by path for os-release
// and for licence texts, none of which is wanted.
func (r *resolver) FilesByPath(...string) ([]file.Location, error) { return nil, nil }

// FilesByGlob implements file.PathResolver for patterns of the form
// "**/a*b/c", the only one that the catalogers in use have.
func (r *resolver) FilesByGlob(patterns ...string) ([]file.Location, error) {
	for _, p := range patterns {
		rest, ok := strings.CutPrefix(p, "**/")
		if !ok || strings.Contains(rest, "**") {
			return nil, fmt.Errorf("pattern %q is not supported", p)
		}
		if matchesEnd(rest, r.name) {
			return []file.Location{r.location()}, nil
		}
	}
	return nil, nil
}

// matchesEnd reports whether the last segments of name match pattern.
func matchesEnd(pattern, name string) bool {
	want, have := strings.Split(pattern, "/"), strings.Split(name, "/")
	if len(have) < len(want) {
		return false
	}
	ok, err := path.Match(pattern, strings.Join(have[len(have)-len(want):], "/"))
	return ok && err == nil
}

// FilesByMIMEType implements file.PathResolver.
func (r *resolver) FilesByMIMEType(...string) ([]file.Location, error) { return nil, nil }

// RelativeFileByPath implements file.PathResolver.
func (r *resolver) RelativeFileByPath(_ file.Location, name string) *file.Location {
	if !r.HasPath(name) {
		return nil
	}
	l := file.NewLocation(name)
	return &l
}

// AllLocations implements file.LocationResolver.
func (r *resolver) AllLocations(ctx context.Context) <-chan file.Location {
	out := make(chan file.Location, 1)
	out <- r.location()
	close(out)
	return out
}
