package lint

import "testing"

func TestNamesSecret(t *testing.T) {
	for name, want := range map[string]bool{
		"HF_TOKEN": true, "OPENAI_API_KEY": true, "openai-key": true, "DB_PASSWORD": true, "SECRET": true, "GITHUB_PAT": true, "KEY": true,
		"AWS_SECRET_ACCESS_KEY": true, "HUGGING_FACE_HUB_TOKEN": true, "TOKENS": true,
		"": false, "MODEL_ID": false, "MAX_NEW_TOKENS": false, "TOKEN_LIMIT": false, "MAX_TOKENS": false, "SECRET_FILE": false, "TOKEN_URL": false,
		"PUBLIC_KEY": false, "KEYBOARD": false, "SORT_KEY": false, "MONKEY": false, "TOKENIZERS_PARALLELISM": false, "_": false,
	} {
		if got := NamesSecret(name); got != want {
			t.Errorf("%q: %t", name, got)
		}
	}
}
