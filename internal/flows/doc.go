// Package flows has campaigns start for single members and takes their passages from
// step to step: what an event or a date starts, what ends it, its waits, rules,
// codes and mails. It is, with runs, the only inserter of sends.
//
// It promises that a campaign starts once per occurrence and member under any number
// of workers, that whoever is not to get a mail of a step has a row with the reason,
// and that nobody erased, merged or in the holdout gets a send or a code. No campaign
// holds up another, nor an order or an answer of a member: what happened is written
// down by whoever commits it (happenings), and each campaign reacts in transactions
// of its own (isolation):
//
//	intake: an order ──┐  one transaction      React
//	public: an answer ─┼─▶ happenings        ┌─▶ 0: who is in which segment ─┐ entered,
//	redeem: a code ────┘   reactions ─ wake ─┤      (membership.React)       ◀ left:
//	                       (who reacts)      │                                 │ happenings
//	night: membership.Segments ─▶ Entries ───┤                                 ▼
//	                                         ├─▶ campaign 7: ends, starts, first mails
//	                                         └─▶ campaign 9: …   a transaction each
//	clock: Advance, Dates, Settle, and the passes of runs: for each campaign, alike
//
// A passage stands at a step, ready or sending, until it is done or exited:
//
//	Begin ─▶ ready ─(wake_at)─▶ steps: if, choose, wait ─▶ mail: sends, due ─▶ sending
//	           ▲                                                                  │
//	           └────────────── the mail has come to its final state ◀─────────────┘
//
// Every function takes the caller's transaction and its one business moment, and can
// be run again. Handing mails over, and the last word on consent, caps and quiet
// hours, is delivery's; codes are coupon's; facts are intake's; who is in a segment is
// membership's; a start for everybody at once is runs'.
package flows
