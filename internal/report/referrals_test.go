package report_test

import (
	"fmt"
	"slices"
	"testing"

	"regulars/internal/report"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
)

func TestReferralsAreReportedByTheMonthInWhichFriendsJoined(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		people(t, db)
		if none := see(t, db, report.Referrals); none == nil || len(none) != 0 {
			t.Errorf("without referrals: %#v, want an empty list", none)
		}
		brought := func(friend int, state, day string) string {
			return fmt.Sprintf("insert into referrals (referrer_id, friend_id, state, reason, at, day) values (1, %d, '%s', '', {now}, %s)", friend, state, day)
		}
		book := func(friend, n int, kind string) string {
			return fmt.Sprintf(`insert into entries (member_id, wallet, at, day, kind, amount, cause, version_id, referral_id)
				select 1, 'points', {now}, {today}, '%s', %d, '%s %d', 1, id from referrals where friend_id = %d`, kind, n, kind, friend, friend)
		}
		const january, march = "19740", "19790" // 2024-01-18, 2024-03-08
		do(t, db, brought(2, "refused", january), brought(3, "pending", march), brought(4, "rewarded", march),
			book(2, 500, "bonus"), book(2, -500, "takeback"), book(4, 500, "bonus"))
		got := see(t, db, report.Referrals)
		want := []report.ReferralsMonth{
			{Month: "2024-01", Referrers: 1, Friends: 1, Refused: 1},
			{Month: "2024-03", Referrers: 1, Friends: 2, Pending: 1, Rewarded: 1, Points: 500},
		}
		if !slices.Equal(got, want) {
			t.Errorf("referrals by month\n%+v\nwant\n%+v", got, want)
		}
	})
}
