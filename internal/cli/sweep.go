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
)

func (a *app) sweepCommand() *cobra.Command {
	var list string
	var parallel int
	cmd := &cobra.Command{
		Use:   "sweep [REGISTRY[/PREFIX]]",
		Short: "Audit every image of a registry, each digest once",
		Long: `Audit every tag of every repository of a registry, or of a list of images, each
digest once, and print one table (or JSON). The exit code is the worst.`,
		Example: `  tallyman sweep registry.example.com/team
  tallyman sweep --list images.txt --format json`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.sweep(cmd, args, list, parallel)
		},
	}
	a.common(cmd)
	a.advisoryFlags(cmd)
	a.signatureFlags(cmd)
	cmd.Flags().StringVar(&list, "list", "", "`FILE` with an image reference a line (# starts a comment)")
	cmd.Flags().IntVar(&parallel, "parallel", 2, "how many images at once")
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
	if a.flags.format != "text" && a.flags.format != "json" || len(a.flags.outputs) > 0 {
		return usagef("tallyman sweep --help", "a sweep writes --format text or json")
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
	refs, err := a.sweepTargets(ctx, args, list)
	if err != nil {
		return err
	}
	stages := []string{audit.StageSBOM, audit.StageVuln, audit.StageLint, audit.StageVerify}
	auditor, done, err := a.auditor(set, "audit", stages, progress)
	if err != nil {
		return err
	}
	defer done()
	run := &sweep.Sweep{
		Source: source, AsOf: a.env.Now(), Parallel: parallel,
		Resolve: a.resolve,
		Audit: func(ctx context.Context, ref string) (*audit.Report, error) {
			return a.sweepOne(ctx, auditor, ref)
		},
		Progress: func(i, all int, ref string) { progress.step(fmt.Sprintf("%d/%d %s", i+1, all, ref)) },
	}
	result, err := run.Run(ctx, refs)
	if err != nil {
		return err
	}
	progress.done()
	if err := a.writeSweep(result); err != nil {
		return err
	}
	return decided(result.Outcome)
}

func (a *app) resolve(ctx context.Context, ref string) (string, error) {
	img, err := a.openImage(ctx, ref)
	if err != nil {
		return "", err
	}
	return img.Digest().String(), nil
}

func (a *app) sweepOne(ctx context.Context, auditor *audit.Auditor, ref string) (*audit.Report, error) {
	img, err := a.openImage(ctx, ref)
	if err != nil {
		return nil, err
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
// repository of the registry below the prefix.
func (a *app) sweepTargets(ctx context.Context, args []string, list string) ([]string, error) {
	if list != "" {
		return a.readList(list)
	}
	registry, prefix, _ := strings.Cut(args[0], "/")
	repositories, err := oci.Catalog(ctx, registry, prefix, a.ociOptions())
	if err != nil {
		return nil, fmt.Errorf("listing %q: %w", args[0], err)
	}
	var refs []string
	for _, repository := range repositories {
		repository = registry + "/" + repository
		tags, err := oci.Tags(ctx, repository, a.ociOptions())
		if err != nil {
			return nil, fmt.Errorf("listing tags of %q: %w", repository, err)
		}
		for _, tag := range tags {
			if !isArtifactTag(tag) {
				refs = append(refs, repository+":"+tag)
			}
		}
	}
	return refs, nil
}

// isArtifactTag reports whether a tag holds signatures, attestations or
// referrers of an image, and no image.
func isArtifactTag(tag string) bool {
	hex, ok := strings.CutPrefix(tag, "sha256-")
	if !ok {
		return false
	}
	hex, _, _ = strings.Cut(hex, ".")
	return len(hex) == 64 && strings.Trim(hex, "0123456789abcdef") == ""
}

func (a *app) readList(name string) ([]string, error) {
	data, err := readFile(a.path(name), limit.ManifestBytes)
	if err != nil {
		return nil, usagef("", "--list: %w", err)
	}
	var refs []string
	lines := bufio.NewScanner(bytes.NewReader(data))
	for lines.Scan() {
		line, _, _ := strings.Cut(lines.Text(), "#")
		if line = strings.TrimSpace(line); line != "" {
			refs = append(refs, line)
		}
	}
	return refs, lines.Err()
}
