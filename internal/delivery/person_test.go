package delivery

import "testing"

func TestANameWithALinkIsNoName(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"Ida", "Ida Maria", "Dr. Ida", "Dr.Müller", "St.John", "J.R.R. Tolkien", "O'Brien-Smith", "王小明", "Mac.Donald", "Ida.", "..", "-", "Ida (50 %)"} {
		if got := unlinked(name); got != name {
			t.Errorf("unlinked(%q) = %q, want it as it is", name, got)
		}
	}
	for _, name := range []string{"https://evil.example", "Win at evil.example", "EVIL.COM", "www.evil.org/win", "bit.ly/x", "you won: evil.co.uk!", "(evil.com)",
		"a.github.io", "münchen.de", "evil。com", "me@evil.com", "ftp://x", "casino.xn--p1ai", "evil.com.", "Ida,evil.com/x?y=1"} {
		if got := unlinked(name); got != "" {
			t.Errorf("unlinked(%q) = %q, want none", name, got)
		}
	}
}
