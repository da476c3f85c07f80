// Package coupon keeps the stock of codes and whose each one is: pools as the
// program describes them, codes generated or imported, given to a member for a
// passage or a run, issued with their mail, redeemed, expired and void.
//
//	free ─▶ reserved ─(mail sent)─▶ issued ─▶ redeemed
//	  ▲         │                      └────▶ expired | void
//	  └─────────┘ its mail was skipped
//
// It promises that a code belongs to one member, that a member has at most one
// per pool and occurrence however often and by however many workers it is asked
// for, that a pool gives no more than its stock and budget, and that a code is
// redeemed as often as it says. Randomness is handed in. Computing a discount is
// the shop's; when a drop starts and what an empty pool means is campaign's.
package coupon
