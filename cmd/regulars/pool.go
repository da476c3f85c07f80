package main

import (
	"bufio"
	"crypto/rand"
	"errors"
	"fmt"
	"iter"
	"os"
	"strconv"
	"strings"

	"regulars/internal/flows"
	"regulars/internal/importer"

	"github.com/spf13/cobra"

	"regulars/internal/coupon"
	"regulars/internal/intake"
	"regulars/internal/loyalty"
	"regulars/internal/store"
)

func (a *app) poolCommand() *cobra.Command {
	group := &cobra.Command{Use: "pool", Short: "Stocks of coupon codes: list | status | generate | import | export | unused | recall"}
	var known bool
	export := a.poolAction("export NAME", "Print the codes, one a line (--mark-known: the shop has them, they may be given)", 1, func(tx *store.Tx, args []string) error {
		if a.json {
			all := []string{}
			if err := coupon.Export(tx, args[0], known, func(c coupon.Code) error { all = append(all, c.Code); return nil }); err != nil {
				return err
			}
			return a.printJSON(all)
		}
		out := bufio.NewWriter(a.out)
		err := coupon.Export(tx, args[0], known, func(c coupon.Code) error {
			_, err := fmt.Fprintln(out, c.Code)
			return err
		})
		return errors.Join(err, out.Flush())
	})
	export.Flags().BoolVar(&known, "mark-known", false, "note that the shop has these codes")
	group.AddCommand(
		a.poolAction("list", "List the pools", 0, func(tx *store.Tx, _ []string) error { return a.listPools(tx, "") }),
		a.poolAction("status NAME", "How a pool stands", 1, func(tx *store.Tx, args []string) error { return a.listPools(tx, args[0]) }),
		a.poolAction("generate NAME COUNT", "Make so many free codes", 2, func(tx *store.Tx, args []string) error {
			n, err := strconv.Atoi(args[1])
			if err != nil || n < 1 {
				return usage("%q is not a number of codes", args[1])
			}
			made, err := coupon.Generate(tx, args[0], n, rand.Reader)
			if err != nil {
				return err
			}
			return a.done(plural(int64(made), "code made", "codes made"))
		}),
		a.poolAction("import NAME FILE", "Add the shop's own codes, one a line", 2, a.importCodes),
		export,
		a.poolAction("unused NAME", "After a restore: say that nobody has the codes that are set aside", 1, func(tx *store.Tx, args []string) error {
			free, kept, err := coupon.PutBack(tx, args[0])
			if err == nil {
				err = flows.AskAgain(tx)
			}
			if err != nil {
				return err
			}
			return a.done(fmt.Sprintf("%s free again, %d kept for whoever has them", plural(free, "code is", "codes are"), kept))
		}),
		a.poolAction("recall NAME", "Void every code that can still be given or used", 1, func(tx *store.Tx, args []string) error {
			n, err := coupon.Recall(tx, args[0])
			if err != nil {
				return err
			}
			return a.done(plural(n, "code is void", "codes are void"))
		}),
	)
	return group
}

func (a *app) poolAction(use, short string, args int, f func(*store.Tx, []string) error) *cobra.Command {
	return &cobra.Command{Use: use, Short: short, Args: cobra.ExactArgs(args), RunE: func(c *cobra.Command, args []string) error {
		return a.opened(c.Context(), false, func(db *store.DB) error {
			return db.Update(c.Context(), func(tx *store.Tx) error { return f(tx, args) })
		})
	}}
}

