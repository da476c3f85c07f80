package intake

import (
	"fmt"
	"strings"
	"time"

	"regulars/internal/store"
)

// SpentByDay is what facts keep of what members spent on each day: "7: 20001 500" of the
// member 7 for each, in their sequence. Whose facts keep none has their orders looked at
// the next time, and is not among them.
func SpentByDay(tx *store.Tx) (string, error) {
	var all strings.Builder
	b := &batch{tx: tx, people: &people{byID: map[int64]*person{}}}
	var ids []int64
	err := tx.All(&ids, "select member_id from facts where orders > 0 order by member_id", nil)
	var list []*person
	for _, id := range ids {
		who := b.people.known(id, "", true)
		who.locked = true
		list = append(list, who)
	}
	if err == nil {
		err = b.readStandings(list)
	}
	for _, who := range list {
		if s := who.standing; s != nil && s.unpack() {
			for i, day := range s.days {
				fmt.Fprintf(&all, "%d: %d %d\n", who.id, day, s.spentOn[i])
			}
		}
	}
	return all.String(), err
}

// Patient has groups wait for as long as a busy machine may take.
func (in *Intake) Patient() { in.groupWait, in.groupTime = time.Minute, 10*time.Minute }

// PatientWithLocked has a delivery of a locked member come again for as long.
func (in *Intake) PatientWithLocked() { in.lockedWait = 5 * time.Minute }

// Abreast has so many groups be under way at once.
func (in *Intake) Abreast(groups int) { in.few.abreast = groups }

// EnoughOfFew is how many deliveries that wait make a group beside another.
const EnoughOfFew = enoughOfFew

// Queued is how many deliveries wait for a group.
func (in *Intake) Queued() int { return in.few.queued() + in.many.queued() }

func (g *gathering) queued() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.queue)
}

// Apart cuts rows into n parts as takeMany does events.
func Apart(rows []*Row, n int) [][]*Row {
	parts := make([][]*Row, n)
	for i, part := range apart(len(rows), n, func(keys []subject, i int) []subject { return appendSubjects(keys, rows[i].Event) }) {
		parts[part] = append(parts[part], rows[i])
	}
	return parts
}
