package coupon

import (
	"fmt"

	"regulars/internal/loyalty"
	"regulars/internal/outbox"
	"regulars/internal/store"
)

// toldCode is what other systems are told of a code.
type toldCode struct {
	Code       string `json:"code"`
	Pool       string `json:"pool"`
	Campaign   string `json:"campaign,omitempty"`
	ValidUntil string `json:"valid_until,omitempty"`
	Order      string `json:"order,omitempty"`
	But        string `json:"but,omitempty"` // why it should not have been taken
}

// tellOfIssue tells other systems of those codes that are reserved, and issued in the same
// transaction, with the last day that they get if they have none: 0 is none.
func tellOfIssue(tx *store.Tx, codes []int64, end loyalty.Day) error {
	if wanted, err := outbox.Wants(tx, loyalty.ToldIssued); !wanted || err != nil {
		return err
	}
	var rows []struct {
		Code, Pool, Campaign string
		MemberID             int64
		ValidUntil           *int64
	}
	err := tx.All(&rows, `
		select c.code, p.name as pool, coalesce(a.name, '') as campaign, coalesce(c.member_id, 0) as member_id,
		       coalesce(c.valid_until, nullif(cast(@end as bigint), 0)) as valid_until
		from   codes c
		join   pools p on p.id = c.pool_id
		left   join occurrences o on o.id = c.occurrence_id
		left   join campaigns a on a.id = o.campaign_id
		where  c.state = 'reserved' and c.id in (select value from `+tx.JSONEach("@ids")+`)
		order  by c.id`, store.Args{"ids": store.JSON(codes), "end": int64(end)})
	if err != nil {
		return fmt.Errorf("which codes are issued: %w", err)
	}
	var all []outbox.News
	for _, row := range rows {
		told := toldCode{Code: row.Code, Pool: row.Pool, Campaign: row.Campaign}
		if row.ValidUntil != nil {
			told.ValidUntil = loyalty.Day(*row.ValidUntil).String()
		}
		all = append(all, outbox.News{Member: row.MemberID, Detail: told})
	}
	return outbox.Tell(tx, loyalty.ToldIssued, all)
}

// tellOfMade tells other systems of codes that were issued when they were made.
func tellOfMade(tx *store.Tx, p Pool, made map[int64]Made, claims []Claimed) error {
	if wanted, err := outbox.Wants(tx, loyalty.ToldIssued); !wanted || err != nil {
		return err
	}
	var all []outbox.News
	for _, c := range claims {
		code, is := made[c.ID]
		if !is {
			continue
		}
		told := toldCode{Code: code.Code, Pool: p.Name}
		if code.Ends != 0 {
			told.ValidUntil = code.Ends.String()
		}
		all = append(all, outbox.News{Member: c.Member, Detail: told})
	}
	return outbox.Tell(tx, loyalty.ToldIssued, all)
}

// tellOfUse tells other systems that a code was used, by whom and for which order.
func tellOfUse(tx *store.Tx, f found, u Use) error {
	if u.History || u.Undone {
		return nil
	}
	if wanted, err := outbox.Wants(tx, loyalty.ToldRedeemed); !wanted || err != nil {
		return err
	}
	var of struct{ Pool, Campaign, Placed string }
	err := tx.One(&of, `
		select p.name as pool, coalesce(a.name, '') as campaign, coalesce((select external_id from orders where id = @order), '') as placed
		from   codes c
		join   pools p on p.id = c.pool_id
		left   join occurrences o on o.id = c.occurrence_id
		left   join campaigns a on a.id = o.campaign_id
		where  c.id = @code`, store.Args{"code": f.Code.ID, "order": u.Order})
	if err != nil {
		return fmt.Errorf("of which campaign code %d is: %w", f.Code.ID, err)
	}
	told := toldCode{Code: f.Code.Code, Pool: of.Pool, Campaign: of.Campaign, Order: of.Placed, But: f.refuses(u.Member, u.Day)}
	if u.Member == 0 {
		u.Member = f.Code.Member
	}
	return outbox.Tell(tx, loyalty.ToldRedeemed, []outbox.News{{Member: u.Member, Detail: told}})
}
