package delivery

import (
	"cmp"
	"slices"

	"regulars/internal/loyalty"
	"regulars/internal/program"
	"regulars/templates"
)

// sample is what is made up for an example of a mail. Of the program's loyalty it shows
// what a member of it would read: what points and tiers are called, its cards and rewards.
func (p *plan) sample(mail *templates.Mail, language string, now loyalty.Instant) templates.Data {
	data := mail.Sample()
	l := p.program.Loyalty
	if l == nil {
		return data
	}
	balance := templates.Fields{Points: true}.Sample()["points"].(map[string]any)["balance"].(int64)
	s := &standing{Language: cmp.Or(language, mail.Language), Points: balance, stamps: map[string]int64{}}
	for _, c := range l.Cards {
		s.stamps[c.Name] = max(0, c.Full-3)
	}
	own := map[string]map[string]any{"event": {}}
	if l.Points != nil {
		points := s.points(p.program, "")
		own["points"] = map[string]any{"called": points["called"], "worth": points["worth"]}
	}
	if n := len(l.Tiers); n > 0 {
		called := func(t program.Tier) string { return tierCalled(p.program, t, s.Language) }
		low, next := l.Tiers[0], l.Tiers[min(1, n-1)]
		s.Tier = low.Name
		own["tier"] = map[string]any{"name": called(low), "next": called(next)}
		own["event"]["tier"], own["event"]["next"] = low.Name, next.Name
		own["event"]["tier_name"], own["event"]["next_name"] = called(low), called(next)
	}
	s.barred = map[string]bool{} // by the lowest tier
	for _, w := range l.Rewards {
		s.barred[w.Name] = len(w.Tiers) > 0 && !slices.Contains(w.Tiers, s.Tier)
	}
	own["loyalty"] = s.shown(p.program, nil, p.today(now))
	if len(l.Cards) > 0 {
		own["event"]["card"] = l.Cards[0].Name
	}
	if len(l.Rewards) > 0 {
		own["event"]["reward"] = l.Rewards[0].Name
		spentOn(data["loyalty"], l.Rewards[0])
	}
	for root, fields := range own {
		made, _ := data[root].(map[string]any)
		for field := range made { // what the mail shows, and nothing else
			if v, there := fields[field]; there {
				made[field] = v
			}
		}
	}
	return data
}

// spentOn has made-up statements say that points were spent on a reward of the program's.
func spentOn(made any, on program.Reward) {
	lists, _ := made.(map[string]any)
	for _, list := range lists {
		rows, _ := list.([]map[string]any)
		for _, row := range rows {
			if b, is := row["booked"].(templates.Booked); is && b.Reward != "" {
				b.Reward = on.Name
				row["booked"], row["points"] = b, -on.Price
			}
		}
	}
}
