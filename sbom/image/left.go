package image

import (
	"bytes"
	"cmp"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/tallyman/tallyman/internal/limit"
	"github.com/tallyman/tallyman/sbom"
)

// Left is what a left file is.
type Left string

// The kinds of left files.
const (
	// LeftKey is a private key, or a store of them.
	LeftKey Left = "private-key"
	// LeftCredentials is a file in which a tool keeps a password or a token, or
	// one of the application's that holds a token.
	LeftCredentials Left = "credentials"
	// LeftEnv is a .env file that sets a variable that looks like a secret.
	LeftEnv Left = "env-file"
	// LeftGit is the history of a repository.
	LeftGit Left = "git-repository"
)

// LeftFile is a file that was put into an image and that should not be in one.
// Whoever can pull the image can read it, also when a later layer deletes it.
// Its content is nowhere kept.
type LeftFile struct {
	Path string
	What Left
	// Of says it more exactly ("a GitHub token", "an encrypted private key"), ""
	// when What says it all. It is one of few words of ours.
	Of string
	// Layer is the digest of the layer that holds it.
	Layer string
	// Deleted is true when a later layer removes it from sight.
	Deleted bool
}

// leftFact is a left file of a layer.
type leftFact struct {
	Path string `json:"path"`
	What Left   `json:"what"`
	Of   string `json:"of,omitempty"`
}

// left notes the file at p if it is one that should not be in an image: by its
// name and, where the name alone does not say it, by the beginning of its
// content; and a small one by its content alone, when it begins as a private key
// does, or is the application's and holds a token.
func (w *walker) left(p string, size int64, content io.Reader) error {
	what, tells := leftKind(p)
	if i := strings.Index(p+"/", "/.git/"); i >= 0 {
		switch p {
		case p[:i] + "/.git/HEAD", p[:i] + "/.git/config":
			w.leave(leftFact{Path: p[:i] + "/.git", What: LeftGit})
		}
		if base := path.Base(p); base != "config" && base != "config.worktree" {
			return nil
		}
		what, tells = LeftCredentials, gitLogin
	}
	if size == 0 {
		return nil
	}
	if what != "" && tells == nil {
		w.leave(leftFact{Path: p, What: what})
		return nil
	}
	small := size <= limit.LayerHeadBytes
	key := what == "" && small && w.head.mayBeKey() && !published(p)
	tokens := small && ofApplication(p)
	if tells == nil && !key && !tokens {
		return nil
	}
	w.text = slices.Grow(w.text[:0], limit.LayerHeadBytes)[:min(size, limit.LayerHeadBytes)]
	if _, err := io.ReadFull(content, w.text); err != nil {
		return err
	}
	switch {
	case tells != nil && tells(w.text):
		w.leave(leftFact{Path: p, What: what, Of: exactly(what, p, w.text)})
	case key && beginsKey(w.text):
		w.leave(leftFact{Path: p, What: LeftKey, Of: exactly(LeftKey, p, w.text)})
	case tokens && bytes.IndexByte(w.text, 0) < 0:
		for _, name := range tokensIn(w.text) {
			w.leave(leftFact{Path: p, What: LeftCredentials, Of: name})
		}
	}
	return nil
}

// exactly says what a left file is, where its kind does not say it all.
func exactly(what Left, p string, head []byte) string {
	switch {
	case what == LeftKey && encryptedKey(head):
		return "an encrypted private key"
	case what == LeftCredentials && gitConfig(p):
		return "git's configuration with a login"
	}
	return ""
}

// ofApplication reports whether the file at p may be the application's own: it is
// in none of the folders that distributions and package managers fill.
func ofApplication(p string) bool {
	for _, prefix := range []string{"/usr/src/app/", "/usr/app/"} {
		if strings.HasPrefix(p, prefix) {
			return !installed(p)
		}
	}
	for _, prefix := range []string{
		"/usr/", "/lib/", "/lib32/", "/lib64/", "/libx32/", "/bin/", "/sbin/", "/boot/", "/dev/", "/proc/", "/sys/", "/nix/", "/snap/", "/var/lib/", "/var/cache/", "/opt/conda/", "/opt/nvidia/", "/opt/rocm", "/opt/intel/",
	} {
		if strings.HasPrefix(p, prefix) {
			return false
		}
	}
	for _, part := range []string{"/.cache/", "/conda/", "/miniconda3/", "/anaconda3/", "/miniforge3/", "/micromamba/"} {
		if strings.Contains(p, part) {
			return false
		}
	}
	return !installed(p)
}

// leave notes a left file once. A layer with more than the bound of them has a
// gap that says so.
func (w *walker) leave(f leftFact) {
	switch n := len(w.facts.Left); {
	case n < limit.LayerLeftFiles:
		if !slices.Contains(w.facts.Left, f) {
			w.facts.Left = append(w.facts.Left, f)
		}
	case !w.leftTooMany:
		w.leftTooMany = true
		w.facts.Gaps = append(w.facts.Gaps, sbom.NewGap(sbom.GapTooLarge, "", 0, "more keys and credentials in one layer than are listed"))
	}
}

