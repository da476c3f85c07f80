package delivery

import (
	"maps"
	"testing"

	"regulars/internal/program"
)

// Our events name tiers as the file does, and mails have beside that what members call them
// in their language, or in the first one that says it.
func TestMailsNameTheTiersOfAnEvent(t *testing.T) {
	t.Parallel()
	p := &program.Program{Languages: []string{"en", "fi", "sv"}, Loyalty: &program.Loyalty{Tiers: []program.Tier{
		{Name: "silver"}, {Name: "gold", Called: map[string]string{"en": "Gold Club", "fi": "Kultakerho"}},
	}}}
	for _, tt := range []struct{ kind, language, tier, next string }{
		{"tier.ending", "fi", "Kultakerho", "silver"},
		{"tier.ending", "fi-FI", "Kultakerho", "silver"},
		{"tier.up", "sv", "Gold Club", "silver"},
	} {
		event := map[string]any{"tier": "gold", "next": "silver"}
		want := map[string]any{"tier": "gold", "next": "silver", "tier_name": tt.tier, "next_name": tt.next}
		if got := tiersNamed(tt.kind, event, p, &standing{Language: tt.language}); !maps.Equal(got, want) {
			t.Errorf("%s in %s: %v, want %v", tt.kind, tt.language, got, want)
		}
	}
	if got := tiersNamed("order.placed", map[string]any{"tier": "gold"}, p, &standing{}); len(got) != 1 {
		t.Errorf("an event of the shop's: %v", got)
	}
}
