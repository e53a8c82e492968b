package cli

import (
	"fmt"
	"os"

	"github.com/tallyman/tallyman/internal/audit"
	"github.com/tallyman/tallyman/sbom/space"
)

// hub reads --hub, before anything runs: nil without the flag.
func (a *app) hub() (*audit.Hub, error) {
	if a.flags.hub == "" {
		return nil, nil
	}
	f, err := os.Open(a.path(a.flags.hub))
	if err != nil {
		return nil, usagef("", "--hub: %w", err)
	}
	defer f.Close()
	said, err := space.ReadHub(f)
	if err != nil {
		return nil, fmt.Errorf("reading --hub %q: %w", a.flags.hub, err)
	}
	return &audit.Hub{File: a.shown(a.path(a.flags.hub)), Space: said}, nil
}
