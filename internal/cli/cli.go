// Package cli turns flags into calls and results into exit codes. It is the
// only package that reads the clock, the environment and the working
// directory, and the only one that writes to a terminal.
package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/tallyman/tallyman/internal/oci"
)

// Env is the world that the program runs in. Every field is required but
// Password.
type Env struct {
	// Args are the words after the program's name.
	Args           []string
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	// Getenv is os.Getenv.
	Getenv func(string) string
	// LookupEnv is os.LookupEnv.
	LookupEnv func(string) (string, bool)
	// Now is the clock.
	Now func() time.Time
	// Dir is the absolute working directory; "" when it cannot be told.
	Dir string
	// CacheDir is the user's cache directory, "" when there is none.
	CacheDir string
	// TempDir is the folder for temporary files.
	TempDir string
	// StdinTerminal says who is writing, StdoutTerminal and StderrTerminal who
	// is reading.
	StdinTerminal, StdoutTerminal, StderrTerminal bool
	// Width is the terminal's width in columns, 0 when not known.
	Width int
	// Password asks the user for the password of a private key; nil when there
	// is no terminal to ask on.
	Password func(prompt string) ([]byte, error)
	// Version is the program's version, "" for an unreleased build.
	Version string
}

// System returns the real world. clock, if not "", is an RFC 3339 instant that
// replaces the clock; one that cannot be read leaves the zero time, at which
// everything is stale.
func System(version, clock string) Env {
	env := Env{
		Args: os.Args[1:], Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
		Getenv: os.Getenv, LookupEnv: os.LookupEnv, Now: time.Now, Version: version,
		TempDir:        os.TempDir(),
		StdoutTerminal: term.IsTerminal(int(os.Stdout.Fd())),
		StderrTerminal: term.IsTerminal(int(os.Stderr.Fd())),
	}
	if clock != "" {
		at, err := time.Parse(time.RFC3339, clock)
		if err != nil {
			at = time.Time{}
		}
		env.Now = func() time.Time { return at }
	}
	env.Dir, _ = os.Getwd()
	if dir, err := os.UserCacheDir(); err == nil {
		env.CacheDir = filepath.Join(dir, "tallyman")
	}
	if width, _, err := term.GetSize(int(os.Stdout.Fd())); err == nil {
		env.Width = width
	}
	if stdin := int(os.Stdin.Fd()); term.IsTerminal(stdin) {
		env.StdinTerminal = true
		env.Password = func(prompt string) ([]byte, error) {
			fmt.Fprint(os.Stderr, prompt)
			defer fmt.Fprintln(os.Stderr)
			return term.ReadPassword(stdin)
		}
	}
	return env
}

// Main runs the program and returns its exit code; see the Exit constants.
func Main(env Env) (code int) {
	defer func() {
		// A panic is a defect of ours on some input, and never a pass.
		if p := recover(); p != nil {
			fmt.Fprintf(env.Stderr, "tallyman: internal error: %s\n%s", discreet(fmt.Sprint(p)), debug.Stack())
			code = ExitUndecided
		}
	}()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	app := &app{env: env, spools: oci.NewSpools(env.TempDir)}
	defer app.spools.Close()
	// Here, because flags and settings alone would be collected twice.
	app.tuneCollector()
	root := app.root()
	root.SetArgs(env.Args)
	root.SetIn(env.Stdin)
	root.SetOut(env.Stdout)
	root.SetErr(env.Stderr)
	cmd, err := root.ExecuteContextC(ctx)
	app.help = cmd.CommandPath() + " --help"
	return app.exit(err)
}

// app is one run of the program.
type app struct {
	env   Env
	flags flags
	// help is the command that tells how to call the one that ran.
	help string
	// color says whether standard output takes colour.
	color bool
	// spools keep the image archives that can be read only once.
	spools *oci.Spools
	// mirrors are those of --mirror.
	mirrors []oci.Mirror
	// notify shows what an image waits for; nil where nothing is shown.
	notify func(string)
	// day is the end of the day of --as-of, zero for now.
	day time.Time
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "tallyman",
		Short: "Audit the dependencies and the container image of a Gradio application",
		Long: `tallyman audits the dependencies and the container image of a Gradio application.

It reads requirement files, Dockerfiles and images, matches what it finds with
OSV advisories, lints, checks signatures, and decides: allowed, denied, or
undecided when something could not be read.

Exit codes: 0 allowed, 1 denied, 2 wrong usage (nothing ran), 3 undecided.`,
		Example: `  tallyman audit .
  tallyman audit . --image ghcr.io/you/app@sha256:...
  tallyman db update
  tallyman hook install`,
		Version:       a.version(),
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          noArgs,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error { return usage(err, cmd.CommandPath()+" --help") })
	root.SetUsageTemplate(strings.ReplaceAll(root.UsageTemplate(), "FlagUsages |", "FlagUsagesWrapped 100 |"))
	root.AddCommand(
		a.auditCommand(), a.sbomCommand(), a.vulnCommand(), a.lintCommand(), a.fixCommand(),
		a.verifyCommand(), a.signCommand(), a.attestCommand(),
		a.dbCommand(), a.renderCommand(), a.sweepCommand(), a.hookCommand(), a.rulesCommand(), a.versionCommand(),
	)
	ownHelp(root)
	return root
}

// noArgs refuses words that no command takes, naming them.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	if cmd.HasSubCommands() {
		meant := ""
		cmd.SuggestionsMinimumDistance = 2
		if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
			meant = fmt.Sprintf(": did you mean %q?", cmd.CommandPath()+" "+near[0])
		}
		return usage(fmt.Errorf("there is no command %q%s", cmd.CommandPath()+" "+args[0], meant), cmd.CommandPath()+" --help")
	}
	return usage(fmt.Errorf("%s takes no argument, and got %q", cmd.CommandPath(), args[0]), cmd.CommandPath()+" --help")
}

// exactly refuses any other number of arguments than n; what says what they
// are.
func exactly(n int, what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) == n {
			return nil
		}
		return usage(fmt.Errorf("%s takes %s, and got %d arguments", cmd.CommandPath(), what, len(args)), cmd.CommandPath()+" --help")
	}
}
