package report

import (
	"bytes"
	"io"

	"github.com/tallyman/tallyman/internal/audit"
	"github.com/tallyman/tallyman/sbom/cyclonedx"
	"github.com/tallyman/tallyman/sbom/spdx"
	"github.com/tallyman/tallyman/sbom/syftjson"
)

// The SBOM formats carry no time: the same inventory has the same digest
// whenever it was made, so that an attestation of it can be made again.

func writeCycloneDX(w io.Writer, r *audit.Report, _ Options) error {
	opts := cyclonedx.Options{ToolVersion: r.Tool.Version, ImageDigest: r.Target.ImageDigest}
	return safely(w, func(w io.Writer) error { return cyclonedx.Encode(w, document(r), opts) })
}

func writeSPDX(w io.Writer, r *audit.Report, _ Options) error {
	opts := spdx.Options{ToolVersion: r.Tool.Version}
	return safely(w, func(w io.Writer) error { return spdx.Encode(w, document(r), opts) })
}

func writeSyftJSON(w io.Writer, r *audit.Report, _ Options) error {
	opts := syftjson.Options{ToolVersion: r.Tool.Version, ImageDigest: r.Target.ImageDigest}
	return safely(w, func(w io.Writer) error { return syftjson.Encode(w, document(r), opts) })
}

// safely writes JSON that another package makes so that it cannot move a
// terminal's cursor.
func safely(w io.Writer, encode func(io.Writer) error) error {
	var b bytes.Buffer
	if err := encode(&b); err != nil {
		return err
	}
	_, err := w.Write(escapeJSON(b.Bytes()))
	return err
}
