package sweep_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/tallyman/tallyman/internal/audit"
	"github.com/tallyman/tallyman/internal/sweep"
	"github.com/tallyman/tallyman/policy"
	"github.com/tallyman/tallyman/vuln"
)

// The JSON of a sweep is what docs/schema says, with images, with none, and
// with one that could not be audited; without a field it is not.
func TestResultFollowsPublishedSchema(t *testing.T) {
	schema := compiled(t)
	s := &sweep.Sweep{
		Source: "registry.example.org",
		AsOf:   time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC),
		Resolve: func(_ context.Context, ref string) (sweep.Found, error) {
			switch ref {
			case "registry.example.org/gone:1":
				return sweep.Found{}, errors.New("not found")
			case "registry.example.org/app:sig":
				return sweep.Found{Digest: "sha256:4567", Artifact: "an artifact"}, nil
			}
			return sweep.Found{Digest: "sha256:0123", Images: []sweep.Entry{{Digest: "sha256:89ab", Platform: "linux/arm64"}}}, nil
		},
		Audit: func(context.Context, string, sweep.Entry) (*audit.Report, error) {
			return &audit.Report{
				Findings: []vuln.Finding{{Gates: true, Severity: vuln.SeverityHigh}},
				Decision: policy.Decision{Outcome: policy.Denied, Reasons: []policy.Reason{{Effect: policy.Deny, Message: "no"}}},
			}, nil
		},
	}
	for _, refs := range [][]string{nil, {"registry.example.org/app:1", "registry.example.org/app:2", "registry.example.org/app:sig", "registry.example.org/gone:1"}} {
		result, err := s.Run(t.Context(), refs)
		if err != nil {
			t.Fatal(err)
		}
		value := decoded(t, result).(map[string]any)
		if err := schema.Validate(value); err != nil {
			t.Errorf("the sweep of %d references: %v", len(refs), err)
		}
		for name := range value {
			if _, isList := value[name].([]any); !isList {
				continue
			}
			delete(value, name)
			if schema.Validate(value) == nil {
				t.Errorf("valid without %q", name)
			}
		}
	}
}

func compiled(t *testing.T) *jsonschema.Schema {
	t.Helper()
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	schema, err := c.Compile(filepath.Join("..", "..", "docs", "schema", "sweep.schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// decoded is v as a program reads it.
func decoded(t *testing.T, v any) any {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	out, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	return out
}
