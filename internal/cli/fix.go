package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tallyman/tallyman/internal/audit"
	"github.com/tallyman/tallyman/internal/limit"
	"github.com/tallyman/tallyman/vuln"
	"github.com/tallyman/tallyman/vuln/fix"
)

// fixFormats are what `fix` can print.
var fixFormats = []string{"text", "diff", "json"}

// fixOnly are the findings that `fix` can be asked to cure.
var fixOnly = []string{"all", "gating"}

// fixRequest is what `fix` was asked to do.
type fixRequest struct {
	word, format string
	// gating leaves alone what is only latent.
	write, gating bool
}

func (a *app) fixCommand() *cobra.Command {
	var format, only string
	var write bool
	cmd := &cobra.Command{
		Use:   "fix [PATH]",
		Short: "Say, or make, the smallest edits that cure what was found",
		Long: `Print the smallest edits of requirement files, constraints, pyproject.toml,
Dockerfiles and a Space's README.md after which no installation is vulnerable and
none may become so, and with --write make them. Everything else in the files
stays as it is, byte for byte, and nothing outside of PATH is written.

A lock and a line with hashes are not edited: the command that locks anew is
printed. What no edit cures is named with the reason. The edited tree is audited
again before anything is said or written.

PATH is a folder or a file. It is . when left out.

Exit codes are those of 'tallyman vuln' with the same flags for the tree with the
edits in it, whether or not they were written: 0 allowed, 1 denied, 2 wrong usage
(nothing ran), 3 undecided, or an edit could not be written.`,
		Example: `  tallyman fix
  tallyman fix app --write
  tallyman fix --format diff | git apply`,
		Args: atMostOne,
		RunE: func(cmd *cobra.Command, args []string) error {
			// A settings file says how audits are printed, which is not meant
			// for edits.
			given := cmd.Flags().Changed("format")
			ctx, cancel, set, err := a.prepare(cmd)
			if err != nil {
				return err
			}
			defer cancel()
			if !given {
				format = fixFormats[0]
			}
			if !slices.Contains(fixFormats, format) {
				return usagef("tallyman fix --help", "unknown format %q: there are %s", format, strings.Join(fixFormats, ", "))
			}
			if !slices.Contains(fixOnly, only) {
				return usagef("tallyman fix --help", "--only %q is none of %s", only, strings.Join(fixOnly, ", "))
			}
			return a.fix(ctx, set, fixRequest{append(args, ".")[0], format, write, only == "gating"})
		},
	}
	f := cmd.Flags()
	f.StringVar(&format, "format", fixFormats[0], "format of standard output: "+strings.Join(fixFormats, ", "))
	f.BoolVar(&write, "write", false, "make the edits")
	f.StringVar(&only, "only", fixOnly[0], "cure `WHAT`: all, or gating (what is latent is left alone)")
	f.StringArrayVar(&a.flags.include, "include", nil, "only files that match this `GLOB` below the target; may be repeated")
	f.StringArrayVar(&a.flags.exclude, "exclude", nil, "no files that match this `GLOB` below the target; may be repeated")
	f.StringVar(&a.flags.root, "root", "", "`DIR` that no include may leave (default: the enclosing git work tree, else the target)")
	f.Var(&a.flags.maxAge, "max-age", "advisories older than this `AGE` (36h, 7d, 2w) decide nothing (default 7d)")
	a.policyFlags(cmd)
	a.advisoryFlags(cmd)
	a.world(cmd)
	must(cmd.RegisterFlagCompletionFunc("format", words(fixFormats...)))
	must(cmd.RegisterFlagCompletionFunc("only", words(fixOnly...)))
	return cmd
}

// fix audits a tree, plans the edits, audits the edited tree and says what came
// of it.
func (a *app) fix(ctx context.Context, set *settings, asked fixRequest) error {
	word := asked.word
	kind := a.classify(word)
	if kind != aFolder && kind != aFile {
		return usagef("tallyman fix --help", "%q: only the manifests of a folder can be edited, and this is none", word)
	}
	progress := a.progress()
	defer progress.done()
	auditor, done, err := a.auditor(set, "vuln", []string{audit.StageSBOM, audit.StageVuln}, progress)
	if err != nil {
		return err
	}
	defer done()
	t, closer, err := a.target(ctx, word, "")
	if err != nil {
		return err
	}
	defer closer()
	before, err := a.runOn(ctx, auditor, t)
	if err != nil {
		return err
	}
	root := a.boundary(a.path(word), kind == aFile)
	out := &fixed{app: a, root: root, gating: asked.gating, before: before, after: before}
	if err := out.plan(ctx, auditor, t); err != nil {
		return err
	}
	out.settle(folderOf(t.Folder))
	progress.done()
	if asked.write {
		if err := out.write(); err != nil {
			return err
		}
	}
	if err := out.print(a.env.Stdout, asked.format, asked.write); err != nil {
		return err
	}
	return out.outcome()
}

