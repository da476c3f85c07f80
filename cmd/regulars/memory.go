package main

import (
	"runtime/debug"
	"slices"
	"strings"
)

// How much of what is alive may lie about until it is collected, in percent, where GOGC
// does not say. What is alive is small, some 5 MB, so that a collection costs more than
// what it finds.
const (
	// garbageOfWorker is of a replica that sends, which is to stay below 64 MB. At 50 it has
	// 60 MB and collecting costs 22 µs of each mail, at 100 65 MB and 9 µs.
	garbageOfWorker = 80

	// garbageOfIntake is of who only takes in: a replica without the worker, and a command
	// that reads a file and ends. At Go's own 100 an order costs us a fifth more. It is of
	// everybody to whom GOMEMLIMIT gives room.
	garbageOfIntake = 300
)

// lean keeps a replica small: it collects as its roles need, and gives back what only its
// start needed.
func (a *app) lean(roles []string) {
	if slices.Contains(roles, "worker") && !a.said("GOMEMLIMIT") {
		a.leave(garbageOfWorker)
	} else {
		a.leave(garbageOfIntake)
	}
	debug.FreeOSMemory()
	forgetProgram()
}

// leave has so much garbage lie about, unless GOGC says how much.
func (a *app) leave(percent int) {
	if !a.said("GOGC") {
		debug.SetGCPercent(percent)
	}
}

// said reports whether the environment has a setting.
func (a *app) said(name string) bool {
	return slices.ContainsFunc(a.env, func(v string) bool { return strings.HasPrefix(v, name+"=") })
}
