package fix

import (
	"bytes"
	"encoding/json"
	"flag"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/tallyman/tallyman/vuln"
)

var update = flag.Bool("update", false, "rewrite docs/schema/fix.schema.json from the Go types")

const schemaFile = "../../docs/schema/fix.schema.json"

// comments returns the doc comments of this package's types and fields, by
// "Type" and "Type.Field".
func comments(t *testing.T) map[string]string {
	t.Helper()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	text := func(c *ast.CommentGroup) string { return strings.Join(strings.Fields(c.Text()), " ") }
	for _, name := range files {
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			d, ok := n.(*ast.GenDecl)
			if !ok || d.Tok != token.TYPE || len(d.Specs) != 1 {
				return true
			}
			spec := d.Specs[0].(*ast.TypeSpec)
			out[spec.Name.Name] = text(d.Doc)
			s, ok := spec.Type.(*ast.StructType)
			if !ok {
				return true
			}
			above := ""
			for _, field := range s.Fields.List {
				if doc := text(field.Doc); doc != "" {
					above = doc
				}
				for _, id := range field.Names {
					out[spec.Name.Name+"."+id.Name] = above
				}
			}
			return true
		})
	}
	return out
}

// schemaOf describes a type as encoding/json writes it.
func schemaOf(t *testing.T, typ reflect.Type, docs map[string]string) map[string]any {
	t.Helper()
	switch {
	case typ == reflect.TypeFor[vuln.Finding]():
		return map[string]any{"$ref": "vuln.schema.json#/$defs/vuln.Finding"}
	case typ.Kind() == reflect.Slice:
		return map[string]any{"type": "array", "items": schemaOf(t, typ.Elem(), docs)}
	case typ.Kind() == reflect.Struct:
		properties, required := map[string]any{}, []string{}
		for f := range typ.Fields() {
			name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
			p := schemaOf(t, f.Type, docs)
			if p["description"] = docs[typ.Name()+"."+f.Name]; p["description"] == "" {
				t.Errorf("%s.%s has no comment", typ, f.Name)
			}
			if properties[name] = p; options == "" {
				required = append(required, name)
			}
		}
		slices.Sort(required)
		return map[string]any{"type": "object", "description": docs[typ.Name()], "properties": properties, "required": required}
	}
	plain := map[reflect.Kind]string{reflect.String: "string", reflect.Bool: "boolean", reflect.Int: "integer"}[typ.Kind()]
	if plain == "" {
		t.Fatalf("no schema for %s", typ)
	}
	return map[string]any{"type": plain}
}

// TestSchemaDescribesTheResult holds the published schema against the Go types.
func TestSchemaDescribesTheResult(t *testing.T) {
	schema := schemaOf(t, reflect.TypeFor[Result](), comments(t))
	schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	schema["$id"] = "https://github.com/tallyman/tallyman/docs/schema/fix.schema.json"
	schema["title"] = "Edits that cure findings (tallyman fix --format json)"
	schema["properties"].(map[string]any)["outcome"].(map[string]any)["enum"] = []string{"allowed", "denied", "undecided"}
	var want bytes.Buffer
	e := json.NewEncoder(&want)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(schema); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(schemaFile, want.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(schemaFile)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want.String(), string(got)); diff != "" {
		t.Errorf("%s differs from the Go types (-types +file); run go test ./vuln/fix -run TestSchema -update:\n%s", schemaFile, diff)
	}
}

// TestResultsAreValid: a result satisfies the schema, and does not with
// anything taken from it.
func TestResultsAreValid(t *testing.T) {
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	for _, name := range []string{"fix", "vuln"} {
		data, err := os.ReadFile("../../docs/schema/" + name + ".schema.json")
		if err != nil {
			t.Fatal(err)
		}
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		if err := c.AddResource("https://github.com/tallyman/tallyman/docs/schema/"+name+".schema.json", doc); err != nil {
			t.Fatal(err)
		}
	}
	schema, err := c.Compile("https://github.com/tallyman/tallyman/docs/schema/fix.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	findings := []vuln.Finding{found("gradio", "requirements.txt", 1, "5"), found("gradio", "uv.lock", 1, "5")}
	plan := New(fstest.MapFS{"requirements.txt": {Data: []byte("gradio>=4\n")}}, findings, Options{})
	value := func() map[string]any {
		findings[1].Severity = vuln.SeverityHigh
		data, err := json.Marshal(Result{Edits: plan.Edits, Refused: plan.Refused, Left: findings[1:], Outcome: "denied", Written: true})
		if err != nil {
			t.Fatal(err)
		}
		v, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		return v.(map[string]any)
	}
	if err := schema.Validate(value()); err != nil {
		t.Error(err)
	}
	for _, name := range []string{"edits", "refused", "left", "outcome", "written"} {
		v := value()
		delete(v, name)
		if schema.Validate(v) == nil {
			t.Errorf("valid without %s", name)
		}
		if list, ok := value()[name].([]any); ok {
			for key := range list[0].(map[string]any) {
				v := value()
				one := v[name].([]any)[0].(map[string]any)
				if one[key] = 1.5; schema.Validate(v) == nil {
					t.Errorf("valid with a number as %s of %s", key, name)
				}
			}
		}
	}
	v := value()
	if v["outcome"] = "fine"; schema.Validate(v) == nil {
		t.Error("valid with an unknown outcome")
	}
}
