package lint

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParsePragma(t *testing.T) {
	for _, tt := range []struct {
		comment string
		want    Pragma
		ok      bool
	}{
		{"hadolint ignore=DL3008,DL3009", Pragma{Line: 1, Tool: "hadolint", IDs: []string{"DL3008", "DL3009"}}, true},
		{"hadolint ignore = dl3008 , DL3009 # why", Pragma{Line: 1, Tool: "hadolint", IDs: []string{"DL3008", "DL3009"}, Reason: "why"}, true},
		{"hadolint global ignore=DL3008", Pragma{Line: 1, Tool: "hadolint", IDs: []string{"DL3008"}, Global: true}, true},
		{"tallyman ignore=GR-IMG-01 drops root itself", Pragma{Line: 1, Tool: "tallyman", IDs: []string{"GR-IMG-01"}, Reason: "drops root itself"}, true},
		{"hadolint ignore=", Pragma{Line: 1, Tool: "hadolint"}, false},
		{"hadolint shell=powershell", Pragma{}, false},
		{"check=skip=all", Pragma{}, false},
		{"see hadolint ignore=DL3008", Pragma{}, false},
		{"", Pragma{}, false},
	} {
		got, ok := ParsePragma(1, tt.comment)
		if diff := cmp.Diff(tt.want, got); diff != "" || ok != tt.ok {
			t.Errorf("%q: %v (-want +got):\n%s", tt.comment, ok, diff)
		}
	}
}
