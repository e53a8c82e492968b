package dockerfile

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/tallyman/tallyman/policy/lint"
	"github.com/tallyman/tallyman/sbom/dockerfile"
)

func grImg05() rule {
	return rule{lint.Rule{
		ID: "GR-IMG-05", Aliases: []string{}, Severity: lint.Error, Risk: lint.RiskHigh, Default: true,
		Title:  "Code from the network, or in disguise, is verified before it runs",
		Why:    "Whoever controls the server, the account or the way to it on the day of the build runs code in your image. Code that is decoded to be run cannot be reviewed at all.",
		Remedy: "Fetch it with ADD --checksum=sha256:... (or compare its SHA-256 after the download), then run the file.",
		Bad:    "FROM debian:12-slim\nADD https://example.com/install.sh /tmp/install.sh\nRUN sh /tmp/install.sh\n",
		Good: "FROM debian:12-slim\nADD --checksum=sha256:24454f830cdb571e2c4ad15481119c43b3cafd48dd869a9b2945d1036d1dc68d " +
			"https://example.com/install.sh /tmp/install.sh\nRUN sh /tmp/install.sh\n",
		Source: "https://docs.docker.com/reference/dockerfile/#add---checksum",
	}, func(p *pass) {
		for _, s := range p.Stages {
			p.remoteCode(s)
		}
	}}
}

// fetched is the files of one stage that came unverified from the network, by
// base name, with what became of them.
type fetched map[string]*fetchedFile

type fetchedFile struct {
	by   string              // the program that fetched it
	used *dockerfile.Command // the command with the highest risk, the first of them
	risk lint.Risk
}

// remoteCode judges one stage.
func (p *pass) remoteCode(s *dockerfile.Stage) {
	files := fetched{}
	s.Walk(func(in *dockerfile.Instruction) {
		switch {
		case in.Name == "ADD":
			p.remoteAdd(s, in, files)
		case in.Name == "RUN" && in.Script != nil:
			checked := verifies(in.Script)
			for _, c := range in.Script.Commands {
				if program := piped(c); program != "" {
					p.report(s, c.Line, c.Column, fmt.Sprintf("%s runs what %s %s", c.Name, program, gives(program)))
				} else if !checked {
					files.follow(c)
				}
			}
		}
	})
	for _, name := range slices.Sorted(maps.Keys(files)) {
		p.used(s, name, files[name])
	}
}

// used reports what was done with one file that was fetched.
func (p *pass) used(s *dockerfile.Stage, name string, f *fetchedFile) {
	if f.used == nil {
		return
	}
	name = shown(name)
	message := fmt.Sprintf("%s runs %s, which %s fetched unverified", f.used.Name, name, f.by)
	switch f.used.Name {
	case name:
		message = fmt.Sprintf("%s is run, which %s fetched unverified", name, f.by)
	case "chmod":
		message = fmt.Sprintf("%s is made executable, which %s fetched unverified", name, f.by)
	case "dpkg":
		message = fmt.Sprintf("dpkg installs %s, which %s fetched unverified", name, f.by)
	}
	p.report(s, f.used.Line, f.used.Column, message).Risk = f.risk
}

// remoteAdd judges an ADD of a URL. Nothing is run yet, so the risk is lower.
func (p *pass) remoteAdd(s *dockerfile.Stage, in *dockerfile.Instruction, files fetched) {
	if sum, ok := in.Flag("checksum"); ok && sum != "" || len(in.Args) < 2 {
		return
	}
	target := in.Args[len(in.Args)-1].Text
	for _, w := range in.Args[:len(in.Args)-1] {
		if !remote(w.Text) || commit.MatchString(w.Text) {
			continue
		}
		file := target
		if strings.HasSuffix(target, "/") || target == "." {
			file = urlFile(w.Text)
		}
		files[fileBase(file)] = &fetchedFile{by: "ADD"}
		p.at(s, in, fmt.Sprintf("ADD fetches %s without --checksum", shown(w.Text))).Risk = lint.RiskMedium
	}
}

// commit matches a git source that names a whole commit.
var commit = regexp.MustCompile(`#[0-9a-f]{40}\b`)

