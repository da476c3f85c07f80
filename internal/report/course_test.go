package report_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"regulars/internal/loyalty"
	"regulars/internal/report"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
)

// The days of a segment, and who moved between two of them, are those of its stays, told
// one by one.
func TestTheCourseOfASegmentIsThatOfItsStays(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		people(t, db)
		const seen = 12 // days
		random := rand.New(rand.NewPCG(1, 2))
		type stay struct{ began, ended int } // in days from today; ended 1: goes on
		stays := map[int][]stay{}
		do(t, db, "insert into segments (id, name, rule, as_of_day) values (1, 'vip', 'orders >= 2', {today}), (2, 'other', 'orders >= 2', {today})")
		for member := 1; member <= 3; member++ {
			for day := -seen - 3; day <= 0; {
				began := day + random.IntN(4)
				ended := began + random.IntN(5)
				if began > 0 {
					break
				}
				s, left := stay{began, ended}, "null, null"
				if ended > 0 {
					s.ended = 1
				} else {
					left = fmt.Sprintf("{now%+dh}, {today%+d}", 24*ended, ended)
				}
				stays[member] = append(stays[member], s)
				for _, segment := range []int{1, 2}[:1+member%2] {
					do(t, db, fmt.Sprintf("insert into segment_members (segment_id, member_id, entered_at, entered_day, left_at, left_day) values (%d, %d, {now%+dh}, {today%+d}, %s)",
						segment, member, 24*began-1, began, left))
				}
				day = ended + 1
			}
		}
		inside := func(member, day int) bool {
			return slices.ContainsFunc(stays[member], func(s stay) bool { return s.began <= day && s.ended > day })
		}
		days := see(t, db, func(tx *store.Tx) ([]report.SegmentDay, error) {
			return report.Course(tx, "vip", today-seen, today)
		})
		if len(days) != seen+1 {
			t.Fatalf("%d days, want %d", len(days), seen+1)
		}
		for i, d := range days {
			day, want := i-seen, report.SegmentDay{Day: today + loyalty.Day(i-seen)}
			for member := 1; member <= 3; member++ {
				if inside(member, day) {
					want.Inside++
				}
				for _, s := range stays[member] {
					if s.began == day {
						want.Came++
					}
					if s.ended == day {
						want.Left++
					}
				}
			}
			if d != want {
				t.Errorf("day %d: %+v, want %+v", day, d, want)
			}
			if at := see(t, db, func(tx *store.Tx) (map[string]int64, error) { return report.InsideAt(tx, d.Day) }); at["vip"] != want.Inside {
				t.Errorf("day %d: %v were inside, want %d in vip", day, at, want.Inside)
			}
			b := see(t, db, func(tx *store.Tx) (report.Between, error) {
				return report.MovesBetween(tx, "vip", today-5, max(d.Day, today-5), 10)
			})
			var began, ended int64 // stays
			for _, of := range days[seen-5+1 : max(i, seen-5)+1] {
				began, ended = began+of.Came, ended+of.Left
			}
			stays := see(t, db, func(tx *store.Tx) ([2]int64, error) {
				came, left, err := report.StaysBetween(tx, "vip", today-5, max(d.Day, today-5))
				return [2]int64{came, left}, err
			})
			if want := [2]int64{began, ended}; stays != want {
				t.Errorf("between -5 and %d: %v stays, want %v", day, stays, want)
			}
			var came, left, someCame, someLeft []string
			for member := 1; member <= 3; member++ {
				switch name := fmt.Sprintf("M-%d", member); {
				case day > -5 && inside(member, day) && !inside(member, -5):
					came = append(came, name)
				case day > -5 && !inside(member, day) && inside(member, -5):
					left = append(left, name)
				}
			}
			for _, m := range b.SomeCame {
				someCame = append(someCame, m.ID)
			}
			for _, m := range b.SomeLeft {
				someLeft = append(someLeft, m.ID)
			}
			if int(b.Came) != len(came) || int(b.Left) != len(left) || !slices.Equal(someCame, came) || !slices.Equal(someLeft, left) {
				t.Errorf("between -5 and %d: %v came and %v left, want %v and %v (stays %v)", day, someCame, someLeft, came, left, stays)
			}
		}
		courses := see(t, db, func(tx *store.Tx) (map[string][]int64, error) { return report.Courses(tx, today-seen, today) })
		if len(courses["vip"]) != seen+1 {
			t.Fatalf("the course of vip has %d days", len(courses["vip"]))
		}
		for i, d := range days {
			if courses["vip"][i] != d.Inside {
				t.Errorf("day %d: %d are inside by the courses of all, want %d", i-seen, courses["vip"][i], d.Inside)
			}
		}
		if svg := report.DrawCourse("vip", days).Wide; !strings.Contains(svg, "Members in vip") || !strings.Contains(svg, fmt.Sprintf("%d at last", days[seen].Inside)) {
			t.Error(svg)
		}
	})
}
