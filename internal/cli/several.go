package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tallyman/tallyman/internal/audit"
	"github.com/tallyman/tallyman/internal/oci"
	"github.com/tallyman/tallyman/internal/report"
	"github.com/tallyman/tallyman/internal/sweep"
	"github.com/tallyman/tallyman/policy"
	"github.com/tallyman/tallyman/sbom"
)

// everyPlatform is the --platform that asks for each of an index.
const everyPlatform = "all"

// severalFlags registers what makes an audit one of several targets.
func (a *app) severalFlags(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&a.flags.images, "images", false, "audit also every image that the folder's compose files, Kubernetes manifests and Dockerfiles name")
	a.platformsFlags(cmd, "with --images or --platform all")
}

// platformsFlags registers what makes the platforms of an index several
// targets; with says when there are any.
func (a *app) platformsFlags(cmd *cobra.Command, with string) {
	const use = "`OS/ARCH` to take from an image index (default: linux and this machine's); all: each of the index"
	if platform := cmd.Flags().Lookup("platform"); platform != nil {
		platform.Usage = use
	} else {
		cmd.Flags().StringVar(&a.flags.platform, "platform", "", use)
	}
	cmd.Flags().IntVar(&a.flags.parallel, "parallel", 2, "how many images at once, "+with)
	must(cmd.RegisterFlagCompletionFunc("platform", words(everyPlatform, "linux/amd64", "linux/arm64")))
}

// takesSeveral reports whether a command can be about several targets that are
// not a registry's.
func takesSeveral(cmd *cobra.Command) bool {
	return slices.Contains([]string{audit.StageSBOM, audit.StageVuln, "audit"}, cmd.Name())
}

// several reports whether the flags ask for more than one report.
func (a *app) several() bool { return a.flags.images || a.flags.platform == everyPlatform }

// checkSeveral refuses what is about one target. Nothing has run yet.
func (a *app) checkSeveral(cmd *cobra.Command, help string) error {
	if err := a.checkHeld(cmd); err != nil {
		return err
	}
	switch {
	case a.flags.findings != "":
		return usagef(help, "--findings is about one target, and --images and --platform all give several")
	case a.flags.parallel < 1 || a.flags.parallel > 64:
		return usagef(help, "--parallel %d is not between 1 and 64", a.flags.parallel)
	}
	return nil
}

// checkHeld refuses a format that cannot hold several reports.
func (a *app) checkHeld(cmd *cobra.Command) error {
	have := slices.DeleteFunc(report.PartsFormats(), func(f string) bool { return !slices.Contains(formatsOf(cmd.Name()), f) })
	for _, format := range append([]string{a.flags.format}, a.flags.outputs...) {
		format, _, _ = strings.Cut(format, "=")
		if !report.HoldsParts(format) {
			return usagef(cmd.CommandPath()+" --help", "%s is about one target, and there are several (--images, --platform all): use %s, or take one image at a time",
				format, strings.Join(have, ", "))
		}
	}
	return nil
}

// company is an audit of several targets on its way.
type company struct {
	app      *app
	auditor  *audit.Auditor
	progress *progress
	skipped  []sweep.Skipped
}

// auditSeveral audits what the words name, the images that the folder names,
// and the platforms that are asked for.
func (a *app) auditSeveral(ctx context.Context, set *settings, command string, stages []string, word string) error {
	all := a.flags.platform == everyPlatform
	if all {
		a.flags.platform = ""
	}
	a.steadyCollector()
	progress := a.progress()
	defer progress.done()
	auditor, done, err := a.imageAuditor(set, command, stages, progress)
	if err != nil {
		return err
	}
	defer done()
	c := &company{app: a, auditor: auditor, progress: progress}
	targets, closer, err := c.own(ctx, word, all)
	defer closer()
	if err != nil {
		return err
	}
	source := word
	if source == "" {
		source = a.flags.image
	}
	result, err := c.run(ctx, source, targets)
	if err != nil {
		return err
	}
	if a.flags.images {
		more, err := c.named(ctx, result.Reports[0].Images, all)
		if err != nil {
			return err
		}
		rest, err := c.run(ctx, source, more)
		if err != nil {
			return err
		}
		result.Add(rest)
	}
	result.Skipped = append(result.Skipped, c.skipped...)
	if err := auditor.Together(context.WithoutCancel(ctx), result.Reports); err != nil {
		return err
	}
	progress.done()
	return a.finishSeveral(result)
}

func (c *company) run(ctx context.Context, source string, targets []sweep.Target) (*sweep.Result, error) {
	s := &sweep.Sweep{
		Source: source, AsOf: c.auditor.Now, Parallel: c.app.flags.parallel,
		Progress: func(i, all int, ref string) { c.progress.step(fmt.Sprintf("%d/%d %s", i+1, all, ref)) },
	}
	return s.Each(ctx, targets)
}

