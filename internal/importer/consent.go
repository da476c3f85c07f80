package importer

import (
	"cmp"
	"fmt"
	"strings"

	"regulars/internal/intake"
	"regulars/internal/loyalty"
)

// answer is what somebody said to mails, or became of mails to them.
type answer int

const (
	silent        answer = iota // they said nothing, or nobody knows what
	agreed                      // to the topics of --consent
	declined                    // to be sent offers and the newsletter: they were asked and did not agree
	unsubscribed                // from everything, or from the topics of --refused
	undeliverable               // their address takes no mail, or called it spam
)

// answers are the words of all systems for these.
var answers = map[string]answer{
	"": silent, "unknown": silent, "pending": silent, "unconfirmed": silent, "none": silent, "never subscribed": silent, "never_subscribed": silent,
	"not subscribed": silent, "not_subscribed": silent, "non-subscribed": silent, "nonsubscribed": silent, "transactional": silent,
	"true": agreed, "yes": agreed, "y": agreed, "1": agreed, "t": agreed, "subscribed": agreed, "opted in": agreed, "opted_in": agreed, "confirmed": agreed,
	"false": declined, "no": declined, "n": declined, "0": declined, "f": declined,
	"unsubscribed": unsubscribed, "opted out": unsubscribed, "opted_out": unsubscribed, "opt-out": unsubscribed, "refused": unsubscribed,
	"cleaned": undeliverable, "suppressed": undeliverable, "bounced": undeliverable, "hard bounce": undeliverable, "hard_bounce": undeliverable, "invalid": undeliverable,
	"complained": undeliverable, "complaint": undeliverable, "spam": undeliverable, "marked_as_spam": undeliverable,
}

// readAnswer reads the one answer that a system keeps of somebody.
func readAnswer(text string) (answer, error) {
	a, known := answers[strings.ToLower(strings.TrimSpace(text))]
	if !known {
		return silent, fmt.Errorf("%s is neither yes nor no, nor subscribed, unsubscribed or cleaned", loyalty.Quoted(text))
	}
	return a, nil
}

// The topics that the one answer of a system is about, where nobody says which.
var (
	agreedTo    = []string{loyalty.Offers, loyalty.Newsletter}
	refusedThen = []string{loyalty.Offers, loyalty.Newsletter, loyalty.Program}
)

// readConsent reads what a row of a members file says of consent, or says what is
// wrong with it. What the row says goes before what was said of the file, a topic's
// own column before that of all, and which of two answers stands is for consent to
// decide: a yes of the file never stands over a later no.
func (r *reader) readConsent(it *intake.Row) *loyalty.Note {
	m := &it.Member
	m.Consent = map[string]bool{}
	said := func(topics []string, granted bool) {
		for _, topic := range topics {
			m.Consent[topic] = granted
		}
	}
	if !r.cols.has("consent") {
		said(r.Consent, true)
		said(r.Refusal, false)
	} else if a, err := readAnswer(r.cols.get("consent")); err != nil {
		it.Note("consent", "%v", err)
	} else {
		switch a {
		case agreed:
			said(or(r.Consent, agreedTo), true)
		case declined:
			said(or(r.Refusal, agreedTo), false)
		case unsubscribed:
			said(or(r.Refusal, refusedThen), false)
		case undeliverable:
			r.unreachable[it] = true
		}
	}
	if r.isSuppressed() {
		r.unreachable[it] = true
	}
	for topic, text := range r.cols.family("consent") {
		switch a, err := readAnswer(text); {
		case err != nil:
			delete(m.Consent, topic) // also what is said of the file as a whole
			it.Note("consent."+topic, "%s is neither yes nor no", loyalty.Quoted(text))
		case a == agreed:
			m.Consent[topic] = true
		case a == declined || a == unsubscribed:
			m.Consent[topic] = false
		}
	}
	m.ConsentSource = cmp.Or(m.ConsentSource, r.ConsentSource)
	if m.ConsentSource == "" && r.layout != nil {
		m.ConsentSource = r.layout.format
	}
	return r.answeredAt(m)
}

// answeredAt reads when a row's answer was given: a no has a column of its own, or
// shares that of the yes.
func (r *reader) answeredAt(m *loyalty.Member) *loyalty.Note {
	field, day := "consent_at", r.ConsentDay
	for _, granted := range m.Consent {
		if !granted && r.cols.get("refused_at") != "" {
			field = "refused_at"
		}
		if !granted && r.RefusedDay != 0 {
			day = r.RefusedDay
		}
		if !granted && field == "consent_at" && r.cols.has("refused_at") {
			m.ConsentDay = r.RefusedDay // when they agreed is not when they refused
			return nil
		}
	}
	text := r.cols.get(field)
	if text == "" {
		m.ConsentDay = day
		return nil
	}
	at, alone, err := r.on(field).whenOrDay(text)
	switch {
	case err != nil:
		return &loyalty.Note{Field: field, Reason: err.Error()}
	case alone:
		m.ConsentDay = loyalty.DayOf(at.Time, r.shop.Zone)
	default:
		m.ConsentAt = at
	}
	return nil
}

// isSuppressed reports whether the row lists why its address gets nothing.
func (r *reader) isSuppressed() bool {
	switch strings.ToLower(r.cols.get("suppressed")) {
	case "", "[]", "{}", "no", "false", "0", "none", "null":
		return false
	}
	return true
}

func or(topics, otherwise []string) []string {
	if len(topics) > 0 {
		return topics
	}
	return otherwise
}
