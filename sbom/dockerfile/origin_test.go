package dockerfile_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/tallyman/tallyman/sbom"
	"github.com/tallyman/tallyman/sbom/dockerfile"
)

const originFile = `ARG TAG=3.12
FROM python:${TAG} AS build
RUN make wheel
FROM python:${TAG}-slim AS run
ARG DIR=/app
WORKDIR ${DIR}
RUN apt-get update \
 && apt-get install -y curl
COPY --from=build --chown=1:1 /dist/ wheels/
FROM run
RUN pip install --index-url https://me:hunter2@pypi.example.com/simple wheels/*
RUN <<EOF
set -e
make   install
EOF
RUN ["python", "-m", "compileall", "."]
COPY . .
ENV A=b
CMD ["python"]
`

// TestOrigins lays the histories of several builders beside one Dockerfile.
func TestOrigins(t *testing.T) {
	const bottom = "/bin/sh -c #(nop) ADD file:a1 in / "
	buildkit := []string{
		"WORKDIR /app", "RUN /bin/sh -c apt-get update  && apt-get install -y curl # buildkit", "COPY --chown=1:1 /dist/ wheels/ # buildkit",
		"RUN /bin/sh -c pip install --index-url https://me:hunter2@pypi.example.com/simple wheels/* # buildkit",
		"RUN /bin/sh -c set -e\nmake   install\n # buildkit", "RUN python -m compileall . # buildkit", "COPY . . # buildkit",
	}
	arguments := slices.Clone(buildkit)
	arguments[1] = "RUN |1 DIR=/app /bin/sh -c apt-get update  && apt-get install -y curl # buildkit"
	changed := slices.Clone(buildkit)
	changed[6] = "COPY src . # buildkit"
	for _, test := range []struct {
		name    string
		history []string
		want    string // a line of the Dockerfile for each layer, "-" for none
		base    int
	}{
		{"BuildKit", slices.Concat([]string{bottom, "RUN /bin/sh -c install python # buildkit"}, buildkit), "- - 6 7 9 11 12 16 17", 2},
		{"a folder that was there", slices.Concat([]string{bottom}, buildkit[1:]), "- 7 9 11 12 16 17", 1},
		{"docker's first builder", []string{
			bottom, "/bin/sh -c #(nop) WORKDIR /app", "/bin/sh -c apt-get update  && apt-get install -y curl", "/bin/sh -c #(nop) COPY --chown=1:1 dir:9f in wheels/ ",
			"|1 DIR=/app /bin/sh -c pip install --index-url https://me:hunter2@pypi.example.com/simple wheels/*",
			"/bin/sh -c set -e make install", "python -m compileall .", "/bin/sh -c #(nop) COPY dir:77 in . ",
		}, "- 6 7 9 11 12 16 17", 1},
		{"kaniko", []string{
			bottom, "WORKDIR /app", "RUN apt-get update  && apt-get install -y curl", "COPY --from=build --chown=1:1 /dist/ wheels/",
			"RUN pip install --index-url https://me:hunter2@pypi.example.com/simple wheels/*", "RUN set -e make install", "RUN python -m compileall .", "COPY . .",
		}, "- 6 7 9 11 12 16 17", 1},
		{"build arguments", slices.Concat([]string{bottom}, arguments), "- 6 7 9 11 12 16 17", 1},
		{"an instruction changed since", slices.Concat([]string{bottom}, changed), "- 6 7 9 11 12 16 -", 0},
		{"a layer between", slices.Concat([]string{bottom}, buildkit[:6], []string{"RUN /bin/sh -c curl x | sh"}, buildkit[6:]), "- 6 7 9 11 12 16 - 17", 0},
		{"a layer on top", slices.Concat([]string{bottom}, buildkit, []string{"RUN /bin/sh -c curl x | sh"}), "- 6 7 9 11 12 16 17 -", 0},
		{"no instruction ran", []string{bottom, "RUN /bin/sh -c make # buildkit"}, "- -", 0},
		{"no history", []string{"", ""}, "- -", 0},
		{"nothing below", buildkit, "6 7 9 11 12 16 17", 0},
	} {
		file := dockerfile.Parse("Dockerfile", []byte(originFile))
		var layers []sbom.Layer
		for _, line := range test.history {
			layers = append(layers, sbom.Layer{CreatedBy: sbom.RedactCommand(line)})
		}
		origins := file.Origins(layers)
		var got []string
		for _, in := range origins.Made {
			if in == nil {
				got = append(got, "-")
				continue
			}
			got = append(got, fmt.Sprint(in.Line))
		}
		if line := strings.Join(got, " "); line != test.want || origins.Base != test.base {
			t.Errorf("%s: got %s, base %d, want %s, base %d", test.name, line, origins.Base, test.want, test.base)
		}
	}
}

// TestOriginsOfHeredocs: what BuildKit writes of here-documents and addresses.
// https://github.com/moby/buildkit/blob/v0.34.2/frontend/dockerfile/dockerfile2llb/convert.go
func TestOriginsOfHeredocs(t *testing.T) {
	file := dockerfile.Parse("Dockerfile", []byte("FROM scratch\n"+
		"RUN <<PY\n#!/usr/bin/env python\nprint()\nPY\n"+
		"RUN cat <<A > /a && cat <<-B > /b\nx\nA\ny\nB\n"+
		"COPY <<\"C\" /etc/c\nz\nC\n"+
		"ADD --checksum=sha256:00 https://me:hunter2@example.com/x.tar /x/\n"+
		"RUN --mount=type=secret,id=t TOKEN=hunter2 make\n"))
	layers := []sbom.Layer{}
	for _, line := range []string{
		"RUN /bin/sh -c /dev/pipes/PY # buildkit", "RUN /bin/sh -c cat <<A > /a && cat <<-B > /b\nx\nA\ny\nB\n # buildkit", "COPY <<C /etc/c # buildkit",
		"ADD https://me:hunter2@example.com/x.tar /x/ # buildkit", "RUN /bin/sh -c TOKEN=hunter2 make # buildkit",
	} {
		layers = append(layers, sbom.Layer{CreatedBy: sbom.RedactCommand(line)})
	}
	for i, in := range file.Origins(layers).Made {
		if in == nil {
			t.Errorf("%q was made by no instruction", layers[i].CreatedBy)
		}
	}
}
