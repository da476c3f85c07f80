package program

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"regulars/internal/loyalty"
	"regulars/segments"
)

// The format: every key of the program files is one row here, in the sequence in
// which plan shows them. A row says where its value goes, of what kind it is, what
// to write where it is missing, and what plan calls a change of it. What is checked
// between several keys stands beside the reader of the file.

// shopKeys are those of program.yaml.
func shopKeys() keys[Program] {
	return keys[Program]{"program.yaml", append([]key[Program]{
		part(keys[Program]{"shop", []key[Program]{
			at("name", func(p *Program) *string { return &p.Shop.Name }, words()).must("every mail shows the shop's name"),
			at("address", func(p *Program) *string { return &p.Shop.Address }, words()).must("every mail shows the shop's postal address, as the law asks"),
			at("url", func(p *Program) *string { return &p.Shop.URL }, of(webLink, same)).as("link"),
			at("country", func(p *Program) *string { return &p.Shop.Country }, of(country, same)),
		}}).must("say who sends: shop: {name: …, url: …, address: …}"),
		part(keys[Program]{"mail", []key[Program]{
			at("from", func(p *Program) *string { return &p.Mail.From }, of(sender, same)).must(`like from: "Anna <anna@shop.example>"`),
			at("reply_to", func(p *Program) *string { return &p.Mail.ReplyTo }, of(sender, same)),
			at("alerts", func(p *Program) *string { return &p.Mail.Alerts }, of(senders, same)),
		}}).must("say from whom mails come: mail: {from: …}"),
		{name: "languages", need: "name the languages of your mails, like languages: [en]", read: readLanguages,
			show: func(p *Program, _ string) string { return inWords(p.Languages) }},
		at("currency", func(p *Program) *string { return &p.Currency }, of(currency, same)).must("name the currency of all amounts, like EUR"),
		{name: "zone", need: "name the shop's time zone, like Europe/Helsinki", read: readZone, show: func(p *Program, _ string) string { return p.Zone.String() }},
		{name: "topics", read: readTopics, otherwise: func(_ *loader, p *Program) { p.Topics = standardTopics(p.Languages) },
			show: func(p *Program, _ string) string { return topicsText(p.Topics) }},
		{name: "join", read: readJoin, rows: joinKeys().rows},
		{name: "caps", read: readCaps, show: func(p *Program, _ string) string { return joined(p.Caps, ", ") }},
		at("quiet", func(p *Program) *loyalty.QuietHours { return &p.Quiet }, saying(loyalty.ParseQuietHours)).as("quiet hours"),
		{name: "rate", read: readRate, show: func(p *Program, _ string) string {
			return inList(p.Rate, func(domain string, r loyalty.Rate) string { return domain + " " + r.String() })
		}},
		{name: "warmup", read: readWarmup, show: func(p *Program, _ string) string { return p.Warmup.String() }},
		{name: "attributes", read: readAttributes, show: func(p *Program, _ string) string { return typesText(p.Attributes) }},
		part(keys[Program]{"favourites", []key[Program]{
			at("except", func(p *Program) *[]string { return &p.FavouritesExcept }, names(segments.Category)).as("favourites except").must("name the categories that are nobody's favourite, like except: [FUEL]"),
		}}),
		at("news_within", func(p *Program) *time.Duration { return &p.NewsWithin }, span()),
		part(keys[Program]{"keep", []key[Program]{
			at("sends", func(p *Program) *loyalty.Period { return &p.KeepSends }, keeping()).as("how long mails are kept").must("say how long mails stay in the ledger, like sends: 25m"),
		}}),
		at("holdout", func(p *Program) *int { return &p.Holdout }, share()),
		{name: "lifecycle", read: readLifecycle, show: func(p *Program, _ string) string { return p.Lifecycle.String() }},
		{name: "rfm", read: func(r *loader, n *node, p *Program) { rfmKeys().fill(r, n, &p.Scoring) }, show: func(p *Program, _ string) string { return p.Scoring.String() }},
		part(keys[Program]{"tracking", []key[Program]{
			at("clicks", func(p *Program) *bool { return &p.Tracking.Clicks }, truth()).as("tracked clicks"),
			at("opens", func(p *Program) *bool { return &p.Tracking.Opens }, truth()).as("tracked opens"),
		}}),
		{name: "webhooks", read: readWebhooks, show: func(p *Program, _ string) string { return webhooksText(p.Webhooks) }},
	}, append(written[Program](loyaltyFile, "points", "tiers", "cards", "rewards", "referral", "referrals", "budget"), later[Program]("goals", "terms")...)...)}
}

