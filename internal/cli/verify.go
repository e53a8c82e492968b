package cli

import (
	"github.com/spf13/cobra"

	"github.com/tallyman/tallyman/internal/audit"
)

func (a *app) verifyCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "verify IMAGE",
		Short: "Check who signed an image",
		Long: `Check the signatures and attestations of an image, in cosign's tags and as
bundles, with a public key or with an identity and a trusted root. A tag is
resolved to a digest once. An SBOM attestation alone is not a signature.

Exit codes: 0 a signature verifies, 1 there is none or none is good, 2 wrong
usage (nothing ran), 3 the registry could not be asked, or no key was given.`,
		Example: `  tallyman verify ghcr.io/you/app:v1 --key cosign.pub
  tallyman verify ghcr.io/you/app:v1 --trusted-root trusted_root.json \
    --certificate-identity https://github.com/you/app/.github/workflows/release.yml@refs/heads/main \
    --certificate-oidc-issuer https://token.actions.githubusercontent.com`,
		Args: exactly(1, "one IMAGE"),
		RunE: a.verify,
	}
	a.common(cmd)
	a.signatureFlags(cmd)
	unsaid(cmd, "base", "only-added", "include", "exclude", "root", "fail-on", "max-age", "unfixed", "unresolved", "pack", "cache-dir")
	return cmd
}

func (a *app) verify(cmd *cobra.Command, args []string) error {
	ctx, cancel, set, err := a.prepare(cmd)
	if err != nil {
		return err
	}
	defer cancel()
	a.flags.requireSignature = true
	r, err := a.run(ctx, set, "verify", []string{audit.StageVerify}, "", args[0])
	if err != nil {
		return a.finishUnopened(r, err)
	}
	return a.finish(r)
}
