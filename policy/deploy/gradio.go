package deploy

import (
	"fmt"
	"path"
	"strings"

	"github.com/tallyman/tallyman/policy/lint"
)

const gradioEnvironment = "https://www.gradio.app/guides/environment-variables"

// setting is a rule about one GRADIO_ variable: wrong says what is wrong with
// a value, "" for nothing.
func setting(r lint.Rule, variable, bad, good string, wrong func(value string) string) rule {
	r.Default = true
	if r.Source == "" {
		r.Source = gradioEnvironment
	}
	example := `{"config": {"User": "1000", "Env": [%q], "Healthcheck": {"Test": ["CMD", "true"]}}}`
	r.Bad, r.Good = fmt.Sprintf(example, variable+"="+bad), fmt.Sprintf(example, variable+"="+good)
	return rule{r, func(c ImageConfig) []said {
		value, set := c.GradioEnv[variable]
		if !set {
			return nil
		}
		if what := wrong(value); what != "" {
			return []said{{text: fmt.Sprintf("the image sets %s, %s", variable, what)}}
		}
		return nil
	}}
}

// whenTrue is for switches that Gradio reads as true, in any case. "1" is
// taken for true as well: some of them are read as numbers.
func whenTrue(what string) func(string) string {
	return func(value string) string {
		switch strings.ToLower(strings.TrimSpace(value)) {
		case "true", "1":
			return what
		}
		return ""
	}
}

// whenSet is for variables that count with any value.
func whenSet(what string) func(string) string {
	return func(value string) string {
		if strings.TrimSpace(value) == "" {
			return ""
		}
		return what
	}
}

func share() rule {
	return setting(lint.Rule{
		ID: "GR-NET-01", Aliases: []string{"GR-IMG-11"}, Severity: lint.Error, Risk: lint.RiskHigh,
		Title:  "The image does not open a public tunnel",
		Why:    "Gradio then gives the application a public address through a tunnel, past every ingress, firewall and log.",
		Remedy: "Remove GRADIO_SHARE, and publish the application through an ingress with TLS and authentication.",
	}, "GRADIO_SHARE", "True", "false", whenTrue("which opens a public tunnel to the application"))
}

func shareServer() rule {
	return setting(lint.Rule{
		ID: "GR-NET-04", Aliases: []string{"GR-IMG-11"}, Severity: lint.Warning, Risk: lint.RiskMedium,
		Title:  "The image names no share server of its own",
		Why:    "A tunnel through that server carries the traffic of the application, in clear text unless a certificate is configured.",
		Remedy: "Remove GRADIO_SHARE_SERVER_ADDRESS, or configure a certificate and https for the share server.",
	}, "GRADIO_SHARE_SERVER_ADDRESS", "frp.example:7000", "", whenSet("so that a tunnel goes through that server"))
}

func mcp() rule {
	return setting(lint.Rule{
		ID: "GR-NET-12", Aliases: []string{"GR-IMG-11"}, Severity: lint.Warning, Risk: lint.RiskMedium,
		Title:  "The image does not turn on the MCP server",
		Why:    "Every public function of the application becomes a tool that any agent with access may call.",
		Remedy: "Remove GRADIO_MCP_SERVER, or make functions private and require authentication.",
	}, "GRADIO_MCP_SERVER", "true", "false", whenTrue("which offers every public function as a tool"))
}

func debug() rule {
	return setting(lint.Rule{
		ID: "GR-PRIV-02", Aliases: []string{"GR-IMG-11"}, Severity: lint.Warning, Risk: lint.RiskMedium,
		Title:  "The image does not turn on debug mode",
		Why:    "From Gradio 6.9 on clients see tracebacks of the server, with source lines and values.",
		Remedy: "Remove GRADIO_DEBUG from the image.",
	}, "GRADIO_DEBUG", "1", "0", whenTrue("which shows tracebacks to clients from Gradio 6.9 on"))
}

func vibe() rule {
	return setting(lint.Rule{
		ID: "GR-EXEC-06", Aliases: []string{"GR-IMG-11"}, Severity: lint.Error, Risk: lint.RiskHigh,
		Title:  "The image does not turn on vibe mode",
		Why:    "Vibe mode has routes that overwrite the application's source and ask for no login.",
		Remedy: "Remove GRADIO_VIBE_MODE, and start the application with python app.py.",
	}, "GRADIO_VIBE_MODE", "1", "", whenSet("whose routes overwrite the application's source without a login"))
}

func reload() rule {
	return setting(lint.Rule{
		ID: "GR-EXEC-07", Aliases: []string{"GR-IMG-11"}, Severity: lint.Warning, Risk: lint.RiskMedium,
		Title:  "The image does not run in reload mode",
		Why:    "Reload mode runs whatever is written into the watched folders.",
		Remedy: "Remove GRADIO_WATCH_DIRS, and start the application with python app.py.",
	}, "GRADIO_WATCH_DIRS", "/app", "", whenSet("which turns on reload mode"))
}

func allowedPaths() rule {
	return setting(lint.Rule{
		ID: "GR-FILE-01", Aliases: []string{"GR-IMG-11"}, Severity: lint.Error, Risk: lint.RiskHigh,
		Title:  "The image does not let the application serve the whole system",
		Why:    "Every file below an allowed path can be fetched by whoever reaches the application.",
		Remedy: "Name the one folder that holds the files to be served.",
		Source: "https://www.gradio.app/guides/file-access",
	}, "GRADIO_ALLOWED_PATHS", "/srv/public,/", "/srv/public", func(value string) string {
		for entry := range strings.SplitSeq(value, ",") {
			if entry = strings.TrimSpace(entry); entry != "" && tooWide(entry) {
				return fmt.Sprintf("which lets everyone fetch what is below %q", entry)
			}
		}
		return ""
	})
}

// tooWide reports whether a folder holds more than an application means to
// serve: the system, its configuration, a home, or wherever it was started.
func tooWide(folder string) bool {
	if strings.HasPrefix(folder, "~") || strings.HasPrefix(folder, "$") {
		return true
	}
	clean := path.Clean(folder)
	if clean == ".." || strings.HasPrefix(clean, "../") {
		return true
	}
	switch clean {
	case ".", "/", "/etc", "/home", "/mnt", "/proc", "/root", "/tmp", "/usr", "/var":
		return true
	}
	return strings.HasPrefix(clean, "/etc/") || strings.HasPrefix(clean, "/proc/") || strings.HasPrefix(clean, "/root/")
}
