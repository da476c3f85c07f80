package main

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/netip"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"

	"regulars/internal/console"
	"regulars/internal/delivery/dkim"
	"regulars/internal/loyalty"
	"regulars/internal/program"
	"regulars/internal/staff"
	"regulars/internal/store"
	"regulars/internal/webhook"
)

// config is the environment, read once. Every name may also be given as
// NAME_FILE, a file that holds the value: for secrets.
type config struct {
	DatabaseURL string
	RedisURL    string
	SMTPURL     string
	FallbackURL string // of the relay that takes mails while the first is away; "": there is none
	BaseURL     string
	SecretKey   string

	BounceDomain string // right side of envelope senders
	Inbound      string // where mails to them are taken
	inboundLocal bool   // … by LMTP
	Listen       string
	Metrics      string // where /metrics answers, and nowhere else; "": beside the pages
	Pprof        string // where profiles are to be had; "": nowhere
	LogLevel     string
	LogFormat    string
	ImportDir    string
	Journal      string // SUPPRESSION_LOG; "": beside the SQLite file; on Postgres none
	WireLog      string // a folder, or wireOff; "": beside the SQLite file or the record of refusals

	oidc        staff.OIDCSettings // of the provider by which users come in; empty: none
	noPasswords bool               // OIDC_PASSWORDS=no: and by no password

	TestDatabaseURL string // where benchmarks make their own, when DATABASE_URL is no Postgres

	dkimDomain, dkimSelector, dkimKey string
	dkim                              *dkim.Signer // nil: the relay signs

	listens     bool                // Listen was given, and is not the default
	anywhere    bool                // Pprof may be an address that others reach
	hookSecrets map[string][]string // source → its secrets, the newest first
	outSecrets  map[string][]string // destination of webhooks, as its setting ends → its secrets
	outAllow    []netip.Prefix      // networks inside to which webhooks may be sent
	mailOnlyTo  *regexp.Regexp
	doubts      []string // names that look like ours, beside the right ones
}

// The embedded defaults. What the built-in inbox shows is for this machine.
const (
	defaultDatabase = "sqlite:regulars.db"
	inbox           = "inbox:"
	defaultListen   = ":8080"
	inboxListen     = "127.0.0.1:8080"
	wireOff         = "off" // as WIRE_LOG: none
)

// setting is a name of the environment: what keeps its value where it belongs, or
// says what is wrong with it. No such words may repeat a value that holds a secret.
type setting struct {
	name string
	take func(c *config, value string) error
}