func (a *app) listPools(tx *store.Tx, only string) error {
	day, err := today(tx)
	if err != nil {
		return err
	}
	list, err := coupon.Statuses(tx, day)
	if err != nil {
		return err
	}
	var rows [][]string
	found := []poolLine{}
	for _, p := range list {
		if only != "" && p.Name != only {
			continue
		}
		found = append(found, lineOf(p))
		left := "no limit"
		if p.Left >= 0 {
			left = fmt.Sprint(p.Left)
		}
		if p.IsLow {
			left += " (low)"
		}
		rows = append(rows, []string{p.Name, p.Kind, fmt.Sprint(p.Free), left, fmt.Sprint(p.Reserved), fmt.Sprint(p.Issued), fmt.Sprint(p.Redeemed), fmt.Sprint(p.Expired), fmt.Sprint(p.Void), fmt.Sprint(p.Aside)})
	}
	if only != "" && len(found) == 0 {
		_, err := coupon.Find(tx, only)
		return err
	}
	if a.json {
		return a.printJSON(found)
	}
	return a.table([]string{"POOL", "KIND", "FREE", "LEFT", "RESERVED", "ISSUED", "REDEEMED", "EXPIRED", "VOID", "ASIDE"}, rows)
}

// poolLine is a pool as --json prints it; amounts are minor units.
type poolLine struct {
	Name       string `json:"name"`
	Kind       string `json:"kind"`
	Percent    int    `json:"percent,omitempty"`
	Amount     int64  `json:"amount,omitempty"`
	Item       string `json:"item,omitempty"`
	Points     int64  `json:"points,omitempty"`
	Perk       string `json:"perk,omitempty"`
	ValidFor   int    `json:"valid_for,omitempty"` // days
	ValidUntil string `json:"valid_until,omitempty"`
	Stock      int64  `json:"stock,omitempty"`
	Budget     int64  `json:"budget,omitempty"`
	Free       int64  `json:"free"`
	Left       int64  `json:"left"` // -1: no limit
	Low        bool   `json:"low"`
	Reserved   int64  `json:"reserved"`
	Issued     int64  `json:"issued"`
	Redeemed   int64  `json:"redeemed"`
	Expired    int64  `json:"expired"`
	Void       int64  `json:"void"`
	Aside      int64  `json:"aside"` // after a restore: somebody may have them
	Spent      int64  `json:"spent"`
}

func lineOf(p coupon.Status) poolLine {
	return poolLine{p.Name, p.Kind, p.Percent, p.Amount, p.Item, p.Points, p.Perk, p.ValidFor, dayOrNone(p.ValidUntil), p.Stock, p.Budget,
		p.Free, p.Left, p.IsLow, p.Reserved, p.Issued, p.Redeemed, p.Expired, p.Void, p.Aside, p.Spent}
}

func dayOrNone(d loyalty.Day) string {
	if d == 0 {
		return ""
	}
	return d.String()
}

// today is the shop's present day.
func today(tx *store.Tx) (loyalty.Day, error) {
	zone, err := tx.Zone()
	return loyalty.DayOf(tx.At.Time, zone), err
}

func (a *app) importCodes(tx *store.Tx, args []string) error {
	file, err := os.Open(args[1])
	if err != nil {
		return err
	}
	defer file.Close()
	if err := isFile(args[1]); err != nil {
		return err
	}
	text, err := importer.TextOf(file)
	if err != nil {
		return fmt.Errorf("%s: %w", args[1], err)
	}
	lines := bufio.NewScanner(text)
	n, err := coupon.Import(tx, args[0], scanned(lines))
	if err := errors.Join(err, lines.Err()); err != nil {
		return err
	}
	for i, r := range n.Rejects {
		if i == 20 {
			break
		}
		fmt.Fprintf(a.err, "%s:%d: %s: %s\n", args[1], r.Line, r.Code, r.Reason)
	}
	if more := n.Rejected - 20; more > 0 {
		fmt.Fprintf(a.err, "… and %d more rejected lines\n", more)
	}
	if a.json {
		err = a.printJSON(map[string]int64{"read": n.Read, "new": n.New, "duplicate": n.Duplicate, "rejected": n.Rejected})
	} else {
		fmt.Fprintf(a.out, "%d read, %d new, %d duplicate, %d rejected\n", n.Read, n.New, n.Duplicate, n.Rejected)
	}
	if n.Rejected == n.Read {
		return errors.Join(err, fmt.Errorf("nothing came in: %s has no code that can be taken", args[1]))
	}
	return err
}

