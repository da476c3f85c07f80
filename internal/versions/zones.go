package versions

import (
	"time"

	"regulars/internal/rules"
	"regulars/internal/store"
)

// ZonesOf returns the zones in which a campaign has dates: the shop's, and with
// "zone: member" all that members have. Members of a zone that is not among them
// belong to the shop's.
func ZonesOf(tx *store.Tx, v *Version, c *Campaign) ([]string, error) {
	shop := v.Program.Zone.String()
	zones := []string{shop}
	if !c.Start.ByMember {
		return zones, nil
	}
	var found []string
	if err := tx.All(&found, "select distinct m.time_zone from members m where m.time_zone <> '' and "+rules.Present+" order by 1", nil); err != nil {
		return nil, err
	}
	for _, name := range found {
		if _, err := time.LoadLocation(name); err == nil && name != shop && name != "Local" {
			zones = append(zones, name)
		}
	}
	return zones, nil
}
