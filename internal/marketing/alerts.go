package marketing

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"html"
	"log/slog"
	netmail "net/mail"
	"regexp"
	"slices"
	"strings"
	"time"

	"regulars/internal/address"
	"regulars/internal/coupon"
	"regulars/internal/delivery"
	"regulars/internal/delivery/compose"
	"regulars/internal/loyalty"
	"regulars/internal/report"
	"regulars/internal/store"
	"regulars/internal/versions"
	"regulars/templates"
)

// Alerts tells people by mail, at the addresses under mail.alerts in program.yaml,
// what needs them: a run that is paused otherwise than by a person, a pool that runs
// low, a budget of which most is used, a campaign that is set aside, a night that was missed.
//
// Of one kind it sends at most one mail an hour, from all replicas together, and of
// what it has told already no more than one a day. The mail goes to the relay as a
// test mail does: it leaves no row of a send and counts nowhere. It names no member,
// and nothing that a database or a person said in their own words.
type Alerts struct {
	DB         *store.DB
	Transport  delivery.Transport
	Secret     []byte         // keys Message-IDs
	MailOnlyTo *regexp.Regexp // nil: everybody
	Log        *slog.Logger
}

// alertKinds are the kinds of trouble (store.Trouble) that people are told of by mail.
var alertKinds = []string{"paused", "pool", "budget", "setback", "put off", "night"}

// How often the troubles are looked at, one kind is told of, and the same is told again.
const (
	alertsEvery  = time.Minute
	alertPause   = time.Hour
	alertsRemind = 24 * time.Hour
)

// Run looks at what is amiss once a minute until ctx ends.
func (a *Alerts) Run(ctx context.Context) error {
	tick := time.NewTicker(alertsEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if err := a.Pass(ctx); err != nil && ctx.Err() == nil {
			a.Log.WarnContext(ctx, "people could not be told by mail what needs them; it is tried again", "err", err)
		}
	}
}

// Pass tells what is to be told now.
func (a *Alerts) Pass(ctx context.Context) error {
	var shop, from string
	var to []*netmail.Address
	var low []store.Trouble
	err := a.DB.View(ctx, func(tx *store.Tx) error {
		v, err := versions.Active(tx)
		if err != nil {
			return err
		}
		shop, from = v.Program.Shop.Name, v.Program.Mail.From
		if v.Program.Mail.Alerts == "" {
			return nil
		}
		if to, err = netmail.ParseAddressList(v.Program.Mail.Alerts); err == nil {
			low, err = lowPools(tx)
		}
		return err
	})
	if errors.Is(err, versions.ErrNoProgram) || err == nil && len(to) == 0 {
		return nil
	}
	if err != nil {
		return err
	}
	troubles := append(report.LookAt(ctx, a.DB).Troubles, low...)
	for _, kind := range alertKinds {
		var about []string
		var words strings.Builder
		for _, t := range troubles {
			if t.Kind != kind || kind == "paused" && strings.Contains(t.What, ": "+byHand) || slices.Contains(about, cmp.Or(t.About, t.What)) {
				continue
			}
			about = append(about, cmp.Or(t.About, t.What))
			fmt.Fprintf(&words, "- %s\n  What to do: %s\n\n", Impersonal(t), t.Do)
		}
		slices.Sort(about)
		claimed, err := a.claim(ctx, kind, strings.Join(about, "\n"))
		if err != nil {
			return err
		}
		if !claimed {
			continue
		}
		if err := a.send(ctx, shop, from, to, words.String()); err != nil {
			give := a.DB.Update(context.WithoutCancel(ctx), func(tx *store.Tx) error {
				_, err := tx.Exec("delete from alerts where kind = @kind", store.Args{"kind": kind})
				return err
			})
			return errors.Join(err, give)
		}
		a.Log.InfoContext(ctx, "people were told by mail what needs them", "kind", kind, "about", about)
	}
	return nil
}

