package report

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"regulars/internal/loyalty"
	"regulars/internal/store"
)

// Who ordered after a mail, used its code, opened it or clicked, only going through the
// mails, the orders and the codes tells. A small shop's pages do that whenever somebody
// looks. In a large one a worker does it now and then, one campaign at a time, and pages
// show that with the moment it is of; how many mails came to what is counted as it
// happens, and is of the present in both.

// CampaignFigures are what a campaign came to.
type CampaignFigures struct {
	AsOf   loyalty.Instant `json:"-"` // of Members, Mailed, Ordered, Revenue, Codes, Redeemed, Opened, Clicked and Links; zero: the present
	Whole  Result          // a member of several steps counts once
	Steps  []Result
	Recent Result // of mails whose campaign started in the last RecentDays
	Mails  []MailUse
	Links  []LinkUse
}

const (
	// figuresFrom is of how many mails, or orders, a shop is large.
	figuresFrom = 50_000
	// figuresShare is which part of one core counting may take, all campaigns together.
	figuresShare = 20
	// figuresOften is how often figures are counted at most.
	figuresOften = 10 * time.Minute
	// keptLinks is how many links of a campaign are kept.
	keptLinks = 100
)

// ShopFigures are those of the shop as a whole that take a large one long to count.
type ShopFigures struct{ Recent Recent }

// theShop stands in campaign_figures for the shop as a whole.
const theShop = 0

// counted are what figures are counted of: the shop, and the campaigns of the program.
const counted = "(select 0 as id, '' as name union all select id, name from campaigns where removed_at is null)"

// large is whether the shop is, as SQL that takes no time.
var large = fmt.Sprintf("((select coalesce(max(id) - min(id), 0) from sends) >= %[1]d or (select coalesce(max(id) - min(id), 0) from orders) >= %[1]d)", figuresFrom)

// Large is whether the shop is so large that what goes through all its orders or mails
// takes longer than a page should.
func Large(tx *store.Tx) (is bool, err error) {
	err = tx.One(&is, "select "+large, nil)
	return is, err
}

// FiguresDue is a SELECT with a row where CountFigures has something to do.
func FiguresDue(tx *store.Tx) string {
	return "select 1 from " + counted + " c left join campaign_figures f on f.campaign_id = c.id where (f.campaign_id is null or f.again_at <= " +
		tx.Machine() + ") and " + large
}

// CountFigures counts what one campaign, or the shop as a whole, came to, whose figures are
// due, and keeps that. It returns how many those were. Done twice it counts again.
func CountFigures(ctx context.Context, db *store.DB) (int, error) {
	var c struct {
		ID   int64
		Name string
	}
	var body any
	var campaigns int64
	var asOf loyalty.Instant
	began := time.Now()
	err := db.View(ctx, func(tx *store.Tx) error {
		err := tx.One(&c, `
			select c.id, c.name
			from   `+counted+` c left join campaign_figures f on f.campaign_id = c.id
			where (f.campaign_id is null or f.again_at <= `+tx.Machine()+`) and `+large+`
			order  by f.again_at is not null, f.again_at, c.id
			limit  1`, nil)
		if err == nil {
			err = tx.One(&campaigns, "select count(*) from campaigns where removed_at is null", nil)
		}
		if err == nil {
			err = tx.InBackground()
		}
		if err == nil && c.ID == theShop {
			body, err = shopFigures(tx)
		} else if err == nil {
			body, err = FiguresOf(tx, c.Name, keptLinks)
		}
		asOf = tx.At
		return err
	})
	if errors.Is(err, store.ErrNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("what campaign %s came to: %w", c.Name, err)
	}
	again := max(figuresOften, time.Since(began)*time.Duration(figuresShare*campaigns))
	return 1, db.Update(ctx, func(tx *store.Tx) error {
		_, err := tx.Exec(`
			insert into campaign_figures (campaign_id, as_of, again_at, body) values (@campaign, @as_of, `+tx.MachineIn(again)+`, @body)
			on conflict (campaign_id) do update set as_of = excluded.as_of, again_at = excluded.again_at, body = excluded.body`,
			store.Args{"campaign": c.ID, "as_of": asOf, "body": store.JSON(body)})
		return err
	})
}

// shopFigures counts those of the shop.
func shopFigures(tx *store.Tx) (f ShopFigures, err error) {
	today, err := tx.Today()
	if err != nil {
		return f, err
	}
	f.Recent, err = Recents(tx, today)
	return f, err
}

// KeptShop returns the figures of the shop as they were counted last; kept is false where
// pages count them themselves (Recents).
func KeptShop(tx *store.Tx) (f ShopFigures, kept bool, err error) {
	var body string
	err = tx.One(&body, "select body from campaign_figures where campaign_id = @shop and "+large, store.Args{"shop": theShop})
	if err == nil {
		err = json.Unmarshal([]byte(body), &f)
	}
	return f, err == nil, store.IgnoreNotFound(err)
}

