package store

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// EngineOf returns the engine that an address names, "" for none of ours.
func EngineOf(where string) string {
	scheme, _, _ := strings.Cut(where, ":")
	scheme, _, _ = strings.Cut(strings.ToLower(scheme), "+") // postgresql+psycopg://, as Python writes it
	switch scheme {
	case "postgres", "postgresql":
		return Postgres
	case "sqlite":
		return SQLite
	}
	if dsn.MatchString(where) {
		return Postgres
	}
	return ""
}

// dsn is an address as libpq takes it beside URLs: host=… user=… password=…
var dsn = regexp.MustCompile(`^\s*[a-z_]+\s*=`)

// CheckAddress says why an address of a database can't be used, without asking the
// database. Its words go on after the name of the setting and never repeat the
// address, which may hold a password.
func CheckAddress(where string) error {
	switch EngineOf(where) {
	case Postgres:
		_, err := postgresConfig(where)
		return err
	case SQLite:
		_, err := sqliteFile(where)
		return err
	}
	return errors.New("is no address of a database that we know: it should be postgres://user:password@host:5432/database or sqlite:FILE")
}

// sqliteFile returns the file that an address names.
func sqliteFile(where string) (string, error) {
	_, file, _ := strings.Cut(where, ":")
	if rest, ok := strings.CutPrefix(file, "//"); ok { // sqlite:///FILE, as others write it
		if !strings.HasPrefix(rest, "/") {
			return "", errors.New("begins with sqlite://, which would be a host: it should be sqlite:FILE or sqlite:/PATH/FILE")
		}
		file = rest
	}
	switch {
	case file == "" || strings.HasSuffix(file, "/"):
		return "", errors.New("names no file: it should be sqlite:FILE")
	case strings.Contains(file, "?"):
		return "", errors.New("has a ? in it: sqlite:FILE takes no settings, and a file with such a name is not opened")
	case strings.HasPrefix(file, ":memory:"):
		return "", errors.New("is a database in memory, which each connection would have of its own: it should be sqlite:FILE")
	}
	return file, nil
}

// pooled is what addresses say of a pooler before Postgres that gives each
// transaction another connection, so that prepared statements do not last.
var pooled = map[string]string{
	"pgbouncer": "true", "prepared_statements": "false", // Prisma, Rails
	"statement_cache_size": "0", "prepared_statement_cache_size": "0", // Prisma and asyncpg
	"prepareThreshold": "0", "statement_cache_capacity": "0", // JDBC, pgx
}

// poolSizes are the names that others give to the most connections of a process.
var poolSizes = []string{"connection_limit", "pool_max_conns", "pool_size", "pool", "max_pool_size", "maxPoolSize"}

// meaningless are settings of other programs' clients that change nothing of what
// is asked here, and that Postgres itself would refuse.
var meaningless = []string{
	"pool_timeout", "socket_timeout", "max_connection_lifetime", "max_idle_connection_lifetime", // Prisma
	"checkout_timeout", "reaping_frequency", "idle_timeout", "statement_limit", "timeout", "encoding", "reconnect", "adapter", // Rails
	"max_overflow", "pool_recycle", "pool_pre_ping", "pool_use_lifo", "conn_max_age", "conn_health_checks", "disable_server_side_cursors", // Python
	"async_fallback", "command_timeout", "max_cacheable_statement_size", "max_cached_statement_lifetime",
	"serverVersion", "charset", "driver", // PHP
	"supa", "workaround", "uselibpqcompat", // hosts' own
	"keepalives", "keepalives_idle", "keepalives_interval", "keepalives_count", "tcp_user_timeout", "fallback_application_name", "sslcompression", // libpq
	"tcpKeepAlive", "loginTimeout", "socketTimeout", "reWriteBatchedInserts", "stringtype", "binaryTransfer", "ApplicationName", "targetServerType", "preferQueryMode", "sslfactory", // JDBC
	"load_balance", "topology_keys", "min_pool_size", "minPoolSize",
}

// undone are settings that ask for a safety or a place that our driver does not
// know: to leave them out unsaid would be a lie.
var undone = []string{"hostaddr", "requirepeer", "sslcrl", "sslcrldir", "sslidentity", "ssl_min_protocol_version", "ssl_max_protocol_version", "replication", "sslhostnameverifier"}

