package dockerfile

import "strings"

// Script is what one RUN, CMD, ENTRYPOINT or HEALTHCHECK would run.
type Script struct {
	// Interpreter is the base name of the shell that reads it ("sh", "bash"),
	// or the program of the exec form.
	Interpreter string
	// Commands in the order of the text; those of a substitution come before
	// the command that holds it, those of a nested script ("sh -c") after.
	Commands []*Command
	// Pipes are the places of "|" in the script itself, not in nested ones.
	Pipes []Place
	// Assigns are all assignments of the script, in the order of the text:
	// those before a command, those that stay, export, and the arguments of env.
	Assigns []Assign
}

// Place is a position in the file; both count from 1.
type Place struct{ Line, Column int }

// Word is one word of a command or of an instruction.
type Word struct {
	// Text is the word with quotes removed and known variables put in. What is
	// not known stays: a variable as "$NAME", a substitution as "$(…)".
	Text string
	// Raw is the word as written.
	Raw string
	// Known is true when Text is exactly what the program would get, but for
	// file name patterns and braces.
	Known bool
	// Inner are the commands of substitutions in the word.
	Inner []*Command
	// Line and Column count from 1.
	Line, Column int
}

// Command is one simple command.
type Command struct {
	// Name is the base name of the program ("pip" for /usr/bin/pip), "" when
	// it is not known.
	Name string
	// Program is the word that names it.
	Program Word
	// Args are the words after it.
	Args []Word
	// Via are the wrappers that it was found in, the outer first: sudo, env,
	// exec, time, "sh -c" and the like.
	Via []Wrapper
	// Assigns are the "NAME=value" before it.
	Assigns []Assign
	// Redirects are its redirections.
	Redirects []Redirect
	// Inputs are the commands whose output is piped into it.
	Inputs []*Command
	// Conditional is true inside if, loops, functions and after "||".
	Conditional bool
	// MoreArgs is true when xargs adds arguments that are not in the file.
	MoreArgs bool
	// Depth counts how many "sh -c" it is inside of.
	Depth int
	// Line and Column count from 1.
	Line, Column int
}

// Wrapper is a program that runs another one.
type Wrapper struct {
	// Name is its base name.
	Name string
	// Args are the words between it and the wrapped program.
	Args []Word
	// Line and Column count from 1.
	Line, Column int
}

// Assign is one "NAME=value".
type Assign struct {
	Name  string
	Value Word
}

// Redirect is one redirection.
type Redirect struct {
	// Op is the operator (">", ">>", "<", "<<").
	Op string
	// Target is the file; for a here-document its delimiter.
	Target Word
	// Body is the here-document.
	Body string
}

// Wrapped reports whether the command was found inside a wrapper of that name.
func (c *Command) Wrapped(name string) bool {
	for _, w := range c.Via {
		if w.Name == name {
			return true
		}
	}
	return false
}

// Has reports whether one of the arguments is exactly one of the words.
func (c *Command) Has(words ...string) bool {
	for _, a := range c.Args {
		for _, w := range words {
			if a.Text == w {
				return true
			}
		}
	}
	return false
}

// String returns the command's words, joined by blanks.
func (c *Command) String() string {
	var b strings.Builder
	b.WriteString(c.Program.Text)
	for _, a := range c.Args {
		b.WriteByte(' ')
		b.WriteString(a.Text)
	}
	return b.String()
}

// base returns the last part of a path, "" when it holds something unknown.
func base(w Word) string {
	name := w.Text[strings.LastIndexByte(w.Text, '/')+1:]
	name = name[strings.LastIndexByte(name, '\\')+1:]
	if !w.Known && strings.ContainsAny(name, "$`") {
		return ""
	}
	return strings.TrimSuffix(name, ".exe")
}
