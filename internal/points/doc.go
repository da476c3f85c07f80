// Package points keeps the ledger of points: what members earned, spent and lost, in
// rows that come and never change. A balance is what the rows of a day add up to; no
// job has to run for it to be right.
//
// An order is booked by difference: what it has earned by the rates of its own moment
// (loyalty.Target), less what is in the ledger for it already. So an order that comes
// twice, is edited, given back in parts or comes late ends in the same sum. Its version
// of the program and its tier are those of its first entry; where it turns out to be
// another member's, the difference is booked to both.
//
//	intake, in the transaction of an order            the night, a transaction for some members
//	  members locked, order and refunds written         Expire: debts paid by what opened,
//	  Book ──▶ difference ──▶ add ──▶ entries             a row for each lot that ended
//	  Happened (events, joining) ──▶ add                Birthdays ──▶ add
//	  facts refreshed                                   facts refreshed
//	│ commit                                          │ commit
//
//	add: entries ──▶ Spend, Settle (loyalty) ──▶ draws, lots
//
// A credit is a row with a first day on which it can be spent. A debit draws from
// credits; what it finds too little is a debt, which the next credits pay. Lots are what
// is left of credits, and can be built anew from entries and draws (Rebuild).
//
// Punch cards are wallets of stamps in the same ledger, booked by the same difference. A
// full card is a claim, which takes its stamps and gives a code of a pool (filling.go).
//
// A claim takes a reward's points and reserves the code that they buy (claim.go); one that
// is released or reversed gives them back to the lots that they came from. A referral is
// a row between two members, which the friend's orders bring to its end (referral.go).
//
// The caller holds the locks of the members' rows, but for claims, which take them. Rules on who may be given what are
// in loyalty, as values; facts, campaigns and mails are others'.
package points
