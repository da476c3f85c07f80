package consent

import (
	"fmt"
	"strings"

	"regulars/internal/loyalty"
	"regulars/internal/store"
)

// TakeCap writes down a mail of class offer for each member at tx.At, unless one
// of the caps is reached, and says for each whether it may go. It is a condition
// on the member's one row, so of two campaigns that ask at the same time for the
// last mail one gets it. Without caps it only keeps the record. A member that
// stands in the list twice asks twice.
func TakeCap(tx *store.Tx, members []int64, caps []loyalty.Cap) ([]bool, error) {
	passed := make([]bool, len(members))
	places := make([]int, len(members))
	for i := range places {
		places[i] = i
	}
	for _, round := range rounds(places, func(i int) int64 { return members[i] }) {
		if err := takeRound(tx, members, round, caps, passed); err != nil {
			return nil, fmt.Errorf("taking the caps of %d members: %w", len(round), err)
		}
	}
	return passed, nil
}

// takeRound asks for members[i] of each i in round, all different.
func takeRound(tx *store.Tx, members []int64, round []int, caps []loyalty.Cap, passed []bool) error {
	ids := make([]int64, len(round))
	for k, i := range round {
		ids[k] = members[i]
	}
	args := store.Args{"ids": store.JSON(ids), "now": tx.At}
	var taken []int64
	err := tx.All(&taken, `
		insert into recent_mails (member_id, at1)
		select value, `+tx.Instant("@now")+` from `+tx.JSONEach("@ids")+` where true order by value
		on conflict (member_id) do update
		set    `+newest()+`
		where  `+Under(caps, tx.At, args)+`
		returning member_id`, args)
	if err != nil {
		return err
	}
	has := make(map[int64]bool, len(taken))
	for _, id := range taken {
		has[id] = true
	}
	for _, i := range round {
		passed[i] = has[members[i]]
	}
	return nil
}

// newest puts @now among the ten moments of the row, newest first, and lets the
// oldest go. It is not always the first: another replica's clock may be ahead.
func newest() string {
	sets := []string{"at1 = case when recent_mails.at1 >= excluded.at1 then recent_mails.at1 else excluded.at1 end"}
	for k := 2; k <= loyalty.MostCapped; k++ {
		sets = append(sets, fmt.Sprintf(
			"at%[1]d = case when recent_mails.at%[1]d >= excluded.at1 then recent_mails.at%[1]d when recent_mails.at%[2]d >= excluded.at1 then excluded.at1 else recent_mails.at%[2]d end", k, k-1))
	}
	return strings.Join(sets, ",\n\t\t       ")
}

// Under is the condition on a row of recent_mails that one more mail breaks no cap.
func Under(caps []loyalty.Cap, now loyalty.Instant, args store.Args) string {
	conditions := []string{"true"}
	for i, c := range caps {
		name := fmt.Sprintf("since%d", i)
		args[name] = now.Plus(-c.Per)
		conditions = append(conditions, fmt.Sprintf("(recent_mails.at%[1]d is null or recent_mails.at%[1]d <= @%[2]s)", c.N, name))
	}
	return strings.Join(conditions, " and ")
}

// GiveBackCap takes back what TakeCap wrote down at that moment, for members
// whose mail was provably not sent.
func GiveBackCap(tx *store.Tx, members []int64, at loyalty.Instant) error {
	for _, round := range rounds(members, func(m int64) int64 { return m }) {
		_, err := tx.Exec(`
			update recent_mails
			set    `+without()+`
			where  member_id in (select value from `+tx.JSONEach("@ids")+`)
			and    @at in (at1, at2, at3, at4, at5, at6, at7, at8, at9, at10)`,
			store.Args{"ids": store.JSON(round), "at": at})
		if err != nil {
			return fmt.Errorf("giving back the caps of %d members: %w", len(round), err)
		}
	}
	return nil
}

// without closes the gap that @at leaves: from its place on, each takes the next.
func without() string {
	var sets, upTo []string
	for k := 1; k <= loyalty.MostCapped; k++ {
		next := "null"
		if k < loyalty.MostCapped {
			next = fmt.Sprintf("at%d", k+1)
		}
		upTo = append(upTo, fmt.Sprintf("at%d", k))
		sets = append(sets, fmt.Sprintf("at%d = case when @at in (%s) then %s else at%d end", k, strings.Join(upTo, ", "), next, k))
	}
	return strings.Join(sets, ",\n\t\t       ")
}
