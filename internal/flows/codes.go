package flows

import (
	"crypto/rand"

	"regulars/internal/coupon"
	"regulars/internal/loyalty"
	"regulars/internal/store"
)

// give reserves codes of a pool for passages and returns them by passage; those
// for whom there is none are left out. The passages are locked, so nobody else
// asks for them.
func (j *steps) give(pool string, all []*passage) (map[int64]int64, error) {
	to := make([]coupon.To, len(all))
	for i, t := range all {
		to[i] = coupon.To{Occurrence: t.OccurrenceID, Member: t.MemberID, Today: j.day}
	}
	given, err := coupon.GiveEach(j.tx, pool, to, rand.Reader)
	if err != nil {
		return nil, err
	}
	codes := make(map[int64]int64, len(given))
	for i, t := range all {
		if id := given[to[i]]; id != 0 {
			codes[t.ID] = id
		}
	}
	return codes, nil
}

// shown is the newest code that a passage was mailed or is about to be.
type shown struct {
	id   int64
	ends *loyalty.Day // nil: no end
}

// shownTo returns the codes of passages, by passage.
func (j *steps) shownTo(all []*passage) (map[int64]shown, error) {
	codes := map[int64]shown{}
	if len(all) == 0 || !j.c.Gives() {
		return codes, nil
	}
	var rows []struct {
		Passage, Code int64
		ValidUntil    *int64
	}
	err := j.tx.All(&rows, `
		select p.id as passage, c.id as code, c.valid_until
		from   passages p
		join   sends s on s.occurrence_id = p.occurrence_id and s.member_id = p.member_id
		join   codes c on c.id = s.code_id
		where  p.id in `+j.tx.In("@ids")+`
		order  by s.id`, store.Args{"ids": store.IDs(idsOf(all))})
	for _, row := range rows {
		one := shown{id: row.Code}
		if row.ValidUntil != nil {
			day := loyalty.Day(*row.ValidUntil)
			one.ends = &day
		}
		codes[row.Passage] = one
	}
	return codes, err
}
