package oci

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// likeness says how well a name that a layout or an archive has for an image is
// the one that was asked for. The zero value is not at all.
type likeness int

const (
	// sameTag is the tag at the end of a whole reference.
	sameTag likeness = iota + 1
	// sameName is the name as it stands, or another spelling of the reference:
	// engines take app, app:latest and docker.io/library/app:latest for one.
	sameName
)

// alike compares a name that a file has with the one that was asked for.
func alike(has, asked string) likeness {
	switch {
	case has == "":
		return 0
	case has == asked || strings.ContainsAny(has, ":/") && spelled(has) == spelled(asked):
		return sameName
	case lastTag(has) == asked:
		return sameTag
	}
	return 0
}

// spelled is a reference in its longest form, or s when it is none.
// https://github.com/distribution/reference (normalisation of familiar names)
func spelled(s string) string {
	ref, err := name.ParseReference(s)
	if err != nil {
		return s
	}
	return ref.Name()
}

// closest keeps those of all that are called asked: by their name, or, when there
// is none, by the tag at its end.
func closest[T any](all []T, asked string, names func(T) []string) []T {
	best, out := likeness(1), []T(nil)
	for _, one := range all {
		like := likeness(0)
		for _, has := range names(one) {
			like = max(like, alike(has, asked))
		}
		if like > best {
			best, out = like, nil
		}
		if like == best {
			out = append(out, one)
		}
	}
	return out
}

// pin is the digest that a name is, or ends in as reports write it, "" for none.
func pin(name string) string {
	if digest := name[strings.LastIndex(name, "@")+1:]; digestOK.MatchString(digest) {
		return digest
	}
	return ""
}

// called is how one image of a file can be asked for: by one of its names, else
// by its digest.
type called struct {
	names  []string
	digest v1.Hash
	// platform is "" where nothing says it.
	platform string
}

// askable are the words behind PATH: or PATH@ that lead to one image each, or to
// one for each platform; sorted. A name that others share, or that nobody can
// type, leads to none.
func askable(images []called) []string {
	holders := map[string][]called{}
	for _, one := range images {
		for _, spelling := range spellings(one.names) {
			holders[spelling] = append(holders[spelling], one)
		}
	}
	var out []string
	for _, one := range images {
		own := slices.DeleteFunc(slices.Clone(one.names), func(n string) bool {
			return !nameOK.MatchString(n) || !oneOrPlatforms(holders[spelled(n)])
		})
		if len(own) == 0 {
			own = []string{one.digest.String()}
		}
		out = append(out, own...)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// spellings are names in their longest form, each once.
func spellings(names []string) []string {
	var out []string
	for _, n := range names {
		out = append(out, spelled(n))
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// oneOrPlatforms reports whether images are one, or one for each of several
// platforms.
func oneOrPlatforms(images []called) bool {
	seen := map[string]bool{}
	for _, one := range images {
		if len(images) > 1 && (one.platform == "" || seen[one.platform]) {
			return false
		}
		seen[one.platform] = true
	}
	return true
}

// several is the error of a reference to a file of more than one image. It ends
// in one of the words that work.
func several(ref Ref, images []called) error {
	all := askable(images)
	ref.Name = all[0]
	way := ref.String()
	if ref.Kind == KindStream {
		way = "-- " + way // else it is taken for a flag
	}
	return &Error{Reason: ErrAmbiguous, Err: errors.New(strings.Join(all, ", ")), Hint: "name one, as in " + way}
}

// missing is the error of a reference to an image that a file does not have.
func missing(name string, images []called) error {
	there := strings.Join(askable(images), ", ")
	if len(images) == 1 && len(images[0].names) == 0 {
		there = "one without a name (leave it out)"
	}
	return &Error{Reason: ErrNotFound, Err: fmt.Errorf("no image is called %q; there is %s", name, cmp.Or(there, "none"))}
}