// follow looks at what a command fetches, and at what it does with files that
// were fetched before.
func (files fetched) follow(c *dockerfile.Command) {
	for _, path := range downloads(c) {
		if name := fileBase(path); name != "" && files[name] == nil {
			files[name] = &fetchedFile{by: c.Name}
		}
	}
	for path, risk := range executes(c) {
		if f := files[fileBase(path)]; f != nil && (f.used == nil || f.risk != lint.RiskHigh && risk == lint.RiskHigh) {
			f.used, f.risk = c, risk
		}
	}
}

// executes returns the files that a command runs, or makes executable, or
// installs, with the risk of that.
func executes(c *dockerfile.Command) map[string]lint.Risk {
	out := map[string]lint.Risk{}
	if strings.Contains(c.Program.Text, "/") {
		out[c.Program.Text] = lint.RiskHigh
	}
	operands := texts(c.Args, func(w dockerfile.Word) bool {
		return !strings.HasPrefix(w.Text, "-") && !strings.HasPrefix(w.Text, "+")
	})
	risk := lint.RiskMedium
	switch {
	case interpreter(c.Name) || c.Name == "." || c.Name == "source":
		operands, risk = operands[:min(1, len(operands))], lint.RiskHigh
	case c.Name == "chmod" && makesExecutable(c):
	case c.Name == "dpkg" && c.Has("-i", "--install"):
	default:
		operands = nil
	}
	for _, o := range operands {
		out[o] = risk
	}
	if interpreter(c.Name) && readsStdin(c) {
		for _, path := range stdin(c) {
			out[path] = lint.RiskHigh
		}
	}
	return out
}

// stdin returns the files that a command's standard input is: redirected, or
// printed by the command before a pipe.
func stdin(c *dockerfile.Command) []string {
	var out []string
	for _, r := range c.Redirects {
		if r.Op == "<" {
			out = append(out, r.Target.Text)
		}
	}
	for _, in := range c.Inputs {
		for _, a := range in.Args {
			out = append(out, a.Text)
		}
	}
	return out
}

// makesExecutable reports whether a chmod sets an execute bit.
func makesExecutable(c *dockerfile.Command) bool {
	return slices.ContainsFunc(c.Args, func(w dockerfile.Word) bool { return executable.MatchString(w.Text) })
}

var executable = regexp.MustCompile(`^[ugoa]*\+[rwst]*x|^[ugoa]*=[rwst]*x|^0?[0-7]*[1357][0-7]{0,2}$`)

// piped returns the program that fetches what a command runs as code: from a
// pipe, a process substitution or a command substitution.
func piped(c *dockerfile.Command) string {
	if c.Name == "eval" || c.Name == "." || c.Name == "source" {
		return fetcherIn(c.Args)
	}
	if !interpreter(c.Name) {
		return ""
	}
	for i, a := range c.Args {
		script := strings.HasPrefix(strings.TrimSpace(a.Text), "$(…)") && i > 0 && isScriptFlag(c.Args[i-1].Text)
		if script || strings.HasPrefix(a.Text, "<(…)") {
			if name := fetcher(a.Inner); name != "" {
				return name
			}
		}
	}
	for _, r := range c.Redirects {
		if name := fetcher(r.Target.Inner); name != "" && strings.HasPrefix(r.Op, "<") {
			return name
		}
	}
	if readsStdin(c) {
		return upstream(c.Inputs, 0)
	}
	return ""
}

// isScriptFlag reports whether the next word is code ("-c", "-lc", "-e").
func isScriptFlag(s string) bool {
	return strings.HasPrefix(s, "-") && !strings.HasPrefix(s, "--") && strings.ContainsAny(s, "ce")
}

// fetcherIn returns a program of substitutions that fetches.
func fetcherIn(words []dockerfile.Word) string {
	for _, w := range words {
		if strings.Contains(w.Text, "$(…)") || strings.HasPrefix(w.Text, "<(…)") {
			if name := fetcher(w.Inner); name != "" {
				return name
			}
		}
	}
	return ""
}

// fetcher returns a program that prints what the file does not show: it fetches
// or decodes it.
func fetcher(commands []*dockerfile.Command) string {
	for _, c := range commands {
		if slices.Contains(fetchers, c.Name) || decodes(c) {
			return c.Name
		}
	}
	return ""
}

// gives says what such a program does.
func gives(program string) string {
	if slices.Contains(fetchers, program) {
		return "fetches, unverified"
	}
	return "decodes, which nobody can review"
}