// leftKind says what a path would be, and what in its content has to agree; nil
// when the name says it all. Keys that packages bring for their own tests are
// everyone's, and no secret.
func leftKind(p string) (what Left, tells func([]byte) bool) {
	dir, base := path.Base(path.Dir(p)), path.Base(p)
	switch base {
	case "id_rsa", "id_dsa", "id_ecdsa", "id_ed25519":
		return LeftKey, privateKey
	case ".netrc", "_netrc", ".git-credentials", ".pypirc", ".pgpass":
		return LeftCredentials, nil
	case ".npmrc":
		return LeftCredentials, containsAny("_authToken=", "_auth=", "_password=")
	case "pip.conf", ".condarc", ".yarnrc.yml":
		return LeftCredentials, credentialURL
	case ".gitconfig":
		return LeftCredentials, gitLogin
	case "config.json":
		if dir == ".docker" {
			return LeftCredentials, containsAny(`"auth":`, `"auth" :`, `"identitytoken"`)
		}
	case "credentials":
		if dir == ".aws" {
			return LeftCredentials, nil
		}
	case "application_default_credentials.json":
		return LeftCredentials, nil
	case "config":
		switch {
		case dir == ".kube":
			return LeftCredentials, nil
		case gitConfig(p):
			return LeftCredentials, gitLogin
		}
	case "gitconfig":
		if gitConfig(p) {
			return LeftCredentials, gitLogin
		}
	case "token", "stored_tokens":
		if dir == "huggingface" || dir == ".huggingface" {
			return LeftCredentials, nil
		}
	case "secrets.toml":
		if dir == ".streamlit" {
			return LeftCredentials, nil
		}
	}
	return leftByExtension(p, base)
}

func leftByExtension(p, base string) (what Left, tells func([]byte) bool) {
	if published(p) {
		return "", nil
	}
	if base == ".env" || strings.HasPrefix(base, ".env.") {
		switch path.Ext(base) {
		case ".example", ".sample", ".template", ".dist", ".tmpl":
			return "", nil
		}
		return LeftEnv, secretAssignment
	}
	switch path.Ext(base) {
	case ".pem", ".key":
		return LeftKey, privateKey
	case ".p12", ".pfx", ".kdbx":
		return LeftKey, nil
	}
	return "", nil
}

// published reports whether a path is in a folder that packages fill with what
// everyone can download.
func published(p string) bool {
	for _, prefix := range []string{"/usr/lib/", "/usr/share/", "/lib/"} {
		if strings.HasPrefix(p, prefix) {
			return true
		}
	}
	return installed(p)
}

// installed reports whether a path is in a folder of installed packages, or of
// the standard library of Python or Go. A package brings keys for its own tests.
func installed(p string) bool {
	for _, part := range []string{"/site-packages/", "/dist-packages/", "/node_modules/", "/lib/python3.", "/go/pkg/mod/", "/.cargo/registry/"} {
		if strings.Contains(p, part) {
			return true
		}
	}
	return strings.HasPrefix(p, "/usr/local/lib/python") || strings.HasPrefix(p, "/usr/local/go/")
}

func containsAny(words ...string) func([]byte) bool {
	return func(head []byte) bool {
		return slices.ContainsFunc(words, func(w string) bool { return bytes.Contains(head, []byte(w)) })
	}
}

// credentialURL knows "https://user:password@host".
func credentialURL(head []byte) bool {
	for line := range bytes.Lines(head) {
		_, rest, found := bytes.Cut(line, []byte("://"))
		authority, _, _ := bytes.Cut(rest, []byte("/"))
		user, _, at := bytes.Cut(authority, []byte("@"))
		_, password, colon := bytes.Cut(user, []byte(":"))
		if found && at && colon && len(password) > 0 && !bytes.ContainsAny(password, "${") {
			return true
		}
	}
	return false
}

// secretAssignment knows "NAME=value" where the name looks like a secret's.
func secretAssignment(head []byte) bool {
	for line := range bytes.Lines(head) {
		name, value, found := bytes.Cut(bytes.TrimPrefix(bytes.TrimSpace(line), []byte("export ")), []byte("="))
		value = bytes.Trim(bytes.TrimSpace(value), `"'`)
		if found && len(value) > 0 && value[0] != '#' && sbom.LooksSecret(string(bytes.TrimSpace(name))) {
			return true
		}
	}
	return false
}

// leftFiles are the left files of all layers, sorted. A later layer that removes
// one, or a folder above it, makes it Deleted.
func leftFiles(layers []*layerFacts) []LeftFile {
	out := []LeftFile{}
	gone := goneLater(layers)
	for i, facts := range layers {
		for _, f := range facts.Left {
			deleted := gone[f.Path].removed > i
			for dir := f.Path; dir != "/" && !deleted; {
				dir = path.Dir(dir)
				deleted = gone[dir].removed > i || gone[dir].opaque > i
			}
			out = append(out, LeftFile{Path: f.Path, What: f.What, Of: f.Of, Layer: facts.Layer, Deleted: deleted})
		}
	}
	slices.SortStableFunc(out, func(a, b LeftFile) int {
		return cmp.Or(strings.Compare(a.Path, b.Path), strings.Compare(string(a.What), string(b.What)), strings.Compare(a.Of, b.Of))
	})
	return out
}

// whitedOut is the last layer with a whiteout of a path, and of what is in it;
// 0 for none, since the lowest layer's are about nothing.
type whitedOut struct{ removed, opaque int }

// goneLater looks for the whiteouts of left files and of the folders above
// them, by the names alone.
func goneLater(layers []*layerFacts) map[string]whitedOut {
	gone := map[string]whitedOut{}
	for _, facts := range layers {
		for _, f := range facts.Left {
			for p := f.Path; ; p = path.Dir(p) {
				if gone[p] = (whitedOut{}); p == "/" {
					break
				}
			}
		}
	}
	if len(gone) == 0 {
		return gone
	}
	for i, facts := range layers {
		for e := range facts.Gone.all() {
			is, asked := gone[e.Path]
			switch {
			case !asked:
			case e.Type == entryOpaque:
				gone[e.Path] = whitedOut{is.removed, i}
			default:
				gone[e.Path] = whitedOut{i, is.opaque}
			}
		}
	}
	return gone
}
