package dockerfile

import (
	"fmt"
	"strings"

	"mvdan.cc/sh/v3/syntax"

	"github.com/tallyman/tallyman/sbom"
)

// Bounds of shell text. The shell's parser and its tree are recursive.
const (
	// maxShellBytes bounds the shell text of one instruction.
	maxShellBytes = 256 << 10
	// maxShellNesting bounds the opening brackets, quotes and keywords that
	// can be open at once in it.
	maxShellNesting = 2000
	// maxScriptDepth bounds "sh -c" inside "sh -c".
	maxScriptDepth = 8
	// maxCommands bounds the commands of one instruction.
	maxCommands = 20000
)

// walker turns shell text into commands.
type walker struct {
	script *Script
	vars   scope
	gap    func(kind sbom.GapKind, line int, reason string)

	text  text // being walked
	via   []Wrapper
	depth int // of nested scripts
	fixed *Place
}

// parse reads a text and adds its commands. It returns false, with a Gap, when
// the text cannot be parsed.
func (w *walker) parse(t text) bool {
	line, _ := t.at(0)
	if len(t.string) > maxShellBytes || nesting(t.string) > maxShellNesting {
		w.gap(sbom.GapTooLarge, line, "the shell text is too long or too deeply nested")
		return false
	}
	file, err := parseShell(t.string)
	if err != nil {
		if at, ok := offset(err); ok && at <= len(t.string) {
			line, _ = t.at(at)
		}
		if w.fixed != nil {
			line = w.fixed.Line
		}
		w.gap(sbom.GapUnparsed, line, "the shell text cannot be parsed")
		return false
	}
	outer := w.text
	w.text = t
	w.stmts(file.Stmts, ctx{})
	w.text = outer
	return true
}

// parseShell tries Bash, then POSIX, as /bin/sh may be either.
func parseShell(src string) (file *syntax.File, err error) {
	defer func() {
		if p := recover(); p != nil {
			file, err = nil, fmt.Errorf("the shell's parser gave up")
		}
	}()
	for _, lang := range []syntax.LangVariant{syntax.LangBash, syntax.LangPOSIX} {
		parsed, perr := syntax.NewParser(syntax.Variant(lang)).Parse(strings.NewReader(src), "")
		if perr == nil {
			return parsed, nil
		}
		if err == nil {
			err = perr
		}
	}
	return nil, err
}

func offset(err error) (int, bool) {
	switch e := err.(type) {
	case syntax.ParseError:
		return int(e.Pos.Offset()), true
	case syntax.LangError:
		return int(e.Pos.Offset()), true
	}
	return 0, false
}

// nesting gives an upper bound of how deep a text can nest, cheaply: every
// bracket, backquote and keyword that opens, without what closes.
func nesting(s string) int {
	depth, deepest := 0, 0
	for i := range len(s) {
		switch s[i] {
		case '(', '{', '`', '[', '!':
			depth++
		case ')', '}', ']', '\n', ';':
			depth = max(0, depth-1)
		case 'i', 'f', 'w', 'u', 'c', 't', 's':
			for _, word := range []string{"if ", "for ", "while ", "until ", "case ", "time ", "coproc ", "select ", "function "} {
				if strings.HasPrefix(s[i:], word) {
					depth++
				}
			}
		}
		deepest = max(deepest, depth)
	}
	return deepest
}

// ctx is where a statement stands.
type ctx struct {
	conditional bool
	inputs      []*Command
}

func (c ctx) maybe() ctx { c.conditional = true; return c }

func (w *walker) place(p syntax.Pos) (line, column int) {
	if w.fixed != nil {
		return w.fixed.Line, w.fixed.Column
	}
	return w.text.at(int(p.Offset()))
}

func (w *walker) stmts(list []*syntax.Stmt, c ctx) {
	for _, s := range list {
		w.stmt(s, c)
	}
}

func (w *walker) stmt(s *syntax.Stmt, c ctx) {
	if s == nil {
		return
	}
	var redirects []Redirect
	for _, r := range s.Redirs {
		redirects = append(redirects, w.redirect(r))
	}
	switch x := s.Cmd.(type) {
	case nil:
	case *syntax.CallExpr:
		w.call(x, c, redirects)
	case *syntax.BinaryCmd:
		w.binary(x, c)
	case *syntax.Subshell:
		saved := w.vars
		w.vars = w.vars.clone()
		w.stmts(x.Stmts, c)
		w.vars = saved
	case *syntax.Block:
		w.stmts(x.Stmts, c)
	case *syntax.TimeClause:
		w.stmt(x.Stmt, c)
	case *syntax.CoprocClause:
		w.stmt(x.Stmt, c)
	case *syntax.DeclClause:
		for _, a := range x.Args {
			w.assign(a, c.conditional)
		}
	default:
		w.compound(x, c)
	}
}

