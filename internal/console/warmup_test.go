package console_test

import (
	"maps"
	"net/url"
	"strings"
	"testing"

	"regulars/internal/staff"
)

// TestAWarmupIsSaidBeforeALaunchAndToday has a new sender with places for two mails a day.
func TestAWarmupIsSaidBeforeALaunchAndToday(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		page, form := "/console/campaigns/spring/launch", url.Values{"value.headline": {"Rain"}}
		warming := program
		warming.Extra = maps.Clone(program.Extra)
		warming.More = "warmup: {from: 2027-03-03, start: 2 a day, double: every 2 days, until: 100 a day}\nrate: {\"*\": 1/h}\n"
		h.Apply(warming)
		a := h.ask(staff.Launcher, page, form)
		a.shows(t, "The sender is being warmed up: the last of these mails goes on 4 March 2027")
		a.shows(t, "they take about 4h")
		a = h.ask(staff.Viewer, "/console/", nil)
		a.shows(t, "The sender is being warmed up")
		a.shows(t, "0 of the 2 mails of today went")
		h.Apply(program)
		if a := h.ask(staff.Launcher, page, form); strings.Contains(a.Body, "warmed up") {
			t.Error("a program without a warm-up has one")
		}
	})
}
