package dockerfile

// Glued returns how a word reads on together with the redirections that stand
// right behind it, without white space: the shell takes the unquoted
// "gradio>=4.1" for the word "gradio" whose output goes into the file "=4.1".
// raw is the same as written; both are "" when no redirection stands there.
// https://pubs.opengroup.org/onlinepubs/9799919799/utilities/V3_chap02.html#tag_19_07
func (c *Command) Glued(w Word) (text, raw string) {
	if w.Raw == "" || !w.Known {
		return "", ""
	}
	text, raw = w.Text, w.Raw
	for range c.Redirects {
		r, found := c.redirectAt(w.Line, w.Column+len(raw))
		if !found {
			break
		}
		text, raw = text+r.Op+r.Target.Text, raw+r.Op+r.Target.Raw
	}
	if raw == w.Raw {
		return "", ""
	}
	return text, raw
}

// redirectAt returns the redirection to or from a named file that begins at a
// place.
func (c *Command) redirectAt(line, column int) (Redirect, bool) {
	for _, r := range c.Redirects {
		if (r.Op == ">" || r.Op == "<") && r.Target.Known && r.Target.Line == line && r.Target.Column == column+len(r.Op) {
			return r, true
		}
	}
	return Redirect{}, false
}
