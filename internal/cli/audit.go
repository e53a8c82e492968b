package cli

import (
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tallyman/tallyman/attest"
	"github.com/tallyman/tallyman/internal/audit"
	"github.com/tallyman/tallyman/internal/limit"
	"github.com/tallyman/tallyman/internal/report"
	"github.com/tallyman/tallyman/policy"
	"github.com/tallyman/tallyman/sbom"
)

func (a *app) auditCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "audit [TARGET]",
		Short: "Read, match, lint, verify and decide",
		Long: `Audit a folder, a requirement file, or an image; with --image, a folder and the
image built from it together.

TARGET is a folder, a file, or an image; it is . when left out. An image is

  registry:REF           in a registry (or a mirror of it), with docker's login
  docker:NAME            in docker, and podman:NAME in podman, on their sockets
  oci:PATH               an OCI layout, a folder or a tar
  docker-archive:PATH    a tar that docker save or podman save wrote
  -                      a tar of either kind on standard input

Leave registry:, oci: and docker-archive: out where it is obvious. Of several
images in a layout or a tar, name one behind it: save.tar:web:1, PATH@DIGEST, and
for standard input -- -:web:1. A tar may be
compressed with gzip or Zstandard; such a one, or one that can be read only once,
is kept in an unnamed file of TMPDIR until the end. Of an index of platforms, the
one of --platform is audited, else linux on this machine's architecture.

With --images every image that the folder's compose files (of any name, YAML or
JSON), Kubernetes manifests (likewise, every kind that has containers) and
Dockerfiles name is asked for in its registry and audited too, and with
--platform all each platform of an index: one report each, and the worst exit
code. An image that cannot be had is undecided, and the others are audited all
the same; images that are known only when a chart is rendered are gaps. Variables
in a name have their defaults, never what the environment or .env says; one
without a default is a gap. What a service builds is not looked for. An image
that others are built FROM is not judged for how it runs (user,
health check). One that only a build uses (a stage that is not shipped, COPY
--from, and the frontend of "# syntax=", a program that reads the Dockerfile and
sees all that the build sees) is reported and decides nothing, unless it is
malicious or --gate-scopes is all.`,
		Example: `  tallyman audit .
  tallyman audit . --images --platform linux/amd64
  tallyman audit ghcr.io/you/app:v1 --platform all --format sarif
  tallyman audit . --image oci:build/image --advisories osv/
  tallyman audit . --image docker:app:dev
  podman save app:dev | tallyman audit -
  tallyman audit ghcr.io/you/app:v1 --key cosign.pub --require-signature
  tallyman audit . --format json --output sarif=tallyman.sarif`,
		Args: atMostOne,
		RunE: a.stage("audit", audit.StageSBOM, audit.StageVuln, audit.StageLint, audit.StageVerify),
	}
	a.common(cmd)
	a.advisoryFlags(cmd)
	a.findingsFlag(cmd)
	a.signatureFlags(cmd)
	a.imageFlag(cmd)
	a.severalFlags(cmd)
	a.enableFlag(cmd)
	return cmd
}

func (a *app) sbomCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "sbom [TARGET]",
		Short: "List what is there, and what could not be read",
		Long: `List the components of a folder, a file, an image or an SBOM, each with its
place, and what could not be read. TARGET is as for 'tallyman audit'. No
advisory is looked at.

Exit codes: 0 the inventory is whole, 1 a policy of yours denies, 2 wrong usage
(nothing ran), 3 something could not be read.`,
		Example: `  tallyman sbom . --format cyclonedx > sbom.cdx.json
  tallyman sbom docker-archive:image.tar --format json
  tallyman sbom ghcr.io/you/app:v1 --platform all --format json
  docker save app:dev | tallyman sbom - --format spdx`,
		Args: atMostOne,
		RunE: a.stage("sbom", audit.StageSBOM),
	}
	a.common(cmd)
	unsaid(cmd, "only-added", "fail-on", "max-age", "unfixed", "unresolved", "pack", "cache-dir")
	a.imageFlag(cmd)
	a.platformsFlags(cmd, "with --platform all")
	return cmd
}

func (a *app) vulnCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "vuln [TARGET|SBOM]",
		Short: "Match what is there with advisories",
		Long: `Match the components of a folder, a file, an image or an SBOM with OSV
advisories, and decide. TARGET is as for 'tallyman audit'; an SBOM is CycloneDX,
SPDX, syft's JSON, or tallyman's own. Nothing is linted and no signature is
checked.

Exit codes: 0 allowed, 1 denied, 2 wrong usage (nothing ran), 3 undecided:
something could not be read or judged.`,
		Example: `  tallyman vuln .
  tallyman vuln sbom.cdx.json --advisories osv/ --format json`,
		Args: atMostOne,
		RunE: a.stage("vuln", audit.StageSBOM, audit.StageVuln),
	}
	a.common(cmd)
	a.advisoryFlags(cmd)
	a.findingsFlag(cmd)
	a.imageFlag(cmd)
	a.platformsFlags(cmd, "with --platform all")
	return cmd
}

