package image

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/tallyman/tallyman/internal/limit"
)

// chained is an image of a few kilobytes in which a RECORD names n files behind
// a chain of links, each of which is as long as a path may be: to follow it once
// takes as many steps as a thousand files do.
func chained(t *testing.T, n int) v1.Image {
	t.Helper()
	var files []string
	items := []item{{site + "a-1.dist-info/METADATA", metadata("a", "1")}, {site + "m99/x.py", ""}, {site + "m38/x.py", ""}}
	for i := range n {
		files = append(files, fmt.Sprintf("m0/f%d.py", i), "x")
	}
	for i := range 38 {
		items = append(items, item{fmt.Sprintf("%sm%d", site, i), "-> " + strings.Repeat("m99/../", 500) + fmt.Sprintf("m%d", i+1)})
	}
	return imageOf(t, tarOf(t, append(items, item{site + "a-1.dist-info/RECORD", record("a-1.dist-info", files...)})...))
}

// TestChainsOfLinksAreBoundedAfterTheLayersToo: a state of which the steps are
// used up follows no link any more.
func TestChainsOfLinksAreBoundedAfterTheLayersToo(t *testing.T) {
	parts, err := split(chained(t, 1))
	if err != nil {
		t.Fatal(err)
	}
	facts, err := (&scans{}).all(t.Context(), parts.layers, 1)
	if err != nil {
		t.Fatal(err)
	}
	s, err := squash(t.Context(), facts)
	if err != nil {
		t.Fatal(err)
	}
	if at, err := s.resolve("/" + site + "m0"); err != nil || at != "/"+site+"m38" {
		t.Fatalf("resolved to %q, %v", at, err)
	}
	s.steps = limit.SquashSteps + 1
	before := s.steps
	if _, err := s.resolve("/" + site + "m0/x"); !errors.Is(err, limit.ErrTooLarge) {
		t.Errorf("resolved beyond the bound: %v", err)
	}
	if s.madeSo("/"+site+"m0/x") != len(s.layers)-1 || s.steps > before+100 {
		t.Errorf("%d more steps", s.steps-before)
	}
}

// TestBigChains: an image that asks for hours of following links is refused.
//
//	TALLYMAN_BIG=1 go test ./sbom/image -run TestBigChains
func TestBigChains(t *testing.T) {
	if os.Getenv("TALLYMAN_BIG") == "" {
		t.Skip("TALLYMAN_BIG is not set: the bound takes half a minute to reach")
	}
	if _, err := Read(t.Context(), chained(t, 100_000), Options{}); !errors.Is(err, limit.ErrTooLarge) {
		t.Errorf("an image that takes hours gives %v", err)
	}
}