func warmupKeys() keys[loyalty.Warmup] {
	daily := of(loyalty.ParseDaily, loyalty.Daily)
	return keys[loyalty.Warmup]{"warmup", []key[loyalty.Warmup]{
		at("from", func(w *loyalty.Warmup) *loyalty.Day { return &w.From }, date()).must("say on which day the sender starts, like from: 2026-12-01"),
		at("start", func(w *loyalty.Warmup) *int64 { return &w.Start }, daily).must("say how many mails go on the first day, like start: 500 a day"),
		at("double", func(w *loyalty.Warmup) *int { return &w.Double }, of(loyalty.ParseEvery, loyalty.Every)).must("say when they become twice as many, like double: every 2 days"),
		at("until", func(w *loyalty.Warmup) *int64 { return &w.Until }, daily).must("say from how many on there is no limit, like until: 20000 a day"),
	}}
}

func joinKeys() keys[Program] {
	confirm := at("confirm", func(p *Program) *bool { return &p.Confirm }, truth()).as("double opt-in")
	return keys[Program]{"join", append(later[Program]("who"), confirm)}
}

func webhookKeys() keys[Webhook] {
	return keys[Webhook]{"a webhook", []key[Webhook]{
		at("url", func(w *Webhook) *string { return &w.URL }, of(hookURL, same)).must("say where it is sent to, like url: https://shop.example/regulars"),
		{name: "events", need: "say what it is told, like events: [code.*, milestone.reached]", read: readHookEvents},
		{name: "with", read: readHookWith},
	}}
}

func lifecycleKeys() keys[segments.Lifecycle] {
	return keys[segments.Lifecycle]{"lifecycle", []key[segments.Lifecycle]{
		at("recent", func(l *segments.Lifecycle) *int { return &l.Recent }, days()),
		at("at_risk", func(l *segments.Lifecycle) *int { return &l.AtRisk }, days()),
		at("lost", func(l *segments.Lifecycle) *int { return &l.Lost }, days()),
	}}
}

func rfmKeys() keys[segments.Scoring] {
	return keys[segments.Scoring]{"rfm", []key[segments.Scoring]{
		{name: "cuts", read: func(r *loader, n *node, s *segments.Scoring) {
			if p, ok := cuts().read(r, n); ok {
				s.Recency, s.Frequency, s.Monetary = p, p, p
			}
		}},
		{name: "recency", read: readRecency},
		at("frequency", func(s *segments.Scoring) *segments.Percent { return &s.Frequency }, cuts()),
		at("monetary", func(s *segments.Scoring) *segments.Percent { return &s.Monetary }, cuts()),
	}}
}

// poolKeys are those of a pool in pools.yaml.
func poolKeys() keys[Pool] {
	return keys[Pool]{"a pool", []key[Pool]{
		at("kind", func(p *Pool) *string { return &p.Kind }, oneOf(Generated, Imported, Shared)).must("generated, imported or shared"),
		at("pattern", func(p *Pool) *string { return &p.Pattern }, words()),
		at("code", func(p *Pool) *string { return &p.Code }, words()),
		at("percent", func(p *Pool) *int { return &p.Percent }, whole[int](1, 100)),
		at("amount", func(p *Pool) *int64 { return &p.Amount }, amount()),
		at("item", func(p *Pool) *string { return &p.Item }, words()),
		at("worth", func(p *Pool) *int64 { return &p.Worth }, amount()),
		at("free_shipping", func(p *Pool) *bool { return &p.FreeShipping }, truth()),
		at("points", func(p *Pool) *int64 { return &p.Points }, whole[int64](1, 1e9)),
		at("perk", func(p *Pool) *string { return &p.Perk }, words()),
		at("minimum", func(p *Pool) *int64 { return &p.Minimum }, amount()),
		at("products", func(p *Pool) *[]string { return &p.Products }, names(segments.Product)),
		at("categories", func(p *Pool) *[]string { return &p.Categories }, names(segments.Category)),
		at("first_order", func(p *Pool) *bool { return &p.FirstOrder }, truth()),
		at("uses", func(p *Pool) *int { return &p.Uses }, whole[int](1, 1e9)),
		at("transferable", func(p *Pool) *bool { return &p.Transferable }, truth()),
		at("good_again", func(p *Pool) *bool { return &p.GoodAgain }, truth()),
		at("valid_for", func(p *Pool) *int { return &p.ValidFor }, days()),
		at("valid_until", func(p *Pool) *loyalty.Day { return &p.ValidUntil }, date()),
		at("stock", func(p *Pool) *int64 { return &p.Stock }, whole[int64](1, 1e9)),
		at("budget", func(p *Pool) *int64 { return &p.Budget }, amount()),
		at("low", func(p *Pool) *int64 { return &p.Low }, whole[int64](1, 1e9)),
		at("checkout", func(p *Pool) *string { return &p.Checkout }, oneOf("asks_us", "file")),
	}}
}

