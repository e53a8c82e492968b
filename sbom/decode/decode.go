// Package decode reads an SBOM of any format that tallyman knows, told apart by
// its content and not by its file name.
package decode

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/tallyman/tallyman/internal/limit"
	"github.com/tallyman/tallyman/sbom"
	"github.com/tallyman/tallyman/sbom/cyclonedx"
	"github.com/tallyman/tallyman/sbom/spdx"
	"github.com/tallyman/tallyman/sbom/syftjson"
)

// The formats that Decode tells apart.
const (
	CycloneDX = "cyclonedx"
	SPDX      = "spdx"
	SyftJSON  = "syft-json"
	// JSON is what `tallyman sbom --format json` and `tallyman audit --format
	// json` write.
	JSON = "json"
)

// ErrUnknown means that the content is of none of the formats.
var ErrUnknown = errors.New("not an SBOM that can be read: want JSON of CycloneDX, SPDX 2.x, syft or tallyman")

// reportVersion is the version of tallyman's own JSON that is read.
const reportVersion = 1

// Decode reads an SBOM and returns it with the name of its format. What it
// says to be nowhere can be put into the SBOM's own file with Place.
func Decode(r io.Reader) (*sbom.Document, string, error) {
	data, err := limit.ReadAll(r, limit.SBOMBytes)
	if err != nil {
		return nil, "", fmt.Errorf("reading the SBOM: %w", err)
	}
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	format, err := Detect(data)
	if err != nil {
		return nil, "", fmt.Errorf("reading the SBOM: %w", err)
	}
	var d *sbom.Document
	switch in := bytes.NewReader(data); format {
	case CycloneDX:
		d, err = cyclonedx.Decode(in)
	case SPDX:
		d, err = spdx.Decode(in)
	case SyftJSON:
		d, err = syftjson.Decode(in)
	default:
		d, err = decodeJSON(data)
	}
	if err != nil {
		return nil, "", fmt.Errorf("reading the SBOM: %w", err)
	}
	return d, format, nil
}

// Detect names the format of an SBOM by the fields at its top. Content that
// claims to be of two is of none.
func Detect(data []byte) (string, error) {
	var top struct {
		CycloneDX  *json.RawMessage `json:"bomFormat"`
		SPDX       *json.RawMessage `json:"spdxVersion"`
		Artifacts  *json.RawMessage `json:"artifacts"`
		Command    *json.RawMessage `json:"command"`
		Components *json.RawMessage `json:"components"`
	}
	if err := json.Unmarshal(data, &top); err != nil {
		return "", fmt.Errorf("%w (%w)", ErrUnknown, err)
	}
	var found []string
	for format, is := range map[string]bool{
		CycloneDX: top.CycloneDX != nil, SPDX: top.SPDX != nil, SyftJSON: top.Artifacts != nil,
		JSON: top.Command != nil && top.Components != nil,
	} {
		if is {
			found = append(found, format)
		}
	}
	if len(found) != 1 {
		return "", ErrUnknown
	}
	return found[0], nil
}

// decodeJSON reads the components and gaps of tallyman's own JSON.
func decodeJSON(data []byte) (*sbom.Document, error) {
	var in struct {
		Version int `json:"version"`
		Target  struct {
			Name  string `json:"name"`
			Image string `json:"image"`
		} `json:"target"`
		Components []sbom.Component `json:"components"`
		Gaps       []sbom.Gap       `json:"gaps"`
	}
	if err := json.Unmarshal(data, &in); err != nil {
		return nil, err
	}
	if in.Version != reportVersion {
		return nil, fmt.Errorf("version %d is unknown, this program reads version %d", in.Version, reportVersion)
	}
	name := in.Target.Name
	if name == "" {
		name = in.Target.Image
	}
	d := sbom.Merge(name, &sbom.Document{Components: in.Components, Gaps: in.Gaps})
	d.Distrust()
	return d, nil
}

// Place puts components and gaps that are nowhere into a file: the SBOM itself,
// as the user named it.
func Place(d *sbom.Document, file string) {
	for i := range d.Components {
		if len(d.Components[i].Locations) == 0 {
			d.Components[i].Locations = []sbom.Location{{File: file}}
		}
	}
	for i := range d.Gaps {
		if d.Gaps[i].File == "" && d.Gaps[i].Layer == "" {
			d.Gaps[i].File = file
		}
	}
	d.Normalize()
}
