package space

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/tallyman/tallyman/policy/lint"
	"github.com/tallyman/tallyman/sbom/dockerfile"
)

// The Hub's own choices for a Docker Space.
// https://huggingface.co/docs/hub/spaces-sdks-docker
const (
	spaceUser   = "1000"
	defaultPort = 7860
	// dataFolder is where the Hub mounts what a Space keeps.
	dataFolder = "/data"
)

func docker() rule {
	return rule{lint.Rule{
		ID: "GR-HFS-08", Severity: lint.Warning, Risk: lint.RiskMedium, Default: true,
		Title:  "A Docker Space's Dockerfile fits how the Hub runs it",
		Why:    "The Hub runs the container as user 1000 and sends visitors to app_port: files of another user are opened to everybody until it works, and a secret that is taken as a build argument must be one of the Space's variables, which are public, copied with the Space and kept in the image's history.",
		Remedy: "End the Dockerfile with a user of number 1000 who owns what the application writes, take build secrets with RUN --mount=type=secret,id=NAME, and EXPOSE the app_port of README.md (7860 without one).",
		Bad:    "FROM python:3.12-slim\nRUN useradd -m -u 1000 user && mkdir /data && chmod 777 /data\nUSER user\n",
		Good:   "FROM python:3.12-slim\nRUN useradd -m -u 1000 user && mkdir /data && chown user /data\nUSER user\n",
		Source: "https://huggingface.co/docs/hub/spaces-sdks-docker",
	}, func(p *pass) {
		if p.SDK != "docker" {
			return
		}
		port := p.port()
		if p.docker == nil || p.docker.Final() == nil {
			return
		}
		p.user()
		p.exposed(port)
		for _, in := range p.docker.Global {
			p.argument(nil, in)
		}
		for _, s := range p.docker.Stages {
			s.Walk(func(in *dockerfile.Instruction) {
				p.argument(s, in)
				if in.Name == "RUN" && in.Script != nil {
					for _, c := range in.Script.Commands {
						p.opened(s, c)
					}
				}
			})
		}
	}}
}

// in adds a finding at a line of the Dockerfile.
func (p *pass) in(s *dockerfile.Stage, line int, message string) {
	stage := ""
	if s != nil {
		stage = s.Label()
	}
	p.found = append(p.found, p.rule.New(p.docker.Name, line, 0, stage, message))
}

// port is the port that the Hub sends visitors to, 0 if the front matter names
// none that is one.
func (p *pass) port() int {
	k := p.Key("app_port")
	if k == nil || k.Value == "" {
		return defaultPort
	}
	n, err := strconv.Atoi(k.Value)
	if err != nil || n < 1 || n > 65535 {
		p.key("app_port", fmt.Sprintf("app_port %q is no port", shown(k.Value)))
		return 0
	}
	return n
}

// user reports a final stage whose user is not the Hub's.
func (p *pass) user() {
	final := p.docker.Final()
	for _, s := range p.docker.Chain(final) {
		var last *dockerfile.Instruction
		for _, in := range s.Instructions {
			if in.Name == "USER" && len(in.Args) > 0 {
				last = in
			}
		}
		if last == nil {
			continue
		}
		if !last.Args[0].Known {
			return
		}
		name, _, _ := strings.Cut(strings.TrimSpace(last.Args[0].Text), ":")
		if why := p.notSpaceUser(name); why != "" {
			p.in(s, last.Line, fmt.Sprintf("USER %s %s: the Hub runs a Space as user 1000", shown(name), why))
		}
		return
	}
	p.in(final, final.Line(), "no USER: the Hub runs a Space as user 1000, to whom what is built here as another user does not belong")
}

// notSpaceUser says why a user is not number 1000, "" when it is or when its
// number is not known.
func (p *pass) notSpaceUser(name string) string {
	if strings.Trim(name, "0123456789") == "" {
		if n := strings.TrimLeft(name, "0"); n != spaceUser {
			return "is not 1000"
		}
		return ""
	}
	if strings.EqualFold(name, "root") {
		return "is not 1000"
	}
	why := ""
	for _, s := range p.docker.Stages {
		s.Walk(func(in *dockerfile.Instruction) {
			if in.Name != "RUN" || in.Script == nil {
				return
			}
			for _, c := range in.Script.Commands {
				if number, system, made := made(c, name); made {
					switch {
					case number != "" && number != spaceUser:
						why = "has the number " + shown(number)
					case number == "" && system:
						why = "is a system user, whose number is below 1000"
					default:
						why = ""
					}
				}
			}
		})
	}
	return why
}

