package policy

import "testing"

func TestCompareVersions(t *testing.T) {
	for _, test := range []struct{ lower, higher string }{
		{"4.9.0", "4.44.1"}, {"4.44.1", "5.0.0"}, {"1.0", "1.0.1"}, {"1.0rc1", "1.0"}, {"1.0a1", "1.0rc1"},
		{"1.0rc1", "1.0.1"}, {"1.0", "1.0.post1"}, {"3.0.11-1~deb12u2", "3.0.11-1"}, {"3.0.11-1", "3.0.11-1+deb12u2"},
		{"9.9", "1:1.2"}, {"2023.7.22", "2024.7.4"}, {"1.2.3-r9", "1.2.3-r10"}, {"0.9", "00010"},
	} {
		if c := compareVersions("", test.lower, test.higher); c >= 0 {
			t.Errorf("%s is not before %s: %d", test.lower, test.higher, c)
		}
		if c := compareVersions("", test.higher, test.lower); c <= 0 {
			t.Errorf("%s is not after %s: %d", test.higher, test.lower, c)
		}
		if c := compareVersions("", test.lower, test.lower); c != 0 {
			t.Errorf("%s is not equal to itself: %d", test.lower, c)
		}
	}
}