// folderOf is the folder that the locations of a report are relative to.
func folderOf(f *audit.Folder) string {
	if f.File != "" {
		return path.Dir(f.File)
	}
	return f.Dir
}

// within is the file or folder that was named, below the root.
func within(f *audit.Folder) string {
	if f.File != "" {
		return f.File
	}
	return f.Dir
}

// boundary is the folder that bounds a source tree, see folder.
func (a *app) boundary(dir string, file bool) string {
	if file {
		dir = filepath.Dir(dir)
	}
	switch root := gitRoot(dir); {
	case a.flags.root != "":
		return a.path(a.flags.root)
	case root != "":
		return root
	}
	return dir
}

// fixed is a plan and what auditing with it gave.
type fixed struct {
	*fix.Plan
	app  *app
	root string
	// gating leaves alone what is only latent.
	gating        bool
	before, after *audit.Report
	// Left are the findings that gate or are latent after the edits.
	Left []vuln.Finding
}

// outcome is what the policy decides of the edited tree. What is left and does
// not deny is a warning, here as in an audit.
func (x *fixed) outcome() error { return decided(x.after.Decision.Outcome) }

// shown is how the user would type a file of the tree.
func (x *fixed) shown(name string) string {
	return x.app.shown(filepath.Join(x.root, filepath.FromSlash(name)))
}

// prefix is the folder of the tree as `git apply` needs it: seen from the
// repository that the user stands in.
func (x *fixed) prefix() string {
	rel, err := filepath.Rel(x.app.standingRoot(), x.root)
	if err != nil || !filepath.IsLocal(rel) || rel == "." {
		return ""
	}
	return filepath.ToSlash(rel)
}

func (x *fixed) print(w io.Writer, format string, written bool) error {
	switch format {
	case "diff":
		_, err := w.Write(x.Diff(x.prefix()))
		return err
	case "json":
		e := json.NewEncoder(w)
		e.SetEscapeHTML(false)
		e.SetIndent("", "  ")
		return e.Encode(fix.Result{
			Edits: x.Edits, Refused: x.Refused, Left: x.Left,
			Outcome: x.after.Decision.Outcome.String(), Written: written && len(x.Edits) > 0,
		})
	}
	if x.app.flags.quiet && len(x.Left)+len(x.Refused) == 0 {
		return nil
	}
	_, err := io.WriteString(w, x.text(written))
	return err
}

// write makes the edits: all new files are written beside the old ones first,
// and then take their place one after the other. Nothing outside of the tree
// can be reached.
func (x *fixed) write() error {
	root, err := os.OpenRoot(x.root)
	if err != nil {
		return err
	}
	defer root.Close()
	files, err := x.Apply(func(name string) ([]byte, error) {
		f, err := root.Open(name)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		return limit.ReadAll(f, limit.ManifestBytes)
	})
	if err != nil {
		return err
	}
	beside := map[string]string{}
	defer func() {
		for _, tmp := range beside {
			_ = root.Remove(tmp) // It is there only when something failed.
		}
	}()
	for _, name := range x.Files() {
		tmp := path.Join(path.Dir(name), ".tallyman-"+path.Base(name))
		if err := writeBeside(root, name, tmp, files[name]); err != nil {
			return fmt.Errorf("writing %q: %w", x.shown(name), err)
		}
		beside[name] = tmp
	}
	for _, name := range x.Files() {
		if err := root.Rename(beside[name], name); err != nil {
			return fmt.Errorf("writing %q: %w", x.shown(name), err)
		}
		delete(beside, name)
	}
	return nil
}

var errReadOnly = errors.New("it is read-only")

// writeBeside writes what is to take a file's place, with the file's mode.
func writeBeside(root *os.Root, name, tmp string, data []byte) error {
	// A folder that has become a link since the plan was made would lead
	// elsewhere in the tree.
	for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
		if info, err := root.Lstat(dir); err != nil || !info.IsDir() {
			return fmt.Errorf("%q is not a folder any more", dir)
		}
	}
	info, err := root.Lstat(name)
	switch {
	case err != nil:
		return err
	case !info.Mode().IsRegular():
		return errors.New("it is not a regular file any more")
	case info.Mode()&0o200 == 0:
		return errReadOnly
	}
	f, err := root.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%q is in the way", tmp)
	}
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	err = errors.Join(err, f.Chmod(info.Mode().Perm()), f.Sync(), f.Close())
	if err != nil {
		_ = root.Remove(tmp)
	}
	return err
}
