package happenings

import (
	"regulars/internal/loyalty"
	"regulars/internal/outbox"
	"regulars/internal/store"
)

// tellOfJoins tells other systems who has joined just now.
func tellOfJoins(tx *store.Tx, kind string, events []Happened) error {
	var all []outbox.News
	for _, e := range events {
		if kind == News && e.Joined {
			all = append(all, outbox.News{Member: e.Member})
		}
	}
	return outbox.Tell(tx, loyalty.ToldJoined, all)
}

// tellOfOwn tells other systems of events of our own that are news, in their order, a
// statement for each type that is wanted.
func tellOfOwn(tx *store.Tx, all []Own) error {
	byType := map[string][]outbox.News{}
	var types []string
	for _, e := range all {
		if !e.News {
			continue
		}
		if byType[e.Type] == nil {
			types = append(types, e.Type)
		}
		byType[e.Type] = append(byType[e.Type], outbox.News{Member: e.Member, Detail: e.Properties})
	}
	for _, kind := range types {
		if err := outbox.Tell(tx, kind, byType[kind]); err != nil {
			return err
		}
	}
	return nil
}
