package dockerfile

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tallyman/tallyman/sbom"
)

// inventory writes a document as one line a component and a gap.
func inventory(d *sbom.Document) []string {
	out := []string{}
	for _, c := range d.Components {
		line := fmt.Sprintf("%d %s %s %s", c.Locations[0].Line, c.Ecosystem, c.Name, c.Specifier)
		for _, part := range []struct{ label, value string }{
			{"version", c.Version}, {"extras", strings.Join(c.Extras, ",")}, {"marker", c.Marker}, {"url", c.URL}, {"scope", c.Scope},
		} {
			if part.value != "" {
				line += " " + part.label + "=" + part.value
			}
		}
		if c.Editable {
			line += " editable"
		}
		out = append(out, line)
	}
	for _, g := range d.Gaps {
		out = append(out, strings.TrimSpace(fmt.Sprintf("gap %d %s %s", g.Line, g.Kind, g.Package)))
	}
	return out
}

func TestDocument(t *testing.T) {
	const digest = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	for _, tt := range []struct {
		name, src string
		want      []string
	}{
		{"a pin", "RUN pip install gradio==4.19.0\n", []string{"1 PyPI gradio ==4.19.0 version=4.19.0"}},
		{"lines, extras, markers and ranges", "RUN pip install -U \\\n  'uvicorn[standard]>=0.29,<1' \\\n  \"tomli; python_version < '3.11'\" Pillow\n", []string{
			"3 PyPI Pillow ", `3 PyPI tomli  marker=python_version < "3.11"`, "2 PyPI uvicorn <1,>=0.29 extras=standard",
		}},
		{"python -m pip, with options that take values", "RUN python3 -m pip install -qi https://u:hunter2@h/simple --extra-index-url https://u:hunter2@h/simple x==1\n", []string{"1 PyPI x ==1 version=1"}},
		{"a group of short options that ends in -r", "RUN pip install -Ur requirements.txt x\n", []string{"1 PyPI x "}},
		{"version control", "RUN pip install 'git+https://u:hunter2@github.com/o/r@main#egg=r[a]' && pip install 'd @ git+https://github.com/o/d'\n", []string{
			"1 PyPI d  url=git+https://github.com/o/d", "1 PyPI r  extras=a url=git+https://github.com/o/r@main#egg=r[a]", "gap 1 unversioned d", "gap 1 unversioned r",
		}},
		{"a wheel by its URL", "RUN pip install https://h/torch-2.1.0%2Bcpu-cp311-cp311-linux_x86_64.whl#sha256=" + digest + "\n", []string{
			"1 PyPI torch ==2.1.0+cpu version=2.1.0+cpu url=https://h/torch-2.1.0%2Bcpu-cp311-cp311-linux_x86_64.whl#sha256=" + digest,
		}},
		{"wheels by a pattern", "RUN pip install /install/*.whl *.whl\n", []string{
			"1  *.whl  url=*.whl", "1  /install/*.whl  url=/install/*.whl", "gap 1 unversioned", "gap 1 unversioned",
		}},
		{"the project itself, and another one", "RUN pip install . && pip install -e '.[dev]' && pip install -e ./other\n", []string{"1  ./other  url=./other editable", "gap 1 unversioned"}},
		{"a project that the instruction fetched", "RUN git clone https://h/r && cd r && pip install .\n", []string{"gap 1 unversioned"}},
		{"a project after an instruction that fetched", "RUN git clone https://h/r\nRUN pip install .\n", []string{}},
		{"variables", "ARG V=2.1\nARG W\nRUN pip install torch==$V jax==${W} \"f[$W]\" $W x$W \"d @ https://$W\"\n", []string{
			"3 PyPI torch ==2.1 version=2.1", "gap 3 range f", "gap 3 range jax", "gap 3 unparsed", "gap 3 unparsed", "gap 3 unversioned d",
		}},
		{"what is no requirement", "RUN pip install 'a b' ==1 ''\n", []string{"gap 1 unparsed", "gap 1 unparsed", "gap 1 unparsed"}},
		{"xargs", "RUN cat r.txt | xargs pip install a\n", []string{"1 PyPI a ", "gap 1 unparsed"}},
		{"loops and scripts", "RUN for p in a b; do pip install $p; done; sh -c 'pip install c==1'\n", []string{"1 PyPI c ==1 version=1", "gap 1 unparsed"}},
		{"a here-document", "RUN <<EOF\nset -e\npip install a==1\nEOF\n", []string{"3 PyPI a ==1 version=1"}},
		{"uv", "RUN uv pip install --system a==1 && uv add --dev b && uv add --group docs c && uv add --optional gpu d && uv sync --frozen\n", []string{
			"1 PyPI a ==1 version=1", "1 PyPI b  scope=dev", "1 PyPI c  scope=group:docs", "1 PyPI d  scope=extra:gpu",
		}},
		{"uv's tools", "RUN uv tool install a@1.2 && uv tool install b@latest && uvx --from 'c==2' --with d,e==3 f --version && uv tool run g x\n", []string{
			"1 PyPI a ==1.2 version=1.2", "1 PyPI b ", "1 PyPI c ==2 version=2", "1 PyPI d ", "1 PyPI e ==3 version=3", "1 PyPI g ",
		}},
		{"what a manager runs", "RUN uv run --with a b.py && uv run pip install b==1 && poetry run pip install -r r.txt c && pipenv install d\n", []string{
			"1 PyPI a ", "1 PyPI b ==1 version=1", "1 PyPI c ", "1 PyPI d ",
		}},
		{"pipx", "RUN pipx install a==1 b && pipx install --spec 'c[d]>=2' c && pipx inject a e && pipx run f g\n", []string{
			"1 PyPI a ==1 version=1", "1 PyPI b ", "1 PyPI c >=2 extras=d", "1 PyPI e ", "1 PyPI f ",
		}},
		{"poetry", "RUN poetry add a@^1.2 'b[x]@~0.3.1' c@latest d==1 'e@^2 || ^3' f@1.0 -G docs && poetry install && poetry self add g\n", []string{
			"1 PyPI a <2,>=1.2 scope=group:docs", "1 PyPI b <0.4,>=0.3.1 extras=x scope=group:docs", "1 PyPI c  scope=group:docs",
			"1 PyPI d ==1 version=1 scope=group:docs", "1 PyPI f ==1.0 version=1.0 scope=group:docs", "1 PyPI g ", "gap 1 range e",
		}},
		{"conda", "ARG V\nRUN conda install -y -c conda-forge python=3.10 numpy==1.26.4 'x>=1,<2' conda-forge::y 'z=1.2=h0_0' w=$V 'blas=*=openblas'\n", []string{
			"2  blas ", "2  numpy ==1.26.4 version=1.26.4", "2  python ==3.10.*", "2  x <2,>=1", "2  y ", "2  z ==1.2 version=1.2",
			"gap 2 no-advisories", "gap 2 range w",
		}},
		{"stages that are not shipped", "FROM a AS builder\nRUN pip install a==1\nFROM b\nRUN pip install b==1\n", []string{
			"2 PyPI a ==1 version=1 scope=build", "4 PyPI b ==1 version=1",
		}},
		{"an environment that is copied into the image", "FROM debian:12 AS base\nRUN pip install z==1\nFROM base AS builder\nRUN apt-get install -y gcc && pip install a==1\nFROM b\nCOPY --from=builder --link /opt/venv /opt/venv\n", []string{
			"4 Debian:12 gcc  scope=build", "4 PyPI a ==1 version=1", "2 PyPI z ==1 version=1",
		}},
		{"Debian by its code name", "FROM python:3.12-slim-bookworm\nRUN apt-get update && apt-get install -y --no-install-recommends curl git=1:2.39.5-0+deb12u1 g++ 'nginx=1.*' x- ./y.deb\n", []string{
			"2 Debian:12 curl ", "2 Debian:12 g++ ", "2 Debian:12 git  version=1:2.39.5-0+deb12u1", "2 Debian:12 nginx ", "gap 2 unparsed",
		}},
		{"Ubuntu, and through another stage", "FROM nvidia/cuda:12.1.0-runtime-ubuntu22.04 AS base\nFROM base\nRUN apt install -y curl\n", []string{"3 Ubuntu:22.04:LTS curl "}},
		{"Alpine", "FROM alpine:3.20.1\nRUN apk add --no-cache -t .deps curl=8.9.0-r0 'x~=1' y@edge !z\n", []string{
			"2 Alpine:v3.20 curl  version=8.9.0-r0", "2 Alpine:v3.20 x ", "2 Alpine:v3.20 y ",
		}},
		{"distributions that are not known", "FROM python:3.12-slim\nRUN apt-get install -y curl $X && apk add curl\n", []string{}},
		{"requirement files that cannot be looked up", "RUN pip install -r https://u:hunter2@h/r.txt -r - -r $X -c <(true)\n", []string{
			"gap 1 include", "gap 1 include", "gap 1 include", "gap 1 include",
		}},
		{"what only sounds like it", "RUN echo pip install a && pip download b && pip uninstall c && pip list\n", []string{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := inventory(Parse("Dockerfile", []byte(tt.src)).Document())
			if diff := cmp.Diff(got, tt.want); diff != "" {
				t.Errorf("got -, want +\n%s", diff)
			}
			if strings.Contains(strings.Join(got, "\n"), "hunter2") {
				t.Errorf("a password shows: %v", got)
			}
		})
	}
}

