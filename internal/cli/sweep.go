package cli

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tallyman/tallyman/internal/audit"
	"github.com/tallyman/tallyman/internal/limit"
	"github.com/tallyman/tallyman/internal/oci"
	"github.com/tallyman/tallyman/internal/report"
	"github.com/tallyman/tallyman/internal/sweep"
	"github.com/tallyman/tallyman/sbom"
)

func (a *app) sweepCommand() *cobra.Command {
	var list string
	var parallel int
	cmd := &cobra.Command{
		Use:   "sweep [REGISTRY[/PREFIX]]",
		Short: "Audit every image of a registry, each digest once",
		Long: `Audit every tag of every repository of a registry, or of a list of images, and
every platform of an index, each digest once, and print one table (or JSON). What
holds no image (signatures, charts) is listed as skipped; what could not be
looked at is undecided. The exit code is the worst.

Exit codes: 0 every image is allowed, 1 one is denied, 2 wrong usage (nothing
ran), 3 none is denied and one is undecided, or there is none.`,
		Example: `  tallyman sweep registry.example.com/team
  tallyman sweep --list images.txt --format json`,
		Args: atMostOne,
		RunE: func(cmd *cobra.Command, args []string) error {
			a.steadyCollector()
			return a.sweep(cmd, args, list, parallel)
		},
	}
	a.common(cmd)
	a.advisoryFlags(cmd)
	a.signatureFlags(cmd)
	cmd.Flags().StringVar(&list, "list", "", "`FILE` with an image reference a line (# starts a comment); - is standard input")
	cmd.Flags().IntVar(&parallel, "parallel", 2, "how many images at once")
	cmd.Flags().Lookup("platform").Usage = "`OS/ARCH` to take from an image index (default: each)"
	unsaid(cmd, "include", "exclude", "root", "output", "python", "known-versions")
	return cmd
}

func (a *app) sweep(cmd *cobra.Command, args []string, list string, parallel int) error {
	ctx, cancel, set, err := a.prepare(cmd)
	if err != nil {
		return err
	}
	defer cancel()
	if (len(args) == 1) == (list != "") {
		return usagef("tallyman sweep --help", "name a registry or a --list, one of them")
	}
	if len(args) == 1 && namesOneImage(args[0]) {
		return usagef("tallyman audit "+args[0], "%q is one image: a sweep takes a registry, or a prefix of its repositories", args[0])
	}
	if len(a.flags.outputs) > 0 {
		return usagef("tallyman sweep --help", "a sweep writes to standard output alone")
	}
	if parallel < 1 || parallel > 64 {
		return usagef("tallyman sweep --help", "--parallel %d is not between 1 and 64", parallel)
	}
	progress := a.progress()
	defer progress.done()
	source := list
	if source == "" {
		source = args[0]
	}
	progress.step("listing " + source)
	refs, unlisted, err := a.sweepTargets(ctx, args, list)
	if err != nil {
		return err
	}
	stages := []string{audit.StageSBOM, audit.StageVuln, audit.StageLint, audit.StageVerify}
	auditor, done, err := a.imageAuditor(set, "audit", stages, progress)
	if err != nil {
		return err
	}
	defer done()
	run := &sweep.Sweep{
		Source: source, AsOf: a.env.Now(), Parallel: parallel,
		Unlisted: unlisted, Resolve: a.resolve,
		Audit: func(ctx context.Context, ref string, one sweep.Entry) (*audit.Report, error) {
			return a.sweepOne(ctx, auditor, ref, one)
		},
		Progress: func(i, all int, ref string) { progress.step(fmt.Sprintf("%d/%d %s", i+1, all, ref)) },
	}
	result, err := run.Run(ctx, refs)
	if err != nil {
		return err
	}
	for i := range result.Images {
		row := &result.Images[i]
		row.Error = sbom.RedactMessage(row.Error) // a registry may have said anything
	}
	progress.done()
	if err := a.writeSweep(result); err != nil {
		return err
	}
	return decided(result.Outcome)
}

// namesOneImage reports whether a word has a tag or a digest after its last
// slash, which no registry and no prefix of repositories has.
func namesOneImage(word string) bool {
	i := strings.LastIndex(word, "/")
	return i >= 0 && strings.ContainsAny(word[i:], ":@")
}

