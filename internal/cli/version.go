package cli

import (
	"cmp"
	"encoding/json"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

func (a *app) versionCommand() *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  noArgs,
		RunE: func(*cobra.Command, []string) error {
			v := map[string]string{"version": a.version(), "go": runtime.Version(), "platform": runtime.GOOS + "/" + runtime.GOARCH}
			switch format {
			case "text":
				fmt.Fprintf(a.env.Stdout, "tallyman %s (%s, %s)\n", v["version"], v["go"], v["platform"])
				return nil
			case "json":
				return json.NewEncoder(a.env.Stdout).Encode(v)
			}
			return usagef("tallyman version --help", "unknown format %q: there are text, json", format)
		},
	}
	cmd.Flags().StringVar(&format, "format", "text", "text or json")
	must(cmd.RegisterFlagCompletionFunc("format", words("text", "json")))
	return cmd
}

// version is the linked version, else what the build recorded.
func (a *app) version() string {
	if a.env.Version != "" {
		return a.env.Version
	}
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "(devel)" {
		return "devel"
	}
	return cmp.Or(info.Main.Version, "devel")
}
