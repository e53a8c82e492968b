package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// ownHelp puts our help and completion commands in the place of cobra's, which
// take every word that they do not know and exit with 0.
func ownHelp(root *cobra.Command) {
	root.SetHelpCommand(helpCommand(root))
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	for _, cmd := range root.Commands() {
		if cmd.Name() != "completion" {
			continue
		}
		var shells []string
		for _, shell := range cmd.Commands() {
			shell.Args = noArgs
			shells = append(shells, shell.Name())
		}
		slices.Sort(shells)
		cmd.Use = "completion SHELL"
		cmd.Args = cobra.ArbitraryArgs
		cmd.RunE = func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return cmd.Help()
			}
			return usage(fmt.Errorf("unknown shell %q: there are %s", args[0], strings.Join(shells, ", ")), "tallyman completion --help")
		}
	}
}

// helpCommand shows the help of the command that its words name.
func helpCommand(root *cobra.Command) *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND]",
		Short: "Show the help of a command",
		Example: `  tallyman help audit
  tallyman help db update`,
		ValidArgsFunction: func(_ *cobra.Command, args []string, begun string) ([]cobra.Completion, cobra.ShellCompDirective) {
			of, rest, err := root.Find(args)
			if err != nil || len(rest) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			var out []cobra.Completion
			for _, cmd := range of.Commands() {
				if cmd.IsAvailableCommand() && strings.HasPrefix(cmd.Name(), begun) {
					out = append(out, cobra.CompletionWithDesc(cmd.Name(), cmd.Short))
				}
			}
			return out, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(_ *cobra.Command, args []string) error {
			of, rest, err := root.Find(args)
			switch {
			case err != nil || of == root && len(args) > 0:
				return noArgs(root, args)
			case len(rest) > 0 && of.HasSubCommands():
				return noArgs(of, rest)
			case len(rest) > 0:
				return usagef("tallyman help "+strings.Join(args[:len(args)-len(rest)], " "), "%s has no command %q", of.CommandPath(), rest[0])
			}
			// What cobra adds as a command runs, it has not added yet.
			of.InitDefaultHelpFlag()
			return of.Help()
		},
	}
}