// loyaltyKeys are those of loyalty.yaml. Rewards come after the tiers that may claim them.
func loyaltyKeys() keys[Loyalty] {
	return keys[Loyalty]{"loyalty.yaml", []key[Loyalty]{
		{name: "points", read: readPoints}, // plan says each by itself
		{name: "tiers", read: readTiers},
		{name: "cards", read: readCards},
		{name: "rewards", read: readRewards},
		{name: "referral", read: readReferral},
		{name: "budget", read: readBudget},
	}}
}

func pointsKeys() keys[Points] {
	return keys[Points]{"points", []key[Points]{
		at("since", func(p *Points) *loyalty.Day { return &p.Since }, date()),
		{name: "called", read: func(r *loader, n *node, p *Points) { p.Called = readCalled(r, n) }, show: func(p *Points, _ string) string { return calledText(p.Called) }},
		at("worth", func(p *Points) *int64 { return &p.Worth }, worth()),
		{name: "earn", need: "say how members earn: earn: with a line - 1 per 1.00 for each way", read: readEarnLines,
			show: func(p *Points, _ string) string {
				var lines []string
				for _, e := range p.Earn {
					lines = append(lines, e.Spec)
				}
				return strings.Join(lines, "; ")
			}},
		{name: "not_on", read: readNotOn, show: func(p *Points, _ string) string {
			var all []string
			for _, of := range p.NotOn {
				all = append(all, fmt.Sprintf("%s %q", of.Kind, of.Name))
			}
			return inWords(all)
		}},
		at("base", func(p *Points) *string { return &p.Base }, oneOf("total", "before discounts")),
		at("pending", func(p *Points) *int { return &p.Pending }, days()),
		at("expire", func(p *Points) *loyalty.Expiry { return &p.Expire }, expiry()).or(func(_ *loader, p *Points) { p.Expire.Unused.Months = 12 }),
		at("carry", func(p *Points) *bool { return &p.Carry }, truth()),
		{name: "debt", read: func(r *loader, n *node, p *Points) { _, p.NoDebt = oneOf("none").read(r, n) }, show: func(p *Points, _ string) string { return map[bool]string{true: "none", false: "kept"}[p.NoDebt] }},
		{name: "down", read: func(r *loader, n *node, p *Points) { _, p.DownOne = oneOf("one step").read(r, n) }, show: func(p *Points, _ string) string { return map[bool]string{true: "one step", false: ""}[p.DownOne] }},
	}}
}

func expireKeys() keys[loyalty.Expiry] {
	return keys[loyalty.Expiry]{"expire", []key[loyalty.Expiry]{
		at("after", func(e *loyalty.Expiry) *loyalty.Period { return &e.After }, period()),
		at("round", func(e *loyalty.Expiry) *string { return &e.Round }, oneOf("month", "year")),
		at("unused", func(e *loyalty.Expiry) *loyalty.Period { return &e.Unused }, period()),
		{name: "each", read: func(r *loader, n *node, e *loyalty.Expiry) {
			if day, ok := parsed(r, n, yearlyDay); ok {
				e.Month, e.Date = int(day.Month), day.Date
			}
		}},
		at("grace", func(e *loyalty.Expiry) *loyalty.Period { return &e.Grace }, period()),
	}}
}

