package dockerfile

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tallyman/tallyman/sbom"
)

// TestNothingIsInstalledUnseen: each line is a way to install something past a
// reader that knows "pip install" only.
func TestNothingIsInstalledUnseen(t *testing.T) {
	for _, tt := range []struct {
		src  string
		want []string
	}{
		{"RUN npm install -g event-stream@3.3.6 @a/b@1.2.3-rc.1\n", []string{"1 npm @a/b  version=1.2.3-rc.1", "1 npm event-stream  version=3.3.6"}},
		{"RUN yarn global add event-stream@3.3.6 && pnpm add -g x@1.0.0 && bun add -g y@1.0.0 && npx -y z@2.0.0\n", []string{
			"1 npm event-stream  version=3.3.6", "1 npm x  version=1.0.0", "1 npm y  version=1.0.0", "1 npm z  version=2.0.0"}},
		{"RUN npm install -g event-stream npm@latest x@^1 git+https://u:hunter2@h/r\n", []string{"gap 1 unsupported"}},
		{"RUN npm ci && npm install && yarn install --frozen-lockfile && npx tsc && npm i .\n", []string{}},
		{"RUN gem install rest-client:1.6.13 && go install h.example/evil@latest && cargo install evil --version 1.0.0\n", []string{"gap 1 unsupported", "gap 1 unsupported", "gap 1 unsupported"}},
		{"RUN go install ./cmd/x && go build . && cargo install --path . && cargo build && gem list\n", []string{}},
		{"RUN easy_install gradio==4.19.1 && python -m easy_install x\n", []string{"1 PyPI gradio ==4.19.1 version=4.19.1", "1 PyPI x "}},
		{"CMD pip install gradio==4.19.1 && python app.py\n", []string{"1 PyPI gradio ==4.19.1 version=4.19.1"}},
		{"ENTRYPOINT [\"sh\", \"-c\", \"pip install gradio==4.19.1; exec python app.py\"]\n", []string{"1 PyPI gradio ==4.19.1 version=4.19.1"}},
		{"ENTRYPOINT [\"pip\"]\nCMD [\"install\", \"gradio==4.19.1\"]\n", []string{"2 PyPI gradio ==4.19.1 version=4.19.1"}},
		{"ENTRYPOINT [\"sh\", \"-c\"]\nCMD [\"pip install gradio==4.19.1\"]\n", []string{"2 PyPI gradio ==4.19.1 version=4.19.1"}},
		{"RUN PIP_EDITABLE=git+https://h/r pip install\n", []string{"1  git+https://h/r  url=git+https://h/r editable", "gap 1 unversioned"}},
		{"RUN git clone https://h/r && cd r && python setup.py install && poetry install\n", []string{"gap 1 unversioned", "gap 1 unversioned"}},
		{"RUN ./install.sh\n", []string{"gap 1 dynamic"}},
		{"RUN bash scripts/setup.sh -x\n", []string{"gap 1 dynamic"}},
		{"RUN . ./env.sh && source lib/more.bash\n", []string{"gap 1 dynamic"}},
		{"RUN scripts/setup\n", []string{"gap 1 dynamic"}},
		{"RUN /srv/setup\n", []string{"gap 1 dynamic"}},
		{"COPY tool /usr/local/bin/tool\nRUN tool\n", []string{"gap 2 dynamic"}},
		{"RUN eval \"$(echo cGlw | base64 -d)\"\n", []string{"gap 1 dynamic"}},
		{"RUN echo cGlw | base64 -d | sh\n", []string{"gap 1 dynamic"}},
		{"RUN curl https://h/x | bash -s -- -y\n", []string{"gap 1 dynamic"}},
		{"RUN sh -c \"$(cat x)\" && bash < x && bash <<< \"$X\"\n", []string{"gap 1 dynamic", "gap 1 dynamic"}},
		{"RUN eval \"$(conda shell.bash hook)\" && . /opt/venv/bin/activate && . /etc/os-release && /opt/venv/bin/pip list && bash -c 'ls' && sh --version\n", []string{}},
	} {
		got := inventory(Parse("Dockerfile", []byte(tt.src)).Document())
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s(-want +got):\n%s", tt.src, diff)
		}
		if strings.Contains(strings.Join(got, "\n"), "hunter2") {
			t.Errorf("a password shows: %v", got)
		}
	}
}

// TestGapsOfHiddenInstallsHide: they must not leave the outcome alone.
func TestGapsOfHiddenInstallsHide(t *testing.T) {
	for _, src := range []string{"RUN ./install.sh\n", "RUN npm i -g x\n", "RUN gem install x\n", "RUN echo x | base64 -d | sh\n"} {
		gaps := Parse("Dockerfile", []byte(src)).Document().Gaps
		if len(gaps) != 1 || !gaps[0].Hides || gaps[0].Kind == sbom.GapOther {
			t.Errorf("%s: %v", src, gaps)
		}
	}
}

// TestARequirementFileThatAVariableNamesIsNotLost: pip reads its options from
// the environment too.
func TestARequirementFileThatAVariableNamesIsNotLost(t *testing.T) {
	for src, want := range map[string][]string{
		"RUN PIP_REQUIREMENT=deps.txt pip install\n":                  {"deps.txt"},
		"ENV PIP_REQUIREMENT='a.txt b.txt'\nRUN pip install\n":        {"a.txt", "b.txt"},
		"ARG PIP_CONSTRAINT=c.txt\nRUN pip install x\n":               {"c.txt"},
		"RUN export UV_CONSTRAINT=c.txt && uv pip install x\n":        {"c.txt"},
		"RUN env PIP_REQUIREMENT=deps.txt python -m pip install\n":    {"deps.txt"},
		"RUN sudo PIP_REQUIREMENT=deps.txt pip install\n":             {"deps.txt"},
		"RUN bash -c 'PIP_REQUIREMENT=deps.txt pip install'\n":        {"deps.txt"},
		"CMD PIP_REQUIREMENT=deps.txt pip install && python app.py\n": {"deps.txt"},
		"ONBUILD ENV PIP_REQUIREMENT=deps.txt\n":                      {"deps.txt"},
		"ENV D=deps\nRUN PIP_REQUIREMENT=$D.txt pip install\n":        {"deps.txt"},
	} {
		if diff := cmp.Diff(want, Parse("Dockerfile", []byte(src)).Requirements()); diff != "" {
			t.Errorf("%s(-want +got):\n%s", src, diff)
		}
	}
	if gaps := Parse("Dockerfile", []byte("RUN PIP_REQUIREMENT=$X pip install\n")).Document().Gaps; len(gaps) != 1 || gaps[0].Kind != sbom.GapInclude {
		t.Errorf("an unknown file is no gap: %v", gaps)
	}
}

// TestTheProjectItselfIsNamed: an installation that brings in what a manifest
// says is told to who knows whether there is one.
func TestTheProjectItselfIsNamed(t *testing.T) {
	f := Parse("Dockerfile", []byte("FROM a\nRUN pip install . && uv pip install -e .[x] && pip install -r r.txt\nRUN poetry install --no-root\n"+
		"RUN uv sync --frozen\nRUN pipenv install --system --deploy && pipenv install x\nRUN python3 setup.py install && python setup.py --version\n"))
	want := []Project{{2, "pip install ."}, {3, "poetry install"}, {4, "uv sync"}, {5, "pipenv install"}, {6, "python setup.py"}}
	if diff := cmp.Diff(want, f.Projects()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