// resolve lists the images behind a reference: all of an index, or the one of
// --platform.
func (a *app) resolve(ctx context.Context, word string) (sweep.Found, error) {
	if a.flags.platform == "" {
		return a.survey(ctx, word)
	}
	img, err := a.openImage(ctx, word)
	if err != nil {
		// A signature is for no platform. It is told by its content, as without
		// --platform: an image for another platform is none the less one.
		if all, e := a.survey(ctx, word); e == nil && len(all.Images) == 0 {
			return all, nil
		}
		return sweep.Found{}, err
	}
	found := sweep.Found{Digest: img.Digest().String(), Images: []sweep.Entry{{Digest: img.Digest().String()}}}
	if index, ok := img.IndexDescriptor(); ok {
		found.Digest, found.Images[0].Platform = index.Digest.String(), a.flags.platform
	}
	return found, nil
}

// survey lists all images behind a reference.
func (a *app) survey(ctx context.Context, word string) (sweep.Found, error) {
	ref, err := oci.Parse(word)
	if err != nil {
		return sweep.Found{}, err
	}
	survey, err := oci.Look(ctx, ref, a.ociOptions())
	if err != nil {
		return sweep.Found{}, err
	}
	found := sweep.Found{Artifact: survey.Artifact}
	if ref.Kind == oci.KindRegistry {
		found.Digest = survey.Digest.String()
	}
	for _, o := range survey.Images {
		found.Images = append(found.Images, sweep.Entry{Digest: o.Digest.String(), Platform: o.Platform})
	}
	return found, nil
}

// sweepOne audits one image. It is opened by way of its index, whose signatures
// are its own too, unless that leads to another one.
func (a *app) sweepOne(ctx context.Context, auditor *audit.Auditor, word string, one sweep.Entry) (*audit.Report, error) {
	ref, err := oci.Parse(word)
	if err != nil {
		return nil, err
	}
	opts := a.ociOptions()
	opts.Platform = one.Platform
	img, err := oci.Open(ctx, ref, opts)
	if err != nil || img.Digest().String() != one.Digest {
		repository, _, _ := strings.Cut(word, "@")
		if ref, err = oci.Parse(repository + "@" + one.Digest); err != nil {
			return nil, err
		}
		opts.Platform = ""
		if img, err = oci.Open(ctx, ref, opts); err != nil {
			return nil, err
		}
	}
	return a.runOn(ctx, auditor, audit.Target{Image: img})
}

func (a *app) writeSweep(result *sweep.Result) error {
	if a.flags.format == "text" {
		return result.WriteTable(a.env.Stdout, report.Escape)
	}
	enc := json.NewEncoder(a.env.Stdout)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(result)
}

// sweepTargets are the references of the list, or every tag of every
// repository of the registry below the prefix. A repository whose tags cannot
// be listed is one of the second result.
func (a *app) sweepTargets(ctx context.Context, args []string, list string) ([]string, []sweep.Unlisted, error) {
	if list != "" {
		refs, err := a.readList(list)
		return refs, nil, err
	}
	registry, prefix, _ := strings.Cut(args[0], "/")
	repositories, err := oci.Catalog(ctx, registry, prefix, a.ociOptions())
	if err != nil {
		return nil, nil, fmt.Errorf("listing %q: %w", args[0], err)
	}
	var refs []string
	var unlisted []sweep.Unlisted
	for _, repository := range repositories {
		repository = registry + "/" + repository
		tags, err := oci.Tags(ctx, repository, a.ociOptions())
		if err != nil {
			unlisted = append(unlisted, sweep.Unlisted{Repository: repository, Err: fmt.Errorf("listing its tags: %w", err)})
		}
		for _, tag := range tags {
			refs = append(refs, repository+":"+tag)
		}
	}
	return refs, unlisted, nil
}

func (a *app) readList(name string) ([]string, error) {
	data, err := a.readInput(name, limit.ManifestBytes, "")
	if err != nil {
		return nil, usagef("", "--list: %w", err)
	}
	var refs []string
	lines := bufio.NewScanner(bytes.NewReader(data))
	for n := 1; lines.Scan(); n++ {
		line, _, _ := strings.Cut(lines.Text(), "#")
		if sbom.RedactMessage(line) != line {
			return nil, usagef("docker login REGISTRY", "line %d of --list %q holds a login, which does not belong into a reference", n, name)
		}
		if line = strings.TrimSpace(line); line != "" {
			refs = append(refs, line)
		}
	}
	return refs, lines.Err()
}
