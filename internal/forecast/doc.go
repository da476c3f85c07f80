// Package forecast is the BG/NBD model of who will order again (Fader, Hardie and
// Lee 2005, "Counting Your Customers the Easy Way"). While a member is a customer
// they order at a rate of their own, and after each repeat order they may leave
// for good with a probability of their own; over all members the rates are gamma
// distributed (R, Alpha) and the probabilities beta distributed (A, B).
//
// It fits the four numbers to the members' histories by maximum likelihood, and
// then says of one history how probable it is that the member is still a customer,
// and how many orders to expect in the days to come. A history is three figures:
// repeat order days, days from the first order to the last, and days from the
// first order to today. The model counts in weeks, as the paper does.
//
// It promises to be pure, and to answer with a number for every history, however
// long: what could run over is computed by logarithms. It leaves to norms where
// the histories come from, and to segments how a rule reads the answers.
//
// The paper writes the expectation with Gauss' function 2F1, whose series ends
// badly where a member is new and the span is long, and which divides by zero at
// A = 1. The integral that it solves has neither trouble, only positive terms, and
// is the same sum in Go and in SQL: Outlook computes that. The tests hold it to
// the paper's formula.
package forecast
