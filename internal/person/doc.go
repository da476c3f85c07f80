// Package person does what concerns one member whole: hands out all that is known of
// them (Export), takes it away (Erase), and makes two members one (Merge).
//
// Each of the three must know every table that has rows of members. tables.go lists
// them, with what each of the three does to them: a table that is not listed fails a
// test, so that nobody forgets one.
//
//	Export  a View: profile, keys, consents with their proof, orders, events, codes, mails
//	        with opens and clicks, points, tiers, claims, referrals, segments, passages
//	Erase   one transaction, with the member's row locked: what names the person or was
//	        said by them goes, figures stay with a husk that has erased_at. The keyed hash
//	        of the address stays among the suppressions: it gets nothing, whoever has it
//	Merge   one transaction, both rows locked in the order of their ids: everything of one
//	        becomes the other's, points are booked and facts computed anew as if there had
//	        been one member from the start, and nobody is told: no event is written, what is
//	        learned is history, and milestones that are reached by it are only recorded
//
// All of them are safe to repeat. None of them touches the network, logs, or puts anything
// into Redis.
package person
