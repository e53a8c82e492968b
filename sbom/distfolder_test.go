package sbom_test

import (
	"testing"

	"github.com/tallyman/tallyman/sbom"
)

func TestFolderAgrees(t *testing.T) {
	for _, tt := range []struct {
		file, name, version string
		want                bool
	}{
		{"/s/gradio-4.19.1.dist-info/METADATA", "gradio", "4.19.1", true},
		{"/s/PyYAML-6.0.dist-info/METADATA", "pyyaml", "6.0.0", true},
		{"/s/zope.interface-6.0.egg-info/PKG-INFO", "zope.interface", "6.0", true},
		{"/s/ruamel.yaml.clib-0.2.8.dist-info/METADATA", "ruamel.yaml.clib", "0.2.8", true},
		{"/s/old-style-name-1.0.dist-info/METADATA", "old_style.name", "1.0", true},
		{"/s/torch-2.1.0+cu118.dist-info/METADATA", "torch", "2.1.0+cu118", true},
		{"/s/torch-2.1.0_cu118.dist-info/METADATA", "torch", "2.1.0+cu118", true},
		{"/s/six-1.16.0.egg-info", "six", "1.16.0", true},
		{"/s/six-1.16.0-py3.11.egg-info", "six", "1.16.0", true},
		{"/s/my-pytool-1.0-py3.11-linux-x86_64.egg/EGG-INFO/PKG-INFO", "my-pytool", "1.0", true},
		{"/s/cryptography.egg-info/PKG-INFO", "cryptography", "38.0.4", true},
		{"/s/odd-2004d.egg-info", "odd", "2004d", true},
		{"METADATA", "six", "1", true},
		{"/s/gradio-4.19.1.dist-info/METADATA", "six", "4.19.1", false},
		{"/s/gradio-4.19.1.dist-info/METADATA", "gradio", "6.0.0", false},
		{"/s/gradio-4.19.1.dist-info/METADATA", "gradio-client", "4.19.1", false},
		{"/s/gradio.egg-info/PKG-INFO", "six", "1.16.0", false},
		{"/s/gradio-4.19.1.egg-info", "six", "1.16.0", false},
		{"/s/gradio-4.19.1-py3.11.egg/EGG-INFO/PKG-INFO", "six", "1.16.0", false},
	} {
		if got := sbom.FolderAgrees(tt.file, tt.name, tt.version); got != tt.want {
			t.Errorf("FolderAgrees(%q, %q, %q) = %v", tt.file, tt.name, tt.version, got)
		}
	}
}

// FuzzMetadataFolder: what a folder is called by agrees with it.
func FuzzMetadataFolder(f *testing.F) {
	f.Add("/s/gradio-4.19.1.dist-info/METADATA")
	f.Add("a-1-py3.egg-info")
	f.Add("a-py.egg/EGG-INFO/PKG-INFO")
	f.Fuzz(func(t *testing.T, file string) {
		if name, version, ok := sbom.MetadataFolder(file); ok && !sbom.FolderAgrees(file, name, version) {
			t.Errorf("%q is called by %q %q and does not agree", file, name, version)
		}
	})
}