func (a *app) enableFlag(cmd *cobra.Command) {
	cmd.Flags().StringSliceVar(&a.flags.enable, "enable", nil, "lint rules that are off by default: `RULE,...` or all")
	cmd.Flags().StringVar(&a.flags.hub, "hub", "", "JSON `FILE` with what https://huggingface.co/api/spaces/OWNER/NAME says of the Space")
}

func atMostOne(cmd *cobra.Command, args []string) error {
	if len(args) > 1 {
		return usagef(cmd.CommandPath()+" --help", "%s takes one TARGET, and got %d", cmd.CommandPath(), len(args))
	}
	return nil
}

// stage returns the run of a command that audits one target.
func (a *app) stage(command string, stages ...string) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		ctx, cancel, set, err := a.prepare(cmd)
		if err != nil {
			return err
		}
		defer cancel()
		word := ""
		if len(args) == 1 {
			word = args[0]
		} else if a.flags.image == "" || command != "audit" {
			word = "."
		}
		if takesSeveral(cmd) && a.several() {
			return a.auditSeveral(ctx, set, command, stages, word)
		}
		r, err := a.run(ctx, set, command, stages, word, a.flags.image)
		if err != nil {
			return a.finishUnopened(r, err)
		}
		return a.finish(r)
	}
}

// run audits one target and returns the report. What the user gave wrong is
// found before anything is opened. An error has a report beside it when it is
// about an image that could not be opened.
func (a *app) run(ctx context.Context, set *settings, command string, stages []string, word, image string) (*audit.Report, error) {
	a.tuneCollector()
	progress := a.progress()
	defer progress.done()
	auditor, done, err := a.auditor(set, command, stages, progress)
	if err != nil {
		return nil, err
	}
	defer done()
	t, closer, err := a.target(ctx, word, image)
	if err != nil {
		return a.unopened(ctx, auditor, err)
	}
	defer closer()
	if t.Image == nil && len(a.flags.bases) > 0 {
		return nil, usagef("tallyman "+command+" --help", "--base is about an image, and none is named: add --image IMAGE")
	}
	if t.Image != nil {
		var closeLayers func()
		auditor.Layers, closeLayers = a.layerCache(progress)
		defer closeLayers()
	}
	return a.runOn(ctx, auditor, t)
}

// runOn audits an opened target.
func (a *app) runOn(ctx context.Context, auditor *audit.Auditor, t audit.Target) (*audit.Report, error) {
	r, err := auditor.Run(ctx, t)
	if err != nil {
		if errors.Is(err, policy.ErrUsage) {
			if strings.Contains(err.Error(), "rego_parse_error") {
				err = hinted(err, "policies are written in Rego v1: opa fmt --v0-v1 --write rewrites older ones")
			}
			return nil, usage(err, "")
		}
		return nil, err
	}
	return r, nil
}

// auditor is what the flags and the settings ask for. done releases what it
// holds open.
func (a *app) auditor(set *settings, command string, stages []string, p *progress) (auditor *audit.Auditor, done func(), err error) {
	verify, err := a.verifyOptions()
	if err != nil {
		return nil, nil, err
	}
	environments, err := a.environments()
	if err != nil {
		return nil, nil, err
	}
	known, err := a.known()
	if err != nil {
		return nil, nil, err
	}
	hub, err := a.hub()
	if err != nil {
		return nil, nil, err
	}
	compare, err := a.compare(set)
	if err != nil {
		return nil, nil, err
	}
	modules, done, err := a.modules()
	if err != nil {
		return nil, nil, err
	}
	return &audit.Auditor{
		Tool: audit.Tool{Name: "tallyman", Version: a.version()}, Command: command, Now: a.now(),
		Stages: stages, Advisories: a.openAdvisories(p), Modules: modules,
		Parameters: a.parameters(), Exceptions: set.exceptions, Enable: a.flags.enable, Hub: hub,
		Verify: verify, Progress: p.step, Warn: p.warn, Environments: environments, Platforms: a.platforms(), Known: known, Compare: compare,
		Bases: a.baseImages(),
	}, done, nil
}

// compare reads --findings, before anything runs, and returns what holds a
// report against them.
func (a *app) compare(set *settings) (func(*audit.Report) (*audit.Comparison, []sbom.Gap), error) {
	if a.flags.findings == "" {
		return nil, nil
	}
	f, err := os.Open(a.path(a.flags.findings))
	if err != nil {
		return nil, usagef("", "--findings: %w", err)
	}
	defer f.Close()
	theirs, err := report.ReadOSVScanner(limit.Reader(f, limit.SBOMBytes))
	if err != nil {
		return nil, fmt.Errorf("reading --findings %q: %w", a.flags.findings, err)
	}
	accepted := func(id string) bool {
		return slices.ContainsFunc(set.exceptions, func(e policy.Exception) bool { return e.ID == id })
	}
	source := a.shown(a.path(a.flags.findings))
	return func(r *audit.Report) (*audit.Comparison, []sbom.Gap) {
		c := report.Compare(r, theirs)
		c.Source = source
		return &c, report.Missed(r, theirs, source, accepted)
	}, nil
}

