package report

import (
	"fmt"

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
		s as (select id from segments where name = @segment),
		came as (
		    select x.entered_day as day, count(*) as n from segment_members x
		    where  x.segment_id = (select id from s) and x.entered_day >= @first
		    group  by x.entered_day),
		went as (
		    select x.left_day as day, count(*) as n from segment_members x
		    where  x.segment_id = (select id from s) and x.left_day >= @first
		    group  by x.left_day),
		inside as (select count(*) as n from segment_members x where x.segment_id = (select id from s) and x.left_at is null)
		select d.day, coalesce(c.n, 0) as came, coalesce(w.n, 0) as "left",
		       (select n from inside) - cast(coalesce((select sum(n) from came where came.day > d.day), 0) as bigint)
		                              + cast(coalesce((select sum(n) from went where went.day > d.day), 0) as bigint) as inside
		from   days d
		left   join came c on c.day = d.day
		left   join went w on w.day = d.day
		order  by d.day`, store.Args{"segment": segment, "first": first, "last": last})
	return days, err
}

// DrawCourse draws how many were inside.
func DrawCourse(segment string, days []SegmentDay) string {
	c := plot.Columns{Title: "Members in " + segment}
	inside := plot.Series{Name: "inside"}
	for _, d := range days {
		c.Labels = append(c.Labels, d.Day.String())
		inside.Values = append(inside.Values, float64(d.Inside))
	}
	if n := len(days); n > 0 {
		c.Says = fmt.Sprintf("How many were inside at the end of each day, from %s to %s: %d at first, %d at last.", days[0].Day, days[n-1].Day, days[0].Inside, days[n-1].Inside)
	}
	c.Lines = []plot.Series{inside}
	return c.SVG()
}

// Between is who is in a segment at the end of a day and was not at the end of an earlier
// one, and the other way round.
type Between struct {
	Came, Left         int64
	SomeCame, SomeLeft []Member // some of them, by number
}

// MovesBetween compares a named segment's members at the end of two days, and names at
// most some of those who moved each way.
func MovesBetween(tx *store.Tx, segment string, from, to loyalty.Day, some int) (b Between, err error) {
	args := store.Args{"segment": segment, "from": from, "to": to, "some": some}
	// A stay covers the end of a day if it began until then and did not end until then.
	covers := func(day string) string {
		return `exists (select 1 from segment_members o where o.segment_id = x.segment_id and o.member_id = x.member_id
		        and o.entered_day <= ` + day + ` and (o.left_day is null or o.left_day > ` + day + `))`
	}
	const stays = `segment_members x where x.segment_id = (select id from segments where name = @segment) and `
	came := stays + "x.entered_day > @from and x.entered_day <= @to and (x.left_day is null or x.left_day > @to) and not " + covers("@from")
	left := stays + "x.left_day > @from and x.left_day <= @to and x.entered_day <= @from and not " + covers("@to")
	for _, way := range []struct {
		n    *int64
		some *[]Member
		from string
	}{{&b.Came, &b.SomeCame, came}, {&b.Left, &b.SomeLeft, left}} {
		if err := tx.One(way.n, "select count(distinct x.member_id) from "+way.from, args); err != nil {
			return b, err
		}
		err := tx.All(way.some, "select"+memberColumns+`
			from   (select distinct x.member_id from `+way.from+` order by x.member_id limit @some) s
			join   facts f on f.member_id = s.member_id
			join   members m on m.id = s.member_id
			order  by m.id`, args)
		if err != nil {
			return b, err
		}
	}
	return b, nil
}
