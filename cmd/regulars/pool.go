package main

import (
	"bufio"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"strconv"

	"regulars/internal/flows"
	"regulars/internal/importer"

	"github.com/spf13/cobra"

	"regulars/internal/coupon"
	"regulars/internal/loyalty"
	"regulars/internal/store"
)

func (a *app) poolCommand() *cobra.Command {
	group := &cobra.Command{Use: "pool", Short: "Stocks of coupon codes: list | status | generate | import | export | unused | recall"}
	var known bool
	export := a.action("export NAME", "Print the codes, one a line (--mark-known: the shop has them, they may be given)", func(tx *store.Tx, args []string) error {
		all := []string{}
		out := bufio.NewWriter(a.out)
		err := coupon.Export(tx, args[0], known, func(c coupon.Code) (err error) {
			if all = append(all, c.Code); !a.json {
				all = all[:0]
				_, err = fmt.Fprintln(out, c.Code)
			}
			return err
		})
		if err == nil && a.json {
			return a.printJSON(all)
		}
		return errors.Join(err, out.Flush())
	})
	export.Flags().BoolVar(&known, "mark-known", false, "note that the shop has these codes")
	group.AddCommand(
		a.action("list", "List the pools", func(tx *store.Tx, _ []string) error { return a.listPools(tx, "") }),
		a.action("status NAME", "How a pool stands", func(tx *store.Tx, args []string) error { return a.listPools(tx, args[0]) }),
		a.action("generate NAME COUNT", "Make so many free codes", func(tx *store.Tx, args []string) error {
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
		a.action("import NAME FILE", "Add the shop's own codes, one a line", a.importCodes),
		export,
		a.action("unused NAME", "After a restore: say that nobody has the codes that are set aside", func(tx *store.Tx, args []string) error {
			free, kept, err := coupon.PutBack(tx, args[0])
			if err == nil {
				err = flows.AskAgain(tx)
			}
			if err != nil {
				return err
			}
			return a.done(fmt.Sprintf("%s free again, %d kept for whoever has them", plural(free, "code is", "codes are"), kept))
		}),
		a.action("recall NAME", "Void every code that can still be given or used", func(tx *store.Tx, args []string) error {
			n, err := coupon.Recall(tx, args[0])
			if err != nil {
				return err
			}
			return a.done(plural(n, "code is void", "codes are void"))
		}),
	)
	return group
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

func (a *app) listPools(tx *store.Tx, only string) error {
	list, err := coupon.Statuses(tx, a.today(tx))
	if err != nil {
		return err
	}
	found := []poolLine{}
	for _, p := range list {
		if only == "" || p.Name == only {
			found = append(found, poolLine{p.Name, p.Kind, p.Percent, p.Amount, p.Item, p.Points, p.Perk, p.ValidFor, dayOrNone(p.ValidUntil), p.Stock, p.Budget,
				p.Free, p.Left, p.IsLow, p.Reserved, p.Issued, p.Redeemed, p.Expired, p.Void, p.Aside, p.Spent})
		}
	}
	if only != "" && len(found) == 0 {
		_, err := coupon.Find(tx, only)
		return err
	}
	return printList(a, found, "POOL|KIND|FREE|LEFT|RESERVED|ISSUED|REDEEMED|EXPIRED|VOID|ASIDE", func(p poolLine) []any {
		left := "no limit"
		if p.Left >= 0 {
			left = fmt.Sprint(p.Left)
		}
		return []any{p.Name, p.Kind, p.Free, left + either(p.Low, " (low)", ""), p.Reserved, p.Issued, p.Redeemed, p.Expired, p.Void, p.Aside}
	})
}

func dayOrNone(d loyalty.Day) string {
	if d == 0 {
		return ""
	}
	return d.String()
}

// shownRejects is how many refused lines of a file are named.
const shownRejects = 20

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
	n, err := coupon.Import(tx, args[0], func(yield func(string) bool) {
		for lines.Scan() && yield(lines.Text()) {
		}
	})
	if err := errors.Join(err, lines.Err()); err != nil {
		return err
	}
	for _, r := range n.Rejects[:min(len(n.Rejects), shownRejects)] {
		fmt.Fprintf(a.err, "%s:%d: %s: %s\n", args[1], r.Line, r.Code, r.Reason)
	}
	if more := n.Rejected - shownRejects; more > 0 {
		fmt.Fprintf(a.err, "… and %d more rejected lines\n", more)
	}
	err = a.say(map[string]int64{"read": n.Read, "new": n.New, "duplicate": n.Duplicate, "rejected": n.Rejected},
		"%d read, %d new, %d duplicate, %d rejected", n.Read, n.New, n.Duplicate, n.Rejected)
	if n.Rejected == n.Read {
		return errors.Join(err, fmt.Errorf("nothing came in: %s has no code that can be taken", args[1]))
	}
	return err
}