func TestRequirements(t *testing.T) {
	f := Parse("Dockerfile", []byte("FROM a\nRUN pip install -rr.txt -c c.txt && uv pip sync --system s.txt && conda install --file f.txt\n"+
		"RUN mamba env create -p /e -f e.yml && conda env create && uv tool install x --with-requirements w.txt && pip install -r r.txt -r u:hunter2@h.txt\n"))
	want := []string{"c.txt", "e.yml", "environment.yml", "f.txt", "h.txt", "r.txt", "s.txt", "w.txt"}
	if diff := cmp.Diff(f.Requirements(), want); diff != "" {
		t.Errorf("got -, want +\n%s", diff)
	}
}

func TestPythonVersions(t *testing.T) {
	for _, tt := range []struct {
		src  string
		want []string
	}{
		{"FROM python:3.12-slim\n", []string{"3.12"}},
		{"ARG V=3.11.4\nFROM docker.io/library/python:${V}-slim-bookworm@sha256:00\n", []string{"3.11.4"}},
		{"FROM ghcr.io/astral-sh/uv:python3.13-bookworm-slim\n", []string{"3.13"}},
		{"FROM python:3.10 AS a\nFROM python:3.12 AS base\nFROM base\n", []string{"3.12"}},
		{"FROM python:3.10 AS a\nFROM python:3.9 AS b\nFROM debian:12\nCOPY --from=a / /\nCOPY --from=b / /\n", []string{"3.9", "3.10"}},
		{"FROM python:3\n", nil},
		{"FROM python:latest\n", nil},
		{"FROM python\n", nil},
		{"ARG V\nFROM python:$V\n", nil},
		{"FROM node:20-bookworm\n", nil},
		{"FROM notpython:3.12\n", nil},
		{"", nil},
	} {
		if diff := cmp.Diff(Parse("Dockerfile", []byte(tt.src)).PythonVersions(), tt.want); diff != "" {
			t.Errorf("%q: got -, want +\n%s", tt.src, diff)
		}
	}
}

