package main

import (
	"runtime/debug"
	"slices"
	"strings"
)

// garbage is how much of what is alive may lie about until it is collected, in percent,
// where neither GOGC nor GOMEMLIMIT says. Go's own 100 makes a replica that sends some
// 7 MB larger, and its mails a tenth to a fifth cheaper.
const garbage = 50

// garbageOfFile is the same of a command that takes a file in and ends: what it collects
// costs it a quarter of its time at Go's own 100.
const garbageOfFile = 200

// lean keeps a replica small: it collects earlier, and gives back what only its start
// needed.
func (a *app) lean() {
	a.leave(garbage)
	debug.FreeOSMemory()
	forgetProgram()
}

// leave has so much garbage lie about, unless the environment says how much.
func (a *app) leave(percent int) {
	said := func(v string) bool { return strings.HasPrefix(v, "GOGC=") || strings.HasPrefix(v, "GOMEMLIMIT=") }
	if !slices.ContainsFunc(a.env, said) {
		debug.SetGCPercent(percent)
	}
}
