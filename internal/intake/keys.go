package intake

import (
	"maps"
	"slices"
	"strings"

	"regulars/internal/loyalty"
)

// keys are those that may tell who an event is about.
func (r *Row) keys() []personKey { return append(r.firm(), r.vague()...) }

// nameless reports whether there are no such keys.
func (r *Row) nameless() bool {
	return r.Member.ID == "" && len(r.Member.IDs) == 0 && len(r.loose()) == 0
}

// firm are the keys that one person has.
func (r *Row) firm() []personKey {
	m := &r.Member
	var keys []personKey
	if m.ID != "" {
		keys = append(keys, personKey{keyID, m.ID})
	}
	for _, source := range inOrder(m.IDs) {
		keys = append(keys, personKey{keySource + source, m.IDs[source]})
	}
	return keys
}

// vague are the other keys: of who is told by these alone, each is followed by that of
// somebody who was made of it.
func (r *Row) vague() []personKey {
	loose := r.loose()
	if r.Member.ID != "" || len(r.Member.IDs) > 0 {
		return loose
	}
	var keys []personKey
	for _, k := range loose {
		keys = append(keys, k, k.made(), k.shared())
	}
	return keys
}

// loose are the keys that several people may share.
func (r *Row) loose() []personKey {
	if r.folded == "" && r.Member.Card == "" && r.Member.Phone == "" {
		return nil
	}
	keys := []personKey{{keyEmail, r.folded}, {keyCard, strings.TrimSpace(r.Member.Card)}, {keyPhone, loyalty.FoldPhone(r.Member.Phone)}}
	return slices.DeleteFunc(keys, func(k personKey) bool { return k.value == "" })
}

// inOrder are the keys of a map in their sequence; most maps of an item have none.
func inOrder[V any](m map[string]V) []string {
	if len(m) == 0 {
		return nil
	}
	return slices.Sorted(maps.Keys(m))
}

// made is the key of somebody who was made of k alone.
func (k personKey) made() personKey { return personKey{keyMade, k.kind + ":" + k.value} }

// shared is the key of somebody who was made of k alone, which several others have.
func (k personKey) shared() personKey { return personKey{keyShared, k.kind + ":" + k.value} }
