package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/spf13/cobra"

	"github.com/tallyman/tallyman/attest"
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
	past   bool
}

func (s *signing) register(cmd *cobra.Command) {
	cmd.Flags().StringVar(&s.key, "key", "", "private key `FILE` (cosign's encrypted PEM); the password is COSIGN_PASSWORD or asked for")
	cmd.Flags().StringVar(&s.format, "format", string(attest.FormatCosign), "`FORMAT`: cosign (tags) or bundle (referrers); one digest has one of them")
	must(cmd.RegisterFlagCompletionFunc("format", words(string(attest.FormatCosign), string(attest.FormatBundle))))
}

// reportFlag registers --report and what it is checked with.
func (s *signing) reportFlag(cmd *cobra.Command, a *app, use string) {
	cmd.Flags().StringVar(&s.report, "report", "", use)
	cmd.Flags().StringVar(&a.flags.policy, "policy", "", "`DIR` of your own Rego modules that the report was decided with")
	cmd.Flags().BoolVar(&s.past, "allow-past", false, "take a report that was decided more than a day ago, or as of an earlier day")
}

func (a *app) signCommand() *cobra.Command {
	var s signing
	cmd := &cobra.Command{
		Use:   "sign IMAGE",
		Short: "Sign an image by digest with a local key",
		Long: `Sign an image by digest with a local key. A tag is resolved to a digest once.
An index of more than one platform is signed with --index only, by which you
vouch for all of them; --platform signs the image for one. With --report nothing
is signed but the image that the report is of, and only if it is allowed.

No transparency log entry is made: 'cosign verify --key' of the result needs
--insecure-ignore-tlog.

Exit codes: 0 signed, 1 the report denies, 2 wrong usage (nothing ran), 3 the
report is undecided or not of this image, or the registry failed.`,
		Example: `  cosign generate-key-pair
  tallyman sign ghcr.io/you/app@sha256:... --key cosign.key --report report.json`,
		Args: exactly(1, "one IMAGE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withSigner(cmd, s, args[0], func(ctx context.Context, w *writer) error {
				if err := a.vouched(ctx, w, s); err != nil {
					return err
				}
				done, err := attest.Sign(ctx, w.store, w.subject, w.signer, w.format)
				return a.wrote("signature", w, done, err)
			})
		},
	}
	a.registryFlags(cmd)
	a.world(cmd)
	s.register(cmd)
	s.reportFlag(cmd, a, "sign only what this JSON report `FILE` of 'tallyman audit --format json' allows")
	cmd.Flags().BoolVar(&s.index, "index", false, "sign the index itself, whatever its platforms are")
	cmd.Flags().StringVar(&a.flags.platform, "platform", "", "`OS/ARCH` to sign of an image index (default: the index, if it has one platform)")
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
	// Not one of tallyman.yaml, which is a public key to verify with.
	if s.key == "" || !cmd.Flags().Changed("key") {
		return usagef(cmd.CommandPath()+" --help", "%s needs --key, the private key to sign with", cmd.CommandPath())
	}
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
// platforms that was not asked for as such, or what --report does not allow.
func (a *app) vouched(ctx context.Context, w *writer, s signing) error {
	if s.index && a.flags.platform+s.report != "" {
		return usagef("", "--index signs whatever is in the index: it goes with neither --platform nor --report, which are of one image")
	}
	if _, ok := w.image.IndexDescriptor(); s.index && !ok {
		return usagef("", "--index: %q is an image and no index", w.image.Name())
	}
	if others := w.image.Others(); len(others) > 0 && !s.index {
		return usagef("tallyman sign "+w.image.Name()+" --key FILE --platform "+others[0].Platform,
			"%q is an index of %d platforms: sign one with --platform, or vouch for all with --index", w.image.Name(), len(others)+1)
	}
	r, err := a.reportOf(ctx, s, w)
	if err != nil || r == nil {
		return err
	}
	if r.Decision.Outcome != policy.Allowed {
		return errors.Join(fmt.Errorf("the report %q says %s: nothing is signed", s.report, r.Decision.Outcome), decided(r.Decision.Outcome))
	}
	return nil
}

// password is asked for only when a key is encrypted.
func (a *app) password(key string) func() ([]byte, error) {
	return func() ([]byte, error) {
		// One that is set and empty is a password: that of a key without one.
		if p, ok := a.env.LookupEnv("COSIGN_PASSWORD"); ok {
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
