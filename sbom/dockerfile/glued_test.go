package dockerfile

import "testing"

func TestGlued(t *testing.T) {
	for _, test := range []struct{ run, word, text string }{
		{"pip install gradio>=4.1", "gradio", "gradio>=4.1"},
		{"pip install gradio>=4.1,<5 x", "gradio", "gradio>=4.1,<5"},
		{"pip install x \\\n  gradio>=4.1 \\\n  y", "gradio", "gradio>=4.1"},
		{"pip install gradio<5", "gradio", "gradio<5"},
		{"pip install gradio>/dev/null", "gradio", "gradio>/dev/null"},
		{"pip install 'gradio>=4.1'", "gradio>=4.1", ""},
		{"pip install gradio >=4.1", "gradio", ""},
		{"pip install gradio > =4.1", "gradio", ""},
		{"pip install gradio> log", "gradio", ""},
		{"pip install gradio>>log", "gradio", ""},
		{"pip install gradio 2>&1", "gradio", ""},
		{"pip install gradio>$V", "gradio", ""},
	} {
		f := Parse("Dockerfile", []byte("FROM python:3.12\nRUN "+test.run+"\n"))
		found := false
		for _, c := range f.Stages[0].Instructions[0].Script.Commands {
			for _, w := range c.Args {
				if w.Text != test.word {
					continue
				}
				found = true
				if got, _ := c.Glued(w); got != test.text {
					t.Errorf("%q: Glued(%q) = %q, want %q", test.run, w.Text, got, test.text)
				}
			}
		}
		if !found {
			t.Errorf("%q: no word %q", test.run, test.word)
		}
	}
}
