// Package runs has campaigns start for everybody whom they are for at once: by the
// dates of a timetable or by a launch. Such a start is a run with a frozen audience.
//
// It promises that every date leaves a run or a recorded skip, once, under any number
// of workers; that whoever of the segment is left out has a row in the ledger with
// the reason; that a drop starts with enough codes or not at all; and that a run is
// finished when nothing of it is pending, never before.
//
//	timetable ─ Timetable ─┐
//	                       ├─▶ freeze: sends, codes, chunks ─▶ delivery ─▶ FinishRuns
//	a person ─── Launch ───┘           │ more steps              │ a pilot is out
//	                                   ▼                         ▼
//	                                passages (flows)          Resume, Pause, Cancel
//
// Handing mails over, and the last word on consent, caps and quiet hours, is
// delivery's; the steps after the first mail are flows'.
package runs
