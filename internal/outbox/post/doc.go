// Package post sends what the outbox holds: it claims, signs, posts and records, each
// destination by itself.
//
// It promises that no transaction is open while something is on the wire, that a
// destination which hangs costs ten seconds and then is spared for a while, that each
// attempt has the webhook-id of the first and is signed with all secrets that are set
// (Standard Webhooks), and that nothing is sent into the own network: the address is
// checked when it is dialled, whatever the name resolved to before, no redirect is
// followed and no proxy of the environment is used. HOOK_OUT_ALLOW opens networks.
//
// A delivery is on its way at least once: who dies between the answer and the record has
// it sent again. Its order per destination is that of the happenings as long as nothing
// fails.
package post