func tierKeys() keys[Tier] {
	return keys[Tier]{"a tier", []key[Tier]{
		{name: "called", read: func(r *loader, n *node, t *Tier) { t.Called = readCalled(r, n) }, show: func(t *Tier, _ string) string { return calledText(t.Called) }},
		{name: "when", need: `say who holds it, like when: spent("12m") >= 250.00`, read: tierRule, show: func(t *Tier, _ string) string { return ruleText(t.When) }},
		{name: "keep", read: readKeep, show: keepText},
		at("grace", func(t *Tier) *loyalty.Period { return &t.Grace }, period()),
		at("earn", func(t *Tier) *int64 { return &t.Percent }, times()),
		{name: "ends", read: func(r *loader, n *node, t *Tier) { _, t.WithOrder = oneOf("with the order").read(r, n) },
			show: func(t *Tier, _ string) string { return map[bool]string{true: "with the order"}[t.WithOrder] }},
	}}
}

func cardKeys() keys[Card] {
	return keys[Card]{"a card", []key[Card]{
		{name: "stamp", early: true, need: `say for what there is a stamp: order, category "Coffee" or an amount`, read: readStamp, show: func(c *Card, _ string) string { return c.Spec }},
		at("minimum", func(c *Card) *int64 { return &c.Stamp.Minimum }, amount()),
		at("of", func(c *Card) *int64 { return &c.Full }, whole[int64](1, 1000)).must("say how many stamps fill the card, like of: 10"),
		at("gives", func(c *Card) *string { return &c.Gives }, pool()).must("a full card gives a code: name its pool of pools.yaml"),
		at("at_most", func(c *Card) *loyalty.Limit { return &c.AtMost }, limit()),
		at("expire", func(c *Card) *loyalty.Expiry { return &c.Expire }, expiry()),
	}}
}

func rewardKeys() keys[Reward] {
	return keys[Reward]{"a reward", []key[Reward]{
		at("price", func(w *Reward) *int64 { return &w.Price }, price()).must("say what it costs in points, like price: 300"),
		at("gives", func(w *Reward) *string { return &w.Gives }, pool()),
		at("amount", func(w *Reward) *int64 { return &w.Amount }, amount()),
		at("steps", func(w *Reward) *int64 { return &w.Steps }, whole[int64](1, 1e6)),
		{name: "at_most", read: readMost, show: mostText},
		{name: "tiers", read: func(r *loader, n *node, w *Reward) {
			w.Tiers = distinct(r, n, "%q", func(item *node) (string, bool) { text := r.words(item); return text, text != "" })
		}, show: func(w *Reward, _ string) string { return inWords(w.Tiers) }},
	}}
}

func budgetKeys() keys[loyalty.Budget] {
	return keys[loyalty.Budget]{"budget", []key[loyalty.Budget]{
		at("liability", func(b *loyalty.Budget) *int64 { return &b.Liability }, amount()),
		{name: "rewards", read: readMonthly, show: monthlyText},
		{name: "warn", read: readWarn, otherwise: func(_ *loader, b *loyalty.Budget) { b.Warn = warnFrom }, show: func(b *loyalty.Budget, _ string) string { return percent(b.Warn) }},
		{name: "stop", read: readStop, show: func(b *loyalty.Budget, _ string) string { return map[bool]string{true: "rewards"}[b.Stop] }},
	}}
}

func referralKeys() keys[Referral] {
	return keys[Referral]{"referral", []key[Referral]{
		at("friend", func(f *Referral) *string { return &f.Friend }, pool()).must("name the pool whose code the friend gets"),
		{name: "referrer", need: "say what the referrer gets: a number of points, or a pool", read: readReferrer, show: func(f *Referral, _ string) string {
			if f.ReferrerPoints > 0 {
				return fmt.Sprintf("%d points", f.ReferrerPoints)
			}
			return f.ReferrerPool
		}},
		part(keys[Referral]{"after", []key[Referral]{
			at("order", func(f *Referral) *int64 { return &f.Minimum }, amount()).as("minimum of the friend's order"),
			at("within", func(f *Referral) *loyalty.Period { return &f.Within }, period()).as("within"),
		}}),
		at("at_most", func(f *Referral) *loyalty.Limit { return &f.AtMost }, limit()),
		{name: "also_refuse", read: readAlsoRefuse, show: func(f *Referral, _ string) string { return inWords(f.AlsoRefuse) }},
	}}
}

