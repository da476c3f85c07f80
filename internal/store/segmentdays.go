package store

import "fmt"

// How many stays in segments began and ended on each day is counted by triggers of
// segment_members, as mails are by those of the ledger: on Postgres each transaction adds
// rows to segment_moves, which FoldSegment adds up. Readers ask the view segments_moved.

// staysByDay is what is counted: a SELECT of segment_id, day, came and went.
const staysByDay = `
	select segment_id, entered_day as day, count(*) as came, 0 as went from segment_members group by segment_id, entered_day
	union  all
	select segment_id, left_day, 0, count(*) from segment_members where left_day is not null group by segment_id, left_day`

// miscountedStays is a SELECT of the days of which other moves are counted than the stays
// tell: what is counted, and what they tell.
const miscountedStays = `
	select segment_id, day,
	       cast(sum(case when told = 0 then came else 0 end) as bigint) as came, cast(sum(case when told = 1 then came else 0 end) as bigint) as came_held,
	       cast(sum(case when told = 0 then went else 0 end) as bigint) as went, cast(sum(case when told = 1 then went else 0 end) as bigint) as went_held
	from  (select segment_id, day, came, went, 0 as told from segments_moved
	       union all
	       select segment_id, day, came, went, 1 from (` + staysByDay + `) s) b
	group  by segment_id, day
	having sum(case when told = 1 then came else -came end) <> 0 or sum(case when told = 1 then went else -went end) <> 0`

// Mismove is a day of a segment of which other moves are counted than its stays tell.
type Mismove struct {
	Segment        string
	Day            int64
	Came, CameHeld int64 // as counted, and by the stays
	Went, WentHeld int64
}

// Mismoves compares the counted moves with all stays, as of one moment, and returns at most
// so many differences.
func Mismoves(tx *Tx, most int) (found []Mismove, err error) {
	if err := tx.AboutEverybody(); err != nil {
		return nil, err
	}
	err = tx.All(&found, `
		select coalesce(s.name, cast(m.segment_id as text)) as segment, m.day, m.came, m.came_held, m.went, m.went_held
		from  (`+miscountedStays+`) m left join segments s on s.id = m.segment_id
		order  by m.day, m.segment_id limit @most`, Args{"most": most})
	return found, err
}

// RecountSegments sets the counted moves right by the stays, and returns how many days it
// changed.
func RecountSegments(tx *Tx) (int64, error) {
	if err := tx.AboutEverybody(); err != nil {
		return 0, err
	}
	into, conflict := "segment_moves", ""
	if !tx.Postgres() {
		into, conflict = "segment_days", "on conflict (segment_id, day) do update set came = came + excluded.came, went = went + excluded.went"
	}
	return tx.Exec("insert into "+into+" (segment_id, day, came, went) select segment_id, day, came_held - came, went_held - went from ("+miscountedStays+") m where true "+conflict, nil)
}

// FoldSegment adds up what moved in a segment. What is read stays the same at every moment.
// On SQLite, which has one writer, there is nothing to add up.
func FoldSegment(tx *Tx, segment int64) error {
	if !tx.Postgres() {
		return nil
	}
	_, err := tx.Exec(`
		with gone as (delete from segment_moves where segment_id = @segment returning day, came, went)
		insert into segment_days as s (segment_id, day, came, went)
		select cast(@segment as bigint), day, sum(came), sum(went) from gone
		group  by day having sum(came) <> 0 or sum(went) <> 0
		order  by day
		on conflict (segment_id, day) do update set came = s.came + excluded.came, went = s.went + excluded.went`, Args{"segment": segment})
	if err != nil {
		return fmt.Errorf("adding up who moved: %w", err)
	}
	return nil
}
