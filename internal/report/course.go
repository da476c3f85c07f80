package report

import (
	"fmt"
	"maps"
	"slices"

	"regulars/internal/loyalty"
	"regulars/internal/plot"
	"regulars/internal/store"
)

// SegmentDay is how many members were in a named segment at the end of a day, and how
// many stays began and ended on it.
type SegmentDay struct {
	Day    loyalty.Day `json:"day"`
	Inside int64       `json:"inside"`
	Came   int64       `json:"came"`
	Left   int64       `json:"left"`
}

// Course returns a named segment's days from first to last, the oldest first.
func Course(tx *store.Tx, segment string, first, last loyalty.Day) (days []SegmentDay, err error) {
	err = tx.All(&days, `
		with recursive
		days(day) as (select cast(@first as bigint) union all select day + 1 from days where day < @last),
		moved as (
		    select day, sum(came) as came, sum(went) as went from segments_moved
		    where  segment_id = (select id from segments where name = @segment)
		    group  by day),
		before as (select coalesce(sum(came - went), 0) as n from moved where day < @first)
		select d.day, cast(coalesce(m.came, 0) as bigint) as came, cast(coalesce(m.went, 0) as bigint) as "left",
		       cast((select n from before) + sum(coalesce(m.came - m.went, 0)) over (order by d.day) as bigint) as inside
		from   days d
		left   join moved m on m.day = d.day
		order  by d.day`, store.Args{"segment": segment, "first": first, "last": last})
	return days, err
}

// InsideAt returns how many members were in each named segment at the end of a day; one
// that nobody had ever been in is left out.
func InsideAt(tx *store.Tx, day loyalty.Day) (map[string]int64, error) {
	var rows []Segment
	err := tx.All(&rows, `
		select s.name, cast(sum(m.came - m.went) as bigint) as members
		from   segments_moved m join segments s on s.id = m.segment_id
		where  m.day <= @day
		group  by s.name`, store.Args{"day": day})
	inside := map[string]int64{}
	for _, r := range rows {
		inside[r.Name] = r.Members
	}
	return inside, err
}

// Courses returns how many members were in each named segment at the end of each day from
// first to last; one that nobody had ever been in is left out.
func Courses(tx *store.Tx, first, last loyalty.Day) (map[string][]int64, error) {
	inside, err := InsideAt(tx, first)
	if err != nil {
		return nil, err
	}
	var moved []struct {
		Name string
		Day  loyalty.Day
		N    int64
	}
	err = tx.All(&moved, `
		select s.name, m.day, cast(sum(m.came - m.went) as bigint) as n
		from   segments_moved m join segments s on s.id = m.segment_id
		where  m.day > @first and m.day <= @last
		group  by s.name, m.day
		order  by s.name, m.day`, store.Args{"first": first, "last": last})
	if err != nil {
		return nil, err
	}
	courses := map[string][]int64{}
	of := func(name string) []int64 {
		if courses[name] == nil {
			courses[name] = make([]int64, last-first+1)
		}
		return courses[name]
	}
	for name, n := range inside {
		of(name)[0] = n
	}
	for _, m := range moved {
		of(m.Name)[m.Day-first] += m.N
	}
	for _, days := range courses {
		for i := range days[1:] {
			days[i+1] += days[i]
		}
	}
	return courses, nil
}

// DrawCourse draws how many were inside.
func DrawCourse(segment string, days []SegmentDay) Drawing {
	c := plot.Columns{Title: "Members in " + segment}
	inside := plot.Series{Name: "inside"}
	for _, d := range days {
		c.Labels = append(c.Labels, d.Day.UTC().Format("2 Jan"))
		inside.Values = append(inside.Values, float64(d.Inside))
	}
	if n := len(days); n > 0 {
		c.Says = fmt.Sprintf("How many were inside at the end of each day, from %s to %s: %s at first, %s at last.", days[0].Day, days[n-1].Day, loyalty.Count(days[0].Inside), loyalty.Count(days[n-1].Inside))
	}
	c.Lines = []plot.Series{inside}
	return drawn(c)
}

// StaysBetween is how many stays in a named segment began, and how many ended, after the
// end of a day and until that of another.
func StaysBetween(tx *store.Tx, segment string, from, to loyalty.Day) (began, ended int64, err error) {
	var n struct{ Began, Ended int64 }
	err = tx.One(&n, `
		select cast(coalesce(sum(came), 0) as bigint) as began, cast(coalesce(sum(went), 0) as bigint) as ended from segments_moved
		where  segment_id = (select id from segments where name = @segment) and day > @from and day <= @to`,
		store.Args{"segment": segment, "from": from, "to": to})
	return n.Began, n.Ended, err
}

// Between is who is in a segment at the end of a day and was not at the end of an earlier
// one, and the other way round.
type Between struct {
	Came, Left         int64
	SomeCame, SomeLeft []Member // some of them, by number
}

// MovesBetween compares a named segment's members at the end of two days, and names at
// most some of those who moved each way.
//
// It reads only the stays that began or ended in between. Who began one of them and is
// inside at the end has come, unless a stay from before ended meanwhile: those of one
// member follow each other. The same holds the other way round.
func MovesBetween(tx *store.Tx, segment string, from, to loyalty.Day, some int) (b Between, err error) {
	if err := tx.AboutEverybody(); err != nil {
		return b, err
	}
	var moved []struct{ MemberID, Way, N int64 }
	err = tx.All(&moved, `
		with moved as materialized (
		    select member_id, sum(way) as way
		    from  (select x.member_id, 1 as way from segment_members x
		           where  x.segment_id = (select id from segments where name = @segment) and x.entered_day > @from and x.entered_day <= @to
		           and    (x.left_day is null or x.left_day > @to)
		           union  all
		           select x.member_id, -1 from segment_members x
		           where  x.segment_id = (select id from segments where name = @segment) and x.left_day > @from and x.left_day <= @to
		           and    x.entered_day <= @from) w
		    group  by member_id having sum(way) <> 0)
		select member_id, way, (select count(*) from moved where way = 1) as n
		from  (select member_id, way from moved where way = 1 order by member_id limit @some) came
		union  all
		select member_id, way, (select count(*) from moved where way = -1)
		from  (select member_id, way from moved where way = -1 order by member_id limit @some) gone`,
		store.Args{"segment": segment, "from": from, "to": to, "some": some})
	if err != nil || len(moved) == 0 {
		return b, err
	}
	way := map[int64]int64{}
	for _, m := range moved {
		way[m.MemberID] = m.Way
		if m.Way > 0 {
			b.Came = m.N
		} else {
			b.Left = m.N
		}
	}
	var list []Member
	err = tx.All(&list, "select"+memberColumns+`
		from   members m
		join   facts f on f.member_id = m.id
		where  m.id in `+tx.In("@ids")+`
		order  by m.id`, store.Args{"ids": store.IDs(slices.Collect(maps.Keys(way)))})
	for _, m := range list {
		if way[m.Number] > 0 {
			b.SomeCame = append(b.SomeCame, m)
		} else {
			b.SomeLeft = append(b.SomeLeft, m)
		}
	}
	return b, err
}
