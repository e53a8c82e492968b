package image

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tallyman/tallyman/internal/limit"
)

// TestNamesThatBeginAlike: however much a name has in common with the one
// before, it is counted whole, as it is kept.
func TestNamesThatBeginAlike(t *testing.T) {
	var r room
	var facts layerFacts
	long := strings.Repeat("0", 200)
	kept := 0
	for r.take(&facts, entry{Path: fmt.Sprintf("/data/%s%07d", long, kept), Type: entryLink, Target: "t"}) {
		kept++
	}
	if most := limit.LayerTextBytes / 200; kept > most {
		t.Errorf("%d kept, of names of more than 200 bytes", kept)
	}
	if len(facts.Gaps) != 1 || !facts.Gaps[0].Hides {
		t.Errorf("gaps %v", facts.Gaps)
	}
}

// TestSetuidFilesBeyondTheBound: an image with more setuid files than are placed
// names all of them; those without a layer are no base's.
func TestSetuidFilesBeyondTheBound(t *testing.T) {
	var files []mode
	for n := range limit.FilesLocated + 1 {
		files = append(files, mode{fmt.Sprintf("opt/s%06d", n), 0o4755})
	}
	inv, _ := readWith(t, imageOf(t, modesOf(t, files...)), nil)
	if len(inv.Setuid) != limit.FilesLocated+1 || len(inv.FileLocations) != limit.FilesLocated {
		t.Errorf("%d setuid files, %d placed", len(inv.Setuid), len(inv.FileLocations))
	}
}
