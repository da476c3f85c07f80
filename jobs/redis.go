package jobs

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// Redis is a connection to one server, to a master behind sentinels or to a cluster.
type Redis struct {
	redis.UniversalClient
	options *redis.UniversalOptions
}

// another returns a connection of its own to the same Redis.
func (r Redis) another() redis.UniversalClient { return redis.NewUniversalClient(r.options) }

// Connect opens the Redis that REDIS_URL names, without yet talking to it:
//
//	redis://[user:password@]host:port[/db], rediss://… with TLS
//	redis-sentinel://[user:password@]host:port,host:port/master[?db=0]
//	redis-cluster://[user:password@]host:port,host:port
//
// Errors never repeat the address, which may hold a password.
func Connect(address string) (Redis, error) {
	o, err := redisOptions(address)
	if err != nil {
		return Redis{}, fmt.Errorf("REDIS_URL %w", err)
	}
	// Servers of our time answer these requests with an error per connection.
	o.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	// A Redis that is away must not keep a stop or a hint waiting; the one retry
	// comes as late as asynq otherwise asks, which does not pause after an error.
	o.ContextTimeoutEnabled = true
	o.DialTimeout, o.DialerRetries = 2*time.Second, 1
	o.ReadTimeout, o.WriteTimeout = 2*time.Second, 2*time.Second
	o.MaxRetries, o.MinRetryBackoff = 1, 100*time.Millisecond
	o.ReadBufferSize, o.WriteBufferSize = redisBuffer, redisBuffer
	return Redis{redis.NewUniversalClient(o), o}, nil
}

// redisBuffer is enough for what goes to and fro: go-redis would keep 64 kB a connection.
const redisBuffer = 4 << 10

// CheckAddress says why an address of a Redis can't be used, without asking it.
// Its words go on after the name of the setting and never repeat the address.
func CheckAddress(address string) error {
	_, err := redisOptions(address)
	return err
}

// SilenceRedis keeps the Redis client of the whole process from writing to stderr
// by itself: it does so at each failure, of which Hints tells once. For main.
func SilenceRedis() { redis.SetLogger(silent{}) }

type silent struct{}

// Printf does nothing.
func (silent) Printf(context.Context, string, ...any) {}

// redisForms are the addresses that are understood.
const redisForms = "it should be redis://user:password@host:6379, rediss://…, redis-sentinel://host:26379,host:26379/master or redis-cluster://host:6379,host:6379"

// percentCodes is for passwords that an address can't hold as they are.
const percentCodes = " (in a password @ is written as %40, / as %2F, # as %23, ? as %3F, : as %3A, % as %25)"

func redisOptions(address string) (*redis.UniversalOptions, error) {
	scheme, _, _ := strings.Cut(address, "://")
	switch scheme {
	case "redis", "rediss":
		one, err := redis.ParseURL(address)
		if err != nil || one.Addr == "" {
			return nil, errors.New("can't be taken apart: " + redisForms + percentCodes)
		}
		return &redis.UniversalOptions{Addrs: []string{one.Addr}, Username: one.Username, Password: one.Password, DB: one.DB, TLSConfig: one.TLSConfig}, nil
	case "redis-sentinel", "redis-cluster":
		return manyOptions(scheme, address)
	}
	return nil, errors.New("is no address of a Redis: " + redisForms) // what stands before :// may be a password
}

// manyOptions reads the addresses with several hosts.
func manyOptions(scheme, address string) (*redis.UniversalOptions, error) {
	// net/url refuses several hosts with ports: take them out first.
	head, rest, _ := strings.Cut(address, "://")
	hosts, path, _ := strings.Cut(rest, "/")
	userinfo := ""
	if at := strings.LastIndexByte(hosts, '@'); at >= 0 {
		userinfo, hosts = hosts[:at+1], hosts[at+1:]
	}
	u, err := url.Parse(head + "://" + userinfo + "host/" + path)
	addrs := addresses(hosts, map[string]string{"redis-sentinel": "26379", "redis-cluster": "6379"}[scheme])
	if err != nil || addrs == nil {
		return nil, errors.New("can't be taken apart: " + redisForms + percentCodes)
	}
	o := &redis.UniversalOptions{Addrs: addrs, Username: u.User.Username()}
	o.Password, _ = u.User.Password()
	if scheme == "redis-cluster" {
		o.IsClusterMode = true
		return o, nil
	}
	if o.MasterName = strings.Trim(u.Path, "/"); o.MasterName == "" {
		return nil, errors.New("lacks the master's name: redis-sentinel://host:26379,host:26379/mymaster")
	}
	if db := u.Query().Get("db"); db != "" {
		if o.DB, err = strconv.Atoi(db); err != nil {
			return nil, errors.New("has a db that is not a number")
		}
	}
	return o, nil
}

// addresses are the hosts of a list with their ports; nil when there is something
// else in it.
func addresses(list, port string) (all []string) {
	for one := range strings.SplitSeq(list, ",") {
		if !strings.Contains(one, ":") {
			one += ":" + port
		}
		host, port, err := net.SplitHostPort(one)
		n, notNumber := strconv.ParseUint(port, 10, 16)
		if err != nil || host == "" || notNumber != nil || n == 0 || strings.ContainsAny(host, "@?# ") {
			return nil
		}
		all = append(all, one)
	}
	return all
}

// Asks says whether Redis answers.
func Asks(ctx context.Context, r Redis) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	return r.Ping(ctx).Err()
}

// Warnings says what about a Redis makes it lose work sooner than it must:
// nothing is lost for good, but hints and leases are.
func Warnings(ctx context.Context, r Redis) []string {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	policy, err := r.ConfigGet(ctx, "maxmemory-policy").Result()
	if got := policy["maxmemory-policy"]; err == nil && got != "" && got != "noeviction" {
		return []string{"Redis may evict keys (maxmemory-policy " + got + "): set it to noeviction"}
	}
	return nil // some services do not let the setting be read
}
