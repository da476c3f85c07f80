// Package consent decides whether a member may be mailed now: what they agreed
// to, which addresses get nothing, how often and at what hours, what a person
// stopped. It is the gate that every send passes twice, when it is claimed and
// right before it is handed over.
//
// It promises that the newest word of a member counts, that every no has a
// reason, that two campaigns cannot both pass a cap, and that a link in a mail
// names nobody. Loading what the gate needs is set-based, one statement for a
// chunk; deciding is pure. It leaves to delivery what to do with a decision, and
// rules (for, except, until) to campaign.
package consent
