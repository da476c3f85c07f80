package flows

import (
	"regulars/internal/program"
)

// resume returns the step of next at which a passage goes on that stood before
// step at of old: after the last mail that it has passed and that next still
// has. Waits that it has passed since then are not waited for again as long as
// they still come first.
func resume(old, next []program.Step, at int) int {
	waited := 0
	for i := min(at, len(old)) - 1; i >= 0; i-- {
		if old[i].Wait != nil {
			waited++
			continue
		}
		if j := find(next, old[i]); j >= 0 {
			return skipWaits(next, j+1, waited)
		}
	}
	return skipWaits(next, 0, waited)
}

// find returns where the mail, or one of the mails of a choice, stands in steps;
// -1: nowhere.
func find(steps []program.Step, s program.Step) int {
	for i, candidate := range steps {
		for _, a := range mailsOf(candidate) {
			for _, b := range mailsOf(s) {
				if a == b {
					return i
				}
			}
		}
	}
	return -1
}

// mailsOf returns the mails that a step may send.
func mailsOf(s program.Step) (mails []string) {
	if s.Mail != "" {
		mails = append(mails, s.Mail)
	}
	for _, choice := range s.Choose {
		mails = append(mails, choice.Mail)
	}
	return mails
}

// skipWaits passes at most n waits that stand at i.
func skipWaits(steps []program.Step, i, n int) int {
	for ; n > 0 && i < len(steps) && steps[i].Wait != nil; n-- {
		i++
	}
	return i
}