// own are the targets that the user named: the folder, with --image or without
// it, or an image; one for each platform when all are asked for.
func (c *company) own(ctx context.Context, word string, all bool) (targets []sweep.Target, closer func(), err error) {
	a, closer := c.app, func() {}
	image, folder := a.flags.image, word
	if word == "" || a.classify(word) == anImage {
		if folder = ""; word != "" && image != "" {
			return nil, closer, usagef("", "%q is an image, and --image names another one", word)
		}
		image = word + image
	}
	if all && image == "" && !a.flags.images {
		return nil, closer, usagef("tallyman "+c.auditor.Command+" REF --platform all", "--platform all is about an image, and none is named")
	}
	t := audit.Target{}
	if folder != "" {
		if t, closer, err = a.target(ctx, folder, ""); err != nil {
			return nil, closer, err
		}
	}
	if a.flags.images && t.Folder == nil {
		return nil, closer, usagef("tallyman audit . --images", "--images is about a folder, whose files name images")
	}
	first := *c.auditor
	first.Images = a.flags.images
	var refused []sweep.Target
	if image != "" {
		ref, err := a.imageRef(image)
		if err != nil {
			return nil, closer, err
		}
		targets, refused = c.together(ctx, &first, t, ref, c.platforms(ctx, ref, a.imagePlatform(), all))
	}
	if folder != "" && len(targets) == 0 {
		targets = []sweep.Target{c.folder(&first, t)}
	}
	return append(targets, refused...), closer, nil
}

// folder is the target of a folder alone.
func (c *company) folder(auditor *audit.Auditor, t audit.Target) sweep.Target {
	return sweep.Target{
		Image:   sweep.Image{Reference: t.Name},
		Audit:   func(ctx context.Context) (*audit.Report, error) { return c.app.runOn(ctx, auditor, t) },
		Refused: func(_ context.Context, why error) (*audit.Report, error) { return nil, why },
	}
}

// choice is one image behind a reference: that of a platform, that of a digest
// in an index, or none, because nobody could tell which there are.
type choice struct {
	platform string
	opts     oci.Options
	err      error
}

// platforms are the images behind a reference that are to be audited: that of
// the platform, or each.
func (c *company) platforms(ctx context.Context, ref oci.Ref, platform string, all bool) []choice {
	opts := c.app.ociOptions()
	opts.Platform = platform
	if !all {
		return []choice{{platform: platform, opts: opts}}
	}
	found, err := oci.Platforms(ctx, ref, opts)
	if err != nil {
		return []choice{{err: err}}
	}
	var out []choice
	for _, o := range found {
		one := choice{platform: o.Platform, opts: opts}
		one.opts.Digest = o.Digest
		if o.Absent {
			one.err = &oci.Error{
				Ref: ref.String(), Reason: oci.ErrNotFound, Err: errors.New("the index names " + o.Platform + ", and the layout does not hold it"),
				Hint: "export every platform, or name one with --platform",
			}
		}
		out = append(out, one)
	}
	return out
}

// open opens one image of a reference.
func (c *choice) open(ctx context.Context, ref oci.Ref) (*oci.Image, error) {
	if c.err != nil {
		return nil, c.err
	}
	return oci.Open(ctx, ref, c.opts)
}

// together are the targets of the images that the user named, with the folder
// or without one, and of those that cannot be opened, which take nothing else
// with them.
func (c *company) together(ctx context.Context, auditor *audit.Auditor, t audit.Target, ref oci.Ref, choices []choice) (targets, refused []sweep.Target) {
	for _, one := range choices {
		row := sweep.Image{Reference: ref.String(), Platform: one.platform}
		img, err := one.open(ctx, ref)
		if err != nil {
			refused = append(refused, sweep.Target{
				Image: row, Refused: c.refused(row.Reference, one.platform, audit.ImagePlace{}),
				Audit: func(context.Context) (*audit.Report, error) { return nil, err },
			})
			continue
		}
		mine, with := *auditor, t
		with.Image, with.Platform = img, one.platform
		if mine.Platforms == nil && one.platform != "" && t.Folder != nil {
			mine.Platforms = []string{one.platform}
		}
		row.Reference = strings.TrimSpace(t.Name + " " + row.Reference)
		targets = append(targets, sweep.Target{
			Image: row, Refused: c.refused(row.Reference, one.platform, audit.ImagePlace{}),
			Audit: func(ctx context.Context) (*audit.Report, error) { return c.app.runOn(ctx, &mine, with) },
		})
	}
	return targets, refused
}

