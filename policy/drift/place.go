package drift

import (
	"fmt"
	"strings"

	"github.com/tallyman/tallyman/sbom"
)

// maxNames is how many packages one message names.
const maxNames = 60

// maxInstructionBytes is how much of an instruction a message quotes.
const maxInstructionBytes = 120

// where says which layer brought an installed component.
func (s *sides) where(c *sbom.Component) string {
	if len(c.Locations) == 0 {
		return "in the image"
	}
	return "at " + c.Locations[0].File + " in " + s.layer(c.Locations[0].Layer)
}

// layer names a layer by its digest, and the instruction that made it.
func (s *sides) layer(digest string) string {
	if digest == "" {
		return "the image"
	}
	if text := instruction(s.opts.Created[digest]); text != "" {
		return fmt.Sprintf("layer %s (%s)", digest, text)
	}
	return "layer " + digest
}

// instruction returns what may be shown of a line of an image's history, in one
// line.
func instruction(text string) string {
	text = sbom.Instruction(sbom.RedactCommand(text))
	if len(text) > maxInstructionBytes {
		text = strings.ToValidUTF8(text[:maxInstructionBytes], "") + "..."
	}
	return text
}

// lines says where the source asks for a component.
func lines(list []*sbom.Component) string {
	var out []string
	for _, c := range list {
		for _, l := range c.Locations {
			out = append(out, place(l))
		}
	}
	return listed(out)
}

func place(l sbom.Location) string {
	if l.Line == 0 {
		return l.File
	}
	return fmt.Sprintf("%s:%d", l.File, l.Line)
}

// first returns the first place of a component.
func first(c *sbom.Component) (file string, line int) {
	if len(c.Locations) == 0 {
		return "", 0
	}
	return c.Locations[0].File, c.Locations[0].Line
}

// listed joins names, and counts those that are too many to name.
func listed(names []string) string {
	if len(names) <= maxNames {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:maxNames], ", "), len(names)-maxNames)
}
