// Package loyalty holds the words of the shop and the rules that need nothing
// but values: instants and shop days, money, members, orders and events as they
// come in from outside, quiet hours, caps, schedules and waits.
//
// It promises to be pure: no clock, no randomness, no table and no network, and
// imports of the standard library only. Whatever needs a database is left to
// store and the rooms above it.
package loyalty
