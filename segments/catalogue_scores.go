package segments

// scoreFields say where a member stands: alone, in the stages of the lifecycle,
// and beside all others, in the scores of recency, frequency and money.
func scoreFields() []*entry {
	return []*entry{
		{name: "lifecycle", typ: Text, from: fromOrders,
			noun: "lifecycle stage", check: checkStage, also: []string{"stage", "lifecycle_stage", "life_stage"},
			in: lifecycle{}},
		{name: "recency_score", typ: Number, from: fromOrders, norm: ofScores,
			noun: "recency score", also: []string{"r_score"}, in: recency},
		{name: "frequency_score", typ: Number, from: fromOrders, norm: ofScores,
			noun: "frequency score", also: []string{"f_score"}, in: frequency},
		{name: "monetary_score", typ: Number, from: fromOrders, norm: ofScores,
			noun: "monetary score", also: []string{"m_score", "money_score"}, in: monetary},
		{name: "rfm", typ: Text, from: fromOrders, norm: ofScores,
			noun: "RFM score (recency, frequency, money)", check: checkScores, also: []string{"rfm_score", "rfm_scores"}, in: asDigits},
		{name: "rfm_group", typ: Text, from: fromOrders, norm: ofScores,
			noun: "RFM group", check: checkGroup, also: []string{"rfm_segment", "group"}, in: asGroup},
	}
}