// decodes reports whether a command makes readable what was made unreadable.
func decodes(c *dockerfile.Command) bool {
	switch c.Name {
	case "base64", "base32", "basenc":
		return slices.ContainsFunc(c.Args, func(w dockerfile.Word) bool {
			return shortHas(w.Text, 'd') || shortHas(w.Text, 'D') || len(w.Text) > 3 && strings.HasPrefix("--decode", w.Text)
		})
	case "xxd":
		return slices.ContainsFunc(c.Args, func(w dockerfile.Word) bool {
			return strings.HasPrefix(w.Text, "-r") || strings.HasPrefix(w.Text, "-p")
		})
	case "openssl":
		return c.Has("enc", "base64") || c.Has("-d")
	case "gpg", "gpg2":
		return c.Has("-d", "--decrypt")
	case "uudecode", "rev", "tr", "gunzip", "zcat", "bzcat", "xzcat", "zstdcat":
		return true
	case "gzip", "bzip2", "xz", "zstd":
		return slices.ContainsFunc(c.Args, func(w dockerfile.Word) bool { return shortHas(w.Text, 'd') || w.Text == "--decompress" })
	}
	return false
}

// fetchers are programs that print or store what a URL gives.
var fetchers = []string{"aria2c", "curl", "fetch", "http", "https", "lwp-request", "wget", "wget2"}

// upstream returns the fetching program at the beginning of a pipe.
func upstream(inputs []*dockerfile.Command, depth int) string {
	const longest = 64 // commands in one pipe that are looked at
	if depth > longest {
		return ""
	}
	if name := fetcher(inputs); name != "" {
		return name
	}
	for _, c := range inputs {
		if name := upstream(c.Inputs, depth+1); name != "" {
			return name
		}
	}
	return ""
}

var interpreters = regexp.MustCompile(`^((ba|da|a|k|mk|z)?sh|(python|pypy|perl|ruby|php|node|lua)[0-9.]*|Rscript)$`)

func interpreter(name string) bool { return interpreters.MatchString(name) }

// readsStdin reports whether an interpreter takes its program from standard
// input: it has no operand, or "-", or a shell has -s.
func readsStdin(c *dockerfile.Command) bool {
	for i := 0; i < len(c.Args); i++ {
		t := c.Args[i].Text
		switch {
		case t == "-" || t == "/dev/stdin" || strings.HasSuffix(c.Name, "sh") && shellStdin.MatchString(t):
			return true
		case t == "-o" || t == "+o" || t == "-O":
			i++
		case t == "-c" || t == "-m" || t == "-e" || strings.HasSuffix(c.Name, "sh") && isScriptFlag(t) && strings.Contains(t, "c"):
			return false
		case !strings.HasPrefix(t, "-") && !strings.HasPrefix(t, "+"):
			return false
		}
	}
	return true
}

var shellStdin = regexp.MustCompile(`^-[a-zA-Z]*s[a-zA-Z]*$`)

// verifies reports whether a script checks a digest or a signature.
func verifies(script *dockerfile.Script) bool {
	return slices.ContainsFunc(script.Commands, func(c *dockerfile.Command) bool {
		switch c.Name {
		case "sha256sum", "sha512sum", "sha384sum", "sha1sum", "shasum", "b2sum":
			return slices.ContainsFunc(c.Args, func(w dockerfile.Word) bool {
				return w.Text == "--check" || strings.HasPrefix(w.Text, "-") && !strings.HasPrefix(w.Text, "--") && strings.Contains(w.Text, "c")
			}) || consumed(script, c)
		case "gpg", "gpg2":
			return c.Has("--verify")
		case "gpgv", "minisign", "cosign", "slsa-verifier", "signify", "rekor-cli":
			return true
		case "openssl":
			return c.Has("dgst")
		}
		return false
	})
}

// consumed reports whether another command takes what c prints, as one that
// compares it does.
func consumed(script *dockerfile.Script, c *dockerfile.Command) bool {
	return slices.ContainsFunc(script.Commands, func(other *dockerfile.Command) bool {
		return slices.Contains(other.Inputs, c) ||
			slices.ContainsFunc(other.Args, func(w dockerfile.Word) bool { return slices.Contains(w.Inner, c) })
	})
}