// refused makes the report of an image that could not be audited.
func (c *company) refused(name, platform string, place audit.ImagePlace) func(context.Context, error) (*audit.Report, error) {
	return func(ctx context.Context, why error) (*audit.Report, error) {
		var wrong *usageError
		if errors.As(why, &wrong) {
			return nil, why
		}
		return c.auditor.Unopened(ctx, name, platform, place, errors.New(sbom.RedactMessage(c.app.inWords(why))))
	}
}

// named are the targets of the images that the folder names.
func (c *company) named(ctx context.Context, images []audit.NamedImage, all bool) ([]sweep.Target, error) {
	var targets []sweep.Target
	for _, image := range images {
		if err := ctx.Err(); errors.Is(err, context.Canceled) {
			return nil, err
		}
		if c.withFolder(image, all) {
			image.Skipped = "it is audited with the folder"
		}
		if image.Skipped != "" {
			c.skipped = append(c.skipped, sweep.Skipped{Reference: image.Reference, Kind: image.Skipped})
			continue
		}
		targets = append(targets, c.pulled(ctx, image, all)...)
	}
	return targets, nil
}

// withFolder reports whether an image that the folder names is the one that is
// audited with it: of a registry as well, and for no other platform.
func (c *company) withFolder(image audit.NamedImage, all bool) bool {
	own, err := oci.Parse(c.app.flags.image)
	if err != nil || own.Kind != oci.KindRegistry || own.Name != image.Reference {
		return false
	}
	return image.Platform == "" || !all && image.Platform == c.app.imagePlatform()
}

// pulled are the targets of one image of a registry: the name of a file that a
// scanned file gives is the name of an image all the same.
func (c *company) pulled(ctx context.Context, image audit.NamedImage, all bool) []sweep.Target {
	ref, err := oci.Parse("registry:" + image.Reference)
	choices := []choice{{platform: image.Platform, err: err}}
	if err == nil {
		platform := image.Platform
		if platform == "" {
			platform = c.app.imagePlatform()
		}
		choices = c.platforms(ctx, ref, platform, all && image.Platform == "")
	}
	auditor := *c.auditor
	auditor.Hub = nil
	var out []sweep.Target
	for _, one := range choices {
		out = append(out, sweep.Target{
			Image: sweep.Image{
				Reference: image.Reference, Platform: one.platform, Role: image.Role, Places: image.Places,
				ReportedOnly: image.Role.OnlyBuilds() && !c.everyScope(),
			},
			Audit: func(ctx context.Context) (*audit.Report, error) {
				img, err := one.open(ctx, ref)
				if err != nil {
					return nil, err
				}
				return c.app.runOn(ctx, &auditor, audit.Target{Image: img, Platform: one.platform, Base: image.Role != audit.RoleRuns})
			},
			Refused: c.refused(image.Reference, one.platform, image.Places[0]),
		})
	}
	return out
}

// everyScope reports whether what is only there for a build gates too.
func (c *company) everyScope() bool {
	p, err := c.auditor.Parameters.WithDefaults()
	return err != nil || p.GateScopes != policy.GateShipped
}

// finishSeveral writes the result in every format that was asked for and
// returns the worst decision.
func (a *app) finishSeveral(result *sweep.Result) error {
	for i, r := range result.Reports {
		result.Reports[i] = report.Normalised(r)
	}
	var failed error
	for _, o := range a.flags.outputs {
		format, name, _ := strings.Cut(o, "=")
		var b bytes.Buffer
		err := a.writeSeveral(&b, format, result, report.Options{Verbose: a.flags.verbose})
		if err == nil {
			err = writeFile(a.path(name), b.Bytes())
		}
		if err != nil {
			failed = errors.Join(failed, fmt.Errorf("writing --output %q: %w", o, err))
		}
	}
	if !a.flags.quiet || a.flags.format != report.FormatText || result.Outcome != policy.Allowed {
		failed = errors.Join(failed, a.writeSeveral(a.env.Stdout, a.flags.format, result, report.Options{
			Color: a.color && a.flags.format == report.FormatText, Width: a.env.Width, Verbose: a.flags.verbose,
			Workflow: a.env.Getenv("GITHUB_ACTIONS") == "true",
		}))
	}
	return errors.Join(failed, decided(result.Outcome))
}

func (a *app) writeSeveral(w interface{ Write([]byte) (int, error) }, format string, result *sweep.Result, opts report.Options) error {
	if format == report.FormatJSON {
		return report.WriteJSON(w, result)
	}
	parts := make([]report.Part, len(result.Reports))
	for i, r := range result.Reports {
		row := &result.Images[i]
		parts[i] = report.Part{Name: strings.TrimSpace(row.Reference + " " + row.Platform), Report: r, OnlyBuilds: row.ReportedOnly}
	}
	if err := report.WriteParts(w, format, parts, opts); err != nil || format != report.FormatText {
		return err
	}
	if _, err := fmt.Fprintln(w); err != nil {
		return err
	}
	return result.WriteTargets(w, report.Escape)
}
