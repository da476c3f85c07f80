package loyalty

import (
	"fmt"
	"strings"
	"time"
)

// Rate is at most N mails in each length of time Per. The zero value is no limit.
type Rate struct {
	N   int64
	Per time.Duration
}

// perWords are the lengths of time of a rate, as people write them.
var perWords = []struct {
	per   time.Duration
	words []string // the first is how it is written
}{
	{time.Second, []string{"second", "s", "sec"}},
	{time.Minute, []string{"minute", "m", "min"}},
	{time.Hour, []string{"hour", "h"}},
}

// ParseRate reads 100/s, 5000/minute or 20000/h.
func ParseRate(s string) (Rate, error) {
	number, per, cut := strings.Cut(strings.TrimSpace(s), "/")
	n, ok := digits(number, 9)
	for _, p := range perWords {
		for _, word := range p.words {
			if cut && ok && n > 0 && per == word {
				return Rate{int64(n), p.per}, nil
			}
		}
	}
	return Rate{}, fmt.Errorf("%q is not a rate like 100/s, 5000/m or 20000/h", s)
}

// String returns the rate in words.
func (r Rate) String() string {
	for _, p := range perWords {
		if p.per == r.Per {
			return fmt.Sprintf("%d per %s", r.N, p.words[0])
		}
	}
	return ""
}

// Every is how long one mail of the rate takes.
func (r Rate) Every() time.Duration { return time.Duration(float64(r.Per) / float64(r.N)) }

// Takes is how long n mails take.
func (r Rate) Takes(n int64) time.Duration {
	return time.Duration(float64(n) / float64(r.N) * float64(r.Per))
}

// DomainRates are how many mails recipients' domains take: each that is named, and each
// of the others as AnyDomain says.
type DomainRates map[string]Rate

// AnyDomain stands for each domain that is not named.
const AnyDomain = "*"

// Of returns the rate of a domain.
func (d DomainRates) Of(domain string) (r Rate, limited bool) {
	if r, limited = d[domain]; !limited {
		r, limited = d[AnyDomain]
	}
	return r, limited
}

// RateDomain is the name under which a domain of mail addresses has its rate: Google's
// two are the mailboxes of one provider.
func RateDomain(domain string) string {
	if domain == "googlemail.com" {
		return "gmail.com"
	}
	return domain
}
