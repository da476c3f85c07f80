// Package segments is the rule language of a program: it parses a rule such as
//
//	orders >= 5 and days_since_last_order <= 90
//
// checks it against the catalogue of fields, explains it in words, and compiles it
// to one set-based SQL condition with named parameters. It also holds the one
// SELECT that defines the facts of a member.
//
// It promises that a wrong rule is answered with its column, what is wrong in a
// marketer's words and the nearest name; that a rule's words and its SQL agree on
// every member, as the tests ask of each beside a plain reading in Go
// (oracle_test.go); that nothing typed by a user ever stands in SQL text; and that
// it is pure: no clock, no table, no file. Running the SQL is left to store and the
// rooms above it, naming the segments to program.
//
// Where a member stands beside all others (scores, the program's usual gap) is read
// from Norms, which room norms works out; the stages of the lifecycle and where the
// scores divide members are settings of the program.
//
// Everything computable that a rule can read is one entry of the catalogue
// (catalogue_*.go). A stored fact is that entry, a column in both migrations and
// a line in FactsSelect.
package segments
