package cli

import (
	"context"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tallyman/tallyman/internal/audit"
	"github.com/tallyman/tallyman/internal/report"
	"github.com/tallyman/tallyman/policy"
	"github.com/tallyman/tallyman/vuln"
)

// flags are the values of every flag of every command. A command registers the
// groups that it takes; tallyman.yaml sets what the command line left alone.
type flags struct {
	format   string
	outputs  []string
	failOn   string
	include  []string
	exclude  []string
	root     string
	cacheDir string
	noLayers bool
	timeout  time.Duration
	offline  bool
	quiet    bool
	verbose  bool
	policy   string
	maxAge   age
	config   string

	advisories string
	rehash     bool
	findings   string
	image      string
	images     bool
	parallel   int
	platform   string
	mirrors    []string
	insecure   []string
	enable     []string
	hub        string
	pythons    []string
	known      string
	asOf       string
	verbatim   bool
	unfixed    string
	unresolved string
	gateScopes string
	pack       string

	bases     []string
	onlyAdded bool

	requireSignature bool
	keys             []string
	identity         string
	identityRegexp   string
	issuer           string
	issuerRegexp     string
	trustedRoot      string
}

// common registers the flags that every stage takes.
func (a *app) common(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&a.flags.format, "format", "text", "`FORMAT` of standard output: "+strings.Join(formatsOf(cmd.Name()), ", "))
	f.StringArrayVar(&a.flags.outputs, "output", nil, "also write `FORMAT=FILE`; may be repeated")
	f.StringArrayVar(&a.flags.include, "include", nil, "only files that match this `GLOB` below the target; may be repeated")
	f.StringArrayVar(&a.flags.exclude, "exclude", nil, "no files that match this `GLOB` below the target; may be repeated")
	f.StringVar(&a.flags.root, "root", "", "`DIR` that no include may leave (default: the enclosing git work tree, else the target)")
	f.Var(&a.flags.maxAge, "max-age", "advisories older than this `AGE` (36h, 7d, 2w) decide nothing (default 7d)")
	f.BoolVar(&a.flags.noLayers, "no-layer-cache", false, "read every layer of an image, also those that were read before, and keep nothing")
	f.StringArrayVar(&a.flags.bases, "base", nil, "`IMAGE` that others are built on, if its layers are their lowest; may be repeated")
	a.policyFlags(cmd)
	a.registryFlags(cmd)
	a.world(cmd)
	must(cmd.RegisterFlagCompletionFunc("format", words(formatsOf(cmd.Name())...)))
}

// policyFlags registers what a decision depends on beside the target, so that
// every command that decides has the same words for it.
func (a *app) policyFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&a.flags.failOn, "fail-on", "high", "lowest `SEVERITY` that denies: low, medium, high, critical (unknown always does)")
	f.StringVar(&a.flags.policy, "policy", "", "`DIR` of your own Rego modules, besides the built-in ones")
	f.StringVar(&a.flags.unfixed, "unfixed", "warn", "`EFFECT` of distribution packages without a fix: deny, warn or ignore")
	f.StringVar(&a.flags.pack, "pack", string(policy.PackDefault), "`PACK` of defaults: default; release (what goes out: unresolved is undecided, every scope gates)")
	f.StringVar(&a.flags.unresolved, "unresolved", "", "`EFFECT` of declared ranges that nobody can resolve: deny, undecided or warn (default: warn; with --pack release, undecided)")
	must(cmd.RegisterFlagCompletionFunc("fail-on", words("low", "medium", "high", "critical")))
	must(cmd.RegisterFlagCompletionFunc("unfixed", words("deny", "warn", "ignore")))
	f.BoolVar(&a.flags.onlyAdded, "only-added", false, "what the image named with --base brings warns, malware apart; what was added denies")
	f.StringVar(&a.flags.gateScopes, "gate-scopes", "", "`SCOPES` that deny: shipped (not dev, build, demo and a platform's base); all (default: shipped; with --pack release, all)")
	must(cmd.RegisterFlagCompletionFunc("gate-scopes", words(string(policy.GateShipped), string(policy.GateAll))))
	must(cmd.RegisterFlagCompletionFunc("pack", words(string(policy.PackDefault), string(policy.PackRelease))))
	must(cmd.RegisterFlagCompletionFunc("unresolved", words("deny", "undecided", "warn")))
}

// unsaid leaves flags out of a command's help that every stage takes and that
// mean nothing to this one.
func unsaid(cmd *cobra.Command, names ...string) {
	for _, name := range names {
		must(cmd.Flags().MarkHidden(name))
	}
}

// world registers the flags about time, network and output, which even the
// commands that decide nothing take.
func (a *app) world(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&a.flags.cacheDir, "cache-dir", "", "`DIR` for advisory snapshots and what was read of image layers (default: the user's cache directory)")
	f.DurationVar(&a.flags.timeout, "timeout", 5*time.Minute, "give up after this long, undecided")
	f.BoolVar(&a.flags.offline, "offline", false, "never touch a network")
	f.BoolVarP(&a.flags.quiet, "quiet", "q", false, "no progress, and no text on success")
	f.BoolVarP(&a.flags.verbose, "verbose", "v", false, "all of it: no list in the text is cut short")
	f.StringVar(&a.flags.config, "config", "", "`FILE` of settings (default: tallyman.yaml of the repository that you stand in)")
}

