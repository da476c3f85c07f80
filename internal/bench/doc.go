// Package bench makes a large made-up shop in a scratch database and measures the
// real rooms on it: the same rules, passes and statements that a shop's own
// members go through, beside a peer on the same rows in the same run.
//
// It promises that a seed always makes the same shop, that what it measures is
// also checked (a fast wrong answer is an error), that memory does not grow with
// the shop, and that it touches no database but the one given, which is meant to
// be thrown away. Ratios are what it is for: a time by itself says more about the
// machine than about us.
//
// It also tries faults by force: replicas of the program are killed, stopped and cut
// off while they send to a relay of ours, and the ledger is held to what that took.
package bench
