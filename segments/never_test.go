package segments

import "testing"

func TestWhatContradictsItselfIsSeen(t *testing.T) {
	t.Parallel()
	scope := Scope{Attributes: map[string]Type{"plan": Text}, Segments: map[string]string{"buyers": "orders >= 1"}}
	for _, tt := range []struct {
		keep, except string
		never        bool
	}{
		{"orders >= 5 and orders < 3", "", true},
		{"orders >= 5", "orders >= 3", true},
		{"orders >= 5", "orders >= 7", false},
		{"orders >= 3", "orders >= 5", false},
		{`in_segment("buyers")`, "orders >= 1", true},
		{`in_segment("buyers") and spent > 10`, "orders > 0", true},
		{`country == "FI"`, `country in ("FI", "SE")`, true},
		{`country in ("FI", "NO")`, `country in ("FI", "SE")`, false},
		{`country == "FI" and country == "SE"`, "", true},
		{`plan == "gold" or plan == "silver"`, `plan in ("gold", "silver")`, true},
		{`plan == "gold" or orders >= 1`, `plan == "gold"`, false},
		{`tag("club")`, `tag("club") or orders >= 9`, true},
		{`tag("club")`, `tag("other")`, false},
		{`not tag("club") and tag("club")`, "", true},
		{`not (orders >= 5)`, "orders < 5", false}, // somebody without a value
		{"bought_category(\"Boots\")", "bought_category(\"Boots\", \"90d\")", false},
		{"orders(\"90d\") >= 5", "orders(\"30d\") >= 5", false},
	} {
		var rules [2]*Rule
		for i, text := range []string{tt.keep, tt.except} {
			if text == "" {
				continue
			}
			r, err := Parse(text, scope)
			if err != nil {
				t.Fatalf("%s: %v", text, err)
			}
			rules[i] = r
		}
		if got := Never(rules[0], rules[1]); got != tt.never {
			t.Errorf("Never(%s, %s) = %v, want %v", tt.keep, tt.except, got, tt.never)
		}
	}
}
