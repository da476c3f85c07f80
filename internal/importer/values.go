package importer

import (
	"errors"
	"strings"

	"regulars/internal/loyalty"
)

// FileOf reads how a file is to be taken in from the values that `regulars enqueue import`
// takes. Which file it is, is left to the caller.
func FileOf(v map[string]string) (f File, err error) {
	f = File{Kind: v["what"], Format: v["format"], Key: v["order-key"], Dates: Dates(v["dates"]), Source: v["source"], OrderID: v["order-id"], Leave: ParseColumns(v["leave"]), News: v["news"] == "yes", ConsentSource: v["consent-source"]}
	if f.Map, err = ParseMap(v["map"]); err != nil {
		return f, err
	}
	if f.Decimal, err = ParseDecimal(v["decimal"]); err != nil {
		return f, err
	}
	if f.Charset, err = ParseCharset(v["encoding"]); err != nil {
		return f, err
	}
	if f.Status, err = ParseStatuses(v["status"]); err != nil {
		return f, err
	}
	if v["refused"] != "" {
		for topic := range strings.SplitSeq(v["refused"], ",") {
			f.Refusal = append(f.Refusal, strings.TrimSpace(topic))
		}
	}
	if v["zone"] != "" {
		if f.Zone, err = loyalty.ParseZone(v["zone"]); err != nil {
			return f, err
		}
	}
	if v["consent"] == "" {
		return f, nil
	}
	if v["consent-source"] == "" || v["consent-at"] == "" {
		return f, errors.New("consent needs consent-source and consent-at: who agreed must be on record with where and when")
	}
	for topic := range strings.SplitSeq(v["consent"], ",") {
		f.Consent = append(f.Consent, strings.TrimSpace(topic))
	}
	f.ConsentDay, err = loyalty.ParseDay(v["consent-at"])
	return f, err
}
