package deploy

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/tallyman/tallyman/policy/lint"
)

// fault is one place where a rule about compose files does not hold.
type fault struct {
	line int
	what string
}

// composeRule is a rule about the values of some keys of a service.
type composeRule struct {
	lint.Rule
	keys  []string
	check func(c *compose, key string, value *yaml.Node) []fault
}

const composeReference = "https://docs.docker.com/reference/compose-file/services/"

func composeRules() []composeRule {
	return []composeRule{asRoot(), privileged(), unconfined(), hostAccess(), publishedPort(), secretLiteral()}
}

// composeExample is a service with one key more.
func composeExample(lines string) string {
	return "services:\n  app:\n    image: registry.example/app:1\n" + lines
}

func asRoot() composeRule {
	return composeRule{lint.Rule{
		ID: "GR-IMG-01", Aliases: []string{}, Severity: lint.Error, Risk: lint.RiskHigh, Default: true,
		Title:  "No service is run as root",
		Why:    "It undoes the user that the image sets; whoever takes over the application is root in the container.",
		Remedy: "Remove user, or name one that is not root by number: user: \"1000\".",
		Bad:    composeExample("    user: root\n"), Good: composeExample("    user: \"1000\"\n"),
		Source: composeReference + "#user",
	}, []string{"user"}, func(_ *compose, _ string, v *yaml.Node) []fault {
		if v.Kind == yaml.ScalarNode && v.Value != "" && isRoot(v.Value) {
			return []fault{{v.Line, fmt.Sprintf("runs as user %q", v.Value)}}
		}
		return nil
	}}
}

func privileged() composeRule {
	return composeRule{lint.Rule{
		ID: "GR-RUN-01", Aliases: []string{}, Severity: lint.Error, Risk: lint.RiskHigh, Default: true,
		Title:  "No service is privileged",
		Why:    "A privileged container has every capability and every device of the host: to break in is to own the host.",
		Remedy: "Remove privileged, and grant the one device or capability that is needed.",
		Bad:    composeExample("    privileged: true\n"), Good: composeExample("    privileged: false\n"),
		Source: composeReference + "#privileged",
	}, []string{"privileged"}, func(_ *compose, _ string, v *yaml.Node) []fault {
		if slices.Contains([]string{"true", "yes", "on", "y"}, strings.ToLower(v.Value)) {
			return []fault{{v.Line, "is privileged"}}
		}
		return nil
	}}
}

func unconfined() composeRule {
	return composeRule{lint.Rule{
		ID: "GR-RUN-03", Aliases: []string{}, Severity: lint.Error, Risk: lint.RiskHigh, Default: true,
		Title:  "No service switches off seccomp, AppArmor or SELinux",
		Why:    "Without the profile a service may make system calls from which containers have been escaped.",
		Remedy: "Remove the option, or name a profile that allows the one call that is needed.",
		Bad:    composeExample("    security_opt:\n      - seccomp:unconfined\n"),
		Good:   composeExample("    security_opt:\n      - no-new-privileges:true\n"),
		Source: composeReference + "#security_opt",
	}, []string{"security_opt"}, func(c *compose, _ string, v *yaml.Node) []fault {
		var out []fault
		for _, item := range c.items(v) {
			option := strings.ReplaceAll(strings.ToLower(item.Value), "=", ":")
			if strings.HasSuffix(option, ":unconfined") || option == "label:disable" {
				out = append(out, fault{item.Line, fmt.Sprintf("runs with %q", item.Value)})
			}
		}
		return out
	}}
}

func hostAccess() composeRule {
	return composeRule{lint.Rule{
		ID: "GR-RUN-06", Aliases: []string{}, Severity: lint.Error, Risk: lint.RiskHigh, Default: true,
		Title:  "No service reaches into the host",
		Why:    "The container engine's socket, the host's own folders, network or processes are the host.",
		Remedy: "Mount the one folder that the application needs, and publish the ports that it listens on.",
		Bad:    composeExample("    volumes:\n      - /var/run/docker.sock:/var/run/docker.sock:ro\n"),
		Good:   composeExample("    volumes:\n      - ./data:/data:ro\n"),
		Source: composeReference + "#volumes",
	}, []string{"volumes", "network_mode", "pid"}, func(c *compose, key string, v *yaml.Node) []fault {
		if key != "volumes" {
			if strings.EqualFold(v.Value, "host") {
				return []fault{{v.Line, fmt.Sprintf("has %s: host", key)}}
			}
			return nil
		}
		var out []fault
		for _, item := range c.items(v) {
			source, _, mapped := strings.Cut(item.Value, ":")
			if item.Kind == yaml.MappingNode {
				source, mapped = c.field(item, "source"), c.field(item, "type") == "bind"
			}
			if mapped && hostFolder(source) {
				out = append(out, fault{item.Line, fmt.Sprintf("mounts %q of the host", source)})
			}
		}
		return out
	}}
}

