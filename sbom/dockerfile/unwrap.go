package dockerfile

import (
	"strings"

	"github.com/tallyman/tallyman/sbom"
)

// wrapper says how a program that runs another one takes its own arguments.
type wrapper struct {
	values      []string // options that take the next word as value
	positionals int      // words before the wrapped program
	verb        string   // a word that must come first ("run" of conda)
	not         []string // options with which it runs nothing
	assigns     bool     // takes NAME=value
	more        bool     // adds arguments of its own
}

// wrapping describes the wrapper of that name. The manuals: sudo(8), env(1),
// nice(1), ionice(1), stdbuf(1), timeout(1), chroot(1), xargs(1), gosu's and
// conda's own help.
func wrapping(name string) (wrapper, bool) {
	switch name {
	case "sudo", "doas":
		return wrapper{assigns: true, values: []string{
			"-u", "--user", "-g", "--group", "-h", "--host", "-p", "--prompt", "-C", "--close-from",
			"-r", "--role", "-t", "--type", "-T", "--command-timeout", "-U", "--other-user", "-D", "--chdir", "-R", "--chroot",
		}, not: []string{"-l", "--list", "-v", "--validate", "-V", "--version"}}, true
	case "env":
		return wrapper{assigns: true, values: []string{"-u", "--unset", "-C", "--chdir"}}, true
	case "exec":
		return wrapper{values: []string{"-a"}}, true
	case "time":
		return wrapper{values: []string{"-f", "--format", "-o", "--output"}}, true
	case "nohup", "builtin", "setsid", "eatmydata", "busybox", "tini", "dumb-init", "retry":
		return wrapper{}, true
	case "command":
		return wrapper{not: []string{"-v", "-V"}}, true
	case "nice":
		return wrapper{values: []string{"-n", "--adjustment"}}, true
	case "ionice":
		return wrapper{values: []string{"-c", "--class", "-n", "--classdata", "-p"}}, true
	case "stdbuf":
		return wrapper{values: []string{"-i", "--input", "-o", "--output", "-e", "--error"}}, true
	case "timeout":
		return wrapper{values: []string{"-s", "--signal", "-k", "--kill-after"}, positionals: 1}, true
	case "chroot", "gosu", "su-exec":
		return wrapper{positionals: 1}, true
	case "xargs":
		return wrapper{more: true, values: []string{
			"-a", "--arg-file", "-I", "-i", "-n", "--max-args", "-P", "--max-procs", "-L", "--max-lines",
			"-d", "--delimiter", "-s", "--max-chars", "-E",
		}}, true
	case "conda", "mamba", "micromamba":
		return wrapper{verb: "run", values: []string{"-n", "--name", "-p", "--prefix", "--cwd"}}, true
	}
	return wrapper{}, false
}

// emit adds the command of these fields, out of its wrappers, and the commands
// of the script that it is given with -c. c holds all else about it.
func (w *walker) emit(fields []Word, c Command) {
	outer := w.via
	defer func() { w.via = outer }()
	for {
		rest, more, ok := w.unwrap(fields)
		if !ok {
			break
		}
		c.MoreArgs = c.MoreArgs || more
		fields = rest
		if fields[0].Line > 0 {
			c.Line, c.Column = fields[0].Line, fields[0].Column
		}
	}
	if len(w.script.Commands) >= maxCommands {
		if len(w.script.Commands) == maxCommands {
			w.script.Commands = append(w.script.Commands, &Command{})
			w.gap(sbom.GapTooLarge, c.Line, "the shell text has too many commands")
		}
		return
	}
	c.Program, c.Args = fields[0], fields[1:]
	c.Name, c.Via, c.Depth = base(fields[0]), append([]Wrapper{}, w.via...), w.depth
	w.script.Commands = append(w.script.Commands, &c)
	w.effects(&c)
	w.inner(&c)
}

// unwrap takes one wrapper off.
func (w *walker) unwrap(fields []Word) (rest []Word, more, ok bool) {
	name := base(fields[0])
	how, ok := wrapping(name)
	if !ok || len(w.via) >= 2*maxScriptDepth {
		return nil, false, false
	}
	i := 1
	if how.verb != "" {
		if i >= len(fields) || fields[i].Text != how.verb {
			return nil, false, false
		}
		i++
	}
	for positionals := how.positionals; i < len(fields); i++ {
		t := fields[i].Text
		switch {
		case contains(how.not, t):
			return nil, false, false
		case contains(how.values, t):
			i++
		case t == "--" || strings.HasPrefix(t, "-") && len(t) > 1:
		case how.assigns && assignment(t):
			key, value, _ := strings.Cut(t, "=")
			assigned := fields[i]
			assigned.Text = value
			w.script.Assigns = append(w.script.Assigns, Assign{key, assigned})
		case positionals > 0:
			positionals--
		default:
			w.via = append(w.via[:len(w.via):len(w.via)], Wrapper{
				Name: name, Args: fields[1:i], Line: fields[0].Line, Column: fields[0].Column,
			})
			return fields[i:], how.more, true
		}
	}
	return nil, false, false
}