// campaignKeys are those of campaign.yaml. What the start and the steps are decides
// most defaults, so these come early.
func campaignKeys() keys[folder] {
	return keys[folder]{"a campaign", append([]key[folder]{
		{name: "start", early: true, need: "say what starts the campaign: " + starts, read: readStart,
			show: func(c *folder, _ string) string { return c.Start.Spec },
			rows: []key[folder]{{name: "existing", show: func(c *folder, _ string) string { return c.Start.Existing.String() }}}},
		{name: "live", read: at("live", func(c *folder) *bool { return &c.Live }, truth()).read}, // plan says it in words of its own
		{name: "was", read: readFormerName},
		{name: "for", read: func(r *loader, n *node, c *folder) { c.For = r.ruleOrSegment(n, r.rules(c)) }, show: func(c *folder, _ string) string { return ruleText(c.For) }},
		{name: "except", read: func(r *loader, n *node, c *folder) { c.Except = r.ruleOrSegment(n, r.rules(c)) }, show: func(c *folder, _ string) string { return ruleText(c.Except) }},
		{name: "until", read: readUntil, show: func(c *folder, _ string) string { return joined(c.Until, ", ") }},
		at("again", func(c *folder) *Again { return &c.Again }, saying(again)).or(func(_ *loader, c *folder) {
			// What comes by itself only once each (a milestone, a birthday, a date of a timetable) needs no limit.
			c.Again.Each = !slices.Contains([]string{"joins", "enters", "event"}, c.Start.Kind)
		}),
		at("class", func(c *folder) *string { return &c.Class }, oneOf(loyalty.Offer, loyalty.Earned, loyalty.Service)).first().or(func(_ *loader, c *folder) {
			// A member has earned the welcome and the milestone; the rest is advertising until the file says otherwise.
			// What a member does with points, and what becomes of them, is none either.
			switch c.Class = loyalty.Offer; {
			case c.Start.Kind == "joins", c.Start.Kind == "milestone", c.Start.Kind == "date" && c.Start.Field == PointsExpireOn,
				slices.Contains([]string{"tier.up", "tier.kept", "tier.ending", "points.opened", "card.filled", "referral.joined", "referral.rewarded"}, c.Start.Event):
				c.Class = loyalty.Earned
			case slices.Contains([]string{"reward.claimed", "reward.reversed", "points.taken_back"}, c.Start.Event):
				c.Class = loyalty.Service
			}
		}),
		at("topic", func(c *folder) *string { return &c.Topic }, topic()).first().or(usualTopic),
		{name: "capped", read: readCapped, show: func(c *folder, _ string) string { return c.Capped.String() }},
		at("quiet", func(c *folder) **loyalty.QuietHours { return &c.Quiet }, maybe(saying(loyalty.ParseQuietHours), "the program's")),
		at("late", func(c *folder) *time.Duration { return &c.Late }, span()).or(func(_ *loader, c *folder) { c.Late = c.usuallyLate() }),
		at("catch_up", func(c *folder) *string { return &c.CatchUp }, oneOf("once", "all", "skip")).or(func(_ *loader, c *folder) { c.CatchUp = "once" }),
		{name: "holdout", read: readHoldout, show: func(c *folder, _ string) string { return percent(c.Holdout) }, otherwise: func(r *loader, c *folder) {
			if c.Class == loyalty.Offer {
				c.Holdout = r.program.Holdout
			}
		}},
		{name: "pilot", read: rollout("pilot", func(r *loader, n *node, c *folder) { c.Pilot = &Pilot{}; pilotKeys().fill(r, n, c.Pilot) }),
			show: func(c *folder, _ string) string { return c.Pilot.String() }},
		{name: "waves", read: rollout("waves", func(r *loader, n *node, c *folder) { c.Waves = &Waves{}; wavesKeys().fill(r, n, c.Waves) }),
			show: func(c *folder, _ string) string { return c.Waves.String() }},
		{name: "stock", read: readStock},
		{name: "steps", early: true, need: "say what the campaign sends: steps: with a line - mail: NAME for each mail", read: readSteps,
			show: func(c *folder, _ string) string { return joined(c.Steps, "; ") }},
	}, later[folder]("limit", "once", "goal")...)}
}

