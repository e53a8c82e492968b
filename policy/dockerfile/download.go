package dockerfile

import (
	"strings"

	"github.com/tallyman/tallyman/sbom/dockerfile"
)

// downloads returns the files that a call of curl or wget writes.
// https://curl.se/docs/manpage.html, https://www.gnu.org/software/wget/manual/wget.html
func downloads(c *dockerfile.Command) []string {
	var out, urls []string
	remoteName := c.Name == "wget" || c.Name == "aria2c"
	if c.Name != "curl" && !remoteName {
		return nil
	}
	for i := 0; i < len(c.Args); i++ {
		t := c.Args[i].Text
		long, value, hasValue := strings.Cut(t, "=")
		switch {
		case strings.Contains(t, "://") && !strings.HasPrefix(t, "-"):
			urls = append(urls, t)
		case (long == "--output" || long == "--output-document" || long == "--out") && hasValue:
			out = append(out, value)
		case c.Name == "curl" && t == "--remote-name" || c.Name == "curl" && shortHas(t, 'O'):
			remoteName = true
		case takesFile(c.Name, t):
			if i++; i < len(c.Args) {
				out = append(out, c.Args[i].Text)
			}
		}
	}
	for _, r := range c.Redirects {
		if strings.HasPrefix(r.Op, ">") && !strings.HasPrefix(r.Target.Text, "/dev/") {
			out = append(out, r.Target.Text)
		}
	}
	if len(out) == 0 && remoteName {
		for _, u := range urls {
			out = append(out, urlFile(u))
		}
	}
	return out
}

// takesFile reports whether an option takes the output file as next word.
func takesFile(program, option string) bool {
	switch program {
	case "curl":
		return option == "--output" || shortHas(option, 'o')
	case "wget":
		return option == "--output-document" || shortHas(option, 'O')
	}
	return option == "--out" || option == "-o"
}

// shortHas reports whether a group of short options has that one.
func shortHas(option string, letter byte) bool {
	return len(option) > 1 && option[0] == '-' && option[1] != '-' && strings.IndexByte(option[1:], letter) >= 0
}

// urlFile returns the file name at the end of a URL.
func urlFile(url string) string {
	url, _, _ = strings.Cut(url, "?")
	url, _, _ = strings.Cut(url, "#")
	return fileBase(url)
}

// fileBase returns the last part of a path.
func fileBase(path string) string {
	return path[strings.LastIndexByte(path, '/')+1:]
}