// compound walks what may run never, once or often: a variable that it
// assigns is not known from there on.
func (w *walker) compound(x syntax.Command, c ctx) {
	w.forget(x)
	c = c.maybe()
	switch x := x.(type) {
	case *syntax.IfClause:
		for ; x != nil; x = x.Else {
			w.stmts(x.Cond, c)
			w.stmts(x.Then, c)
		}
	case *syntax.WhileClause:
		w.stmts(x.Cond, c)
		w.stmts(x.Do, c)
	case *syntax.ForClause:
		if items, ok := x.Loop.(*syntax.WordIter); ok {
			for _, item := range items.Items {
				w.word(item)
			}
		} else {
			w.nested(x.Loop)
		}
		w.stmts(x.Do, c)
	case *syntax.CaseClause:
		w.word(x.Word)
		for _, item := range x.Items {
			w.stmts(item.Stmts, c)
		}
	case *syntax.FuncDecl:
		w.stmt(x.Body, c)
	default: // tests and arithmetic
		w.nested(x)
	}
}

// forget makes the variables that a node assigns unknown.
func (w *walker) forget(node syntax.Node) {
	syntax.Walk(node, func(n syntax.Node) bool {
		name := ""
		switch n := n.(type) {
		case *syntax.Assign:
			if n.Name != nil {
				name = n.Name.Value
			}
		case *syntax.WordIter:
			name = n.Name.Value
		case *syntax.CallExpr:
			if len(n.Args) > 1 && n.Args[0].Lit() == "read" {
				for _, a := range n.Args[1:] {
					w.vars[a.Lit()] = variable{}
				}
			}
		}
		if name != "" {
			w.vars[name] = variable{}
		}
		return true
	})
}

func (w *walker) binary(x *syntax.BinaryCmd, c ctx) {
	switch x.Op {
	case syntax.Pipe, syntax.PipeAll:
		before := len(w.script.Commands)
		w.stmt(x.X, c)
		if w.depth == 0 {
			line, column := w.place(x.OpPos)
			w.script.Pipes = append(w.script.Pipes, Place{line, column})
		}
		c.inputs = lastOf(x.X, w.script.Commands[before:])
		w.stmt(x.Y, c)
	case syntax.OrStmt:
		w.stmt(x.X, c)
		w.forget(x.Y)
		w.stmt(x.Y, c.maybe())
	default:
		w.stmt(x.X, c)
		w.stmt(x.Y, c)
	}
}

// lastOf picks the commands whose output a pipe carries: of a simple command
// or a pipe its last one, of a group all.
func lastOf(s *syntax.Stmt, commands []*Command) []*Command {
	if len(commands) == 0 {
		return nil
	}
	switch x := s.Cmd.(type) {
	case *syntax.CallExpr:
		return commands[len(commands)-1:]
	case *syntax.BinaryCmd:
		if x.Op == syntax.Pipe || x.Op == syntax.PipeAll {
			return commands[len(commands)-1:]
		}
	}
	return append([]*Command{}, commands...)
}

// nested walks the commands of the substitutions below a node.
func (w *walker) nested(node syntax.Node) {
	if node == nil {
		return
	}
	syntax.Walk(node, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.CmdSubst:
			w.substitution(n.Stmts)
			return false
		case *syntax.ProcSubst:
			w.substitution(n.Stmts)
			return false
		}
		return true
	})
}

// substitution walks the commands of $(…) and <(…) and returns them.
func (w *walker) substitution(list []*syntax.Stmt) []*Command {
	before := len(w.script.Commands)
	saved := w.vars
	w.vars = w.vars.clone()
	w.stmts(list, ctx{})
	w.vars = saved
	return append([]*Command{}, w.script.Commands[before:]...)
}

func (w *walker) redirect(r *syntax.Redirect) Redirect {
	out := Redirect{Op: r.Op.String(), Target: w.word(r.Word)}
	if r.Hdoc != nil {
		out.Op = "<<"
		out.Body = w.word(r.Hdoc).Text
	}
	return out
}

// assign puts one assignment in force and returns it.
func (w *walker) assign(a *syntax.Assign, conditional bool) Assign {
	if a.Name == nil {
		return Assign{Value: w.word(a.Value)}
	}
	out := Assign{Name: a.Name.Value, Value: w.word(a.Value)}
	if a.Array != nil {
		w.nested(a.Array)
	}
	if a.Naked {
		return out
	}
	w.script.Assigns = append(w.script.Assigns, out)
	switch {
	case conditional || a.Append || a.Index != nil || a.Array != nil || !out.Value.Known:
		w.vars[out.Name] = variable{}
	default:
		delete(w.vars, out.Name)
		w.vars.set(out.Name, out.Value.Text, true, true)
	}
	return out
}

// call adds a simple command.
func (w *walker) call(x *syntax.CallExpr, c ctx, redirects []Redirect) {
	var assigns []Assign
	saved := w.vars
	if len(x.Args) > 0 {
		// Before a command they hold for its environment only, not for the
		// expansion of its words.
		w.vars = w.vars.clone()
	}
	for _, a := range x.Assigns {
		assigns = append(assigns, w.assign(a, c.conditional))
	}
	w.vars = saved
	var fields []Word
	for _, arg := range x.Args {
		fields = append(fields, w.fields(arg)...)
	}
	if len(fields) == 0 {
		return
	}
	line, column := w.place(x.Args[0].Pos())
	w.emit(fields, Command{
		Assigns: assigns, Redirects: redirects, Inputs: c.inputs, Conditional: c.conditional,
		Line: line, Column: column,
	})
}
