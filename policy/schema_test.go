package policy

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/tallyman/tallyman/policy/lint"
	"github.com/tallyman/tallyman/sbom"
	"github.com/tallyman/tallyman/vuln"
)

var update = flag.Bool("update", false, "rewrite docs/schema from the Go types")

const schemaDir = "../docs/schema"

// schemas are the published ones: a file, and the Go type that it describes.
var schemas = []struct{ file, title, pkg, typ string }{
	{"input", "What a policy of tallyman sees as input", "policy", "Document"},
	{"decision", "A decision of tallyman", "policy", "Decision"},
	{"report", "The whole result of an audit (tallyman audit --format json)", "audit", "Report"},
	{"sbom", "An inventory (tallyman sbom --format json)", "sbom", "Document"},
	{"vuln", "Findings (tallyman vuln --format json)", "vuln", "Result"},
	{"lint", "Lint findings (tallyman lint --format json)", "lint", "Result"},
	{"verify", "Signatures (tallyman verify --format json)", "policy", "Verification"},
	{"sweep", "What became of a registry's images (tallyman sweep --format json)", "sweep", "Result"},
}

// sources are the packages that the published types live in, by name.
var sources = map[string]string{
	"policy": ".", "lint": "lint", "sbom": "../sbom", "vuln": "../vuln", "audit": "../internal/audit", "sweep": "../internal/sweep",
}

// TestSchemasDescribeTheGoTypes holds every schema against the fields that the
// Go types have, both ways. Descriptions are the doc comments; a changed
// sentence alone does not fail the test, a missing one does.
func TestSchemasDescribeTheGoTypes(t *testing.T) {
	g := newGenerator(t)
	for _, s := range schemas {
		t.Run(s.file, func(t *testing.T) {
			name := filepath.Join(schemaDir, s.file+".schema.json")
			want := g.schema(s.file, s.title, s.pkg, s.typ)
			if *update {
				var buf bytes.Buffer
				e := json.NewEncoder(&buf)
				e.SetEscapeHTML(false)
				e.SetIndent("", "  ")
				if err := e.Encode(want); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(name, buf.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			got := readJSON(t, name)
			requireDescriptions(t, s.file, got)
			if diff := cmp.Diff(plainSchema(t, want), plainSchema(t, got)); diff != "" {
				t.Errorf("%s differs from the Go types (-types +file); run go test ./policy -run TestSchemas -update:\n%s", name, diff)
			}
		})
	}
}

func readJSON(t *testing.T, name string) any {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var v any
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return v
}

// plainSchema drops what is for people.
func plainSchema(t *testing.T, v any) any {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var out any
	if err := json.Unmarshal(data, &out); err != nil {
		t.Fatal(err)
	}
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			if _, ok := v["description"].(string); ok {
				delete(v, "description")
			}
			for _, e := range v {
				walk(e)
			}
		case []any:
			for _, e := range v {
				walk(e)
			}
		}
	}
	walk(out)
	return out
}

// requireDescriptions fails for each property without one.
func requireDescriptions(t *testing.T, where string, v any) {
	t.Helper()
	object, _ := v.(map[string]any)
	properties, _ := object["properties"].(map[string]any)
	for name, p := range properties {
		if text, _ := p.(map[string]any)["description"].(string); text == "" {
			t.Errorf("%s: %s has no description", where, name)
		}
	}
	defs, _ := object["$defs"].(map[string]any)
	for name, d := range defs {
		requireDescriptions(t, where+" "+name, d)
	}
}

// generator makes JSON Schema from Go source.
type generator struct {
	t *testing.T
	// types and docs are by "package.Type"; values are the constants of a type.
	types  map[string]*ast.TypeSpec
	docs   map[string]string
	values map[string][]string
	defs   map[string]any
}