// notThereNamed says that there is no row of a name.
func notThereNamed(err error, thing, name string) error {
	if errors.Is(err, store.ErrNotFound) {
		return store.Missing(fmt.Sprintf("there is no %s %q", thing, name))
	}
	return err
}

func scanned(s *bufio.Scanner) iter.Seq[string] {
	return func(yield func(string) bool) {
		for s.Scan() {
			if !yield(s.Text()) {
				return
			}
		}
	}
}

func (a *app) couponCommand() *cobra.Command {
	group := &cobra.Command{Use: "coupon", Short: "One code: show | redeem | void"}
	var order string
	redeem := a.poolAction("redeem CODE", "Note that a code was used", 1, func(tx *store.Tx, args []string) error {
		use := coupon.Use{Code: args[0]}
		var err error
		if use.Day, err = today(tx); err != nil {
			return err
		}
		if order != "" {
			if use.Order, err = intake.OrderNamed(tx, intake.OwnSource, order); err != nil {
				return notThereNamed(err, "order", order)
			}
		}
		r, err := coupon.Redeem(tx, use)
		if err != nil {
			return noCode(err, args[0])
		}
		return a.done(fmt.Sprintf("%s of pool %s is redeemed", r.Code.Code, r.Code.Pool))
	})
	redeem.Flags().StringVar(&order, "order", "", "the shop's id of the order")
	group.AddCommand(
		a.poolAction("show CODE", "Say whose a code is and whether it is good", 1, func(tx *store.Tx, args []string) error { return a.showCode(tx, args[0]) }),
		redeem,
		a.poolAction("void CODE", "End a code", 1, func(tx *store.Tx, args []string) error {
			was, err := coupon.Cancel(tx, args[0])
			if err != nil {
				return noCode(err, args[0])
			}
			return a.done(map[bool]string{true: "void", false: "was over already"}[was])
		}))
	return group
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

func (a *app) showCode(tx *store.Tx, code string) error {
	day, err := today(tx)
	if err != nil {
		return err
	}
	r, err := coupon.Look(tx, code, 0, day)
	var refused *coupon.Refused
	if err != nil && (!errors.As(err, &refused) || refused.Reason == coupon.Unknown) {
		return noCode(err, code)
	}
	c := shownCode{r.Code.Code, "good", r.Code.Pool, r.Code.State, "", "", dayOrNone(r.Code.ValidUntil), r.Code.ReservedAt, r.Code.IssuedAt, r.Code.RedeemedAt}
	if refused != nil {
		c.Verdict = strings.ReplaceAll(refused.Reason, "_", " ")
	}
	if err := c.find(tx, r.Code); err != nil {
		return err
	}
	if a.json {
		return a.printJSON(c)
	}
	return c.say(a)
}

// find looks up whose code it is and which campaign gave it.
func (s *shownCode) find(tx *store.Tx, c coupon.Code) error {
	var whose struct{ Member, Campaign string }
	err := tx.One(&whose, `
		select coalesce(m.external_id, '') as member, coalesce(k.name, '') as campaign
		from   codes c
		left   join members m     on m.id = c.member_id
		left   join occurrences o on o.id = c.occurrence_id
		left   join campaigns k   on k.id = o.campaign_id
		where  c.id = @id`, store.Args{"id": c.ID})
	s.Member, s.Campaign = whose.Member, whose.Campaign
	return err
}

func (s *shownCode) say(a *app) error {
	parts := []string{s.Code + ": " + s.Verdict, s.State, "pool " + s.Pool}
	if s.Member != "" {
		parts = append(parts, "member "+s.Member)
	}
	if s.Campaign != "" {
		parts = append(parts, "campaign "+s.Campaign)
	}
	if s.ValidUntil != "" {
		parts = append(parts, "until the end of "+s.ValidUntil)
	}
	_, err := fmt.Fprintln(a.out, strings.Join(parts, ", "))
	return err
}
