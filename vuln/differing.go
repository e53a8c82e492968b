package vuln

// Difference is records of one vulnerability that say different versions of
// one package are affected.
type Difference struct {
	// IDs are those of the records that aliases connect, sorted.
	IDs []string `json:"ids"`
	// Words say what each of them affects, as a finding's note does.
	Words string `json:"words"`
}

// Differing lists, of the advisories for one package, those that aliases
// connect and whose ranges differ, by the first of their ids. Withdrawn ones
// say nothing any more. How matching joins them: [Finding.Notes].
func Differing(list []Advisory) []Difference {
	live := make([]*Advisory, 0, len(list))
	for i := range list {
		if list[i].Withdrawn.IsZero() {
			live = append(live, &list[i])
		}
	}
	if len(live) < 2 {
		return nil
	}
	var out []Difference
	for _, k := range kinsOf(live, nil) {
		words := differences(k.members)
		if words == "" {
			continue
		}
		d := Difference{Words: words}
		for _, a := range k.members {
			d.IDs = append(d.IDs, a.ID)
		}
		out = append(out, d)
	}
	return out
}

// Unreadable reports whether a range of the entry has an event that the version
// order of its ecosystem cannot read, so that matching can only doubt; also
// when that order is not known.
func Unreadable(a *Affected) bool {
	if len(a.Ranges) == 0 {
		return false
	}
	o, err := newOrder(a.Ecosystem)
	if err != nil {
		return true
	}
	for i := range a.Ranges {
		for _, e := range a.Ranges[i].Events {
			for _, text := range [...]string{e.Introduced, e.Fixed, e.LastAffected, e.Limit} {
				if text == "" || text == "0" || text == "*" {
					continue
				}
				if _, err := o.parseEvent(text); err != nil {
					return true
				}
			}
		}
	}
	return false
}
