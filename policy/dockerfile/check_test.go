package dockerfile

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tallyman/tallyman/policy/lint"
	"github.com/tallyman/tallyman/sbom/dockerfile"
)

func TestRulesInDetail(t *testing.T) {
	const from = "FROM debian:12-slim\n"
	for _, tt := range []struct {
		rule, src string
		want      bool
	}{
		{"DL3002", from + "USER root\nUSER 1000\n", false},
		{"DL3002", "FROM a AS b\nUSER root\n" + from + "USER 1000\n", false},
		{"DL3002", "FROM a AS b\nUSER 0:0\nFROM b\n", true},
		{"DL3002", from + "ARG U=root\nUSER $U\n", true},
		{"DL3002", from + "ARG U\nUSER $U\n", false},
		{"GR-IMG-01", from + "USER 0:0\n", true},
		{"GR-IMG-01", from + "USER rooty\n", false},
		{"GR-IMG-01", "FROM gcr.io/distroless/python3:nonroot\n", false},
		{"GR-IMG-01", from + "ENTRYPOINT [\"gosu\", \"app\", \"python\"]\n", false},
		{"GR-IMG-01", "RUN pip install x\n", false},
		{"DL3004", from + "RUN apt-get install sudo\n", false},
		{"DL3004", from + "RUN bash -c 'sudo a'\n", true},
		{"DL3006", "ARG B=python\nFROM $B\n", false},
		{"DL3006", "FROM python:1 AS b\nFROM b\n", false},
		{"DL3006", "FROM scratch\n", false},
		{"DL3007", "FROM a:latest@sha256:00\n", false},
		{"DL3008", from + "RUN apt-get install -y ./a.deb -t stable b\n", false},
		{"DL3008", from + "RUN apt-get install -y $PACKAGES\n", false},
		{"DL3008", from + "RUN echo apt-get install x\n", false},
		{"DL3009", from + "RUN --mount=type=cache,target=/var/lib/apt apt-get update\n", false},
		{"DL3009", "FROM a AS b\nRUN apt-get update\n" + from + "COPY --from=b /x /x\n", false},
		{"DL3009", from + "RUN apt-get update && rm -rf /var/lib/apt/lists\n", false},
		{"DL3009", from + "RUN apt-get update && rm -rf /tmp/*\n", true},
		{"DL3013", from + "RUN pip install -r requirements.txt\n", false},
		{"DL3013", from + "RUN pip install -c c.txt gradio\n", false},
		{"DL3013", from + "RUN pip install . ./x x.whl 'a @ https://h/a.whl'\n", false},
		{"DL3013", from + "RUN pip install git+https://h/a.git@0123\n", false},
		{"DL3013", from + "RUN pip install git+https://u@h/a.git\n", true},
		{"DL3013", from + "RUN pip install 'gradio>=4'\n", true},
		{"DL3013", from + "RUN python -m pip install gradio[oauth]\n", true},
		{"DL3013", from + "RUN <<EOF\npip install gradio\nEOF\n", true},
		{"DL3015", from + "RUN apt-get -o APT::Install-Recommends=false install -y x\n", false},
		{"DL3016", from + "RUN npm ci && npm install && npm i -g @a/b@1.2 ./c\n", false},
		{"DL3016", from + "RUN npm i @a/b\n", true},
		{"DL3016", from + "RUN npm i a@latest\n", true},
		{"DL3018", from + "RUN apk add --no-cache --virtual .deps a=1 'b~2'\n", false},
		{"DL3019", from + "RUN --mount=type=cache,target=/var/cache/apk apk add a\n", false},
		{"DL3020", from + "ADD a.tar.gz https://h/x /srv/\n", false},
		{"DL3020", from + "ADD https://h/x.git#v1 /srv/\n", false},
		{"DL3025", "FROM a AS b\nCMD x\n" + from + "COPY --from=b /x /x\n", false},
		{"DL3025", from + "ENTRYPOINT x\n", true},
		{"DL3025", from + "CMD [\"x\", 'y']\n", true},
		{"DL3042", from + "ENV PIP_NO_CACHE_DIR=1\nRUN pip install x==1\n", false},
		{"DL3042", "FROM a AS b\nENV PIP_NO_CACHE_DIR=1\nFROM b\nRUN pip install x==1\n", false},
		{"DL3042", from + "RUN --mount=type=cache,target=/root/.cache pip install x==1\n", false},
		{"DL3042", from + "RUN PIP_NO_CACHE_DIR=1 pip install x==1\n", false},
		{"DL3064", from + "ENV AUTH=false PUBLIC_KEY=x KEY_FILE=/k MONKEY=x\n", false},
		{"DL3064", "ARG API_KEY\n" + from, true},
		{"DL4003", "FROM a AS b\nCMD [\"x\"]\n" + from + "CMD [\"x\"]\n", false},
		{"DL4006", from + "RUN set -eo pipefail && a | b\n", false},
		{"DL4006", from + "SHELL [\"/bin/sh\", \"-o\", \"pipefail\", \"-c\"]\nRUN a | b\n", true},
		{"DL4006", from + "RUN echo 'a | b'\n", false},
		{"GR-IMG-02", "FROM nvidia/cuda:12.8.0-devel-ubuntu22.04\n", true},
		{"GR-IMG-02", "FROM python:3.12 AS b\n" + from + "COPY --from=b /x /x\n", false},
		{"GR-IMG-02", from + "RUN apt-get install -y gcc && apt-get purge -y gcc\n", false},
		{"GR-IMG-02", from + "RUN apt-get install -y gcc\n", true},
		{"GR-IMG-03", "FROM a@sha256:00\nCOPY --from=b:1 /x /x\n", true},
		{"GR-IMG-03", "ARG B\nFROM $B\n", false},
		{"GR-IMG-05", from + "RUN curl -fsSL https://h/x | sudo -E bash -\n", true},
		{"GR-IMG-05", from + "RUN bash <(curl -fsSL https://h/x)\n", true},
		{"GR-IMG-05", from + "RUN sh -c \"$(curl -fsSL https://h/x)\"\n", true},
		{"GR-IMG-05", from + "RUN wget -O- https://h/x | tee y | python3 -\n", true},
		{"GR-IMG-05", from + "RUN bash -c 'curl https://h/x | sh'\n", true},
		{"GR-IMG-05", from + "RUN [\"sh\", \"-c\", \"curl https://h/x | sh\"]\n", true},
		{"GR-IMG-05", from + "RUN eval \"$(wget -qO- https://h/x)\"\n", true},
		{"GR-IMG-05", from + "RUN curl -o /tmp/x.sh https://h/x\nRUN bash /tmp/x.sh\n", true},
		{"GR-IMG-05", from + "RUN curl -o x https://h/x && sh < x\n", true},
		{"GR-IMG-05", from + "RUN curl -o x https://h/x && cat x | sh\n", true},
		{"GR-IMG-05", from + "RUN curl https://h/x | base64 -d | (bash)\n", true},
		{"GR-IMG-05", from + "RUN curl -LO https://h/tool && chmod +x tool\n", true},
		{"GR-IMG-05", from + "RUN eval \"$(echo cGlw | base64 -d)\"\n", true},
		{"GR-IMG-05", from + "RUN eval \"x; $(curl https://h/x)\"\n", true},
		{"GR-IMG-05", from + "RUN echo cGlw | base64 --decode | sh\n", true},
		{"GR-IMG-05", from + "RUN echo 70 | xxd -r -p | bash\n", true},
		{"GR-IMG-05", from + "RUN echo cGlw | base64 -d > /key && echo a | base64 | sh\n", false},
		{"GR-IMG-05", from + "RUN eval \"$(ssh-agent)\"\n", false},
		{"TM-IMG-01", from + "ARG PIP_EXTRA_INDEX_URL=https://h/simple\n", true},
		{"TM-IMG-01", from + "ENV PIP_TRUSTED_HOST=h\n", true},
		{"TM-IMG-01", from + "ENV UV_INDEX_URL=https://u:hunter2@h/simple\n", true},
		{"TM-IMG-01", from + "RUN PIP_INDEX_URL=http://h/simple pip install x==1\n", true},
		{"TM-IMG-01", from + "RUN export PIP_INDEX_URL=http://h/simple && pip install x==1\n", true},
		{"TM-IMG-01", from + "RUN pip install -i http://h/simple x==1\n", true},
		{"TM-IMG-01", from + "RUN pip config set global.index-url http://h/simple\n", true},
		{"TM-IMG-01", from + "CMD pip install --trusted-host h x==1\n", true},
		{"TM-IMG-01", from + "ENV PIP_INDEX_URL=http://localhost:8080/simple PIP_NO_CACHE_DIR=1\n", false},
		{"TM-IMG-01", from + "RUN --mount=type=secret,id=u pip install --index-url https://h/simple x==1\n", false},
		{"TM-IMG-02", from + "RUN pip install x \\\n  tensorflow>=2.16.1 \\\n  y\n", true},
		{"TM-IMG-02", from + "RUN uv pip install x<3\n", true},
		{"TM-IMG-02", from + "RUN pip install x>log.txt 2>&1\n", false},
		{"TM-IMG-02", from + "RUN pip install 'x>=2' >=2\n", false},
		{"GR-IMG-05", from + "RUN curl -o x.sh https://h/x && echo '0 x.sh' | sha256sum -c && sh x.sh\n", false},
		{"GR-IMG-05", from + "RUN curl -o x.sh https://h/x && sha256sum x.sh && sh x.sh\n", true},
		{"GR-IMG-05", from + "RUN curl -o x.sh https://h/x && [ \"$(sha256sum x.sh)\" = '0 x.sh' ] && sh x.sh\n", false},
		{"GR-IMG-05", from + "RUN curl https://h/x.json | python3 -m json.tool\n", false},
		{"GR-IMG-05", from + "RUN curl https://h/x.tar | tar x\n", false},
		{"GR-IMG-05", from + "RUN bash -c \"echo $(curl https://h/x)\"\n", false},
		{"GR-IMG-05", from + "COPY x.sh /\nRUN bash /x.sh\n", false},
		{"GR-IMG-05", from + "ADD https://github.com/a/b.git#0123456789012345678901234567890123456789 /b\n", false},
	} {
		if got := slices.Contains(ids(t, tt.src, Options{}), tt.rule); got != tt.want {
			t.Errorf("%s fires: %v, want %v, on:\n%s", tt.rule, got, tt.want, tt.src)
		}
	}
}

