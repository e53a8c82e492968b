package image

import "strings"

// debKey tells installed packages apart: dpkg allows a package once for each
// architecture.
type debKey struct{ name, arch string }

// apkKey and rpmKey stand before the names of apk's and rpm's packages in a
// debKey.
const (
	apkKey = "apk "
	rpmKey = "rpm "
)

// debHistory remembers since which layer each package is as it is now. The
// status file is written as a whole by every layer that installs anything, so
// its own layer says little.
type debHistory map[debKey]debSince

type debSince struct {
	version string
	layer   int
}

// update takes over the packages that are installed after layer i.
func (h debHistory) update(s *state, i int) {
	now := map[debKey]string{}
	s.eachDeb(func(_ string, _ placed, d debPackage) { now[debKey{d.Name, d.Arch}] = d.Version })
	s.eachAPK(func(_ string, _ placed, p apkPackage) { now[debKey{apkKey + p.Name, p.Arch}] = p.Version })
	s.eachRPM(func(_ string, _ placed, p *rpmPackage) { now[debKey{rpmKey + p.id(), p.Arch}] = p.Version })
	for k := range h {
		if _, there := now[k]; !there {
			delete(h, k)
		}
	}
	for k, version := range now {
		if old, there := h[k]; !there || old.version != version {
			h[k] = debSince{version, i}
		}
	}
}

// eachDeb calls f for every installed package of the state.
func (s *state) eachDeb(f func(at string, from placed, d debPackage)) {
	one := func(p string) {
		if file, ok := s.files[p]; ok {
			for _, d := range file.Debs {
				f(p, file, d)
			}
		}
	}
	if at, err := s.resolve(dpkgStatus); err == nil {
		one(at)
	}
	for p, file := range s.files {
		if file.Kind == kindStatusD && strings.HasPrefix(p, dpkgStatusD+"/") {
			one(p)
		}
	}
}
