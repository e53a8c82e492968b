package deploy

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestBuilds(t *testing.T) {
	for _, test := range []struct {
		text string
		want []string
	}{
		{"services: {a: {build: ./demo/x}, b: {build: {context: ../app}}, c: {image: x}}", []string{"app", "deploy/demo/x"}},
		{"services: {a: {build: {dockerfile: demo/Dockerfile}}}", []string{"deploy", "deploy/demo"}},
		{"x: &x {build: demo}\nservices: {a: {<<: *x}}", []string{"deploy/demo"}},
		{"services: {a: {build: 'https://github.com/u/a.git'}, b: {build: /demo}, c: {build: ../../demo}, d: {build: '${D}'}, e: {build: 'git@h:u/a'}}", nil},
		{"services: {a: {build: [x]}}", []string{"deploy"}},
		{"services: []", nil}, {"- a", nil}, {"{", nil}, {"", nil},
	} {
		if diff := cmp.Diff(test.want, Builds("deploy/compose.yaml", []byte(test.text))); diff != "" {
			t.Errorf("%q (-want +got):\n%s", test.text, diff)
		}
	}
}