func TestPragmas(t *testing.T) {
	const src = "# hadolint global ignore=GR-IMG-03\n# hadolint ignore=DL3007\n# another comment\n\nFROM python:latest\n" +
		"# tallyman ignore=DL3004\nRUN sudo a\n# tallyman ignore=DL3020 the file is generated\nADD a b\nADD c d\n"
	f := dockerfile.Parse("Dockerfile", []byte(src))
	got := map[string]string{}
	for _, found := range Check(f, Options{Pragmas: true}) {
		if found.Suppressed != (found.SuppressedBy != "") {
			t.Errorf("%s: suppressed %v by %q", found.Rule, found.Suppressed, found.SuppressedBy)
		}
		got[found.Rule+":"+itoa(found.Line)] = found.SuppressedBy
	}
	want := map[string]string{
		"DL3007:5": "Dockerfile:2", "GR-IMG-01:5": "", "GR-IMG-02:5": "", "GR-IMG-03:5": "Dockerfile:1",
		"DL3004:7": "", "DL3020:9": "Dockerfile:8", "DL3020:10": "",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if gaps := Ignored(f, Options{Pragmas: true}); len(gaps) != 1 || gaps[0].Line != 6 {
		t.Errorf("gaps %v, want the pragma without a reason", gaps)
	}
	for _, found := range Check(f, Options{}) {
		if found.Suppressed {
			t.Errorf("%s is suppressed by a pragma that must not count", found.Rule)
		}
	}
	if gaps := Ignored(f, Options{}); len(gaps) != 4 || gaps[0].Hides {
		t.Errorf("gaps %v, want four that hide nothing", gaps)
	}
}

func TestRisk(t *testing.T) {
	for _, tt := range []struct {
		src, rule string
		want      lint.Risk
	}{
		{"FROM a\nENV API_KEY=abc\n", "DL3064", lint.RiskHigh},
		{"FROM a\nARG API_KEY\n", "DL3064", lint.RiskMedium},
		{"FROM a\nENV API_KEY=$X\n", "DL3064", lint.RiskMedium},
		{"FROM a\nADD https://h/x /x\n", "GR-IMG-05", lint.RiskMedium},
		{"FROM a\nRUN curl h | sh\n", "GR-IMG-05", lint.RiskHigh},
		{"FROM a\nRUN wget https://h/x.sh && chmod +x x.sh && ./x.sh\n", "GR-IMG-05", lint.RiskHigh},
	} {
		for _, f := range Check(dockerfile.Parse("Dockerfile", []byte(tt.src)), Options{}) {
			if f.Rule == tt.rule && f.Risk != tt.want {
				t.Errorf("risk %s, want %s, on:\n%s", f.Risk, tt.want, tt.src)
			}
		}
	}
}

func TestOffByDefault(t *testing.T) {
	const src = "FROM a\n"
	if slices.Contains(ids(t, src, Options{}), "DL3057") {
		t.Error("DL3057 runs without being enabled")
	}
	for _, enable := range []string{"DL3057", "all", "ds-0026"} {
		if !slices.Contains(ids(t, src, Options{Enable: []string{enable}}), "DL3057") {
			t.Errorf("DL3057 does not run with --enable %s", enable)
		}
	}
}

func TestFindingsHoldNoSecrets(t *testing.T) {
	const src = "FROM a\nENV TOKEN=hunter2\nARG PASSWORD=hunter2\nRUN pip install git+https://u:hunter2@h/x.git\n" +
		"RUN sudo Hunter2hunter2 && PIP_INDEX_URL=https://u:hunter2@h/s pip install -i http://u:hunter2@h/s x\nADD https://u:hunter2@h/x /x\nADD https://h/x?token=hunter2 /y\nRUN npm i https://hunter2@h/x\n"
	found := Check(dockerfile.Parse("Dockerfile", []byte(src)), Options{Enable: []string{"all"}})
	data, err := json.Marshal(found)
	if err != nil || len(found) < 6 {
		t.Fatalf("%v, %d findings", err, len(found))
	}
	if strings.Contains(strings.ToLower(string(data)), "hunter2") {
		t.Errorf("a finding holds a secret: %s", data)
	}
}

// corpus reads the Dockerfiles of the real data.
func corpus(tb testing.TB) []*dockerfile.File {
	tb.Helper()
	dir := os.Getenv("TALLYMAN_SHARED")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared")
	}
	dir = filepath.Join(dir, "data")
	if _, err := os.Stat(dir); err != nil {
		tb.Skipf("the real data is not there (set TALLYMAN_SHARED): %v", err)
	}
	var out []*dockerfile.File
	for _, sub := range []string{"corpus/dockerfiles", "gradio", "gradio-apps"} {
		err := filepath.WalkDir(filepath.Join(dir, sub), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.Contains(strings.ToLower(d.Name()), "dockerfile") {
				return err
			}
			src, err := os.ReadFile(path)
			out = append(out, dockerfile.Parse(path, src))
			return err
		})
		if err != nil {
			tb.Fatal(err)
		}
	}
	return out
}

