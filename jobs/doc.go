// Package jobs is the worker: asynq servers over Redis, the jobs that marketers
// enqueue, and the watch over the database that makes both safe.
//
// What is due stands in the database. A task in Redis is a hint: it carries the
// name of a post (a pass of the engine, or the jobs of a lane) and wakes somebody
// sooner. Losing every task costs seconds and running one twice costs a query.
// Each worker therefore also looks at the database once a second, puts hints for
// what it finds, and does itself what Redis does not take or what has been due
// for too long.
//
// One file per kind of job: its payload, its promise and its handler side by
// side. Kinds never change once released. Only this package (and the in-process
// Redis) knows asynq.
package jobs
