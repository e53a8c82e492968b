package cli

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tallyman/tallyman/attest"
	"github.com/tallyman/tallyman/internal/audit"
	"github.com/tallyman/tallyman/internal/limit"
	"github.com/tallyman/tallyman/internal/report"
	"github.com/tallyman/tallyman/policy"
	"github.com/tallyman/tallyman/sbom"
	"github.com/tallyman/tallyman/sbom/decode"
)

func (a *app) attestCommand() *cobra.Command {
	var s signing
	cmd := &cobra.Command{
		Use:   "attest IMAGE",
		Short: "Attest an image's SBOM and the decision about it",
		Long: `Attest what a report says of an image: its SBOM (CycloneDX), the decision as a
SLSA verification summary (PASSED or FAILED), and the whole decision with the
digests of its parts. The report must be of that image's digest and its decision
the one that its evidence gives; an undecided one attests nothing. An SBOM of
--sbom must name the image's digest, or list what the report lists.

Exit codes: 0 attested (also that the report denies), 2 wrong usage (nothing
ran), 3 the report is undecided or not of this image, or the registry failed.`,
		Example: `  tallyman audit . --image ghcr.io/you/app@sha256:... --format json > report.json
  tallyman attest ghcr.io/you/app@sha256:... --key cosign.key --report report.json`,
		Args: exactly(1, "one IMAGE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withSigner(cmd, s, args[0], func(ctx context.Context, w *writer) error {
				// A report is of one platform, and so is what it says.
				d, err := w.image.Descriptor()
				if err != nil {
					return err
				}
				w.subject.Descriptor = d
				return a.attest(ctx, w, s)
			})
		},
	}
	a.registryFlags(cmd)
	a.world(cmd)
	s.register(cmd)
	s.reportFlag(cmd, a, "JSON report `FILE` of 'tallyman audit --format json'")
	cmd.Flags().StringVar(&s.sbom, "sbom", "", "CycloneDX JSON `FILE` to attest instead of the report's own")
	cmd.Flags().StringVar(&a.flags.platform, "platform", "", "`OS/ARCH` to attest of an image index (default: linux and this machine's)")
	return cmd
}

func (a *app) attest(ctx context.Context, w *writer, s signing) error {
	if s.report == "" && s.sbom == "" {
		return usagef("tallyman attest --help", "nothing to attest: give --report, --sbom or both")
	}
	r, err := a.reportOf(ctx, s, w)
	if err != nil {
		return err
	}
	if r != nil && r.Decision.Outcome == policy.Undecided {
		return fmt.Errorf("the report %q is undecided: there is no decision to attest", s.report)
	}
	bom, err := a.attestedSBOM(w, s, r)
	if err != nil {
		return err
	}
	predicates := []predicate{{"SBOM", attest.PredicateCycloneDX, bom}}
	if r != nil {
		more, err := a.decisionPredicates(w, r)
		if err != nil {
			return err
		}
		predicates = append(predicates, more...)
	}
	for _, p := range predicates {
		done, err := attest.Attest(ctx, w.store, w.subject, p.kind, p.body, w.signer, w.format)
		if err := a.wrote(p.name, w, done, err); err != nil {
			return err
		}
	}
	return nil
}

type predicate struct {
	name, kind string
	body       []byte
}

// longestReport is how long after a decision it may be signed: what is signed
// is what is known now.
const longestReport = 24 * time.Hour

// reportOf reads --report and refuses one that is not of this image, or not of
// now. It is nil for no report.
func (a *app) reportOf(ctx context.Context, s signing, w *writer) (*audit.Report, error) {
	name := s.report
	if name == "" {
		return nil, nil
	}
	r, err := a.readReport(ctx, name)
	if err != nil {
		return nil, err
	}
	if r.Target.ImageDigest != w.image.Digest().String() {
		return nil, fmt.Errorf("the report %q is of image %q, not of %s", name, r.Target.ImageDigest, w.image.Digest())
	}
	if age := a.env.Now().Sub(r.AsOf); !s.past && (age > longestReport || age < -longestReport) {
		return nil, hinted(fmt.Errorf("the report %q is as of %s, and only what is decided as of now is signed", name, r.AsOf.UTC().Format(time.RFC3339)),
			"audit again, or sign what was with --allow-past")
	}
	return r, nil
}