// findingsFlag registers --findings, which is about one target.
func (a *app) findingsFlag(cmd *cobra.Command) {
	cmd.Flags().StringVar(&a.flags.findings, "findings", "", "`FILE` with an osv-scanner result: what only it found leaves the audit undecided")
}

// finish writes the report in every format that was asked for and returns the
// decision. A report that cannot be written is not a pass.
//
// A denial stays one: see exit.
func (a *app) finish(r *audit.Report) error {
	return errors.Join(a.writeReport(r), decided(r.Decision.Outcome))
}

// writeReport writes what it can: one file that cannot be written keeps no
// other output back.
func (a *app) writeReport(r *audit.Report) error {
	var failed error
	a.sayLeftOut(a.flags.format, r)
	for _, o := range a.flags.outputs {
		format, _, _ := strings.Cut(o, "=")
		a.sayLeftOut(format, r)
		failed = errors.Join(failed, a.writeOutput(o, r))
	}
	if a.flags.quiet && a.flags.format == "text" && r.Decision.Outcome == policy.Allowed {
		return failed
	}
	if a.flags.format != "text" && r.Decision.Outcome != policy.Allowed && !a.flags.quiet {
		reasons := "1 reason"
		if n := decisive(r); n != 1 {
			reasons = fmt.Sprintf("%d reasons", n)
		}
		fmt.Fprintf(a.env.Stderr, "tallyman: %s, for %s that --format text explains\n", r.Decision.Outcome, reasons)
	}
	return errors.Join(failed, report.Write(a.env.Stdout, a.flags.format, r, report.Options{
		Color: a.color && a.flags.format == "text", Width: a.env.Width, Verbose: a.flags.verbose,
		Workflow: a.env.Getenv("GITHUB_ACTIONS") == "true",
	}))
}

// sayLeftOut says what is missing from a format that holds less than the
// inventory.
func (a *app) sayLeftOut(format string, r *audit.Report) {
	n := report.LeftOut(format, r)
	if n == 0 || a.flags.quiet {
		return
	}
	components := fmt.Sprintf("%d components that it has", n)
	if n == 1 {
		components = "1 component that it has"
	}
	why := "no exact version"
	if format == report.FormatOSVScanner {
		why = "packages of distributions, or no exact version"
	}
	fmt.Fprintf(a.env.Stderr, "tallyman: %s leaves out %s no place for (%s); cyclonedx and spdx hold all\n", format, components, why)
}

// verifyOptions reads the keys and the trusted root.
func (a *app) verifyOptions() (attest.Options, error) {
	var o attest.Options
	who := attest.Identity{
		Subject: a.flags.identity, SubjectRegexp: a.flags.identityRegexp,
		Issuer: a.flags.issuer, IssuerRegexp: a.flags.issuerRegexp,
	}
	if who != (attest.Identity{}) {
		if who.Subject+who.SubjectRegexp == "" || who.Issuer+who.IssuerRegexp == "" {
			return o, usagef("", "a keyless signature needs both --certificate-identity and --certificate-oidc-issuer")
		}
		if a.flags.trustedRoot == "" {
			return o, usagef("cosign trusted-root create > trusted_root.json", "a keyless signature needs --trusted-root: tallyman fetches none")
		}
		o.Identity = &who
	}
	for _, name := range a.flags.keys {
		key, err := readFile(a.path(name), limit.ConfigBytes)
		if err != nil {
			return o, usagef("", "--key: %w", err)
		}
		if block, _ := pem.Decode(key); block != nil && strings.HasSuffix(block.Type, "PRIVATE KEY") {
			return o, usagef("", "--key %q is a private key, which signs: verify with the public one, as cosign.pub", name)
		}
		o.Keys = append(o.Keys, key)
	}
	if a.flags.trustedRoot != "" {
		root, err := readFile(a.path(a.flags.trustedRoot), limit.OCIManifestBytes)
		if err != nil {
			return o, usagef("", "--trusted-root: %w", err)
		}
		o.TrustedRoot = root
	}
	return o, nil
}

// decisive is how many reasons deny or leave undecided.
func decisive(r *audit.Report) int {
	n := 0
	for _, reason := range r.Decision.Reasons {
		if reason.Effect != policy.Warn {
			n++
		}
	}
	return n
}

// tuneCollector lets the heap of one audit, which is small and short-lived,
// grow to four times what is live before it is collected: a fifth less CPU for
// some ten megabytes (docs/BENCHMARKS.md). GOGC, when set, is the user's word.
func (a *app) tuneCollector() {
	if a.env.Getenv("GOGC") == "" {
		debug.SetGCPercent(300)
	}
}
