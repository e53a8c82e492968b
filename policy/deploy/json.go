package deploy

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/tallyman/tallyman/internal/limit"
)

// IsJSON reports whether a file of this path is JSON by its name.
func IsJSON(name string) bool { return strings.EqualFold(path.Ext(name), ".json") }

// MayDeploy reports whether JSON can have the two keys of a Kubernetes object,
// so that what cannot is not parsed.
func MayDeploy(data []byte) bool {
	data = letters(data)
	has := func(key string) bool { return bytes.Contains(data, []byte(key)) }
	return has(`\u`) && has("ind") || has("kind") && has("apiVersion")
}

// letters is the text of a file to look for keys in: of UTF-16, in which some
// shells write what a program prints and YAML may be, the ASCII letters.
// https://yaml.org/spec/1.2.2/#52-character-encodings
func letters(data []byte) []byte {
	if bytes.HasPrefix(data, []byte("\xff\xfe")) || bytes.HasPrefix(data, []byte("\xfe\xff")) {
		return bytes.ReplaceAll(data[2:], []byte{0}, nil)
	}
	return data
}

// documentsOf is documents for a file of this name. JSON is read as JSON: most
// of it is YAML too, but not that which is indented with tabs, nor two objects
// in a row, and kubectl takes both. What is not JSON from its beginning is read
// as YAML, as kubectl and compose do whatever the name is.
// https://pkg.go.dev/k8s.io/apimachinery/pkg/util/yaml#YAMLOrJSONDecoder
func documentsOf(name string, data []byte, visit func(root *yaml.Node)) error {
	if !IsJSON(name) {
		return documents(data, visit)
	}
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	r := &jsonReader{decoder: json.NewDecoder(bytes.NewReader(data)), data: data, line: 1}
	r.decoder.UseNumber()
	for first := true; ; first = false {
		root, err := r.next(0)
		var syntax *json.SyntaxError
		switch {
		case errors.Is(err, io.EOF) && root == nil:
			return nil
		case first && errors.As(err, &syntax):
			return documents(data, visit)
		case root != nil && errors.Is(err, io.ErrUnexpectedEOF):
			visit(root) // what was read of one that is cut short
			return err
		case err != nil:
			return err
		}
		visit(root)
	}
}

// jsonReader makes nodes of JSON, as the YAML reader does.
type jsonReader struct {
	decoder *json.Decoder
	data    []byte
	// counted is up to where the lines were counted, line the one there.
	counted, line int
}

// errEnd is the end of a list or an object.
var errEnd = errors.New("an end without a beginning")

// next is the next value, nil and io.EOF when there is none.
func (r *jsonReader) next(depth int) (*yaml.Node, error) {
	token, err := r.decoder.Token()
	if err != nil {
		return nil, err
	}
	at := int(r.decoder.InputOffset())
	r.line += bytes.Count(r.data[r.counted:at], []byte("\n"))
	r.counted = at
	if depth > limit.DeploymentDepth {
		return nil, fmt.Errorf("line %d: it nests deeper than %d", r.line, limit.DeploymentDepth)
	}
	scalar := func(tag, value string) (*yaml.Node, error) {
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: tag, Value: value, Line: r.line}, nil
	}
	switch token := token.(type) {
	case string:
		return scalar("!!str", token)
	case json.Number:
		return scalar("!!float", token.String())
	case bool:
		return scalar("!!bool", fmt.Sprint(token))
	case json.Delim:
		switch token {
		case '{':
			return r.list(&yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", Line: r.line}, depth)
		case '[':
			return r.list(&yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq", Line: r.line}, depth)
		}
		return nil, errEnd
	}
	return scalar("!!null", "null")
}

// list reads the members of an object or a list up to its end.
func (r *jsonReader) list(n *yaml.Node, depth int) (*yaml.Node, error) {
	for {
		member, err := r.next(depth + 1)
		switch {
		case errors.Is(err, errEnd):
			return n, nil
		case errors.Is(err, io.EOF):
			return n, io.ErrUnexpectedEOF
		case err != nil:
			if member != nil {
				n.Content = append(n.Content, member)
			}
			return n, err
		}
		n.Content = append(n.Content, member)
	}
}

// keyOf is a regular expression for a key of JSON, or of YAML in any style.
func keyOf(name string) string {
	return `["']` + name + `["']|(?m:^|[{,])[ \t]*(?:- )?` + name + `[ \t]*:`
}

var (
	brokenKind       = regexp.MustCompile(keyOf("kind"))
	brokenAPIVersion = regexp.MustCompile(keyOf("apiVersion"))
	brokenServices   = regexp.MustCompile(`(?m)["']services["']\s*:\s*(?:\{|<<<<<<< |$)|^services[ \t]*:[ \t\r]*(?:\{|#|$)`)
	brokenImage      = regexp.MustCompile(keyOf("image") + "|" + keyOf("build"))
)

// brokenObject reports whether a text that cannot be parsed is one of
// Kubernetes objects by the keys that are in it somewhere. What nobody can
// parse is no data that may be passed over: one brace less would hide an image.
func brokenObject(data []byte) bool {
	data = letters(data)
	return brokenKind.Match(data) && brokenAPIVersion.Match(data)
}

// brokenCompose is brokenObject for a compose file.
func brokenCompose(data []byte) bool {
	data = letters(data)
	return brokenServices.Match(data) && brokenImage.Match(data)
}
