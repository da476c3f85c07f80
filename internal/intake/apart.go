package intake

import (
	"slices"

	"regulars/internal/loyalty"
)

// Apart cuts rows into n parts of about the same size, which may be taken in side by side:
// rows that name the same person or order are in one part, in the order in which they were.
func Apart(rows []*Row, n int) [][]*Row {
	parts := make([][]*Row, n)
	for i, part := range apart(len(rows), n, func(keys []subject, i int) []subject { return appendSubjects(keys, rows[i].Event) }) {
		parts[part] = append(parts[part], rows[i])
	}
	return parts
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