func TestDistribution(t *testing.T) {
	for image, want := range map[string]string{
		"python:3.12-slim-bookworm": "Debian:12", "python:3.12-slim": "", "python:3.12-alpine3.20": "Alpine:v3.20", "python:3.12-alpine": "",
		"debian:12": "Debian:12", "debian:12.5-slim": "Debian:12", "debian:bookworm-20240101": "Debian:12", "debian": "", "debian:stable": "", "debian:testing-20240101": "",
		"ubuntu:22.04": "Ubuntu:22.04:LTS", "ubuntu:jammy-20240101": "Ubuntu:22.04:LTS", "ubuntu:23.10": "Ubuntu:23.10", "ubuntu:latest": "",
		"alpine:3.20": "Alpine:v3.20", "alpine:edge": "", "alpine:20240606": "", "alpine:3": "", "registry.example.com:5000/debian": "", "scratch": "",
	} {
		f := Parse("Dockerfile", []byte("FROM "+image+"\n"))
		if got := f.distribution(f.Stages[0]).ecosystem(); got != want {
			t.Errorf("%s: %q, want %q", image, got, want)
		}
	}
}

func TestCarried(t *testing.T) {
	for _, tt := range []struct {
		stage, copied string
		want          bool
	}{
		{"", "/usr/local/lib/python3.12/site-packages", true},
		{"", "/usr/local", true},
		{"", "/", true},
		{"", "usr", true},
		{"", "/root/.local", true},
		{"", "/opt/venv", true},
		{"", "/srv/my-venv/bin", true},
		{"", "/opt/conda", true},
		{"", "$WHERE", true},
		{"WORKDIR /app", "/app", true},
		{"WORKDIR /app\nWORKDIR sub", "/app", true},
		{"ENV VIRTUAL_ENV=/srv/py/x", "/srv/py", true},
		{"RUN pip install --target=/deps x", "/deps", true},
		{"RUN pip install --prefix /install x", "/install", true},
		{"WORKDIR /app", "/app/dist", false},
		{"WORKDIR /app", "/application", false},
		{"", "/usr/bin/tool", false},
		{"", "/usr/share/nginx", false},
		{"", "/srv/build/libx.so", false},
	} {
		src := "FROM a AS builder\n" + tt.stage + "\nRUN pip install p==1\nFROM b AS middle\nCOPY --from=builder " + tt.copied + " /x\nFROM c\nCOPY --from=middle /usr/local /usr/local\n"
		if got := Parse("Dockerfile", []byte(src)).carried(); got[0] != tt.want || !got[1] || !got[2] {
			t.Errorf("%q, COPY %s: %v, want the first to be %v", tt.stage, tt.copied, got, tt.want)
		}
	}
}
