package jobs

import (
	"github.com/redis/go-redis/v9"

	"regulars/internal/patiently"
)

// ConnectPatiently is Connect to a Redis that may take as long as a busy machine does.
func ConnectPatiently(address string) (Redis, error) {
	r, err := Connect(address)
	if err != nil {
		return r, err
	}
	r.Close()
	r.options.DialTimeout, r.options.ReadTimeout, r.options.WriteTimeout = patiently.AtMost, patiently.AtMost, patiently.AtMost
	r.UniversalClient = redis.NewUniversalClient(r.options)
	return r, nil
}

// Patiently has the rate wait as long for Redis and the database.
func (r *Rate) Patiently() *Rate {
	r.others.within = patiently.AtMost
	return r
}

// Patiently has the rates wait as long for Redis and the database.
func (d *DomainRates) Patiently() *DomainRates {
	d.others.within = patiently.AtMost
	return d
}
