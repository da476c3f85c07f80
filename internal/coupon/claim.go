package coupon

import (
	"errors"
	"fmt"
	"io"

	"regulars/internal/loyalty"
	"regulars/internal/store"
)

// What keeps a pool from giving a code to who claims one, and a code from being taken
// back.
var (
	ErrOver = errors.New("the pool's last day is over")
	ErrUsed = errors.New("the code was redeemed")
)

// Claim reserves a code of a pool for a member's claim of a reward, ErrEmpty or ErrOver
// when there is none. The same claim gets the same code again. In place of an
// occurrence the code has its claim's id, below zero.
func Claim(tx *store.Tx, pool string, claim, member int64, today loyalty.Day, random io.Reader) (code int64, err error) {
	p, err := Find(tx, pool)
	if err != nil {
		return 0, fmt.Errorf("pool %s: %w", pool, err)
	}
	if p.over(today) {
		return 0, ErrOver
	}
	to := To{Occurrence: -claim, Member: member}
	given, err := GiveEach(tx, pool, []To{to}, today, random)
	if err == nil && given[to] == 0 {
		err = ErrEmpty
	}
	return given[to], err
}

// IssueNow makes reserved codes their members' to use without a mail, with their last
// days.
func IssueNow(tx *store.Tx, codes []int64, today loyalty.Day) error {
	if err := Date(tx, codes, today); err != nil {
		return err
	}
	return Issued(tx, codes, 0)
}

// Unclaim takes back the code of a claim that came to nothing, ErrUsed when it was
// redeemed: one that nobody has seen is free again where it came from stock, any other
// is void. The one of a shared pool stays as it is.
func Unclaim(tx *store.Tx, code int64) error {
	f, err := inUse(tx, code, tx.ForUpdate())
	switch {
	case err != nil:
		return fmt.Errorf("taking back code %d: %w", code, err)
	case f.Pool.Kind == Shared:
		return nil
	case f.uses > 0 || f.Code.State == StateRedeemed:
		return ErrUsed
	}
	var stock bool
	err = tx.One(&stock, `
		select codes.state = 'reserved' and (p.kind = 'imported' or codes.known_at is not null or codes.id in (select code_id from promises))
		from   codes join pools p on p.id = codes.pool_id
		where  codes.id = @code`, store.Args{"code": code})
	if err == nil && stock {
		err = restock(tx, []int64{code})
	} else if err == nil {
		_, err = tx.Exec("update codes set state = 'void' where id = @code and state in ('reserved', 'issued')", store.Args{"code": code})
	}
	if err != nil {
		return fmt.Errorf("taking back code %d: %w", code, err)
	}
	return nil
}
