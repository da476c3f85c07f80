package delivery

import (
	"cmp"
	"errors"
	"slices"
	"time"

	"regulars/internal/consent"
	"regulars/internal/coupon"
	"regulars/internal/loyalty"
	"regulars/internal/store"
)

// ruling is the gate's answer for one send: what consent decided, that a person
// stopped it for a while and it stays as it is, or that somebody else ended it.
type ruling struct {
	consent.Decision
	stays bool
	over  bool
	wait  time.Duration // of a send that stays: machine time until it is asked again
}

func (r ruling) goes() bool { return !r.stays && !r.over && r.Pass() }

// gate asks everything about sends that are freshly loaded and have their plans:
// holds, their runs, their codes, consent, suppression, address, rules, lateness,
// quiet hours and caps. It writes nothing.
func gate(tx *store.Tx, sends []*send) ([]ruling, error) {
	held, err := consent.Held(tx)
	if err != nil {
		return nil, err
	}
	why, err := broken(tx, sends)
	if err != nil {
		return nil, err
	}
	rulings := make([]ruling, len(sends))
	for i, s := range sends {
		rulings[i] = s.rule(held, why[s.Send], tx.At)
	}
	return rulings, nil
}

// The states of a run that matter here.
const (
	runSending   = "sending"
	runPaused    = "paused"
	runCancelled = "cancelled"
)

// rule decides about one send; why is the reason that a rule gives to skip it.
func (s *send) rule(held consent.Holds, why string, now loyalty.Instant) ruling {
	_, stopped := held.Stops(s.Campaign, s.Class, s.run.state != "")
	switch {
	case stopped || s.run.state == runPaused:
		return ruling{stays: true}
	case s.blind:
		return ruling{stays: true, wait: time.Minute}
	case s.run.state == runCancelled || s.plan == nil:
		return ruling{Decision: consent.Decision{Reason: consent.Cancelled}}
	}
	if why == "" {
		why = cmp.Or(s.gone(), s.dead())
	}
	d := consent.Decide(s.Candidate, s.plan.policy, now)
	if why != "" && !d.Skip() {
		d = consent.Decision{Reason: why}
	}
	return ruling{Decision: d}
}

// gone is the reason to skip a mail whose passage has ended early, in the words
// that campaign uses for the mails that it skips itself.
func (s *send) gone() string {
	switch s.exited {
	case "":
		return ""
	case "leaves":
		return ruleLeft
	case "erased":
		return consent.Erased
	case "removed", "merged", "cancelled by hand", "date moved":
		return consent.Cancelled
	default:
		return untilRule
	}
}

// pass is the gate at the mark: it looks at the sends, which are in the order of
// their ids, afresh, asks again, and takes the place under the caps of each offer
// that goes. Where another campaign has just taken the last place, the send stays
// and is asked again.
func pass(tx *store.Tx, sends []*send) ([]ruling, error) {
	if len(sends) == 0 {
		return nil, nil
	}
	fresh, err := reload(tx, sends)
	if err != nil {
		return nil, err
	}
	rulings, err := gate(tx, fresh)
	if err != nil {
		return nil, err
	}
	for i, s := range sends {
		rulings[i].over = fresh[i].state != s.state
	}
	return rulings, takeCaps(tx, sends, rulings)
}

func takeCaps(tx *store.Tx, sends []*send, rulings []ruling) error {
	for _, group := range offersThatGo(sends, rulings) {
		members := make([]int64, len(group))
		for k, i := range group {
			members[k] = sends[i].Member
		}
		free, err := consent.TakeCap(tx, members, sends[group[0]].plan.policy.Caps)
		if err != nil {
			return err
		}
		for k, i := range group {
			sends[i].counted = free[k]
			rulings[i].stays = !free[k]
		}
	}
	return nil
}

// offersThatGo returns the places of the offers that pass, by campaign plan: the
// versions of a program may differ in their caps.
func offersThatGo(sends []*send, rulings []ruling) (groups [][]int) {
	byVersion := map[int64][]int{}
	for i, s := range sends {
		if s.counted = false; rulings[i].goes() && s.Class == loyalty.Offer {
			byVersion[s.Version] = append(byVersion[s.Version], i)
		}
	}
	var versions []int64
	for v := range byVersion {
		versions = append(versions, v)
	}
	slices.Sort(versions)
	for _, v := range versions {
		groups = append(groups, byVersion[v])
	}
	return groups
}

// Reasons to skip a mail with a code that is good no more: showing it would promise
// what no till takes.
const (
	codeRecalled = "code_recalled" // its pool was recalled, or the code was voided by hand
	codeExpired  = "code_expired"
)

// dead returns why the code of a send is good no more, "" if nothing is wrong with it.
func (s *send) dead() string {
	switch s.coupon {
	case coupon.StateVoid, coupon.StateAside: // it is promised to somebody else
		return codeRecalled
	case coupon.StateExpired:
		return codeExpired
	}
	return ""
}

// errRuled says that the gate has closed since a mail was marked.
var errRuled = errors.New("the gate closed")

// regate asks the gate about a mail that is marked already.
func regate(tx *store.Tx, s *send) error {
	fresh, err := reload(tx, []*send{s})
	if err != nil {
		return err
	}
	fresh[0].Recent = [loyalty.MostCapped]loyalty.Instant{} // its own place under the caps must not stop it
	rulings, err := gate(tx, fresh)
	if err == nil && (!rulings[0].goes() || fresh[0].state != s.state) {
		err = errRuled
	}
	return err
}
