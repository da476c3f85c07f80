package intake

import (
	"slices"

	"regulars/internal/loyalty"
)

// Lanes keep rows of a file apart that are taken in side by side: of all that are held,
// those that name the same person or order are in one lane.
type Lanes struct {
	held   map[subject]holding
	rows   []int // held in each lane
	narrow int   // so many rows to come are all in the first lane
	keys   []subject
}

// holding is in which lane the rows are that have a key, and how many.
type holding struct{ lane, rows int }

// narrowed is how many rows are in one lane after one named what was in several: a file
// that has many of these is not to stop at each.
const narrowed = 5000

// NewLanes returns n empty lanes.
func NewLanes(n int) *Lanes { return &Lanes{held: map[subject]holding{}, rows: make([]int, n)} }

// Hold holds a row, and says in which lane: if what it names is in one, there. If it is in
// several, the row is not held: they have to be let go first.
func (l *Lanes) Hold(row *Row) (lane int, ok bool) {
	if len(l.rows) == 1 {
		return 0, true
	}
	l.keys = appendSubjects(l.keys[:0], row.Event)
	lane = -1
	for _, key := range l.keys {
		h, there := l.held[key]
		if there && lane >= 0 && lane != h.lane {
			l.narrow = narrowed
			return 0, false
		}
		if there {
			lane = h.lane
		}
	}
	switch {
	case lane >= 0:
	case l.narrow > 0:
		lane = 0
	default:
		lane = slices.Index(l.rows, slices.Min(l.rows))
	}
	l.narrow = max(0, l.narrow-1)
	for _, key := range l.keys {
		l.held[key] = holding{lane, l.held[key].rows + 1}
	}
	l.rows[lane]++
	return lane, true
}

// LetGo lets rows go that a lane holds.
func (l *Lanes) LetGo(lane int, rows []*Row) {
	if len(l.rows) == 1 {
		return
	}
	for _, row := range rows {
		l.keys = appendSubjects(l.keys[:0], row.Event)
		for _, key := range l.keys {
			if h := l.held[key]; h.rows > 1 {
				l.held[key] = holding{lane, h.rows - 1}
			} else {
				delete(l.held, key)
			}
		}
	}
	l.rows[lane] -= len(rows)
}

// apart says for each of some things in which of n parts it is, if those with a key in
// common are to be in one, also by way of others between them.
func apart(things, n int, keys func([]subject, int) []subject) []int {
	groups := connected(things, keys)
	size := make([]int, n)
	partOf := map[int]int{} // group → part
	parts := make([]int, things)
	for i, group := range groups {
		part, known := partOf[group]
		if !known {
			part = slices.Index(size, slices.Min(size))
			partOf[group] = part
		}
		parts[i] = part
		size[part]++
	}
	return parts
}

// connected says for each of some things by which number its group is known.
func connected(things int, keys func([]subject, int) []subject) []int {
	group := make([]int, things) // another thing of the same group, or itself
	root := func(i int) int {
		for group[i] != i {
			group[i] = group[group[i]]
			i = group[i]
		}
		return i
	}
	first := make(map[subject]int, 4*things) // key → who had it first
	var own []subject
	for i := range group {
		group[i] = i
		own = keys(own[:0], i)
		for _, key := range own {
			if other, named := first[key]; named {
				group[root(i)] = root(other)
			} else {
				first[key] = i
			}
		}
	}
	for i := range group {
		group[i] = root(i)
	}
	return group
}

// keysOf are the names by which the members, orders and events of a delivery are known.
func keysOf(events []loyalty.Event) (keys []subject) {
	for _, e := range events {
		keys = appendNames(keys, e)
	}
	return keys
}

func appendNames(keys []subject, e loyalty.Event) []subject {
	return appendSubjects(append(keys, subject{"event", e.Source, e.ID}), e)
}
