// Package report answers questions: how many members a rule keeps and who they
// are, what was sent and what came of it, what is going on and whether a person
// is needed, and whether everything in the database is consistent.
//
// It promises to change nothing: everything here runs in the caller's read-only
// transaction, and every figure is counted from rows, never kept beside them.
package report
