package jobs

import (
	"context"
	"crypto/rand"
	"fmt"
	"strconv"

	"regulars/internal/coupon"
	"regulars/internal/store"
)

// generateJob fills a pool up to so many free codes. Put by marketers, for tills
// that must know the codes beforehand. Running it again adds only what is
// missing. It gives up when the pool is not there or is not a generated one.
var generateJob = kind{
	about: "fill a pool with codes",
	queue: Chores,
	fields: []field{
		{name: "pool", about: "its name", required: true},
		{name: "count", about: "how many free codes it is to hold", required: true, wrong: count(10_000_000)},
	},
	settle: func(tx *store.Tx, v map[string]string) error {
		_, err := coupon.Find(tx, v["pool"])
		return ordered(err)
	},
	do: func(ctx context.Context, r Rooms, row Row) (said string, err error) {
		v := row.Values()
		count, err := strconv.Atoi(v["count"])
		if err != nil {
			return "", giveUp{err}
		}
		err = r.DB.Update(ctx, func(tx *store.Tx) error {
			made, err := coupon.Fill(tx, v["pool"], count, rand.Reader)
			said = fmt.Sprintf("%d codes made", made)
			return err
		})
		return said, final(err)
	},
}
