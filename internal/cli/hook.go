package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
)

// hookMark is how we know our own hook again.
const hookMark = "# Installed by 'tallyman hook install'."

// hookScript audits the tree of the commit that is pushed, not the working
// folder: what is not committed is not pushed.
const hookScript = `#!/bin/sh
` + hookMark + `
# Audits the tree of each pushed commit, offline. To push all the same:
# git push --no-verify
set -u
command -v tallyman >/dev/null 2>&1 || {
	echo "tallyman: not found in PATH: the push was not audited" >&2
	exit 1
}
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

# lay COMMIT FOLDER writes every file of a commit. Unlike git archive it leaves
# nothing out that .gitattributes names.
lay() {
	mkdir -p "$2" &&
		GIT_INDEX_FILE="$work/index" git read-tree "$1" &&
		GIT_INDEX_FILE="$work/index" git checkout-index --all --quiet --prefix="$2/"
}

# modules COMMIT FOLDER does the same for the submodules of a commit, from their
# working folders. One that is not there cannot be audited.
modules() {
	git ls-tree -r "$1" | while read -r mode _ oid path; do
		[ "$mode" = 160000 ] || continue
		(
			unset GIT_DIR GIT_WORK_TREE GIT_PREFIX
			cd "./$path" 2>/dev/null && [ -e .git ] && lay "$oid" "$2/$path" 2>/dev/null
		) || {
			echo "tallyman: submodule $path is not checked out, so it was not audited" >&2
			exit 3
		}
	done
}

worst=0
while read -r local_ref local_oid remote_ref remote_oid; do
	case $local_oid in
	*[!0]*) ;;
	*) continue ;; # a deletion pushes no tree
	esac
	tree=$work/tree
	rm -rf "$tree"
	lay "$local_oid" "$tree" || exit 3
	hidden=0
	modules "$local_oid" "$tree" || hidden=3
	(unset GIT_DIR GIT_WORK_TREE GIT_PREFIX; cd "$tree" && tallyman audit . --offline --quiet)
	code=$?
	[ "$code" -ne 0 ] || code=$hidden
	if [ "$code" -ne 0 ]; then
		[ "$worst" -eq 1 ] || worst=$code
		echo "tallyman: $local_ref is not pushed to $remote_ref (exit $code); see above, or push with --no-verify" >&2
	fi
done
exit "$worst"
`

func (a *app) hookCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "hook",
		Short: "Audit before every git push",
		Example: `  tallyman hook install
  tallyman hook uninstall`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	var force bool
	install := &cobra.Command{
		Use:   "install",
		Short: "Write a pre-push hook into this repository",
		Long: `Write a pre-push hook that audits the tree of each pushed commit offline, and
stops the push unless the audit allows it.`,
		Example: `  tallyman db update
  tallyman hook install`,
		Args: noArgs,
		RunE: func(*cobra.Command, []string) error { return a.installHook(force) },
	}
	install.Flags().BoolVar(&force, "force", false, "replace a pre-push hook that tallyman did not write")
	uninstall := &cobra.Command{
		Use:     "uninstall",
		Short:   "Remove the pre-push hook that 'tallyman hook install' wrote",
		Example: `  tallyman hook uninstall`,
		Args:    noArgs,
		RunE:    func(*cobra.Command, []string) error { return a.uninstallHook() },
	}
	cmd.AddCommand(install, uninstall)
	return cmd
}

func (a *app) installHook(force bool) error {
	dir, err := hooksDir(a.env.Dir)
	if err != nil {
		return err
	}
	name := filepath.Join(dir, "pre-push")
	old, err := os.ReadFile(name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return usage(err, "")
	}
	if err == nil && !strings.Contains(string(old), hookMark) && !force {
		return usagef("tallyman hook install --force", "there is a pre-push hook already: %q", name)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return usage(err, "")
	}
	if err := writeFile(name, []byte(hookScript)); err != nil {
		return usage(err, "")
	}
	if err := os.Chmod(name, 0o755); err != nil {
		return usage(err, "")
	}
	if !a.flags.quiet {
		fmt.Fprintf(a.env.Stdout, "wrote %s\n", a.shown(name))
	}
	return nil
}

// uninstallHook removes our hook, and nobody else's. Without one there is
// nothing to do.
func (a *app) uninstallHook() error {
	dir, err := hooksDir(a.env.Dir)
	if err != nil {
		return err
	}
	name := filepath.Join(dir, "pre-push")
	old, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		fmt.Fprintf(a.env.Stdout, "there is no pre-push hook\n")
		return nil
	}
	if err != nil {
		return usage(err, "")
	}
	if !strings.Contains(string(old), hookMark) {
		return usagef("", "%q is not a hook that tallyman wrote: remove it yourself", name)
	}
	if err := os.Remove(name); err != nil {
		return usage(err, "")
	}
	fmt.Fprintf(a.env.Stdout, "removed %s\n", a.shown(name))
	return nil
}

// hooksDir returns the folder of the repository's hooks. A work tree or a
// submodule has a file .git that names the repository; core.hooksPath is left
// to whoever set it.
// https://git-scm.com/docs/gitrepository-layout
func hooksDir(dir string) (string, error) {
	root := gitRoot(dir)
	if root == "" {
		return "", usagef("git init", "%q is not in a git work tree", dir)
	}
	git := filepath.Join(root, ".git")
	info, err := os.Stat(git)
	if err != nil {
		return "", usage(err, "")
	}
	if !info.IsDir() {
		text, err := readFile(git, 4<<10)
		if err != nil {
			return "", usage(err, "")
		}
		target, ok := strings.CutPrefix(strings.TrimSpace(string(text)), "gitdir: ")
		if !ok {
			return "", usagef("", "%q does not name a repository", git)
		}
		if !filepath.IsAbs(target) {
			target = filepath.Join(root, target)
		}
		git = target
		if common, err := readFile(filepath.Join(git, "commondir"), 4<<10); err == nil {
			git = filepath.Join(git, strings.TrimSpace(string(common)))
		}
	}
	if config, err := readFile(filepath.Join(git, "config"), 1<<20); err == nil && strings.Contains(strings.ToLower(string(config)), "hookspath") {
		return "", usagef("add to your own hook: tallyman audit . --offline", "this repository sets core.hooksPath, so git would not run %q", filepath.Join(git, "hooks", "pre-push"))
	}
	return filepath.Join(git, "hooks"), nil
}
