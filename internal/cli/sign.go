package cli

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/spf13/cobra"

	"github.com/tallyman/tallyman/attest"
	"github.com/tallyman/tallyman/internal/audit"
	"github.com/tallyman/tallyman/internal/limit"
	"github.com/tallyman/tallyman/internal/oci"
	"github.com/tallyman/tallyman/internal/report"
	"github.com/tallyman/tallyman/policy"
)

// signing are the flags of sign and attest.
type signing struct {
	key    string
	format string
	sbom   string
	report string
	index  bool
}

func (s *signing) register(cmd *cobra.Command) {
	cmd.Flags().StringVar(&s.key, "key", "", "private key `FILE` (cosign's encrypted PEM); the password is COSIGN_PASSWORD or asked for")
	cmd.Flags().StringVar(&s.format, "format", string(attest.FormatCosign), "cosign (tags) or bundle (referrers); one digest has one of them")
	must(cmd.RegisterFlagCompletionFunc("format", words(string(attest.FormatCosign), string(attest.FormatBundle))))
	must(cmd.MarkFlagRequired("key"))
}

func (a *app) signCommand() *cobra.Command {
	var s signing
	cmd := &cobra.Command{
		Use:   "sign IMAGE",
		Short: "Sign an image by digest with a local key",
		Long: `Sign an image by digest with a local key. A tag is resolved to a digest once.
An index of more than one platform is signed with --index only, by which you
vouch for all of them; --platform signs the image for one.

No transparency log entry is made: 'cosign verify --key' of the result needs
--insecure-ignore-tlog.`,
		Example: `  cosign generate-key-pair
  tallyman sign ghcr.io/you/app@sha256:... --key cosign.key`,
		Args: exactly(1, "one IMAGE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withSigner(cmd, s, args[0], func(ctx context.Context, w *writer) error {
				if err := a.vouched(w, s); err != nil {
					return err
				}
				done, err := attest.Sign(ctx, w.store, w.subject, w.signer, w.format)
				return a.wrote("signature", w, done, err)
			})
		},
	}
	a.world(cmd)
	s.register(cmd)
	cmd.Flags().BoolVar(&s.index, "index", false, "sign the index itself, whatever its platforms are")
	cmd.Flags().StringVar(&a.flags.platform, "platform", "", "`OS/ARCH` to sign of an image index (default: the index, if it has one platform)")
	return cmd
}