func assignment(s string) bool {
	name, _, ok := strings.Cut(s, "=")
	return ok && name != "" && !strings.ContainsAny(name, "/:-. ")
}

func contains(list []string, s string) bool {
	for _, l := range list {
		if l == s {
			return true
		}
	}
	return false
}

// effects puts what builtins do to variables in force.
func (w *walker) effects(c *Command) {
	switch c.Name {
	case "unset", "read":
		for _, a := range c.Args {
			w.vars[a.Text] = variable{}
		}
	}
}

// inner reads the script that a command is given as an argument or as a
// here-document.
func (w *walker) inner(c *Command) {
	body, ok := Word{}, false
	switch {
	case foreign(c.Name):
		w.gap(sbom.GapUnsupported, c.Line, "there is no reader for the shell that runs this command")
		return
	case posix(c.Name):
		if body, ok = dashC(c.Args); !ok {
			body, ok = heredoc(c)
		}
	case c.Name == "su" || c.Name == "runuser":
		body, ok = afterC(c.Args)
	case c.Name == "eval":
		var texts []string
		for _, a := range c.Args {
			texts = append(texts, a.Text)
		}
		body, ok = Word{Text: strings.Join(texts, " "), Line: c.Line, Column: c.Column}, len(texts) > 0
	}
	if !ok || strings.TrimSpace(body.Text) == substitutionText {
		return
	}
	if w.depth >= maxScriptDepth {
		w.gap(sbom.GapTooLarge, c.Line, "shell scripts are nested too deeply")
		return
	}
	w.nestedScript(c, body)
}

// nestedScript parses a script inside a script; its commands stand where its
// word stands.
func (w *walker) nestedScript(c *Command, body Word) {
	saved := *w
	defer func() {
		w.text, w.via, w.depth, w.fixed, w.vars = saved.text, saved.via, saved.depth, saved.fixed, saved.vars
	}()
	w.via = append(w.via[:len(w.via):len(w.via)], Wrapper{Name: c.Name + " -c", Line: c.Line, Column: c.Column})
	w.depth++
	w.vars = w.vars.clone()
	if w.fixed == nil {
		w.fixed = &Place{max(body.Line, c.Line), c.Column}
		if body.Line > 0 {
			w.fixed.Column = body.Column
		}
	}
	// A substitution's commands are known already; what it gives is not.
	src := strings.ReplaceAll(body.Text, substitutionText, "${_}")
	w.parse(text{string: strings.ReplaceAll(src, "<(…)", "${_}")})
}

// dashC returns the script of "sh -c script", with any options before it.
func dashC(args []Word) (Word, bool) {
	for i := 0; i < len(args); i++ {
		t := args[i].Text
		switch {
		case t == "-o" || t == "+o" || t == "-O" || t == "--rcfile" || t == "--init-file":
			i++
		case strings.HasPrefix(t, "--"):
		case strings.HasPrefix(t, "-") && strings.Contains(t, "c"):
			for i++; i < len(args); i++ {
				if t := args[i].Text; t == "-o" {
					i++
				} else if !strings.HasPrefix(t, "-") {
					return args[i], true
				}
			}
		case strings.HasPrefix(t, "-") || strings.HasPrefix(t, "+"):
		default:
			return Word{}, false
		}
	}
	return Word{}, false
}

// afterC returns the word after -c or --command, wherever it stands.
func afterC(args []Word) (Word, bool) {
	for i, a := range args {
		if (a.Text == "-c" || a.Text == "--command") && i+1 < len(args) {
			return args[i+1], true
		}
	}
	return Word{}, false
}

// heredoc returns the here-document that a shell reads as its script.
func heredoc(c *Command) (Word, bool) {
	for _, a := range c.Args {
		if !strings.HasPrefix(a.Text, "-") {
			return Word{}, false
		}
	}
	for _, r := range c.Redirects {
		if r.Op == "<<" {
			return Word{Text: r.Body, Line: r.Target.Line, Column: r.Target.Column}, true
		}
	}
	return Word{}, false
}
