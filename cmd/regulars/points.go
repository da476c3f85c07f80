package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"

	"github.com/spf13/cobra"

	"regulars/internal/intake"
	"regulars/internal/loyalty"
	"regulars/internal/marketing"
	"regulars/internal/points"
	"regulars/internal/store"
)

func (a *app) pointsCommand() *cobra.Command {
	group := &cobra.Command{Use: "points", Short: "Points: give | take | try | book | expire | rebuild (a member's: regulars member points)"}
	group.AddCommand(
		a.handCommand("give", "Give a member points, with the reason", 1),
		a.handCommand("take", "Take points from a member, with the reason; what they lack is a debt", -1),
		a.tryPoints(),
		newCommand("book", "Book at once what a worker would: orders from before the program, what has ended, tiers of the time before", func(c *cobra.Command, _ []string) error {
			return a.opened(c.Context(), false, func(db *store.DB) error {
				if err := bookDue(c.Context(), db); err != nil {
					return err
				}
				return a.done("booked")
			})
		}),
		a.expireCommand(),
		newCommand("rebuild", "Make what is left of each credit anew from what was booked", func(c *cobra.Command, _ []string) error {
			return a.opened(c.Context(), false, func(db *store.DB) error {
				n, err := intake.RebuildPoints(c.Context(), db)
				if err != nil {
					return err
				}
				return a.done("made anew for " + plural(int64(n), "member", "members"))
			})
		}))
	return group
}

// tryPoints is points try.
func (a *app) tryPoints() *cobra.Command {
	var to dayFlag
	var claim string
	c := newCommand("try DIR", "Say what past orders would have earned, and what would have ended, by a loyalty.yaml that is not in force; changes nothing", func(c *cobra.Command, args []string) error {
		next, err := a.readDirectory(args[0], false)
		if err != nil {
			return err
		}
		return a.opened(c.Context(), false, func(db *store.DB) error {
			day := to.Day
			if !to.given {
				day = loyalty.DayOf(db.Now(), next.Program.Zone)
			}
			f, err := marketing.New(db).Foresee(c.Context(), next.Program, claim, day)
			if err != nil {
				return err
			}
			return a.printForeseen(f)
		})
	})
	c.Flags().Var(&to, "to", "to the end of this day, like 2027-06-21 (default: now)")
	c.Flags().StringVar(&claim, "claim", "", "as if everybody claimed this `REWARD` as soon as they can pay for it")
	return c
}

func (a *app) printForeseen(f marketing.Foreseen) error {
	if a.json {
		return a.printJSON(f)
	}
	fmt.Fprintf(a.out, "%s of %s to %s would have earned %s\n", plural(f.Orders, "order", "orders"), plural(f.Members, "member", "members"), f.To, plural(f.Points.Earned, "point", "points"))
	if f.Reward != "" {
		fmt.Fprintf(a.out, "%s of %s, each as soon as it could be paid for\n", plural(f.Points.Claims, "claim", "claims"), f.Reward)
	}
	fmt.Fprintf(a.out, "%d ended unused, of %s; %d left\n", f.Points.Expired, plural(f.Points.ExpiredOf, "member", "members"), f.Points.Left)
	for _, tier := range slices.Sorted(maps.Keys(f.Tiers)) {
		fmt.Fprintf(a.out, "tier %s: %s\n", tier, plural(f.Tiers[tier], "member", "members"))
	}
	for _, card := range slices.Sorted(maps.Keys(f.Cards)) {
		fmt.Fprintf(a.out, "card %s: full %s\n", card, plural(f.Cards[card], "time", "times"))
	}
	return nil
}

// bookDue does what is due of points and of the time before there were tiers.
func bookDue(ctx context.Context, db *store.DB) error {
	for {
		if n, err := intake.NewDay(ctx, db); n == 0 || err != nil {
			return err
		}
	}
}

// handCommand books so many points, times sign.
func (a *app) handCommand(use, short string, sign int64) *cobra.Command {
	var because, key string
	var last dayFlag
	c := a.action(use+" MEMBER N", short, func(tx *store.Tx, args []string) error {
		n, err := strconv.ParseInt(args[1], 10, 64)
		if err != nil || n < 1 {
			return usage("%q is not a whole number of points from 1 on", args[1])
		}
		member, err := intake.Find(tx, args[0])
		if err != nil {
			return err
		}
		booked, err := marketing.Marketer{}.GivePoints(tx, points.Hand{Member: member, N: sign * n, Because: because, Key: key, LastDay: last.Day, By: a.by()})
		if err != nil {
			return err
		}
		s, err := points.StatementOf(tx, member, 0)
		if err != nil {
			return err
		}
		return a.say(map[string]any{"booked": booked, "balance": s.Balance, "pending": s.Pending}, "%s; %s now has %s",
			either(booked, "booked", "was booked already by that key"), args[0], plural(s.Balance, "point", "points"))
	})
	c.Flags().StringVar(&because, "because", "", "why: it stands in the member's statement")
	c.Flags().StringVar(&key, "key", "", "of idempotency: the same key books once")
	if sign > 0 {
		c.Flags().Var(&last, "last-day", "the last day on which they can be spent, like 2027-06-21 (default: by the program)")
	}
	return c
}