// claim reports whether this replica is to tell what a kind of trouble is about. When
// nothing is amiss any more, the next time is news again.
func (a *Alerts) claim(ctx context.Context, kind, about string) (claimed bool, err error) {
	err = a.DB.Update(ctx, func(tx *store.Tx) error {
		args := store.Args{"kind": kind, "about": about, "now": tx.At, "hour_ago": tx.At.Plus(-alertPause), "day_ago": tx.At.Plus(-alertsRemind)}
		if claimed = false; about == "" {
			_, err := tx.Exec("update alerts set told = '' where kind = @kind and told <> ''", args)
			return err
		}
		n, err := tx.Exec(`
			insert into alerts (kind, told, told_at) values (@kind, @about, @now)
			on conflict (kind) do update
			set    told = excluded.told, told_at = excluded.told_at
			where  alerts.told_at <= @hour_ago and (alerts.told <> excluded.told or alerts.told_at <= @day_ago)`, args)
		claimed = n > 0
		return err
	})
	return claimed, err
}

// Impersonal is what is wrong without the words of a database or of one mail, which
// may name a member. What the brake of a run found comes before them.
func Impersonal(t store.Trouble) string {
	what, because, _ := strings.Cut(t.What, ": ")
	if t.Kind == "paused" {
		because, _, _ = strings.Cut(because, ": ")
		what += ": " + because
	}
	return what
}

// lowPools are the pools with fewer codes than the program says they should have.
func lowPools(tx *store.Tx) (low []store.Trouble, err error) {
	day, err := tx.Today()
	if err != nil {
		return nil, err
	}
	pools, err := coupon.Statuses(tx, day)
	for _, p := range pools {
		if p.IsLow {
			low = append(low, store.Trouble{Kind: "pool", About: p.Name, What: fmt.Sprintf("pool %s runs low (%d left, and its low is %d)", p.Name, p.Left, p.Low),
				Do: fmt.Sprintf("`regulars pool status %s` says how it stands; give it more codes, or a larger stock or budget in pools.yaml", p.Name)})
		}
	}
	return low, err
}

// send mails words to each address. One of which nobody knows whether it was taken is
// not sent again, and none is as long as one was taken.
func (a *Alerts) send(ctx context.Context, shop, from string, to []*netmail.Address, words string) error {
	sender, err := netmail.ParseAddress(from)
	if err != nil {
		return fmt.Errorf("the sender: %w", err)
	}
	_, domain, _ := strings.Cut(sender.Address, "@")
	first, _, _ := strings.Cut(strings.TrimPrefix(words, "- "), "\n")
	text := fmt.Sprintf("Something at %s needs a person:\n\n%s`regulars status` says how things stand now, and more of why.\n"+
		"What is told here is told again after a day at the earliest. This goes to the addresses under mail.alerts in program.yaml.\n", shop, words)
	taken := 0
	for i, named := range to {
		mailbox, _, wrong := address.Read(named.Address)
		if wrong != nil {
			err = errors.Join(err, fmt.Errorf("mail.alerts: %w", wrong))
			continue
		}
		if a.MailOnlyTo != nil && !a.MailOnlyTo.MatchString(mailbox) {
			taken++ // nobody is to have it
			continue
		}
		now := a.DB.Now()
		body, wrong := compose.Build(compose.Letter{
			From: from, To: mailbox, Class: loyalty.Service, Topic: loyalty.Program, Date: now,
			MessageID: compose.MessageID(a.Secret, -now.UnixMicro()-int64(i), domain),
			Rendered:  templates.Rendered{Subject: "[Regulars] " + first, Text: text, HTML: "<pre>" + html.EscapeString(text) + "</pre>", Language: "en"},
		})
		if wrong != nil {
			return wrong
		}
		o := a.Transport.Hand(ctx, delivery.Message{From: sender.Address, To: mailbox, Body: body}, nil)
		if ending := o.Verdict().Ending; ending == delivery.Sent || ending == delivery.Unknown {
			taken++
		} else {
			err = errors.Join(err, fmt.Errorf("a mail was not taken (%s): %d %s", o.Stage, o.Code, o.Text))
		}
	}
	if taken > 0 && err != nil {
		a.Log.WarnContext(ctx, "not all who are under mail.alerts could be told what needs them", "err", err)
		return nil
	}
	return err
}