var settings = []setting{
	{"DATABASE_URL", func(c *config, v string) error { c.DatabaseURL = v; return databaseAddress(v) }},
	{"REDIS_URL", func(c *config, v string) error { c.RedisURL = v; return redisAddress(v) }},
	{"SMTP_URL", func(c *config, v string) error { c.SMTPURL = v; return relayAddress(v) }},
	{fallbackURL, func(c *config, v string) error { c.FallbackURL = v; return fallbackAddress(v) }},
	{"DKIM_DOMAIN", func(c *config, v string) error { c.dkimDomain = strings.ToLower(v); return dkimName(v, "shop.example") }},
	{"DKIM_SELECTOR", func(c *config, v string) error { c.dkimSelector = strings.ToLower(v); return dkimNames(v) }},
	{"DKIM_KEY", func(c *config, v string) error { c.dkimKey = v; return nil }},
	{"BASE_URL", func(c *config, v string) error { c.BaseURL = v; return baseAddress(v) }},
	{"SECRET_KEY", func(c *config, v string) error { c.SecretKey = v; return secretKeys(v) }},
	{"LISTEN", func(c *config, v string) error { c.Listen, c.listens = v, true; return listenAddress(v) }},
	{"METRICS_LISTEN", func(c *config, v string) error { c.Metrics = v; return listenAddress(v) }},
	{"PPROF_LISTEN", func(c *config, v string) error { c.Pprof = v; return listenAddress(v) }},
	{"PPROF_ANYWHERE", func(c *config, v string) error { c.anywhere = v == "yes"; return amongst(v, "yes", "no") }},
	{"LOG_LEVEL", func(c *config, v string) error {
		c.LogLevel = strings.ToLower(v)
		return amongst(c.LogLevel, "debug", "info", "warn", "error")
	}},
	{"LOG_FORMAT", func(c *config, v string) error { c.LogFormat = v; return amongst(v, "text", "json") }},
	{"BOUNCE_DOMAIN", func(c *config, v string) error { c.BounceDomain = strings.ToLower(v); return bounceDomain(v) }},
	{"INBOUND_LISTEN", func(c *config, v string) error {
		c.Inbound, c.inboundLocal = strings.CutPrefix(v, "lmtp://")
		return listenAddress(c.Inbound)
	}},
	{"MAIL_ONLY_TO", func(c *config, v string) (err error) {
		if c.mailOnlyTo, err = regexp.Compile(v); err != nil {
			return fmt.Errorf(`is not a pattern (%w): it should be a regular expression, like @shop\.example$`, err)
		}
		return nil
	}},
	{"IMPORT_DIR", func(c *config, v string) error {
		c.ImportDir = v
		if info, err := os.Stat(v); err == nil && !info.IsDir() {
			return fmt.Errorf("is %s, which is a file: it should be a folder", v)
		}
		return nil
	}},
	{"SUPPRESSION_LOG", func(c *config, v string) error {
		c.Journal = v
		if info, err := os.Stat(v); err == nil && info.IsDir() {
			return fmt.Errorf("is %s, which is a folder: it should be a file", v)
		}
		return nil
	}},
	{"WIRE_LOG", func(c *config, v string) error {
		c.WireLog = v
		if info, err := os.Stat(v); v != wireOff && err == nil && !info.IsDir() {
			return fmt.Errorf("is %s, which is a file: it should be a folder, or %s", v, wireOff)
		}
		return nil
	}},
	{"HOOK_OUT_ALLOW", func(c *config, v string) (err error) { c.outAllow, err = networks(v); return err }},
	{"OIDC_ISSUER", func(c *config, v string) error { c.oidc.Issuer = v; return issuerAddress(v) }},
	{"OIDC_CLIENT_ID", func(c *config, v string) error { c.oidc.ClientID = v; return nil }},
	{"OIDC_CLIENT_SECRET", func(c *config, v string) error { c.oidc.Secret = v; return nil }},
	{"OIDC_PASSWORDS", func(c *config, v string) error { c.noPasswords = v == "no"; return amongst(v, "yes", "no") }},
	{"TEST_DATABASE_URL", func(c *config, v string) error { c.TestDatabaseURL = v; return databaseAddress(v) }},
}

// hookSecret begins the names of the webhooks' secrets: HOOK_SECRET_STANDARD.
const hookSecret = "HOOK_SECRET_"

// readConfig takes everything in that the environment says and answers with all
// that is wrong with it at once.
func readConfig(environ []string) (config, error) {
	c := config{
		DatabaseURL: defaultDatabase, SMTPURL: inbox, LogLevel: "info", LogFormat: "text", ImportDir: "imports",
		hookSecrets: map[string][]string{}, outSecrets: map[string][]string{},
	}
	vars := map[string]string{}
	for _, entry := range environ {
		name, value, _ := strings.Cut(entry, "=")
		vars[name] = value
	}
	var wrong []string
	for _, name := range slices.Sorted(maps.Keys(vars)) {
		plain, take := known(name)
		if take == nil {
			switch near, meant := meantSetting(name); {
			case near == "":
			case vars[meant] != "" || vars[meant+fileSuffix] != "": // then it may well be another program's
				c.doubts = append(c.doubts, fmt.Sprintf("%s is no setting of ours and is left alone; %s is set", name, meant))
			default:
				wrong = append(wrong, fmt.Sprintf("%s is no setting of ours; %s", name, near))
			}
			continue
		}
		if plain != name && vars[plain] != "" {
			wrong = append(wrong, fmt.Sprintf("%s and %s are both set: leave one out", plain, name))
			continue
		}
		if plain == name && vars[name] == "" && vars[name+fileSuffix] != "" {
			continue // the file says it
		}
		value, err := valueOf(name, plain, vars[name])
		if err == nil {
			err = take(&c, value)
		}
		if err != nil {
			wrong = append(wrong, name+" "+err.Error())
		}
	}
	if !c.listens {
		c.Listen = defaultListen
		if c.SMTPURL == inbox {
			c.Listen = inboxListen
		}
	}
	if err := c.signer(); err != nil {
		wrong = append(wrong, "DKIM_KEY "+err.Error())
	}
	if c.FallbackURL != "" && c.SMTPURL == inbox {
		wrong = append(wrong, fallbackURL+" is set and SMTP_URL names no relay: it takes mails only while that one is away")
	}
	if err := c.pprofAlone(); err != nil {
		wrong = append(wrong, "PPROF_LISTEN "+err.Error())
	}
	if err := c.oidcWhole(); err != nil && len(wrong) == 0 {
		wrong = append(wrong, err.Error())
	}
	if len(wrong) > 0 {
		return c, fmt.Errorf("the environment can't work as it is:\n  %s", strings.Join(wrong, "\n  "))
	}
	return c, nil
}