func (a *app) attestCommand() *cobra.Command {
	var s signing
	cmd := &cobra.Command{
		Use:   "attest IMAGE",
		Short: "Attest an image's SBOM and the decision about it",
		Long: `Attest what a report says of an image: its SBOM (CycloneDX), the decision as a
SLSA verification summary (PASSED or FAILED), and the whole decision with the
digests of its parts. The report must be of that image's digest, and an
undecided one attests nothing.`,
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
	a.world(cmd)
	s.register(cmd)
	cmd.Flags().StringVar(&s.report, "report", "", "JSON report `FILE` of 'tallyman audit --format json'")
	cmd.Flags().StringVar(&a.flags.policy, "policy", "", "`DIR` of your own Rego modules that the report was decided with")
	cmd.Flags().StringVar(&s.sbom, "sbom", "", "CycloneDX JSON `FILE` to attest instead of the report's own")
	cmd.Flags().StringVar(&a.flags.platform, "platform", "", "`OS/ARCH` to attest of an image index (default: linux and this machine's)")
	return cmd
}

// writer is what signing needs, opened.
type writer struct {
	image   *oci.Image
	store   attest.Store
	subject attest.Subject
	signer  *attest.Signer
	format  attest.Format
}

// withSigner opens the image and the key, and calls do.
func (a *app) withSigner(cmd *cobra.Command, s signing, image string, do func(context.Context, *writer) error) error {
	ctx, cancel, _, err := a.prepare(cmd)
	if err != nil {
		return err
	}
	defer cancel()
	w := &writer{}
	if w.format, err = attest.ParseFormat(s.format); err != nil {
		return usage(err, cmd.CommandPath()+" --help")
	}
	key, err := readFile(a.path(s.key), limit.ConfigBytes)
	if err != nil {
		return usagef("cosign generate-key-pair", "--key: %w", err)
	}
	if w.image, err = a.openImage(ctx, image); err != nil {
		return err
	}
	if w.store, err = w.image.Store(); err != nil {
		return err
	}
	if w.subject.Descriptor, err = a.subject(w.image); err != nil {
		return err
	}
	w.subject.Reference = w.image.Repository()
	if w.signer, err = attest.LoadSigner(key, a.password(s.key)); err != nil {
		return fmt.Errorf("opening --key %q: %w", s.key, err)
	}
	return do(ctx, w)
}

// subject is what is signed: the index that the reference led to, as cosign
// does, or with --platform the image for that platform.
func (a *app) subject(image *oci.Image) (v1.Descriptor, error) {
	if index, ok := image.IndexDescriptor(); ok && a.flags.platform == "" {
		return index, nil
	}
	return image.Descriptor()
}

// vouched refuses to sign what nobody can have looked at: an index of several
// platforms that was not asked for as such.
func (a *app) vouched(w *writer, s signing) error {
	if s.index && a.flags.platform != "" {
		return usagef("", "--index and --platform: sign the index, or the image for one platform")
	}
	if _, ok := w.image.IndexDescriptor(); s.index && !ok {
		return usagef("", "--index: %q is an image and no index", w.image.Name())
	}
	var names []string
	for _, o := range w.image.Others() {
		names = append(names, o.Platform)
	}
	if len(names) == 0 || s.index {
		return nil
	}
	return usagef("tallyman sign "+w.image.Name()+" --platform OS/ARCH",
		"%q is an index of more platforms (%s) than one: sign one with --platform, or vouch for all with --index", w.image.Name(), strings.Join(names, ", "))
}

// password is asked for only when a key is encrypted.
func (a *app) password(key string) func() ([]byte, error) {
	return func() ([]byte, error) {
		if p := a.env.Getenv("COSIGN_PASSWORD"); p != "" {
			return []byte(p), nil
		}
		if a.env.Password == nil {
			return nil, errors.New("the key is encrypted: set COSIGN_PASSWORD (there is no terminal to ask on)")
		}
		return a.env.Password("Password for " + key + ": ")
	}
}

func (a *app) wrote(what string, w *writer, done attest.Written, err error) error {
	if err != nil {
		return fmt.Errorf("writing %s of %q: %w", what, w.image.Name(), err)
	}
	if a.flags.quiet {
		return nil
	}
	where := cmp.Or(done.Tag, done.Digest)
	if done.Existing {
		fmt.Fprintf(a.env.Stdout, "%s of %s was there already\n", what, w.subject.Descriptor.Digest)
		return nil
	}
	fmt.Fprintf(a.env.Stdout, "wrote %s of %s to %s\n", what, w.subject.Descriptor.Digest, report.Escape(where))
	return nil
}

func (a *app) attest(ctx context.Context, w *writer, s signing) error {
	if s.report == "" && s.sbom == "" {
		return usagef("tallyman attest --help", "nothing to attest: give --report, --sbom or both")
	}
	r, err := a.reportOf(ctx, s.report, w)
	if err != nil {
		return err
	}
	if r != nil && r.Decision.Outcome == policy.Undecided {
		return fmt.Errorf("the report %q is undecided: there is no decision to attest", s.report)
	}
	bom, err := a.attestedSBOM(s, r)
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

// reportOf reads the report name and refuses one that is not of this image,
// "" for no report.
func (a *app) reportOf(ctx context.Context, name string, w *writer) (*audit.Report, error) {
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
	return r, nil
}

// attestedSBOM is --sbom, else the report's own inventory.
func (a *app) attestedSBOM(s signing, r *audit.Report) ([]byte, error) {
	if s.sbom != "" {
		data, err := readFile(a.path(s.sbom), limit.SBOMBytes)
		if err != nil {
			return nil, usagef("", "--sbom: %w", err)
		}
		return data, nil
	}
	var b bytes.Buffer
	if err := report.Write(&b, "cyclonedx", r, report.Options{}); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
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