// advisoryFlags registers where advisories are from.
func (a *app) advisoryFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&a.flags.advisories, "advisories", "", "`DIR` of OSV advisories to use instead of the snapshot of 'tallyman db update'")
	f.BoolVar(&a.flags.rehash, "rehash", false, "with --advisories: read the files again even if they look unchanged")
	f.StringSliceVar(&a.flags.pythons, "python", nil, "`VERSION,...` that requirements are judged for (default: what the folder says, else every supported one)")
	f.BoolVar(&a.flags.verbatim, "no-corrections", false, "take advisories as their sources have them, without tallyman's corrections")
	f.StringVar(&a.flags.asOf, "as-of", "", "decide as on this `DATE` (2026-01-31), with the snapshot that 'tallyman db keep' kept for it")
	f.StringVar(&a.flags.known, "known-versions", "", "JSON `FILE` with all versions of packages that an index offers: {\"name\": [\"1.0\"]}")
}

// signatureFlags registers what a good signature is.
func (a *app) signatureFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringArrayVar(&a.flags.keys, "key", nil, "public key `FILE` (PEM) that a signature must verify with; may be repeated")
	f.StringVar(&a.flags.identity, "certificate-identity", "", "the `IDENTITY` that a keyless signature's certificate must name")
	f.StringVar(&a.flags.identityRegexp, "certificate-identity-regexp", "", "the same as a regular `EXPRESSION`")
	f.StringVar(&a.flags.issuer, "certificate-oidc-issuer", "", "the OIDC issuer `URL` that the certificate must name")
	f.StringVar(&a.flags.issuerRegexp, "certificate-oidc-issuer-regexp", "", "the same as a regular `EXPRESSION`")
	f.StringVar(&a.flags.trustedRoot, "trusted-root", "", "Sigstore trusted root `FILE` (JSON) for keyless signatures; never fetched")
	f.BoolVar(&a.flags.requireSignature, "require-signature", false, "deny an image that has no good signature")
	f.StringVar(&a.flags.platform, "platform", "", "`OS/ARCH` to take from an image index (default: linux and this machine's)")
}

// prepare merges the settings file into the flags and checks their values. It
// returns the context that --timeout ends.
func (a *app) prepare(cmd *cobra.Command) (context.Context, context.CancelFunc, *settings, error) {
	set, err := a.readSettings(cmd)
	if err != nil {
		return nil, nil, nil, err
	}
	if err := a.checkFlags(cmd); err != nil {
		return nil, nil, nil, err
	}
	a.color = a.env.StdoutTerminal && a.env.Getenv("NO_COLOR") == "" && a.env.Getenv("TERM") != "dumb"
	ctx, cancel := context.WithTimeout(cmd.Context(), a.flags.timeout)
	return ctx, cancel, set, nil
}

func (a *app) checkFlags(cmd *cobra.Command) error {
	help := cmd.CommandPath() + " --help"
	if a.flags.timeout <= 0 {
		return usagef(help, "--timeout must be longer than nothing")
	}
	if f := cmd.Flags().Lookup("format"); f != nil {
		if err := checkFormat(cmd.Name(), a.flags.format); err != nil {
			return err
		}
		for _, o := range a.flags.outputs {
			format, file, ok := strings.Cut(o, "=")
			if !ok || file == "" {
				return usagef(help, "--output %q is not FORMAT=FILE", o)
			}
			if err := checkFormat(cmd.Name(), format); err != nil {
				return err
			}
		}
	}
	if err := a.checkOutputs(help); err != nil {
		return err
	}
	if err := a.checkRegistries(help); err != nil {
		return err
	}
	if err := a.checkDay(help); err != nil {
		return err
	}
	if a.flags.onlyAdded && len(a.flags.bases) == 0 && !a.flags.quiet {
		fmt.Fprintln(a.env.Stderr, "tallyman: --only-added does nothing without --base IMAGE: the whole image is judged")
	}
	if err := a.checkPlatforms(help, takesSeveral(cmd)); err != nil {
		return err
	}
	if takesSeveral(cmd) && a.several() {
		if err := a.checkSeveral(cmd, help); err != nil {
			return err
		}
	}
	if f := cmd.Flags().Lookup("advisories"); f != nil && strings.Contains(a.flags.advisories, "://") {
		return usagef("tallyman db update --from "+a.flags.advisories, "--advisories %q is a URL, and has to be a folder: a server's advisories are fetched once and kept", a.flags.advisories)
	}
	for _, id := range a.flags.enable {
		if !audit.HasRule(id) {
			return usagef(help, "--enable %q: there is no such rule", id)
		}
	}
	if f := cmd.Flags().Lookup("fail-on"); f != nil {
		if !slices.Contains([]string{"low", "medium", "high", "critical"}, a.flags.failOn) {
			return usagef(help, "--fail-on %q is none of low, medium, high, critical", a.flags.failOn)
		}
		if !slices.Contains([]string{"deny", "warn", "ignore"}, a.flags.unfixed) {
			return usagef(help, "--unfixed %q is none of deny, warn, ignore", a.flags.unfixed)
		}
		if !slices.Contains([]string{"", "deny", "undecided", "warn"}, a.flags.unresolved) {
			return usagef(help, "--unresolved %q is none of deny, undecided, warn", a.flags.unresolved)
		}
		if !slices.Contains([]string{"", string(policy.GateShipped), string(policy.GateAll)}, a.flags.gateScopes) {
			return usagef(help, "--gate-scopes %q is none of shipped, all", a.flags.gateScopes)
		}
		if !slices.Contains([]string{string(policy.PackDefault), string(policy.PackRelease)}, a.flags.pack) {
			return usagef(help, "--pack %q is none of default, release", a.flags.pack)
		}
		return a.checkGlobs(help)
	}
	return nil
}

