package dockerfile

import "testing"

// TestWhatIsForDevelopmentIsInstalled: an attacker, or a careless author, puts
// a package into the group dev and installs that into the image.
func TestWhatIsForDevelopmentIsInstalled(t *testing.T) {
	for _, test := range []struct {
		run  string
		want bool
	}{
		{"RUN pip install --group dev", true},
		{"RUN pip install --group tools/pyproject.toml:Dev", true},
		{"RUN pip install --group $GROUP", true},
		{"RUN pip install --group docs .", false},
		{"RUN uv pip install --group=dev", true},
		{"RUN uv sync", true},
		{"RUN uv sync --frozen --no-dev", false},
		{"RUN uv sync --no-default-groups", false},
		{"RUN uv sync --no-default-groups --group dev", true},
		{"RUN uv sync --no-group dev", false},
		{"RUN uv sync --only-group docs", false},
		{"RUN uv sync --only-group dev", true},
		{"ENV UV_NO_DEV=1\nRUN uv sync", false},
		{"ENV UV_NO_DEV=1\nENV UV_NO_DEV=0\nRUN uv sync", true},
		{"ENV UV_NO_DEV=1\nRUN uv sync --all-groups", true},
		{"FROM python:3.12 AS other\nENV UV_NO_DEV=1\nFROM python:3.12\nRUN uv sync", true},
		{"ENV UV_NO_DEV=1\nFROM base\nRUN uv sync", false},
		{"RUN uv sync\nFROM python:3.12\nRUN true", false},
		{"RUN uv sync\nFROM python:3.12\nCOPY --from=base /app/.venv /app/.venv", true},
		{"RUN poetry install", true},
		{"RUN poetry install --with dev --no-root", true},
		{"RUN poetry install --only main", false},
		{"RUN poetry install --only main,dev", true},
		{"RUN poetry install --without test,dev", false},
		{"RUN poetry install --without $OUT", true},
		{"RUN poetry sync --no-root", true},
		{"RUN pipenv sync", false},
		{"RUN pipenv install --dev --system", true},
		{"RUN uv add --dev demo==1.0", true},
		{"RUN poetry add -G dev demo", true},
		{"RUN pip install demo", false},
	} {
		file := Parse("Dockerfile", []byte("FROM python:3.12 AS base\n"+test.run+"\n"))
		if got := file.InstallsDev(); got != test.want {
			t.Errorf("%s: %v", test.run, got)
		}
	}
}
