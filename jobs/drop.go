package jobs

import (
	"context"
	"fmt"
	"slices"

	"regulars/internal/program"
	"regulars/internal/store"
	"regulars/internal/versions"
)

// dropJob is a launch of a campaign that hands codes out; for any other it gives
// up. All else is as in launchJob.
var dropJob = kind{
	about:  "start a coupon drop",
	queue:  Chores,
	open:   true,
	fields: launchJob.fields,
	settle: func(tx *store.Tx, v map[string]string) error {
		if err := settleLaunch(tx, v); err != nil {
			return err
		}
		return ordered(isDrop(tx, v["campaign"]))
	},
	do: func(ctx context.Context, r Rooms, row Row) (said string, err error) {
		err = r.DB.Update(ctx, func(tx *store.Tx) error {
			if err := isDrop(tx, row.Values()["campaign"]); err != nil {
				return err
			}
			said, err = launch(tx, row)
			return err
		})
		return repeated(said, err)
	},
}

func isDrop(tx *store.Tx, name string) error {
	v, err := versions.Active(tx)
	if err != nil {
		return err
	}
	c, err := v.Campaign(name)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(c.Steps, func(s program.Step) bool { return s.Coupon != "" }) {
		return fmt.Errorf("%s hands out no codes: it is no drop. Use launch", name)
	}
	return nil
}
