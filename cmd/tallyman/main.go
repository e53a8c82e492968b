// Command tallyman audits the dependencies and the container image of a Gradio
// application.
package main

import (
	"os"

	"github.com/tallyman/tallyman/internal/cli"
)

// version and clock are set when linking (-ldflags '-X main.version=v1.2.3').
// clock pins the program's time to an RFC 3339 instant, for tests of what a
// decision says in other years; a release leaves it empty.
var version, clock string

func main() { os.Exit(cli.Main(cli.System(version, clock))) }