// postgresConfig reads an address as providers and other programs write it.
func postgresConfig(where string) (*pgxpool.Config, error) {
	scheme, rest, isURL := strings.Cut(where, "://")
	if !isURL {
		if strings.HasPrefix(strings.ToLower(where), "postgres") && !dsn.MatchString(where) {
			return nil, errors.New("is not like postgres://user:password@host:5432/database: the two slashes are missing")
		}
		return parsePostgres(where, 0, false, `should be host=… port=… user=… password='…' dbname=…, in a password \ as \\ and ' as \'`)
	}
	plain, query, _ := strings.Cut(rest, "?")
	given, err := url.ParseQuery(strings.ReplaceAll(query, "+", "%2B")) // to Postgres a + is no blank
	if err != nil {
		return nil, errors.New("has settings after the ? that can't be read: % is written as %25")
	}
	conns, pooler, err := translate(given)
	if err != nil {
		return nil, err
	}
	scheme, _, _ = strings.Cut(strings.ToLower(scheme), "+")
	address := scheme + "://" + plain
	if len(given) > 0 {
		address += "?" + strings.ReplaceAll(given.Encode(), "+", "%20")
	}
	return parsePostgres(address, conns, pooler, "should be like postgres://user:password@host:5432/database (in a password @ is written as %40, / as %2F, # as %23, ? as %3F, : as %3A, % as %25)")
}

// parsePostgres gives an address to the driver. What that has to say may hold the
// password, so only the form is told.
func parsePostgres(address string, conns int, pooler bool, form string) (*pgxpool.Config, error) {
	config, err := pgxpool.ParseConfig(address)
	if err != nil {
		return nil, errors.New("can't be taken apart: it " + form)
	}
	switch {
	case conns > 0:
		config.MaxConns = int32(conns)
	case !strings.Contains(address, "pool_max_conns"):
		config.MaxConns = defaultConns
	}
	if pooler {
		config.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeCacheDescribe
	}
	return config, nil
}

// translate turns the settings of an address into those of our driver, and returns
// how many connections it allows, 0 for no word about it, and whether a pooler
// stands before Postgres.
func translate(q url.Values) (conns int, pooler bool, err error) {
	for _, name := range undone {
		if q.Has(name) {
			return 0, false, fmt.Errorf("asks for %s, which can't be done here: leave it out, or set it at the server", name)
		}
	}
	for name, value := range pooled {
		pooler = pooler || strings.EqualFold(q.Get(name), value)
		q.Del(name)
	}
	for _, name := range poolSizes {
		if !q.Has(name) {
			continue
		}
		if conns, err = strconv.Atoi(q.Get(name)); err != nil || conns < 1 || conns > 10_000 {
			return 0, false, fmt.Errorf("has a %s that is not a number from 1 to 10000", name)
		}
		q.Del(name)
	}
	for _, name := range meaningless {
		q.Del(name)
	}
	for _, name := range []string{"schema", "currentSchema"} { // Prisma, JDBC
		if schema := q.Get(name); schema != "" && schema != "public" && !q.Has("search_path") {
			q.Set("search_path", quotedNames(schema))
		}
		q.Del(name)
	}
	if err := translateTLS(q); err != nil {
		return 0, false, err
	}
	for name := range q {
		if strings.EqualFold(name, "timezone") { // ours is UTC
			q.Del(name)
		}
	}
	if wait := q.Get("connect_timeout"); wait != "" {
		if n, err := strconv.Atoi(wait); err != nil || n < 0 {
			return 0, false, errors.New("has a connect_timeout that is not a number of seconds")
		}
	}
	return conns, pooler, nil
}

// translateTLS brings the ways of asking for TLS to sslmode.
func translateTLS(q url.Values) error {
	modes := []string{"disable", "allow", "prefer", "require", "verify-ca", "verify-full"}
	mode := q.Get("sslmode")
	switch asked := strings.ToLower(q.Get("ssl")); {
	case mode != "" || asked == "":
	case asked == "true" || asked == "1" || asked == "no-verify":
		mode = "require"
	case asked == "false" || asked == "0":
		mode = "disable"
	default:
		mode = asked
	}
	switch accept := q.Get("sslaccept"); {
	case accept == "strict" && mode != "disable":
		mode = "verify-full"
	case accept == "accept_invalid_certs" && mode == "":
		mode = "require"
	}
	if mode == "no-verify" { // Node: encrypted, and any certificate is good
		mode = "require"
	}
	q.Del("ssl")
	q.Del("sslaccept")
	if mode == "" {
		q.Del("sslmode")
		return nil
	}
	if !slices.Contains(modes, mode) {
		return fmt.Errorf("has an sslmode that is none of %s", strings.Join(modes, ", "))
	}
	q.Set("sslmode", mode)
	return nil
}

// quotedNames are names of schemas as a search path takes them.
func quotedNames(list string) string {
	var quoted []string
	for name := range strings.SplitSeq(list, ",") {
		quoted = append(quoted, pgx.Identifier{strings.TrimSpace(name)}.Sanitize())
	}
	return strings.Join(quoted, ", ")
}