// errShown ends a transaction that was only to show what it would do.
var errShown = errors.New("shown")

func (a *app) expireCommand() *cobra.Command {
	var dry bool
	c := newCommand("expire", "Book what has ended, as the night does; balances are right without it", func(c *cobra.Command, _ []string) error {
		return a.opened(c.Context(), false, func(db *store.DB) error { return a.expirePoints(c.Context(), db, dry) })
	})
	c.Flags().BoolVar(&dry, "dry-run", false, "say what has ended, book nothing")
	return c
}

// endedLine is a lot that has ended, as --json prints it.
type endedLine struct {
	Member  string `json:"member"`
	Wallet  string `json:"wallet"`
	Points  int64  `json:"points"`
	LastDay string `json:"last_day"`
}

func (a *app) expirePoints(ctx context.Context, db *store.DB, dry bool) error {
	lines := []endedLine{}
	atOnce := 1000
	if dry {
		atOnce = math.MaxInt32
	}
	for more := true; more; {
		var some []endedLine
		err := db.Update(ctx, func(tx *store.Tx) error {
			ended, err := intake.EndPoints(tx, atOnce)
			if err != nil {
				return err
			}
			some = nil
			for _, e := range ended {
				var name string
				if err := tx.One(&name, "select external_id from members where id = @id", store.Args{"id": e.Member}); err != nil {
					return err
				}
				some = append(some, endedLine{name, e.Wallet, e.Remains, e.LastDay.String()})
			}
			if dry {
				return errShown
			}
			return nil
		})
		if err != nil && !errors.Is(err, errShown) {
			return err
		}
		lines = append(lines, some...)
		more = len(some) > 0 && !dry
	}
	return printList(a, lines, "MEMBER|WALLET|ENDED|LAST DAY", func(l endedLine) []any { return []any{l.Member, l.Wallet, l.Points, l.LastDay} })
}

// mostEntries is how many rows of a statement are shown unless all are asked for.
const mostEntries = 50

// memberPoints shows a member's statement.
func (a *app) memberPoints() *cobra.Command {
	var all bool
	c := a.reading("points MEMBER", "Show a member's points: what came and went, why, and what ends when", func(tx *store.Tx, args []string) error {
		member, err := intake.Find(tx, args[0])
		if err != nil {
			return err
		}
		most := mostEntries
		if all {
			most = points.All
		}
		s, err := points.StatementOf(tx, member, most)
		if err != nil {
			return err
		}
		return a.printStatement(tx, s)
	})
	c.Flags().BoolVar(&all, "all", false, fmt.Sprintf("every row, however many (otherwise the newest %d, and the %d that end soonest)", mostEntries, mostEntries))
	return c
}

func (a *app) printStatement(tx *store.Tx, s points.Statement) error {
	if a.json {
		return a.printJSON(s)
	}
	fmt.Fprintf(a.out, "%s, %d pending\n", plural(s.Balance, "point", "points"), s.Pending)
	for _, l := range s.Lots {
		if l.Opens > a.today(tx) {
			fmt.Fprintf(a.out, "%d can be spent from %s on (%s)\n", l.Remains, l.Opens, l.Why())
		}
		if l.Last != nil {
			fmt.Fprintf(a.out, "%d end after %s (%s)\n", l.Remains, *l.Last, l.Why())
		}
	}
	if n := int64(s.OfLots - len(s.Lots)); n > 0 {
		fmt.Fprintf(a.out, "… %s more; --all shows them\n", plural(n, "lot", "lots"))
	}
	if err := printList(a, s.Entries, "DAY|WHAT|POINTS|WHY|BY", func(l points.Line) []any { return []any{l.Day, l.Kind, l.Amount, l.Why(), l.ByWhom} }); err != nil {
		return err
	}
	if n := int64(s.OfEntries - len(s.Entries)); n > 0 {
		fmt.Fprintf(a.out, "… %s from before; --all shows them\n", plural(n, "row", "rows"))
	}
	return nil
}
