package dockerfile

import "strings"

// from begins the stage of a FROM.
func (b *builder) from(in *Instruction) {
	b.end()
	s := &Stage{Index: len(b.file.Stages), From: in, Parent: -1}
	s.Platform, _ = in.Flag("platform")
	s.Platform, _ = b.global.expand(s.Platform, b.file.Escape)
	if len(in.Args) >= 3 && strings.EqualFold(in.Args[1].Raw, "as") {
		s.Name = strings.ToLower(in.Args[2].Raw)
	}
	base := Word{Known: true}
	if len(in.Args) > 0 {
		base = in.Args[0]
	}
	if s.Parent = b.find(base.Text); s.Parent >= 0 {
		b.begin(s, b.frames[s.Parent])
		return
	}
	s.Base = parseImage(base.Raw, base.Text, base.Known)
	b.begin(s, frame{vars: scope{}, shell: defaultShell(s.Base.Repository)})
}

// begin makes s the current stage, which starts with what f leaves.
func (b *builder) begin(s *Stage, f frame) {
	b.file.Stages = append(b.file.Stages, s)
	b.frame = frame{vars: f.vars.clone(), shell: f.shell}
	for _, name := range predefined {
		b.frame.vars.set(name, "", false, false)
	}
}

// end keeps what the current stage leaves to stages that are built on it.
func (b *builder) end() {
	i := len(b.frames)
	if i == len(b.file.Stages) {
		return
	}
	b.frames = append(b.frames, b.frame)
	if name := b.file.Stages[i].Name; name != "" {
		b.names[name] = i
	}
}

// defaultShell is the shell of a base image that sets none.
// https://docs.docker.com/reference/dockerfile/#shell
func defaultShell(repository string) []string {
	if strings.Contains(repository, "windows/") || strings.HasSuffix(repository, "nanoserver") || strings.HasSuffix(repository, "windowsservercore") {
		return []string{"cmd", "/S", "/C"}
	}
	return []string{"/bin/sh", "-c"}
}

// reach says of each stage whether it is shipped or a source.
func (r *reader) reach() {
	stages := r.file.Stages
	if len(stages) == 0 {
		return
	}
	last := stages[len(stages)-1]
	last.Final = true
	for s := last; ; s = stages[s.Parent] {
		s.Reach = Shipped
		if s.Parent < 0 {
			break
		}
	}
	// Stages name earlier ones only, so one pass from the end finds all.
	for i := len(stages) - 1; i >= 0; i-- {
		s := stages[i]
		if s.Reach == Unused {
			continue
		}
		for _, u := range s.Uses {
			if u.Stage >= 0 {
				stages[u.Stage].Reach = max(stages[u.Stage].Reach, Source)
			}
		}
		if s.Parent >= 0 {
			stages[s.Parent].Reach = max(stages[s.Parent].Reach, Source)
		}
	}
}

// Chain returns the stage and the stages that it is built FROM, itself first.
func (f *File) Chain(s *Stage) []*Stage {
	out := []*Stage{s}
	for s.Parent >= 0 {
		s = f.Stages[s.Parent]
		out = append(out, s)
	}
	return out
}

// Final returns the last stage, nil when there is none.
func (f *File) Final() *Stage {
	if len(f.Stages) == 0 {
		return nil
	}
	return f.Stages[len(f.Stages)-1]
}
