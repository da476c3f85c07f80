package main

import (
	"cmp"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"regulars/internal/coupon"
	"regulars/internal/intake"
	"regulars/internal/loyalty"
	"regulars/internal/marketing"
	"regulars/internal/points"
	"regulars/internal/store"
)

func (a *app) couponCommand() *cobra.Command {
	group := &cobra.Command{Use: "coupon", Short: "One code: show | give | redeem | void"}
	var order string
	redeem := a.action("redeem CODE", "Note that a code was used", func(tx *store.Tx, args []string) (err error) {
		use := coupon.Use{Code: args[0], Day: a.today(tx)}
		if order != "" {
			use.Order, err = intake.OrderNamed(tx, intake.OwnSource, order)
			if errors.Is(err, store.ErrNotFound) {
				return store.Missing(fmt.Sprintf("there is no order %q", order))
			}
			if err != nil {
				return err
			}
		}
		r, err := marketing.New(nil).Redeem(tx, use)
		if err != nil {
			return noCode(err, args[0])
		}
		return a.done(fmt.Sprintf("%s of pool %s is redeemed", r.Code.Code, r.Code.Pool))
	})
	redeem.Flags().StringVar(&order, "order", "", "the shop's id of the order")
	group.AddCommand(
		a.action("show CODE", "Say whose a code is and whether it is good", a.showCode),
		a.giveCode(),
		redeem,
		a.action("void CODE", "End a code", func(tx *store.Tx, args []string) error {
			was, err := marketing.Marketer{By: a.by()}.VoidCode(tx, args[0])
			if err != nil {
				return noCode(err, args[0])
			}
			return a.done(either(was, "void", "was over already"))
		}))
	return group
}

// giveCode is coupon give.
func (a *app) giveCode() *cobra.Command {
	var because, key string
	c := a.action("give MEMBER POOL", "Give a member a code that is good at once, with the reason; no mail tells of it", func(tx *store.Tx, args []string) error {
		member, err := intake.Find(tx, args[0])
		if err != nil {
			return err
		}
		h := points.HandCode{Member: member, Pool: args[1], Because: because, Key: cmp.Or(key, rand.Text()), By: a.by()}
		code, now, err := marketing.Marketer{}.GiveCode(tx, h)
		if err != nil {
			return err
		}
		return a.say(map[string]any{"code": code.Code, "given": now, "valid_until": dayOrNone(code.ValidUntil)}, "%s %s", code.Code,
			either(now, "is given to "+args[0], "was given already by that key"))
	})
	c.Flags().StringVar(&because, "because", "", "why: it stands in the audit")
	c.Flags().StringVar(&key, "key", "", "of idempotency: the same key gives once")
	return c
}

// noCode turns the refusal of a code that nobody made into words that name it.
func noCode(err error, code string) error {
	var refused *coupon.Refused
	switch {
	case !errors.As(err, &refused):
		return err
	case refused.Reason == coupon.Unknown:
		return store.Missing("there is no code " + code)
	}
	return fmt.Errorf("%s is refused: %s", code, strings.ReplaceAll(refused.Reason, "_", " "))
}

// shownCode is a code as --json prints it.
type shownCode struct {
	Code       string          `json:"code"`
	Verdict    string          `json:"verdict"`
	Pool       string          `json:"pool"`
	State      string          `json:"state"`
	Member     string          `json:"member,omitempty"`
	Campaign   string          `json:"campaign,omitempty"`
	ValidUntil string          `json:"valid_until,omitempty"`
	ReservedAt loyalty.Instant `json:"reserved_at"`
	IssuedAt   loyalty.Instant `json:"issued_at"`
	RedeemedAt loyalty.Instant `json:"redeemed_at"`
}

// showCode says whose a code is, which campaign gave it and whether it is good.
func (a *app) showCode(tx *store.Tx, args []string) error {
	r, err := coupon.Look(tx, args[0], 0, a.today(tx))
	var refused *coupon.Refused
	if err != nil && (!errors.As(err, &refused) || refused.Reason == coupon.Unknown) {
		return noCode(err, args[0])
	}
	c := shownCode{r.Code.Code, "good", r.Code.Pool, r.Code.State, "", "", dayOrNone(r.Code.ValidUntil), r.Code.ReservedAt, r.Code.IssuedAt, r.Code.RedeemedAt}
	if refused != nil {
		c.Verdict = strings.ReplaceAll(refused.Reason, "_", " ")
	}
	var whose struct{ Member, Campaign string }
	err = tx.One(&whose, `
		select coalesce(m.external_id, '') as member, coalesce(k.name, '') as campaign
		from   codes c
		left   join members m     on m.id = c.member_id
		left   join occurrences o on o.id = c.occurrence_id
		left   join campaigns k   on k.id = o.campaign_id
		where  c.id = @id`, store.Args{"id": r.Code.ID})
	if err != nil {
		return err
	}
	c.Member, c.Campaign = whose.Member, whose.Campaign
	parts := []string{c.Code + ": " + c.Verdict, c.State, "pool " + c.Pool}
	if c.Member != "" {
		parts = append(parts, "member "+c.Member)
	}
	if c.Campaign != "" {
		parts = append(parts, "campaign "+c.Campaign)
	}
	if c.ValidUntil != "" {
		parts = append(parts, "until the end of "+c.ValidUntil)
	}
	return a.say(c, "%s", strings.Join(parts, ", "))
}