// FiguresOf counts what a campaign came to, with so many of its links.
func FiguresOf(tx *store.Tx, campaign string, links int) (f CampaignFigures, err error) {
	if err := tx.AboutEverybody(); err != nil {
		return f, err
	}
	if f.Steps, err = Results(tx, campaign, 0); err != nil {
		return f, err
	}
	if f.Whole, err = ResultOf(tx, campaign, 0); err != nil {
		return f, err
	}
	today, err := tx.Today()
	if err != nil {
		return f, err
	}
	if f.Recent, err = ResultOf(tx, campaign, today-RecentDays+1); err != nil {
		return f, err
	}
	if f.Mails, err = Mails(tx, campaign); err != nil {
		return f, err
	}
	f.Links, err = Links(tx, campaign, links)
	return f, err
}

// KeptFigures returns what a campaign came to as it was counted last, with what is counted
// as it happens as of now. kept is false where pages count it themselves (FiguresOf). In a
// large shop that has not counted it yet what only counting tells is zero, as AsOf is.
func KeptFigures(tx *store.Tx, campaign string) (f CampaignFigures, kept bool, err error) {
	all, kept, err := keptFigures(tx, campaign)
	if err != nil || !kept {
		return f, kept, err
	}
	if len(all) > 0 {
		f = all[campaign]
	}
	whole, err := present(tx, "''", campaign, 0)
	if err == nil {
		f.Whole = brought(whole, []Result{f.Whole}, campaign)
		var steps []Result
		steps, err = present(tx, "s.step", campaign, 0)
		f.Steps = overlaid(steps, f.Steps)
	}
	if err != nil {
		return f, true, err
	}
	var mails []MailUse
	if err := tx.All(&mails, countedMails+" order by 1, 2", store.Args{"campaign": campaign}); err != nil {
		return f, true, fmt.Errorf("what became of mails: %w", err)
	}
	for i := range mails {
		if at := slices.IndexFunc(f.Mails, func(m MailUse) bool { return m.Mail == mails[i].Mail }); at >= 0 {
			mails[i].Opened, mails[i].Clicked = f.Mails[at].Opened, f.Mails[at].Clicked
		}
	}
	f.Mails = mails
	return f, true, nil
}

// KeptRecent returns what all campaigns came to in the last days, as KeptFigures, and when
// the oldest of it was counted.
func KeptRecent(tx *store.Tx) (list []Result, asOf loyalty.Instant, kept bool, err error) {
	all, kept, err := keptFigures(tx, "")
	if err != nil || !kept {
		return nil, asOf, kept, err
	}
	today, err := tx.Today()
	if err != nil {
		return nil, asOf, true, err
	}
	var recent []Result
	for _, f := range all {
		recent = append(recent, f.Recent)
		if asOf.IsZero() || f.AsOf.Before(asOf.Time) {
			asOf = f.AsOf
		}
	}
	list, err = present(tx, "''", "", today-RecentDays+1)
	return overlaid(list, recent), asOf, true, err
}

// keptFigures reads what was counted of a campaign, or of all of the program (""). kept is
// whether this shop keeps figures.
func keptFigures(tx *store.Tx, campaign string) (all map[string]CampaignFigures, kept bool, err error) {
	var yes int64
	if err := tx.One(&yes, "select case when "+large+" then 1 else 0 end", nil); err != nil || yes == 0 {
		return nil, false, err
	}
	var rows []struct {
		Name, Body string
		AsOf       loyalty.Instant
	}
	err = tx.All(&rows, `
		select c.name, f.as_of, f.body
		from   campaign_figures f join campaigns c on c.id = f.campaign_id
		where  c.removed_at is null and (@campaign = '' or c.name = @campaign)`, store.Args{"campaign": campaign})
	all = map[string]CampaignFigures{}
	for _, row := range rows {
		var f CampaignFigures
		if err := json.Unmarshal([]byte(row.Body), &f); err != nil {
			return nil, true, fmt.Errorf("the figures kept of campaign %s: %w", row.Name, err)
		}
		f.AsOf = row.AsOf
		all[row.Name] = f
	}
	return all, true, err
}

// present is what mails came to by now.
func present(tx *store.Tx, step, campaign string, since loyalty.Day) (list []Result, err error) {
	err = tx.All(&list, countedResults(step)+" order by 1, 2", store.Args{"campaign": campaign, "since": since, "last": everyDay})
	if err != nil {
		return nil, fmt.Errorf("what mails came to: %w", err)
	}
	return list, nil
}

// overlaid are results of the present with what was counted of each.
func overlaid(present, counted []Result) []Result {
	for i := range present {
		p := &present[i]
		if at := slices.IndexFunc(counted, func(r Result) bool { return r.Campaign == p.Campaign && r.Step == p.Step }); at >= 0 {
			r := counted[at]
			p.Members, p.Mailed, p.Ordered, p.Revenue, p.Codes, p.Redeemed = r.Members, r.Mailed, r.Ordered, r.Revenue, r.Codes, r.Redeemed
		}
	}
	return present
}

// brought is the one result of a campaign, overlaid.
func brought(present, counted []Result, campaign string) Result {
	if len(present) == 0 {
		return Result{Campaign: campaign}
	}
	return overlaid(present, counted)[0]
}
