// Package outbox keeps what other systems are to be told by webhooks: a row of
// hook_deliveries for each destination and each thing that happened, written in the
// transaction in which it happened. So nobody is told of what did not last, and what
// lasted is told.
//
// It promises the rooms that tell (consent, coupon, happenings, membership, flows,
// delivery) that telling costs no statement where no destination wants to hear of it,
// and one statement otherwise, of however many members. History is theirs to leave out.
// It promises those who are told the same webhook-id with each attempt, and nothing of a
// member but the shop's own id, unless the program says with: [email]. Both are read when
// a delivery is sent: an erased member is no longer named by what still waits.
//
// What is sent, and to which addresses, is the business of the room post below this one.
//
//	Tell, TellOf ─▶ waiting ─ Claim ─▶ (on the wire) ─ Record ─▶ delivered
//	                   ▲                                  │
//	                   └── a pause, each longer ──────────┼────▶ dead ─ Replay ─▶ waiting
package outbox
