package coupon

import (
	"fmt"

	"regulars/internal/loyalty"
	"regulars/internal/store"
)

// The states of a code.
const (
	StateFree     = "free"
	StateReserved = "reserved" // its mail is on the way
	StateIssued   = "issued"
	StateRedeemed = "redeemed"
	StateExpired  = "expired"
	StateVoid     = "void"
	StateAside    = "aside" // from stock, in a restored database: somebody may have it
)

// Code is one code and whose it is.
type Code struct {
	ID         int64
	Pool       string // its name
	Code       string // as printed
	State      string
	Occurrence int64       // 0: none
	Member     int64       // 0: nobody's, or everybody's of a shared pool
	ValidUntil loyalty.Day // the last shop day on which it is good; 0: no end
	ReservedAt loyalty.Instant
	IssuedAt   loyalty.Instant
	RedeemedAt loyalty.Instant
}

// Ends returns ValidUntil for a wait, nil when the code has no end.
func (c Code) Ends() *loyalty.Day {
	if c.ValidUntil == 0 {
		return nil
	}
	return &c.ValidUntil
}

// codeColumns select a Code from codes c and pools p.
const codeColumns = `c.id, p.name as pool, c.code, c.state, coalesce(c.occurrence_id, 0) as occurrence, coalesce(c.member_id, 0) as member,
	coalesce(c.valid_until, 0) as valid_until, c.reserved_at, c.issued_at, c.redeemed_at`

// Load returns codes by their ids, with today's state. Ids that are not there
// are left out.
func Load(tx *store.Tx, ids []int64) (map[int64]Code, error) {
	var codes []Code
	err := tx.All(&codes, "select "+codeColumns+" from "+tx.RowsOf("codes", "id", "@ids")+" c join pools p on p.id = c.pool_id", // by index, also right after a drop
		store.Args{"ids": store.IDs(ids)})
	if err != nil {
		return nil, fmt.Errorf("loading %d codes: %w", len(ids), err)
	}
	byID := make(map[int64]Code, len(codes))
	for _, c := range codes {
		byID[c.ID] = c
	}
	return byID, nil
}

// Of returns a member's codes, the newest first: those given to them and the
// shared ones that they were mailed.
func Of(tx *store.Tx, member int64) ([]Code, error) {
	var codes []Code
	err := tx.All(&codes, `
		select `+codeColumns+`
		from   codes c join pools p on p.id = c.pool_id
		where  c.id in (select id from codes where member_id = @member
		                union
		                select code_id from sends where member_id = @member and code_id is not null)
		order  by c.id desc`, store.Args{"member": member})
	if err != nil {
		return nil, fmt.Errorf("codes of member %d: %w", member, err)
	}
	return codes, nil
}

// byID returns one code.
func byID(tx *store.Tx, id int64) (Code, error) {
	codes, err := Load(tx, []int64{id})
	if err != nil {
		return Code{}, err
	}
	c, ok := codes[id]
	if !ok {
		return Code{}, fmt.Errorf("code %d: %w", id, store.ErrNotFound)
	}
	return c, nil
}
