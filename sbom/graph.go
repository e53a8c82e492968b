package sbom

// ByPURL returns, for every package URL of a component, the index of the
// component that stands for it where a format wants one component at the end of
// an edge: the first that is locked, because graphs come from locks, else the
// first. A component without a package URL is not in it.
func (d *Document) ByPURL() map[string]int {
	out := make(map[string]int, len(d.Components))
	for i := range d.Components {
		purl := d.Components[i].PURL
		first, seen := out[purl]
		if purl != "" && (!seen || d.Components[i].Evidence == Locked && d.Components[first].Evidence != Locked) {
			out[purl] = i
		}
	}
	return out
}
