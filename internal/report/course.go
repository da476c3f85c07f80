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
//
// It reads only the stays that began or ended in between. Who began one of them and is
// inside at the end has come, unless a stay from before ended meanwhile: those of one
// member follow each other. The same holds the other way round.
func MovesBetween(tx *store.Tx, segment string, from, to loyalty.Day, some int) (b Between, err error) {
	args := store.Args{"segment": segment, "from": from, "to": to, "some": some}
	for _, way := range []struct {
		n      *int64
		some   *[]Member
		stands string
	}{{&b.Came, &b.SomeCame, "begun except select member_id from ended"}, {&b.Left, &b.SomeLeft, "ended except select member_id from begun"}} {
		// The members are numbered, and their number stands beside each.
		var moved []struct{ MemberID, N int64 }
		err := tx.All(&moved, `
			with s as (select id from segments where name = @segment),
			begun as (
			    select x.member_id from segment_members x
			    where  x.segment_id = (select id from s) and x.entered_day > @from and x.entered_day <= @to
			    and    (x.left_day is null or x.left_day > @to)),
			ended as (
			    select x.member_id from segment_members x
			    where  x.segment_id = (select id from s) and x.left_day > @from and x.left_day <= @to
			    and    x.entered_day <= @from)
			select w.member_id, count(*) over () as n
			from   (select member_id from `+way.stands+`) w
			order  by w.member_id limit @some`, args)
		if err != nil {
			return b, err
		}
		if len(moved) == 0 {
			continue
		}
		*way.n = moved[0].N
		ids := make([]int64, len(moved))
		for i, m := range moved {
			ids[i] = m.MemberID
		}
		err = tx.All(way.some, "select"+memberColumns+`
			from   members m
			join   facts f on f.member_id = m.id
			where  m.id in `+tx.In("@ids")+`
			order  by m.id`, store.Args{"ids": store.IDs(ids)})
		if err != nil {
			return b, err
		}
	}
	return b, nil
}
