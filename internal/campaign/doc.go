// Package campaign turns what happened and what the clock says into mails to be
// sent. It stores the versions of a program and puts them in force, keeps who is
// in which segment, starts campaigns (for one member a passage, for a segment a
// run with a frozen audience), takes passages from step to step, and explains
// why a member did or did not get a mail. It is the only inserter of sends.
//
// It promises that a campaign starts once per occurrence and member under any
// number of workers, that every date of a timetable leaves a run or a recorded
// skip, that whoever of a segment is left out has a row with the reason, and
// that nobody erased, merged or in the holdout gets a send or a code.
//
// It also promises that no campaign holds up another, nor an order or an answer of
// a member. What happened is written down by whoever commits it, and depends on no
// campaign; each campaign reacts in transactions of its own:
//
//	intake: an order ──┐  one transaction      React (reactions, happenings)
//	public: an answer ─┼─▶ happenings        ┌─▶ 0: who is in which segment ─┐ entered,
//	redeem: a code ────┘   reactions ─ hint ─┤        one transaction         ◀ left:
//	                       (who reacts)      │                                 │ happenings
//	night: Segments ──▶ Entries ─────────────┤                                 ▼
//	                                         ├─▶ campaign 7: ends, starts, first mails
//	                                         └─▶ campaign 9: …   a transaction each
//	clock: Advance, Timetable, Dates, Settle, FinishRuns: for each campaign, alike
//
// A campaign that fails, panics or takes too long is set aside (store.Setback): its
// reactions wait for it, and it is tried again by itself, with growing pauses, and at
// once after an apply. Of a batch only the odd pieces are put off, and where all that
// fails is of one member, that alone (apart.go). What one member did is reacted to in
// its order.
//
// Every function takes the caller's transaction and its one business moment, and
// can be run again. Handing mails over, and the last word on consent, caps and
// quiet hours, is delivery's; codes are coupon's; facts are intake's.
//
// Who calls what:
//
//	cmd       Book.Apply, Rollback, Touches, Pause, Resume, Cancel, Why; Versions, Files, CountRules
//	intake    Book.Figures, Hear, CouponUsed, Forget (live); HearHistory, Learned, Remeasure, Reached (history)
//	public    Book.Changed, CouponUsed
//	delivery  Programs.Version: the program and the texts that a send carries
//	engine    Book.React, Timetable, Segments, Entries, Dates, Settle, Advance, FinishRuns, NextDue
//	jobs      Book.Launch, PreviewLaunch, Refresh
package campaign