// pprofAlone refuses profiles to other machines unless that was asked for.
func (c config) pprofAlone() error {
	if c.Pprof == "" || c.anywhere || thisMachine(c.Pprof) {
		return nil
	}
	return fmt.Errorf("is %s, which other machines may reach, and profiles show what the process does: make it 127.0.0.1:PORT, or set PPROF_ANYWHERE=yes", c.Pprof)
}

// oidcWhole refuses a part of what sign-in by a provider needs.
func (c config) oidcWhole() error {
	var lacks []string
	for name, value := range map[string]string{"OIDC_ISSUER": c.oidc.Issuer, "OIDC_CLIENT_ID": c.oidc.ClientID, "OIDC_CLIENT_SECRET": c.oidc.Secret, "BASE_URL": c.BaseURL} {
		if value == "" {
			lacks = append(lacks, name)
		}
	}
	slices.Sort(lacks)
	none := c.oidc == staff.OIDCSettings{}
	switch {
	case none && c.noPasswords:
		return errors.New("OIDC_PASSWORDS is no, and OIDC_ISSUER is not set: nobody could sign in")
	case none || len(lacks) == 0:
		return nil
	}
	return fmt.Errorf("OIDC_ISSUER, OIDC_CLIENT_ID, OIDC_CLIENT_SECRET and BASE_URL (to which the provider sends browsers back, at %s) go together: set %s, too", console.OIDCBack, strings.Join(lacks, " and "))
}

const fileSuffix = "_FILE"

// known returns the setting that a name of the environment means, if it is ours,
// and what takes its value in.
func known(name string) (plain string, take func(*config, string) error) {
	for _, candidate := range []string{name, strings.TrimSuffix(name, fileSuffix)} {
		for _, s := range settings {
			if s.name == candidate {
				return candidate, s.take
			}
		}
		if p, ok := mailSetting(candidate); ok {
			return candidate, func(c *config, v string) error {
				c.hookSecrets["mail/"+p.Name] = splitList(v)
				return p.CheckSecrets(v)
			}
		}
		if name, ours := strings.CutPrefix(candidate, program.HookSecret); ours && name != "" && !strings.HasSuffix(candidate, fileSuffix) {
			return candidate, func(c *config, v string) error {
				c.outSecrets[name] = splitList(v)
				return outSecrets(c.outSecrets[name])
			}
		}
		for _, source := range webhook.Sources {
			if source.Setting() == candidate {
				return candidate, func(c *config, v string) error {
					c.hookSecrets[source.Name] = splitList(v)
					return source.CheckSecrets(v)
				}
			}
		}
	}
	return name, nil
}

// valueOf returns what a name holds: its own value, or that of the file it names.
func valueOf(name, plain, value string) (string, error) {
	if name != plain && value != "" {
		text, err := os.ReadFile(value)
		if err != nil {
			return "", fmt.Errorf("can't be read: %w", err)
		}
		if value = strings.TrimSpace(string(text)); value == "" {
			return "", errors.New("names an empty file: write the value into it, or leave the name out")
		}
	}
	if value = strings.TrimSpace(value); value == "" {
		return "", errors.New("is empty: give it a value or leave it out")
	}
	return value, nil
}

// others are well-known names of other programs that are a letter away from ours.
var others = []string{"SFTP_URL", "NLOG_LEVEL", "RLOG_LEVEL", "LOG_LEVELS", "SECRET_KEYS", "DATABASE_URLS", "REDIS_URLS"}