// platformForm is OS/ARCH or OS/ARCH/VARIANT, with a version of Windows after
// a colon.
// https://github.com/opencontainers/image-spec/blob/v1.1.0/image-index.md#image-index-property-descriptions
var platformForm = regexp.MustCompile(`^[a-z0-9]+/[a-z0-9_]+(/[a-z0-9.]+)?(:[0-9.]+)?$`)

// checkPlatforms refuses a --platform that no image has, and all of them where
// one report is made.
func (a *app) checkPlatforms(help string, several bool) error {
	if a.flags.platform == "" || a.flags.platform == everyPlatform && several {
		return nil
	}
	if a.flags.platform == everyPlatform {
		return usagef(help, "--platform all is for 'tallyman audit', 'sbom' and 'vuln', and makes a report for each; name one here, such as linux/amd64")
	}
	for one := range strings.SplitSeq(a.flags.platform, ",") {
		if !platformForm.MatchString(one) {
			return usagef(help, "--platform %q is not OS/ARCH, such as linux/amd64", one)
		}
	}
	return nil
}

// checkOutputs refuses two outputs that would go to one file.
func (a *app) checkOutputs(help string) error {
	seen := map[string]bool{}
	for _, o := range a.flags.outputs {
		_, name, _ := strings.Cut(o, "=")
		if seen[a.path(name)] {
			return usagef(help, "two --output go to %q", name)
		}
		seen[a.path(name)] = true
	}
	return nil
}

// formatsOf are the formats that a command writes. 'render' reads what 'audit'
// wrote, and writes what that does.
func formatsOf(command string) []string {
	if command == "sweep" {
		return []string{report.FormatJSON, report.FormatText}
	}
	return report.FormatsOf(command)
}

// checkFormat refuses a format that is none, and one that would be empty
// whatever the command finds.
func checkFormat(command, format string) error {
	have := strings.Join(formatsOf(command), ", ")
	switch {
	case !slices.Contains(report.Formats(), format):
		return usagef("tallyman "+command+" --help", "unknown format %q: there are %s", format, have)
	case slices.Contains(formatsOf(command), format):
		return nil
	case command == audit.StageSBOM:
		return usagef("tallyman audit --help", "%q is for findings, and an inventory has none: sbom writes %s", format, have)
	case command == audit.StageLint && format != report.FormatOSVScanner:
		return usagef("tallyman sbom --help", "%q is an inventory, and lint makes none: it writes %s", format, have)
	}
	return usagef("tallyman "+command+" --help", "%q has no place for what %s finds: it writes %s", format, command, have)
}

// parameters are the pack parameters that the flags ask for.
func (a *app) parameters() policy.Parameters {
	return policy.Parameters{
		Pack:             policy.Pack(a.flags.pack),
		Unresolved:       a.flags.unresolved,
		GateScopes:       policy.GateScopes(a.flags.gateScopes),
		FailOn:           vuln.Severity(a.flags.failOn),
		RequireSignature: a.flags.requireSignature,
		OnlyAdded:        a.flags.onlyAdded,
		Unfixed:          a.flags.unfixed,
		MaxAgeSeconds:    a.flags.maxAge.seconds,
	}
}

// cacheDir is where snapshots live, "" when there is no such place.
func (a *app) cacheDir() string {
	switch {
	case a.flags.cacheDir != "":
		return a.flags.cacheDir
	case a.env.Getenv("TALLYMAN_CACHE_DIR") != "":
		return a.env.Getenv("TALLYMAN_CACHE_DIR")
	}
	return a.env.CacheDir
}

// path makes a path of the command line absolute.
func (a *app) path(p string) string {
	if filepath.IsAbs(p) || a.env.Dir == "" {
		return filepath.Clean(p)
	}
	return filepath.Join(a.env.Dir, p)
}

func words(list ...string) cobra.CompletionFunc {
	return func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
		return list, cobra.ShellCompDirectiveNoFileComp
	}
}

// must is for registrations that only a typo in this package can fail.
func must(err error) {
	if err != nil {
		panic(err)
	}
}
