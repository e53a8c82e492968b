package audit

import (
	"fmt"

	"github.com/tallyman/tallyman/policy/space"
	spacereader "github.com/tallyman/tallyman/sbom/space"
)

// Hub is what the Hugging Face Hub says of the Space that is audited, and its
// repository does not.
type Hub struct {
	// File is where the user keeps the Hub's answer, as findings show it.
	File  string
	Space *spacereader.Hub
}

// judge adds what the settings of the Space on the Hub break to a report. It
// does nothing without them.
func (h *Hub) judge(r *Report, enable []string) {
	if h == nil {
		return
	}
	r.Lint = append(r.Lint, space.CheckHub(h.File, h.Space, enable...)...)
	if !h.Space.Scanned {
		r.Notes = append(r.Notes, fmt.Sprintf("%s has no results of the Hub's scanners (securityRepoStatus, or tree with securityFileStatus), so that GR-HFS-11 says nothing", h.File))
	}
}
