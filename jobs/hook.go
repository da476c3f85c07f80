package jobs

import "regulars/internal/engine"

// hook.post {destination} sends what another system is to be told. Put after the commit
// that wrote it down, and by the recovery pass while something is due. Deliveries are
// leased, and one that is sent twice has the same webhook-id. Many at once, so that one
// destination that hangs holds up no other.
var hookPost = ofDestination(work(engine.HookPost, Chores, 8))

// ofDestination is work that is about one destination of webhooks.
func ofDestination(t task) task { t.of = "destination"; return t }
