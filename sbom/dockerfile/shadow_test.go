package dockerfile

import (
	"strings"
	"testing"
)

// TestAnotherFileUnderTheNameOfTheRequirements: an attacker leaves a harmless
// requirements.txt in the folder, and installs another one that has its name in
// the image.
func TestAnotherFileUnderTheNameOfTheRequirements(t *testing.T) {
	for _, test := range []struct{ lines, asked, gap string }{
		{"COPY requirements.txt /app/", "requirements.txt", ""},
		{"COPY deps/prod.lst /app/requirements.txt", "deps/prod.lst requirements.txt", ""},
		{`ADD ["deps/prod.lst", "/app/requirements.txt"]`, "deps/prod.lst requirements.txt", ""},
		{"COPY deps/requirements.txt .", "deps/requirements.txt requirements.txt", ""},
		{"COPY deps/$WHICH requirements.txt", "requirements.txt", `which requirement file "deps/$WHICH" is depends on the build`},
		{"COPY --from=ghcr.io/x/y /x/requirements.txt .", "requirements.txt", `"requirements.txt" comes out of another image, and is installed from`},
		{"COPY --from=base /x/requirements.txt .", "requirements.txt", ""},
		{"ADD https://x.org/requirements.txt .", "requirements.txt", `is none of the files of the build context`},
		{"COPY <<E requirements.txt\ndemo==1.0\nE", "requirements.txt", `"requirements.txt" is none of the files of the build context, and installed from`},
		{"RUN --mount=type=bind,source=deps/prod.lst,target=/app/requirements.txt true", "deps/prod.lst requirements.txt", ""},
		{"RUN --mount=type=bind,source=requirements.txt,target=requirements.txt true", "requirements.txt", ""},
		{"RUN echo demo==1.0 > requirements.txt", "requirements.txt", `"requirements.txt" is written while the image is built, and installed from`},
		{"RUN echo demo==1.0 >> /app/requirements.txt", "requirements.txt", `"/app/requirements.txt" is written`},
		{"RUN cat < requirements.txt", "requirements.txt", ""},
		{"RUN cp deps/prod.lst requirements.txt", "requirements.txt", `"requirements.txt" is written`},
		{"RUN cp requirements.txt /tmp/requirements.txt", "requirements.txt", ""},
		{"RUN mv requirements.txt /tmp/", "requirements.txt", ""},
		{"RUN sed -i s/harmless/demo/ requirements.txt", "requirements.txt", `"requirements.txt" is written`},
		{"RUN sed -n p requirements.txt", "requirements.txt", ""},
		{"RUN curl -o requirements.txt https://x.org/y", "requirements.txt", `"requirements.txt" is written`},
	} {
		file := Parse("Dockerfile", []byte("FROM python:3.12 AS base\nFROM python:3.12\n"+test.lines+"\nRUN pip install -r requirements.txt\n"))
		if got := strings.Join(file.Requirements(), " "); got != test.asked {
			t.Errorf("%s: requirements %s", test.lines, got)
		}
		var gaps []string
		for _, g := range file.Document().Gaps {
			gaps = append(gaps, g.Reason)
			if !g.Hides {
				t.Errorf("%s: a gap that hides nothing: %s", test.lines, g.Reason)
			}
		}
		if got := strings.Join(gaps, " "); !strings.Contains(got, test.gap) || test.gap == "" && got != "" {
			t.Errorf("%s: gaps %s", test.lines, got)
		}
	}
}
