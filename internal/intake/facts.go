package intake

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"regulars/internal/loyalty"
	"regulars/internal/store"
	"regulars/segments"
)

// factColumns are the columns of facts beside member_id.
var factColumns = []string{
	"joined", "joined_day", "country", "language", "consent_offers", "consent_newsletter", "consent_program",
	"orders", "order_days", "spent", "quantity", "largest", "smallest", "first_day", "last_day", "points",
	"birthday", "birth_year", "usual_gap", "points_pending", "points_last_day", "tier",
}

// figures are the rising ones of a row of facts.
type figures struct {
	MemberID              int64
	Orders, Spent, Points int64
}

// RefreshFacts computes the facts of members anew, as of today. The caller holds
// the locks of their rows: without them, two transactions that add an order to
// one member would each count only its own.
func RefreshFacts(tx *store.Tx, members []int64) error {
	today, err := tx.Today()
	if err != nil {
		return err
	}
	_, err = refreshFacts(tx, today, members)
	return err
}

func refreshFacts(tx *store.Tx, today loyalty.Day, members []int64) ([]figures, error) {
	if len(members) == 0 {
		return nil, nil
	}
	columns := strings.Join(factColumns, ", ")
	some := "(select value from " + tx.JSONEach("@members") + ")"
	nothing := "x''"
	if tx.Postgres() {
		nothing = "cast('' as bytea)"
	}
	text := `
		insert into facts (member_id, ` + columns + `, wallets, tier_at)
		select f.member_id, ` + columns + `,
		       case when (select 1 from entries e where e.member_id = f.member_id limit 1) is null then ` + nothing + ` end,
		       case when (select 1 from member_tiers t where t.member_id = f.member_id limit 1) is null then ` + tx.Instant("@ever") + ` end
		from   (` + segments.FactsToday(tx.Engine(), some) + `) f where true
		on conflict (member_id) do update set ` + assign(factColumns, "excluded") + `, days = null
		returning member_id, orders, spent, points`
	var all []figures
	for chunk := range slices.Chunk(members, factsAtOnce) {
		var after []figures
		if err := tx.All(&after, text, store.Args{"members": store.JSON(chunk), "day": int64(today), "ever": ever}); err != nil {
			return nil, fmt.Errorf("computing the facts of %d members: %w", len(chunk), err)
		}
		all = append(all, after...)
	}
	return all, nil
}

// ever is a moment before all orders.
var ever = loyalty.At(time.Unix(0, 0))

// factsAtOnce is for how many members one statement computes the facts.
const factsAtOnce = 1000

// today is the shop's day of the transaction's moment.
func (b *batch) today() loyalty.Day { return loyalty.DayOf(b.tx.At.Time, b.shop.Zone) }
