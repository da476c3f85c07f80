package jobs

import "regulars/internal/engine"

// flow.react has campaigns react to what happened. Put after the commit of an event.
// Running it again finds no reactions that wait. Two at once keep the database busy
// while one of them thinks.
var flowReact = work(engine.FlowReact, Urgent, 2)

// flow.advance takes members' next steps. Put when a step ends and a wait does not
// follow. Each passage is claimed, so that nobody takes a step twice.
var flowAdvance = work(engine.FlowAdvance, Urgent, 2)

// flow.settle begins with a campaign that went live: members who are inside already,
// milestones reached before. Put by an apply and after an import.
var flowSettle = work(engine.FlowSettle, Clock, 1)

// flow.enter tells campaigns who entered their segment. Put where somebody did. Each
// entry is claimed once.
var flowEnter = work(engine.FlowEnter, Clock, 1)

// flow.dates plans yearly and other dates of members. Put by the recovery pass alone;
// it asks by itself whether a day is missing.
var flowDates = work(engine.FlowDates, Nightly, 1)
