package loyalty

import "testing"

func TestOneLine(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, text, want string }{
		{"an ordinary name", "Ida Maria", "Ida Maria"},
		{"nothing", "", ""},
		{"spaces alone", " \t\n", ""},
		{"a line break", "Ida\nMaria", "Ida Maria"},
		{"one of Windows", "Ida\r\nMaria\r\n", "Ida Maria"},
		{"NUL and an escape", "I\x00da\x1b[31m", "I da [31m"},
		{"controls of the upper half", "Ida\u0085Maria\u009b", "Ida Maria"},
		{"a line separator", "Ida\u2028Maria\u2029", "Ida Maria"},
		{"an override of direction", "Jon\u202egnp.exe", "Jongnp.exe"},
		{"isolates and marks", "\u2067Ida\u2069\u200f \u061cMaria\u200e", "Ida Maria"},
		{"marks without width", "\ufeffIda\u200b Maria\u2060", "Ida Maria"},
		{"a joiner, which some names need", "می\u200cخواهم", "می\u200cخواهم"},
		{"a space that keeps words together", "Ida\u00a0Maria", "Ida\u00a0Maria"},
		{"bytes that are no text", "Id\xffa", "Id\ufffda"},
		{"ideographic spaces", "王\u3000小明", "王 小明"},
	} {
		if got := OneLine(tt.text); got != tt.want || OneLine(got) != got {
			t.Errorf("%s: OneLine(%q) = %q, want %q", tt.name, tt.text, got, tt.want)
		}
	}
}
