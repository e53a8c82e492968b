package lint

import (
	"slices"
	"strings"
)

// NamesSecret reports whether a variable of this name usually holds a secret:
// one of its words says so, and neither is it about how many tokens a model may
// give nor does its last word say that it only tells where the secret is.
func NamesSecret(name string) bool {
	words := strings.FieldsFunc(strings.ToLower(name), func(r rune) bool { return r == '_' || r == '-' || r == '.' })
	has := func(list ...string) bool {
		return slices.ContainsFunc(words, func(w string) bool { return slices.Contains(list, w) })
	}
	switch {
	case len(words) == 0, has("public"):
		return false
	case slices.Contains([]string{"file", "path", "dir", "name", "id", "url", "uri", "type", "endpoint", "expiration", "ttl"}, words[len(words)-1]):
		return false
	case has("secret", "password", "passwd", "passphrase", "pwd", "credential", "credentials", "apikey", "pat"):
		return true
	case has("token", "tokens"):
		return !has("max", "min", "num", "n", "limit", "count", "budget", "length", "per", "total", "context", "new")
	}
	return has("key") && (len(words) == 1 || has("api", "access", "private", "secret", "signing", "encryption", "service", "account") ||
		slices.Contains([]string{"hf", "openai", "anthropic", "groq", "google", "gemini", "azure", "aws", "cohere", "mistral", "replicate", "pinecone", "tavily", "serper"}, words[0]))
}