func pilotKeys() keys[Pilot] {
	return keys[Pilot]{"pilot", []key[Pilot]{
		at("size", func(p *Pilot) *int { return &p.Size }, whole[int](1, most)).must("say how many mails go first, like size: 200"),
		at("then", func(p *Pilot) *time.Duration { return &p.After }, of(afterPilot, loyalty.Span)),
	}}
}

func wavesKeys() keys[Waves] {
	return keys[Waves]{"waves", []key[Waves]{
		at("size", func(w *Waves) *Waves { return w }, of(waveSize, func(Waves) string { return "" })).must("say how large a wave is, like size: 20% or size: 5000"),
		at("every", func(w *Waves) *time.Duration { return &w.Every }, span()).must("say how far apart the waves are, like every: 2h"),
	}}
}

// startForms are the forms of a start, each by the key that tells it apart.
// milestone comes before at and every, which it has too.
func startForms() []keys[folder] {
	form := func(rows ...key[folder]) keys[folder] { return keys[folder]{"this start", rows} }
	hour := at("time", func(c *folder) **loyalty.TimeOfDay { return &c.Start.Time }, maybe(saying(loyalty.ParseTimeOfDay), ""))
	morning := hour.or(func(_ *loader, c *folder) { c.Start.Time = &loyalty.TimeOfDay{Hour: 9} })
	before := key[folder]{name: "before", read: readBefore, otherwise: func(_ *loader, c *folder) { c.Start.Before = []int{0} }}
	zone := key[folder]{name: "zone", read: func(r *loader, n *node, c *folder) {
		whose, _ := oneOf("member", "shop").read(r, n)
		c.Start.ByMember = whose == "member"
	}}
	return []keys[folder]{
		form(key[folder]{name: "milestone", read: readFigure}, key[folder]{name: "at", read: readMilestones},
			key[folder]{name: "every", read: func(r *loader, n *node, c *folder) { c.Start.Every, _ = milestoneValue(c).read(r, n) }}),
		form(key[folder]{name: "enters", read: readEnters}, hour, at("existing", func(c *folder) *Existing { return &c.Start.Existing }, saying(existing))),
		form(at("yearly", func(c *folder) *string { return &c.Start.Field }, oneOf("birthday", "joined")), before, morning, zone),
		form(key[folder]{name: "date", read: readDateField}, before, morning),
		form(key[folder]{name: "event", early: true, read: func(r *loader, n *node, c *folder) { c.Start.Event = r.eventType(n, r.words(n)) }},
			key[folder]{name: "where", read: func(r *loader, n *node, c *folder) { c.Start.Where = r.rule(n, r.rules(c), segments.Parse) }}),
		form(key[folder]{name: "at", read: func(r *loader, n *node, c *folder) {
			parsed(r, n, func(s string) (_ bool, err error) {
				c.Start.Date, c.Start.Clock, err = loyalty.ParseLocal(s)
				return true, err
			})
		}}, zone),
		form(key[folder]{name: "every", read: readTimetable}),
		form(key[folder]{name: "launch", read: readLaunch}),
	}
}

// choiceKeys are those of a mail, as a step or in a choice.
func choiceKeys() keys[mailStep] {
	return keys[mailStep]{"a choice", []key[mailStep]{
		{name: "if", read: func(r *loader, n *node, step *mailStep) {
			s := r.rules(step.c)
			s.Pools = append([]string{}, step.c.pools...) // it may read a code's fate, too
			step.If = r.ruleOrSegment(n, s)
		}},
		{name: "mail", read: readMail},
		{name: "coupon", early: true, read: readCoupon},
		{name: "empty", read: readEmpty, otherwise: usuallyEmpty},
		at("topic", func(s *mailStep) *string { return &s.Topic }, topic()),
	}}
}

// stepKeys are those of a step.
func stepKeys() keys[mailStep] {
	return keys[mailStep]{"a step", append(choiceKeys().rows, key[mailStep]{name: "wait", read: readWait}, key[mailStep]{name: "choose", read: readChoice})}
}
