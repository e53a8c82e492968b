package image

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"path"
	"regexp"
	"strings"
)

// mayBeKey reports whether the file at hand may begin as a private key does, by
// the bytes of it that are looked at anyway.
func (r *peeked) mayBeKey() bool {
	head := string(r.head[:r.to])
	return head == "----" || head == "PuTT" || strings.HasPrefix(head, "\ufeff") || head != "" && strings.ContainsAny(head[:1], " \t\r\n")
}

// beginsKey reports whether a file begins with a private key.
func beginsKey(head []byte) bool {
	line, _, _ := bytes.Cut(bytes.TrimSpace(bytes.TrimPrefix(head, []byte("\ufeff"))), []byte("\n"))
	return privateKey(line)
}

// privateKey knows the armour of private keys, and PuTTY's.
// https://www.rfc-editor.org/rfc/rfc7468#section-10
// https://www.rfc-editor.org/rfc/rfc9580#section-6.2
// https://the.earth.li/~sgtatham/putty/latest/htmldoc/AppendixC.html
func privateKey(head []byte) bool {
	for line := range bytes.Lines(head) {
		line = bytes.TrimSpace(line)
		if bytes.HasPrefix(line, []byte("-----BEGIN ")) && (bytes.HasSuffix(line, []byte("PRIVATE KEY-----")) || bytes.HasSuffix(line, []byte("PRIVATE KEY BLOCK-----"))) ||
			bytes.HasPrefix(line, []byte("PuTTY-User-Key-File-")) {
			return true
		}
	}
	return false
}

// encryptedKey reports whether the first private key of a file cannot be used
// without a passphrase. PGP's does not say it in its armour.
// https://www.rfc-editor.org/rfc/rfc7468#section-11
// https://www.rfc-editor.org/rfc/rfc1421#section-4.6.1.1
// https://github.com/openssh/openssh-portable/blob/master/PROTOCOL.key
func encryptedKey(head []byte) bool {
	_, key, found := bytes.Cut(head, []byte("PRIVATE KEY-----"))
	switch before := head[:len(head)-len(key)]; {
	case !found:
		return bytes.Contains(head, []byte("\nEncryption: aes"))
	case bytes.HasSuffix(before, []byte("BEGIN ENCRYPTED PRIVATE KEY-----")):
		return true
	case bytes.HasSuffix(before, []byte("BEGIN OPENSSH PRIVATE KEY-----")):
		return encryptedOpenSSH(key)
	}
	first, _, _ := bytes.Cut(bytes.TrimSpace(key), []byte("\n"))
	return string(bytes.TrimSpace(first)) == "Proc-Type: 4,ENCRYPTED"
}

// encryptedOpenSSH reads the name of the cipher, with which the key begins.
func encryptedOpenSSH(key []byte) bool {
	const magic = "openssh-key-v1\x00"
	key = bytes.TrimSpace(key)
	data := make([]byte, 48)
	if len(key) < base64.StdEncoding.EncodedLen(len(data)) {
		return false
	}
	if _, err := base64.StdEncoding.Decode(data, key[:base64.StdEncoding.EncodedLen(len(data))]); err != nil || !bytes.HasPrefix(data, []byte(magic)) {
		return false
	}
	size := binary.BigEndian.Uint32(data[len(magic):])
	name := data[len(magic)+4:]
	return int64(size) <= int64(len(name)) && string(name[:size]) != "none"
}

// gitConfig reports whether p is a configuration of git: a repository's, one of
// its submodules', a user's or the system's.
// https://git-scm.com/docs/git-config#FILES
func gitConfig(p string) bool {
	return strings.Contains(p, "/.git/") || path.Base(p) == ".gitconfig" || p == "/etc/gitconfig" || strings.HasSuffix(p, "/.config/git/config")
}

// authorizationHeader is what some build services leave in the configuration of
// the repository that they check out.
// https://git-scm.com/docs/git-config#Documentation/git-config.txt-httpextraHeader
var authorizationHeader = regexp.MustCompile(`(?im)^\s*extraheader\s*=\s*"?authorization:\s*[a-z]+ +[^\s$]{8}`)

// gitLogin reports whether a configuration of git has a password or a token in
// an address, or a header that logs in.
func gitLogin(head []byte) bool {
	return credentialURL(head) || authorizationHeader.Match(head) || len(tokensIn(head)) > 0
}