// meantSetting says which setting a name looks like that is none, in words and by
// its name; "" when it is somebody else's.
func meantSetting(name string) (words, meant string) {
	plain := strings.TrimSuffix(name, fileSuffix)
	names := settingNames()
	if strings.HasPrefix(plain+"_", hookSecret) {
		secrets := names[len(settings):]
		return "secrets of webhooks are in " + strings.Join(secrets, ", "), secrets[0]
	}
	if slices.Contains(others, plain) {
		return "", ""
	}
	bare := strings.NewReplacer("_", "", "-", "", ".", "")
	for _, candidate := range names {
		for _, end := range []string{"", fileSuffix} {
			want := bare.Replace(candidate + end)
			for _, got := range []string{name, strings.TrimPrefix(strings.ToUpper(name), "REGULARS_")} {
				most := 1
				if end == "" && len(want) >= 10 {
					most = 2
				}
				longer := end == "" && strings.HasPrefix(got, candidate+"_") // DATABASE_URL_2 is somebody else's
				if !longer && loyalty.Apart(bare.Replace(strings.ToUpper(got)), want) <= most {
					return fmt.Sprintf("did you mean %s%s?", candidate, end), candidate
				}
			}
		}
	}
	return "", ""
}

// settingNames are the names that we read.
func settingNames() (names []string) {
	for _, s := range settings {
		names = append(names, s.name)
	}
	for _, source := range webhook.Sources {
		names = append(names, source.Setting())
	}
	return names
}

// signer makes what signs mails, where the settings ask for it.
func (c *config) signer() (err error) {
	switch {
	case c.dkimDomain == "" && c.dkimSelector == "" && c.dkimKey == "":
		return nil
	case c.dkimDomain == "" || c.dkimSelector == "" || c.dkimKey == "":
		return errors.New("signs nothing alone: DKIM_DOMAIN, DKIM_SELECTOR and DKIM_KEY (or DKIM_KEY_FILE) belong together")
	}
	if c.dkim, err = dkim.New(c.dkimDomain, strings.Split(c.dkimSelector, ","), []byte(c.dkimKey)); err != nil {
		return fmt.Errorf("can't be used: %w", err)
	}
	return nil
}

func (c config) postgres() bool { return store.EngineOf(c.DatabaseURL) == store.Postgres }

// ready says what serve lacks. It must not start half-configured: on Postgres
// with mails into a sink or links that a restart breaks, and with a real relay on
// either engine with links that no member can follow.
func (c config) ready() error {
	var lacks []string
	if c.postgres() && c.SMTPURL == inbox {
		lacks = append(lacks, "SMTP_URL (the relay; inbox: would keep every mail)")
	}
	if c.postgres() && c.SecretKey == "" {
		lacks = append(lacks, "SECRET_KEY (at least 32 characters; it signs the links in mails)")
	}
	if c.postgres() || c.SMTPURL != inbox {
		switch u, err := url.Parse(c.BaseURL); {
		case err != nil || u.Host == "" || loopback(u.Hostname()) || u.Hostname() == "0.0.0.0" || u.Hostname() == "::":
			lacks = append(lacks, "BASE_URL (where members reach this service, https://…; without it the links in mails lead to this machine)")
		case u.Scheme != "https":
			lacks = append(lacks, "BASE_URL with https:// (mail programs offer the one-click way out, RFC 8058, over nothing else)")
		}
	}
	switch {
	case len(lacks) == 0 && c.Inbound != "" && c.BounceDomain == "":
		return errors.New("INBOUND_LISTEN is set and BOUNCE_DOMAIN is not: no mail of ours would name an address that is taken there")
	case len(lacks) == 0:
		return nil
	case c.postgres():
		return fmt.Errorf("serve on Postgres needs these first:\n  %s", strings.Join(lacks, "\n  "))
	}
	return fmt.Errorf("serve with a real relay needs this first:\n  %s", strings.Join(lacks, "\n  "))
}

// logger writes to stderr: text for people, json for machines.
func (a *app) logger() *slog.Logger {
	var level slog.Level
	if level.UnmarshalText([]byte(a.config.LogLevel)) != nil {
		level = slog.LevelInfo
	}
	o := &slog.HandlerOptions{Level: level}
	if a.config.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(a.err, o))
	}
	return slog.New(slog.NewTextHandler(a.err, o))
}
