package jobs

import "regulars/internal/engine"

// segment.pass does what a new day of the shop brings: facts that change by time alone,
// norms, forecasts, and who is in which segment. Put by an apply, and by the recovery
// pass; it asks by itself what is missing today. The rows of passes and segments are
// the claims.
var segmentPass = work(engine.SegmentPass, Nightly, 1)