// made reads a command that makes a user of this name: the number that it asks
// for, "" for none, and whether the user is a system's.
func made(c *dockerfile.Command, name string) (number string, system, ok bool) {
	if c.Name != "useradd" && c.Name != "adduser" && (c.Name != "usermod" || !c.Has("-u", "--uid")) {
		return "", false, false
	}
	for i, a := range c.Args {
		value, long := strings.CutPrefix(a.Text, "--uid=")
		switch {
		case long:
			number = value
		case (a.Text == "-u" || a.Text == "--uid") && i+1 < len(c.Args):
			number = c.Args[i+1].Text
		case a.Text == "-r" || a.Text == "--system" || a.Text == "-S":
			system = true
		case a.Text == name:
			ok = true
		}
	}
	if strings.Contains(number, "$") {
		// What is not known is not judged.
		return spaceUser, false, ok
	}
	return number, system, ok
}

// argument reports a secret that is taken as a build argument, never its value.
func (p *pass) argument(s *dockerfile.Stage, in *dockerfile.Instruction) {
	if in.Name != "ARG" {
		return
	}
	for _, pair := range in.Pairs {
		if lint.NamesSecret(pair.Key) {
			p.in(s, in.Line, fmt.Sprintf("ARG %s takes what looks like a secret: the Hub fills it from the Space's variables, which are public", shown(pair.Key)))
		}
	}
}

// opened reports a command that lets everybody write to the Space's data.
func (p *pass) opened(s *dockerfile.Stage, c *dockerfile.Command) {
	if c.Name != "chmod" && c.Name != "mkdir" && c.Name != "install" {
		return
	}
	mode := ""
	for i, a := range c.Args {
		value, long := strings.CutPrefix(a.Text, "--mode=")
		switch {
		case c.Name == "chmod" && mode == "" && !strings.HasPrefix(a.Text, "-"):
			mode = a.Text
		case c.Name != "chmod" && long:
			mode = value
		case c.Name != "chmod" && a.Text == "-m" && i+1 < len(c.Args):
			mode = c.Args[i+1].Text
		}
	}
	if !forEverybody(mode) {
		return
	}
	for _, a := range c.Args {
		if a.Text == dataFolder || strings.HasPrefix(a.Text, dataFolder+"/") {
			p.in(s, c.Line, fmt.Sprintf("%s %s lets every user write to %s: give it to user 1000", c.Name, shown(mode), shown(a.Text)))
			return
		}
	}
}

// forEverybody reports whether a mode lets others write.
// https://pubs.opengroup.org/onlinepubs/9799919799/utilities/chmod.html
func forEverybody(mode string) bool {
	if n, err := strconv.ParseUint(mode, 8, 32); err == nil {
		return n&0o002 != 0
	}
	for clause := range strings.SplitSeq(mode, ",") {
		at := strings.IndexAny(clause, "+=")
		if at > 0 && strings.ContainsAny(clause[:at], "ao") && strings.Contains(clause[at:], "w") {
			return true
		}
	}
	return false
}

// exposed reports ports of which none is the one that visitors are sent to.
func (p *pass) exposed(port int) {
	var first *dockerfile.Instruction
	var stage *dockerfile.Stage
	for _, s := range p.docker.Chain(p.docker.Final()) {
		for _, in := range s.Instructions {
			if in.Name != "EXPOSE" {
				continue
			}
			for _, a := range in.Args {
				if !a.Known || covers(a.Text, port) {
					return
				}
			}
			if first == nil && len(in.Args) > 0 {
				first, stage = in, s
			}
		}
	}
	if first == nil || port == 0 {
		return
	}
	where := "app_port"
	if p.Key("app_port") == nil {
		where = "the default of app_port"
	}
	p.in(stage, first.Line, fmt.Sprintf("EXPOSE %s, and the Hub sends visitors to %d, %s", shown(first.Args[0].Text), port, where))
}

// covers reports whether an argument of EXPOSE ("80", "80/tcp", "80-90") has a
// port. One that cannot be read may.
func covers(arg string, port int) bool {
	arg, _, _ = strings.Cut(arg, "/")
	from, to, isRange := strings.Cut(arg, "-")
	low, err := strconv.Atoi(from)
	if err != nil {
		return true
	}
	high := low
	if isRange {
		if high, err = strconv.Atoi(to); err != nil {
			return true
		}
	}
	return low <= port && port <= high
}
