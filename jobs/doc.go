// Package jobs is the worker: one kind of asynq task per kind of work, the jobs that
// marketers enqueue, and the recovery pass over the database that makes both safe.
//
//	a commit ──hint──▶ Redis (asynq) ──task──▶ handler ──claims──▶ database
//	                     ▲                        ▲                   │
//	                     │ a task for what        │ itself, when      │ what is due,
//	                     │ is due and has none    │ Redis is away     │ each second
//	                     └──────────── recovery pass ◀────────────────┘
//
// What is due stands in the database. A task is a hint: its kind says what work, its
// payload holds at most the id of the run or the job. The handler claims rows, so that
// running a task twice does nothing; losing one costs a second, since the recovery
// pass finds what is due. TaskIDs are the work's natural key ("run.deliver:12"), so
// that tasks do not pile up. A task that fails is tried again by asynq, with its error
// to be read there; a job's own tries are counted in its row, which is the truth.
//
// Queues: urgent has a server of its own, so that a welcome never waits behind a
// newsletter; so have chores, the jobs of marketers, since an import may take hours.
// A rehearsal has a place of its own there.
// Bulk, clock and nightly share one that has a slot for every handler of theirs.
//
// One file per kind of task, or per family of kinds: payload, promise, handler. Kinds
// never change once released. Only this package (and the in-process Redis) knows
// asynq.
package jobs
