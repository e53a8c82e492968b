package drift

import (
	"fmt"
	"strings"
	"testing"
)

// TestInstruction: what a builder writes into the history holds the values of
// build arguments, and nothing secret of it may show.
func TestInstruction(t *testing.T) {
	for _, tt := range []struct{ history, want string }{
		{"RUN /bin/sh -c pip install  x\t# buildkit", "RUN pip install x"},
		{"/bin/sh -c #(nop) COPY dir:0 in /app ", "COPY dir:0 in /app"},
		{"RUN |2 HF_TOKEN=hunter2 V=a b /bin/sh -c pip install x # buildkit", "RUN pip install x"},
		{"|1 A=hunter2 /bin/bash -o pipefail -c pip install x", "RUN pip install x"},
		{"RUN |1 A=hunter2 powershell pip install x", "RUN ***"},
		{"ENV API_KEY=hunter2", "ENV API_KEY=***"},
		{"RUN export TOKEN='hunter2 hunter2' && a", "RUN export TOKEN=*** && a"},
		{"RUN a --password hunter2 --auth=hunter2 b", "RUN a --password *** --auth=*** b"},
		{"RUN pip install -i https://u:hunter2@h/simple x", "RUN pip install -i https://h/simple x"},
		{"RUN " + strings.Repeat("é", 200), "RUN " + strings.Repeat("é", 58) + "..."},
		{"RUN pip install tokenizers transformers tokenize==1 authlib==2 x", "RUN pip install tokenizers transformers tokenize==1 authlib==2 x"},
		{"", ""},
	} {
		if got := instruction(tt.history); got != tt.want {
			t.Errorf("%q:\n got %q\nwant %q", tt.history, got, tt.want)
		}
	}
}

// TestListed counts what is too much to name.
func TestListed(t *testing.T) {
	var names []string
	for i := range maxNames + 3 {
		names = append(names, fmt.Sprint(i))
	}
	if got := listed(names); !strings.HasSuffix(got, fmt.Sprintf(", %d and 3 more", maxNames-1)) {
		t.Error(got)
	}
	if got := listed(names[:2]); got != "0, 1" {
		t.Error(got)
	}
}