// attestedSBOM is --sbom, else the report's own inventory.
func (a *app) attestedSBOM(w *writer, s signing, r *audit.Report) ([]byte, error) {
	if s.sbom != "" {
		data, err := a.readInput(s.sbom, limit.SBOMBytes, "")
		if err != nil {
			return nil, usagef("", "--sbom: %w", err)
		}
		if err := sbomOf(data, w, r); err != nil {
			return nil, fmt.Errorf("--sbom %q: %w", s.sbom, err)
		}
		return data, nil
	}
	var b bytes.Buffer
	if err := report.Write(&b, "cyclonedx", r, report.Options{}); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// sbomOf refuses an SBOM that is not of the image: a signature over it would
// say that it is.
func sbomOf(data []byte, w *writer, r *audit.Report) error {
	doc, format, err := decode.Decode(bytes.NewReader(data))
	if err != nil {
		return err
	}
	if format != decode.CycloneDX {
		return fmt.Errorf("it is of the format %q, and what is attested is CycloneDX", format)
	}
	named := subjectOf(data)
	if slices.Contains(named, w.image.Digest().String()) {
		return nil
	}
	if len(named) > 0 {
		return fmt.Errorf("it is of image %s, not of %s", strings.Join(named, ", "), w.image.Digest())
	}
	if r == nil {
		return fmt.Errorf("it does not name the image that it is of: metadata.component.version should be %s, or give --report", w.image.Digest())
	}
	return sameInventory(doc.Components, r.Components)
}

// digestIn finds image digests, also where a package URL escapes the colon.
var digestIn = regexp.MustCompile(`(?i)sha256(?::|%3A)([0-9a-f]{64})`)

// subjectOf are the digests by which a CycloneDX document names what it is of:
// in the version, the name or the package URL of its metadata's component.
// https://cyclonedx.org/docs/1.6/json/#metadata_component
func subjectOf(data []byte) []string {
	var top struct {
		Metadata struct {
			Component struct {
				Name    string `json:"name"`
				Version string `json:"version"`
				PURL    string `json:"purl"`
			} `json:"component"`
		} `json:"metadata"`
	}
	if json.Unmarshal(bytes.TrimPrefix(data, []byte("\xef\xbb\xbf")), &top) != nil {
		return nil
	}
	var out []string
	for _, text := range []string{top.Metadata.Component.Version, top.Metadata.Component.Name, top.Metadata.Component.PURL} {
		for _, m := range digestIn.FindAllStringSubmatch(text, -1) {
			out = append(out, "sha256:"+strings.ToLower(m[1]))
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// sameInventory names the first component with a version that only one of the
// two has. Of the report's, those of the image have to be in the SBOM.
func sameInventory(theirs, ours []sbom.Component) error {
	key := func(c sbom.Component) string {
		if i := strings.IndexAny(c.PURL, "?#"); i >= 0 {
			return c.PURL[:i]
		}
		return cmp.Or(c.PURL, c.Name+"@"+c.Version)
	}
	listed, known := map[string]bool{}, map[string]bool{}
	for _, c := range theirs {
		listed[key(c)] = true
	}
	for _, c := range ours {
		known[key(c)] = true
		inImage := slices.ContainsFunc(c.Locations, func(l sbom.Location) bool { return l.Layer != "" })
		if inImage && c.Version != "" && !listed[key(c)] {
			return fmt.Errorf("it names no image, and %s %s of the report is not in it", c.Name, c.Version)
		}
	}
	for _, c := range theirs {
		if c.Version != "" && !known[key(c)] {
			return fmt.Errorf("it names no image, and its %s %s is not in the report", c.Name, c.Version)
		}
	}
	if len(theirs) == 0 {
		return errors.New("it names no image and has no components")
	}
	return nil
}

// decisionPredicates are the decision as a verification summary and whole.
func (a *app) decisionPredicates(w *writer, r *audit.Report) ([]predicate, error) {
	about := attest.Summary{
		VerifierVersion: r.Tool.Version,
		ResourceURI:     cmp.Or(w.subject.Reference, w.image.Name()) + "@" + w.image.Digest().String(),
	}
	vsa, err := attest.VSA(r.Decision, about)
	if err != nil {
		return nil, err
	}
	whole, err := attest.DecisionPredicate(r.Decision, about)
	if err != nil {
		return nil, err
	}
	return []predicate{
		{"verification summary (" + verdict(r.Decision.Outcome) + ")", attest.PredicateVSA, vsa},
		{"decision", attest.PredicateDecision, whole},
	}, nil
}

// verdict is the word of a verification summary for a decision.
// https://slsa.dev/spec/v1.1/verification_summary
func verdict(o policy.Outcome) string {
	if o == policy.Allowed {
		return "PASSED"
	}
	return "FAILED"
}
