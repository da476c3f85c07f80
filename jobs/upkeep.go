package jobs

import "regulars/internal/engine"

// send.reap ends the leases that outlived their workers: what may have been on the wire
// becomes unknown, all else is due again. Put by the recovery pass.
var sendReap = work(engine.SendReap, Clock, 1)

// code.expire ends the codes whose last day is over. Put by the recovery pass until the
// day's is done.
var codeExpire = work(engine.CodeExpire, Nightly, 1)

// counts.fold adds up what was counted of mails since. Put by the recovery pass once it is
// much: readers see the same before and after.
var countsFold = work(engine.CountsFold, Clock, 1)

// data.retain throws away what was kept long enough, a bounded piece at a time. Put by
// the recovery pass until the day's is done.
var dataRetain = work(engine.DataRetain, Nightly, 1)

// claim.release gives back the points of rewards that a till has held for too long. Put
// by the recovery pass; a claim is released once, under its member's lock.
var claimRelease = work(engine.ClaimRelease, Clock, 1)