// hostFolder reports whether a mount's source is the host itself rather than
// data of the application.
func hostFolder(source string) bool {
	clean := path.Clean(source)
	switch clean {
	case "/", "/dev", "/etc", "/home", "/proc", "/root", "/run", "/sys", "/usr", "/var", "/var/lib/docker", "/var/run", "~", "${HOME}", "$HOME":
		return true
	}
	base := path.Base(clean)
	return base == "docker.sock" || base == "containerd.sock" || base == "podman.sock" || base == "crio.sock"
}

func publishedPort() composeRule {
	return composeRule{lint.Rule{
		ID: "GR-NET-03", Aliases: []string{}, Severity: lint.Warning, Risk: lint.RiskMedium, Default: true,
		Title:  "Ports are published on a chosen address",
		Why:    "A port without an address is published on all interfaces, past the firewall rules of most hosts.",
		Remedy: "Publish on 127.0.0.1 and put a proxy with TLS and authentication before it.",
		Bad:    composeExample("    ports:\n      - \"7860:7860\"\n"),
		Good:   composeExample("    ports:\n      - \"127.0.0.1:7860:7860\"\n"),
		Source: composeReference + "#ports",
	}, []string{"ports"}, func(c *compose, _ string, v *yaml.Node) []fault {
		var out []fault
		for _, item := range c.items(v) {
			address, shown := portAddress(item.Value), item.Value
			if item.Kind == yaml.MappingNode {
				address, shown = c.field(item, "host_ip"), c.field(item, "target")
			}
			if strings.Contains(address, "$") {
				continue // only known where it runs
			}
			if slices.Contains([]string{"", "0.0.0.0", "::", "[::]", "*"}, address) {
				out = append(out, fault{item.Line, fmt.Sprintf("publishes port %q on every interface", shown)})
			}
		}
		return out
	}}
}

// portAddress is the address of "[ADDRESS:][HOST:]CONTAINER[/PROTOCOL]", in
// which a variable "${NAME:-default}" may hold colons of its own.
func portAddress(port string) string {
	last := -1
	colons, depth := 0, 0
	for i := len(port) - 1; i >= 0; i-- {
		switch port[i] {
		case '}', ']':
			depth++
		case '{', '[':
			depth--
		case ':':
			if depth == 0 {
				if colons++; colons == 2 {
					last = i
				}
			}
		}
	}
	if last < 0 {
		return ""
	}
	return port[:last]
}

func secretLiteral() composeRule {
	return composeRule{lint.Rule{
		ID: "GR-SEC-01", Aliases: []string{}, Severity: lint.Error, Risk: lint.RiskHigh, Default: true,
		Title:  "No service has a secret for a literal",
		Why:    "Everyone who can read the repository, today or in its history, has the secret.",
		Remedy: "Take it from secrets, from an env_file that is not committed, or from the environment; and revoke the value.",
		Bad:    composeExample("    environment:\n      HF_TOKEN: hf_x\n"),
		Good:   composeExample("    environment:\n      HF_TOKEN: ${HF_TOKEN}\n"),
		Source: "https://docs.docker.com/compose/how-tos/use-secrets/",
	}, []string{"environment"}, func(c *compose, _ string, v *yaml.Node) []fault {
		var out []fault
		add := func(name, value string, line int) {
			if lint.NamesSecret(name) && literalSecret(value) {
				out = append(out, fault{line, fmt.Sprintf("sets what looks like the secret %q to a literal", name)})
			}
		}
		if v.Kind == yaml.MappingNode {
			for key, value := range c.pairs(v) {
				add(key.Value, value.Value, key.Line)
			}
			return out
		}
		for _, item := range c.items(v) {
			name, value, _ := strings.Cut(item.Value, "=")
			add(name, value, item.Line)
		}
		return out
	}}
}

// literalSecret reports whether a value stands there as it is: not empty, not
// interpolated, not a path and not a switch.
func literalSecret(value string) bool {
	value = strings.TrimSpace(value)
	switch strings.ToLower(value) {
	case "", "true", "false", "yes", "no", "0", "1":
		return false
	}
	return !strings.HasPrefix(value, "$") && !strings.HasPrefix(value, "/")
}
