package vuln

import (
	"cmp"
	"slices"
	"strings"
)

// idRanks orders databases by how readily a reader recognises their ids. Malware
// comes first, because it is another kind of news.
var idRanks = [...]string{"MAL-", "CVE-", "GHSA-", "PYSEC-", "GO-", "RUSTSEC-", "DSA-", "DLA-", "USN-", "RHSA-", "ALSA-"}

// CompareIDs orders the ids of one finding so that the one that a reader
// recognises comes first: malware (MAL-), then CVE, GHSA, PYSEC, then the
// other databases; within one database by the numbers in the id.
func CompareIDs(a, b string) int {
	return cmp.Or(cmp.Compare(idRank(a), idRank(b)), compareNatural(a, b))
}

func idRank(id string) int {
	for i, prefix := range idRanks {
		if strings.HasPrefix(id, prefix) {
			return i
		}
	}
	return len(idRanks)
}

// compareNatural compares runs of digits by their value and all else by bytes.
func compareNatural(a, b string) int {
	x, y := a, b
	for x != "" && y != "" {
		if digit(x[0]) && digit(y[0]) {
			m, n := digits(x), digits(y)
			u, v := strings.TrimLeft(x[:m], "0"), strings.TrimLeft(y[:n], "0")
			if c := cmp.Or(cmp.Compare(len(u), len(v)), strings.Compare(u, v)); c != 0 {
				return c
			}
			x, y = x[m:], y[n:]
			continue
		}
		if x[0] != y[0] {
			return cmp.Compare(x[0], y[0])
		}
		x, y = x[1:], y[1:]
	}
	return cmp.Or(cmp.Compare(len(x), len(y)), strings.Compare(a, b))
}

func digit(c byte) bool { return '0' <= c && c <= '9' }

func digits(s string) int {
	n := 0
	for n < len(s) && digit(s[n]) {
		n++
	}
	return n
}

// IDGroups joins ids that mean the same vulnerability. The zero value holds
// every id in a group of its own.
type IDGroups struct{ parent map[string]string }

// Find returns the smallest id, by bytes, of the id's group.
func (g *IDGroups) Find(id string) string {
	root := id
	for {
		p, ok := g.parent[root]
		if !ok || p == root {
			break
		}
		root = p
	}
	for id != root {
		id, g.parent[id] = g.parent[id], root
	}
	return root
}

// Join makes one group of the groups of a and b.
func (g *IDGroups) Join(a, b string) {
	a, b = g.Find(a), g.Find(b)
	if a == b {
		return
	}
	if g.parent == nil {
		g.parent = map[string]string{}
	}
	g.parent[max(a, b)] = min(a, b)
}

// sortedIDs returns the ids sorted with CompareIDs, each once.
func sortedIDs(ids []string) []string {
	slices.SortFunc(ids, CompareIDs)
	return slices.Compact(ids)
}