func newGenerator(t *testing.T) *generator {
	g := &generator{t: t, types: map[string]*ast.TypeSpec{}, docs: map[string]string{}, values: map[string][]string{}}
	for name, dir := range sources {
		files, err := filepath.Glob(filepath.Join(dir, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			g.read(name, parsed)
		}
	}
	g.values["policy.Outcome"] = []string{Undecided.String(), Allowed.String(), Denied.String()}
	return g
}

func (g *generator) read(pkg string, file *ast.File) {
	for _, d := range file.Decls {
		decl, ok := d.(*ast.GenDecl)
		if !ok {
			continue
		}
		for _, spec := range decl.Specs {
			switch spec := spec.(type) {
			case *ast.TypeSpec:
				g.types[pkg+"."+spec.Name.Name] = spec
				g.docs[pkg+"."+spec.Name.Name] = sentence(spec.Doc, decl.Doc)
			case *ast.ValueSpec:
				typ, ok := spec.Type.(*ast.Ident)
				if !ok || decl.Tok != token.CONST || len(spec.Values) != 1 {
					continue
				}
				if lit, ok := spec.Values[0].(*ast.BasicLit); ok && lit.Kind == token.STRING {
					s, _ := strconv.Unquote(lit.Value)
					g.values[pkg+"."+typ.Name] = append(g.values[pkg+"."+typ.Name], s)
				}
			}
		}
	}
}

// sentence is the first comment that says something, on one line.
func sentence(groups ...*ast.CommentGroup) string {
	for _, c := range groups {
		if text := strings.Join(strings.Fields(c.Text()), " "); text != "" {
			return text
		}
	}
	return ""
}

func (g *generator) schema(file, title, pkg, typ string) map[string]any {
	g.defs = map[string]any{}
	var root map[string]any
	if _, ok := g.types[pkg+"."+typ]; ok {
		root = g.object(pkg, pkg+"."+typ)
	} else {
		// The JSON of a stage that has no type of its own is a list beside the gaps.
		list := map[string]*ast.Field{
			"lint.Result":         field("Findings", &ast.ArrayType{Elt: ast.NewIdent("Finding")}, "findings", "The findings, sorted."),
			"policy.Verification": field("Signatures", &ast.ArrayType{Elt: ast.NewIdent("Signature")}, "signatures", "The signatures and attestations, sorted."),
		}[pkg+"."+typ]
		gaps := field("Gaps", &ast.ArrayType{Elt: &ast.SelectorExpr{X: ast.NewIdent("sbom"), Sel: ast.NewIdent("Gap")}}, "gaps", "What could not be read, sorted.")
		root = g.fields(pkg, &ast.FieldList{List: []*ast.Field{list, gaps}})
	}
	root["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	root["$id"] = "https://github.com/tallyman/tallyman/docs/schema/" + file + ".schema.json"
	root["title"] = title
	root["$defs"] = g.defs
	return root
}

func field(name string, typ ast.Expr, tag, doc string) *ast.Field {
	return &ast.Field{Names: []*ast.Ident{ast.NewIdent(name)}, Type: typ,
		Tag: &ast.BasicLit{Value: fmt.Sprintf("`json:%q`", tag)}, Doc: &ast.CommentGroup{List: []*ast.Comment{{Text: "// " + doc}}}}
}

func (g *generator) object(pkg, name string) map[string]any {
	structure, ok := g.types[name].Type.(*ast.StructType)
	if !ok {
		g.t.Fatalf("%s is not a struct", name)
	}
	o := g.fields(pkg, structure.Fields)
	o["description"] = g.docs[name]
	return o
}

func (g *generator) fields(pkg string, list *ast.FieldList) map[string]any {
	properties, required := map[string]any{}, []string{}
	// A comment may speak of the fields below it as well.
	doc := ""
	for _, f := range list.List {
		if len(f.Names) == 0 {
			embedded := g.object(embeddedIn(pkg, f.Type))
			maps.Copy(properties, embedded["properties"].(map[string]any))
			required = append(required, embedded["required"].([]string)...)
			continue
		}
		if !f.Names[0].IsExported() {
			continue
		}
		tag, _ := strconv.Unquote(f.Tag.Value)
		name, options, _ := strings.Cut(reflect.StructTag(tag).Get("json"), ",")
		if name == "-" {
			continue
		}
		if text := sentence(f.Doc, f.Comment); text != "" {
			doc = text
		}
		p := g.typ(pkg, f.Type)
		p["description"] = doc
		if own := sentence(f.Doc, f.Comment); own == "" {
			p["description"] = strings.TrimSpace(describe(f.Names[0].Name, g.typeDoc(pkg, f.Type), doc))
		}
		properties[name] = p
		if options == "" {
			required = append(required, name)
		}
	}
	slices.Sort(required)
	required = slices.Compact(required) // a field may stand for one that is embedded
	return map[string]any{"type": "object", "properties": properties, "required": required}
}

// embeddedIn returns the package and the full name of an embedded type.
func embeddedIn(pkg string, e ast.Expr) (owner, name string) {
	if star, ok := e.(*ast.StarExpr); ok {
		e = star.X
	}
	if other, ok := e.(*ast.SelectorExpr); ok {
		owner = other.X.(*ast.Ident).Name
		return owner, owner + "." + other.Sel.Name
	}
	return pkg, pkg + "." + e.(*ast.Ident).Name
}

// describe is for a field without a comment: its type's, else the comment
// above when that names it, else its name in words.
func describe(name, typeDoc, above string) string {
	if typeDoc != "" {
		return typeDoc
	}
	if strings.Contains(above, name) {
		return above
	}
	var words strings.Builder
	for i, r := range name {
		if i > 0 && 'A' <= r && r <= 'Z' {
			words.WriteByte(' ')
		}
		words.WriteRune(r)
	}
	return "The " + strings.ToLower(words.String()) + "."
}

func (g *generator) typeDoc(pkg string, e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return g.docs[pkg+"."+e.Name]
	case *ast.SelectorExpr:
		return g.docs[e.X.(*ast.Ident).Name+"."+e.Sel.Name]
	case *ast.StarExpr:
		return g.typeDoc(pkg, e.X)
	case *ast.ArrayType:
		return g.typeDoc(pkg, e.Elt)
	}
	return ""
}

func (g *generator) typ(pkg string, e ast.Expr) map[string]any {
	switch e := e.(type) {
	case *ast.StarExpr:
		return g.typ(pkg, e.X)
	case *ast.ArrayType:
		return map[string]any{"type": "array", "items": g.typ(pkg, e.Elt)}
	case *ast.MapType:
		return map[string]any{"type": "object", "additionalProperties": g.typ(pkg, e.Value)}
	case *ast.SelectorExpr:
		other := e.X.(*ast.Ident).Name
		if other == "time" {
			return map[string]any{"type": "string", "format": "date-time"}
		}
		return g.named(other, other+"."+e.Sel.Name)
	case *ast.Ident:
		switch e.Name {
		case "string":
			return map[string]any{"type": "string"}
		case "bool":
			return map[string]any{"type": "boolean"}
		case "int", "int64":
			return map[string]any{"type": "integer"}
		}
		return g.named(pkg, pkg+"."+e.Name)
	}
	g.t.Fatalf("no schema for %T", e)
	return nil
}

func (g *generator) named(pkg, name string) map[string]any {
	spec, ok := g.types[name]
	if !ok {
		g.t.Fatalf("no type %s", name)
	}
	if _, isStruct := spec.Type.(*ast.StructType); isStruct {
		if _, seen := g.defs[name]; !seen {
			g.defs[name] = nil // a type may hold itself
			g.defs[name] = g.object(pkg, name)
		}
	} else {
		if len(g.values[name]) == 0 {
			g.t.Fatalf("%s has no constants", name)
		}
		g.defs[name] = map[string]any{"type": "string", "enum": slices.Sorted(slices.Values(g.values[name])), "description": g.docs[name]}
	}
	return map[string]any{"$ref": "#/$defs/" + name}
}

func compileSchema(t *testing.T, name string) *jsonschema.Schema {
	t.Helper()
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	c.AssertFormat()
	s, err := c.Compile(filepath.Join(schemaDir, name+".schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// marshalled is v as a program reads it.
func marshalled(t *testing.T, v any) any {
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

func TestMarshalledValuesAreValid(t *testing.T) {
	full := crowded(50)
	full.Lint = []lint.Finding{rootFinding()}
	full.Gaps = []sbom.Gap{sbom.NewGap(sbom.GapInclude, "requirements.txt", 3, "missing")}
	full.Exceptions = []Exception{{ID: "DL3002", Reason: "known", Origin: "tallyman.yaml:3"}}
	for name, in := range map[string]Input{"clean": clean(), "empty": {AsOf: asOf}, "full": full} {
		t.Run(name, func(t *testing.T) {
			document, _, err := NewDocument(in)
			if err != nil {
				t.Fatal(err)
			}
			for schema, value := range map[string]any{
				"input": document, "decision": decide(t, in),
				"sbom":   sbom.Document{Components: document.Input.Components, Gaps: document.Gaps},
				"vuln":   vuln.Result{Findings: document.Input.Findings, Gaps: document.Gaps},
				"lint":   map[string]any{"findings": document.Lint, "gaps": document.Gaps},
				"verify": map[string]any{"signatures": document.Signatures, "gaps": document.Gaps},
			} {
				if err := compileSchema(t, schema).Validate(marshalled(t, value)); err != nil {
					t.Errorf("%s: %v", schema, err)
				}
			}
		})
	}
}

// A schema that accepts anything would pass the test above.
func TestSchemasRefuseWhenAttackerRemovesAField(t *testing.T) {
	document, _, err := NewDocument(crowded(5))
	if err != nil {
		t.Fatal(err)
	}
	schema := compileSchema(t, "input")
	for _, name := range []string{"findings", "gaps", "stages", "advisories", "snapshot_digest", "facts", "as_of"} {
		value := marshalled(t, document).(map[string]any)
		delete(value, name)
		if schema.Validate(value) == nil {
			t.Errorf("valid without %s", name)
		}
	}
	value := marshalled(t, document).(map[string]any)
	value["findings"].([]any)[0].(map[string]any)["verdict"] = "fine"
	if schema.Validate(value) == nil {
		t.Error("valid with an unknown verdict")
	}
}
