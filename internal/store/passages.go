package store

// WakePassages lets the passages go on whose sends have come to a final state:
// their next step is due now, and its wait counts from now.
func (tx *Tx) WakePassages(sendIDs []int64) error {
	if len(sendIDs) == 0 {
		return nil
	}
	_, err := tx.Exec(`
		update passages
		set    state = 'ready', wake_at = @now, base_at = @now
		from   sends s
		where  s.id in (select value from `+tx.JSONEach("@ids")+`)
		and    passages.occurrence_id = s.occurrence_id
		and    passages.member_id = s.member_id
		and    case when passages.state = 'sending' then true else false end`, // opaque: the plan is to come by the ids, however new the tables are
		Args{"now": tx.At, "ids": JSON(sendIDs)})
	return err
}
