package cli

import (
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/spf13/cobra"

	"github.com/tallyman/tallyman/internal/oci"
)

// mirrorVariable has mirrors, separated by commas, for who gives no --mirror.
const mirrorVariable = "TALLYMAN_MIRROR"

// registryFlags registers how registries are reached.
func (a *app) registryFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringArrayVar(&a.flags.mirrors, "mirror", nil, "`REGISTRY=MIRROR` to ask first, as in docker.io=mirror.example/hub; may be repeated (default: "+mirrorVariable+")")
	f.StringArrayVar(&a.flags.insecure, "insecure-registry", nil, "`HOST[:PORT]` to which plain HTTP may be spoken; may be repeated (this machine's own need no such word)")
	must(cmd.RegisterFlagCompletionFunc("mirror", cobra.NoFileCompletions))
	must(cmd.RegisterFlagCompletionFunc("insecure-registry", cobra.NoFileCompletions))
	cmd.ValidArgsFunction = completeTarget
}

// imageFlag registers --image.
func (a *app) imageFlag(cmd *cobra.Command) {
	cmd.Flags().StringVar(&a.flags.image, "image", "", "`IMAGE` that was built from the folder")
	must(cmd.RegisterFlagCompletionFunc("image", completeTarget))
}

// completeTarget completes the beginning of a TARGET's scheme; everything else
// is the name of a file, which the shell knows.
func completeTarget(_ *cobra.Command, _ []string, begun string) ([]cobra.Completion, cobra.ShellCompDirective) {
	var out []cobra.Completion
	for _, scheme := range imageSchemes {
		if begun != "" && strings.HasPrefix(scheme, begun) {
			out = append(out, scheme)
		}
	}
	if len(out) > 0 {
		return out, cobra.ShellCompDirectiveNoSpace
	}
	return nil, cobra.ShellCompDirectiveDefault
}

// checkRegistries reads the values of the registry flags.
func (a *app) checkRegistries(help string) error {
	words, from := a.flags.mirrors, "--mirror"
	if value := a.env.Getenv(mirrorVariable); len(words) == 0 && value != "" {
		words, from = strings.Split(value, ","), mirrorVariable
	}
	a.mirrors = nil
	for _, word := range words {
		m, err := oci.ParseMirror(strings.TrimSpace(word))
		if err != nil {
			return usagef(help, "%s %w", from, err)
		}
		a.mirrors = append(a.mirrors, m)
	}
	for _, host := range a.flags.insecure {
		if _, err := name.NewRegistry(host, name.StrictValidation); err != nil {
			return usagef(help, "--insecure-registry %q is not HOST or HOST:PORT", host)
		}
	}
	return nil
}

// ociOptions are what the flags and the environment say of images.
func (a *app) ociOptions() oci.Options {
	return oci.Options{
		Platform: a.imagePlatform(), Offline: a.flags.offline, UserAgent: "tallyman/" + a.version(),
		Stdin: a.env.Stdin, Spools: a.spools, Getenv: a.env.Getenv,
		Mirrors: a.mirrors, InsecureHosts: a.flags.insecure, Notify: a.notify,
	}
}
