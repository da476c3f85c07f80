package main

import (
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"regexp"
	"strings"

	"github.com/caarlos0/env/v11"
)

// config is the environment, read once. Every name may also be given as
// NAME_FILE, a file that holds the value: for secrets.
type config struct {
	DatabaseURL string `env:"DATABASE_URL"`
	RedisURL    string `env:"REDIS_URL"`
	SMTPURL     string `env:"SMTP_URL"`
	BaseURL     string `env:"BASE_URL"`
	SecretKey   string `env:"SECRET_KEY"`
	Listen      string `env:"LISTEN"`
	LogLevel    string `env:"LOG_LEVEL" envDefault:"info"`
	LogFormat   string `env:"LOG_FORMAT" envDefault:"text"`
	MailOnlyTo  string `env:"MAIL_ONLY_TO"`
	ImportDir   string `env:"IMPORT_DIR" envDefault:"imports"`
	Journal     string `env:"SUPPRESSION_LOG"` // "": beside the SQLite file; on Postgres none

	TestDatabaseURL string `env:"TEST_DATABASE_URL"` // where benchmarks make their own, when DATABASE_URL is no Postgres

	listens     bool                // Listen was given, and is not the default
	hookSecrets map[string][]string // source → its secrets, the newest first
	mailOnlyTo  *regexp.Regexp
}

// The embedded defaults.
const (
	defaultDatabase = "sqlite:regulars.db"
	inbox           = "inbox:"
	defaultListen   = ":8080"
)

func readConfig(environ []string) (config, error) {
	vars, err := withFiles(environ)
	if err != nil {
		return config{}, err
	}
	var c config
	if err := env.ParseWithOptions(&c, env.Options{Environment: vars}); err != nil {
		return config{}, fmt.Errorf("reading the environment: %w", err)
	}
	if c.DatabaseURL == "" {
		c.DatabaseURL = defaultDatabase
	}
	if c.SMTPURL == "" {
		c.SMTPURL = inbox
	}
	if c.listens = c.Listen != ""; !c.listens {
		c.Listen = defaultListen
	}
	c.hookSecrets = map[string][]string{}
	for name, value := range vars {
		if source, ok := strings.CutPrefix(name, "HOOK_SECRET_"); ok && value != "" {
			c.hookSecrets[strings.ToLower(source)] = splitList(value)
		}
	}
	if c.MailOnlyTo != "" {
		if c.mailOnlyTo, err = regexp.Compile(c.MailOnlyTo); err != nil {
			return config{}, fmt.Errorf("MAIL_ONLY_TO is not a pattern: %w", err)
		}
	}
	return c, nil
}

// withFiles returns the environment with every NAME_FILE read into NAME. Only
// our own names are looked at.
func withFiles(environ []string) (map[string]string, error) {
	vars := env.ToMap(environ)
	for name, file := range vars {
		plain, ok := strings.CutSuffix(name, "_FILE")
		if !ok || file == "" || vars[plain] != "" || !ours(plain) {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", name, err)
		}
		vars[plain] = strings.TrimSpace(string(text))
	}
	return vars, nil
}

func ours(name string) bool {
	switch name {
	case "DATABASE_URL", "REDIS_URL", "SMTP_URL", "SECRET_KEY":
		return true
	}
	return strings.HasPrefix(name, "HOOK_SECRET_")
}

func splitList(s string) (list []string) {
	for part := range strings.SplitSeq(s, ",") {
		if part = strings.TrimSpace(part); part != "" {
			list = append(list, part)
		}
	}
	return list
}

func (c config) postgres() bool { return strings.HasPrefix(c.DatabaseURL, "postgres") }

// ready says what serve lacks. On Postgres it must not start half-configured:
// mails into a sink, links to localhost, or links that a restart breaks.
func (c config) ready() error {
	if !c.postgres() {
		return nil
	}
	var lacks []string
	if c.SMTPURL == inbox {
		lacks = append(lacks, "SMTP_URL (the relay; inbox: would keep every mail)")
	}
	if len(c.SecretKey) < 32 {
		lacks = append(lacks, "SECRET_KEY (at least 32 characters; it signs the links in mails)")
	}
	if u, err := url.Parse(c.BaseURL); err != nil || u.Host == "" || u.Hostname() == "localhost" || strings.HasPrefix(u.Hostname(), "127.") {
		lacks = append(lacks, "BASE_URL (where members reach this service, https://…)")
	}
	if len(lacks) == 0 {
		return nil
	}
	return fmt.Errorf("serve on Postgres needs these first:\n  %s", strings.Join(lacks, "\n  "))
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