// TestCorpus logs how often each rule fires on real files, and checks that
// each finding lies within its file and has all that a report needs.
func TestCorpus(t *testing.T) {
	counts := map[string]int{}
	for _, f := range corpus(t) {
		for _, found := range Check(f, Options{Enable: []string{"all"}}) {
			counts[found.Rule]++
			if found.Line < 1 || found.Line > f.Lines || found.Column < 1 || found.Message == "" || found.Remedy == "" {
				t.Errorf("%+v", found)
			}
		}
	}
	t.Log(counts)
}

// BenchmarkCheck applies the default rules to every Dockerfile of the shared
// corpus, gradio and gradio-apps folders, which are read before.
func BenchmarkCheck(b *testing.B) {
	files := corpus(b)
	b.ReportAllocs()
	for b.Loop() {
		for _, f := range files {
			Check(f, Options{})
		}
	}
}

func FuzzCheck(f *testing.F) {
	for _, r := range Rules() {
		f.Add([]byte(r.Bad))
		f.Add([]byte(r.Good))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		file := dockerfile.Parse("Dockerfile", src)
		open := Check(file, Options{Enable: []string{"all"}})
		honoured := Check(file, Options{Enable: []string{"all"}, Pragmas: true})
		if len(open) != len(honoured) {
			t.Errorf("pragmas change the number of findings from %d to %d", len(open), len(honoured))
		}
		for _, found := range open {
			if found.Line < 1 || found.Line > file.Lines || found.Suppressed {
				t.Errorf("%+v in a file of %d lines", found, file.Lines)
			}
		}
	})
}
