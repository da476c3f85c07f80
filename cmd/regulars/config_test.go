package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const goodHookSecret = "whsec_MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0"

func TestASettingThatCannotWorkIsRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	empty, plain := file(t, dir, "empty", " \n"), file(t, dir, "plain", "x")
	for _, tt := range []struct{ env, says string }{
		{"LOG_LEVEL=verbose", "debug, info, warn or error"},
		{"LOG_LEVEL=loud", "debug, info, warn or error"},
		{"LOG_FORMAT=xml", "text or json"},
		{"LISTEN=8080", "did you mean :8080?"},
		{"LISTEN=localhost", "HOST:PORT"},
		{"LISTEN=:70000", "not between 0 and 65535"},
		{"METRICS_LISTEN=9090", "did you mean :9090?"},
		{"PPROF_LISTEN=0.0.0.0:6060", "PPROF_ANYWHERE=yes"},
		{"PPROF_LISTEN=:6060", "PPROF_ANYWHERE=yes"},
		{"OIDC_ISSUER=accounts.example.com", "does not begin with https://"},
		{"OIDC_ISSUER=http://accounts.example.com", "does not begin with https://"},
		{"OIDC_ISSUER=https://accounts.example.com/.well-known/openid-configuration", "leave out what begins with /.well-known"},
		{"OIDC_ISSUER=https://accounts.example.com", "set BASE_URL and OIDC_CLIENT_ID and OIDC_CLIENT_SECRET, too"},
		{"OIDC_CLIENT_ID=regulars", "set BASE_URL and OIDC_CLIENT_SECRET and OIDC_ISSUER, too"},
		{"OIDC_PASSWORDS=off", "yes or no"},
		{"OIDC_PASSWORDS=no", "nobody could sign in"},
		{"REDIS_URL=redis.example:6379", "redis://user:password@host:6379"},
		{"REDIS_URL=redis-sentinel://a:26379", "lacks the master's name"},
		{"SMTP_URL=mail.shop.example:587", "smtp://user:password@host:587"},
		{"DATABASE_URL=mysql://h/d", "postgres://"},
		{"DATABASE_URL=shop.db", "sqlite:FILE"},
		{"DATABASE_URL=sqlite:", "names no file"},
		{"DATABASE_URL=sqlite://shop.db", "sqlite:/PATH/FILE"},
		{"DATABASE_URL=postgres:shop", "slashes"},
		{"DATABASE_URL=postgres://h/d?sslmode=on", "sslmode"},
		{"DATABASE_URL=postgres://h/d?connection_limit=many", "connection_limit"},
		{"DATABASE_URL=postgres://h/d?sslcrl=x", "sslcrl"},
		{"MAIL_ONLY_TO=*@shop.example", "regular expression"},
		{"BASE_URL=mail.shop.example", "does not begin with https://"},
		{"BASE_URL=//mail.shop.example", "does not begin with https://"},
		{"BASE_URL=ftp://mail.shop.example", "does not begin with https://"},
		{"BASE_URL=https://", "names no host"},
		{"BASE_URL=https://mail shop.example", "no address"},
		{"BASE_URL=https://mail.shop.example?x=1", "can't begin with a ?"},
		{"BASE_URL=https://a:b@mail.shop.example", "user or a password"},
		{"SECRET_KEY=short", "5 characters and needs 32"},
		{"SECRET_KEY=0123456789012345678901234567890123456789,old", "key 2 has 3 characters"},
		{"SECRET_KEY=", "is empty"},
		{"SMTP_URL=", "is empty"},
		{"DKIM_DOMAIN=shop.example", "belong together"},
		{"DKIM_DOMAIN=shop..example", "should be like shop.example"},
		{"DKIM_SELECTOR=a b", "should be like mail2026"},
		{"DKIM_SELECTOR=a,", "should be like mail2026"},
		{"DKIM_KEY=x", "belong together"},
		{"DKIM_KEYS=x", "did you mean DKIM_KEY?"},
		{"SMTP_FALLBACK_URL=smtp://h", "names no relay"},
		{"SMTP_FALLBACK_URL=smtp://h?rate=1/s", "leave rate= out"},
		{"SMTP_FALLBACK_URL=inbox:", "can't be used"},
		{"SMTP_FALBACK_URL=x", "did you mean SMTP_FALLBACK_URL?"},
		{"MAIL_ONLY_TO= ", "is empty"},
		{"SECRET_KEY_FILE=" + empty, "empty file"},
		{"SECRET_KEY_FILE=/nowhere/key", "can't be read"},
		{"IMPORT_DIR=" + plain, "should be a folder"},
		{"WIRE_LOG=" + plain, "should be a folder, or off"},
		{"HOOK_SECRET_STANDARD=", "is empty"},
		{"HOOK_SECRET_STANDARD=abc", "does not begin with whsec_"},
		{"HOOK_OUT_SECRET_SHOP=abc", "does not begin with whsec_"},
		{"HOOK_OUT_SECRET_SHOP_FILE=/nowhere", "can't be read"},
		{"HOOK_OUT_ALLOW=10.1.2.3", "which is no network"},
		{"HOOK_SECRET_STANDARD=whsec_c2hvcnQ=", "too short"},
		{"HOOK_SECRET_STANDARD=" + goodHookSecret + ",abc", "secret 2 of 2"},
		{"HOOK_SECRET_SHOPIFY=short", "too short"},
		{"HOOK_SECRET_BIGCOMMERCE=" + goodHookSecret, "HOOK_SECRET_STANDARD"},
		{"HOOK_SECRET_STANDRD=x", "HOOK_SECRET_STANDARD"},
		{"HOOK_SECERT_STANDARD=x", "did you mean HOOK_SECRET_STANDARD?"},
		{"HOOK_SECRET=x", "HOOK_SECRET_STANDARD"},
		{"SMTP_URI=x", "did you mean SMTP_URL?"},
		{"DATABSE_URL=x", "did you mean DATABASE_URL?"},
		{"BASEURL=x", "did you mean BASE_URL?"},
		{"REGULARS_BASE_URL=x", "did you mean BASE_URL?"},
		{"smtp_url=x", "did you mean SMTP_URL?"},
		{"SECRETKEY=x", "did you mean SECRET_KEY?"},
		{"MAIL_ONLYTO=x", "did you mean MAIL_ONLY_TO?"},
		{"DATABASE_URI_FILE=x", "did you mean DATABASE_URL_FILE?"},
		{"SECRET_KEY_FIEL=x", "did you mean SECRET_KEY_FILE?"},
	} {
		got := shop{t: t, env: []string{tt.env}}.run("serve")
		name, _, _ := strings.Cut(tt.env, "=")
		if got.code != failed || !strings.Contains(got.err, name) || !strings.Contains(got.err, tt.says) {
			t.Errorf("serve with %s: exit %d, %q, want exit 1, the name and %q", tt.env, got.code, got.err, tt.says)
		}
		if strings.HasPrefix(got.err, "database:") {
			t.Errorf("serve with %s opened its database first: %q", tt.env, got.err)
		}
	}
}

func TestSettingsThatWorkAreTaken(t *testing.T) {
	t.Parallel()
	key := file(t, t.TempDir(), "key", strings.Repeat("k", 40))
	for _, env := range [][]string{
		nil,
		{"LOG_LEVEL=WARN", "LOG_FORMAT=json", "LISTEN=:0", "IMPORT_DIR=nowhere/yet", "WIRE_LOG=nowhere/yet"},
		{"WIRE_LOG=off"},
		{"LISTEN=localhost:http", "PPROF_LISTEN=127.0.0.1:0", "METRICS_LISTEN=[::1]:9090"},
		{"PPROF_LISTEN=:6060", "PPROF_ANYWHERE=yes"},
		{"SECRET_KEY=", "SECRET_KEY_FILE=" + key}, // compose hands an unset name on as an empty one
		{"BASE_URL=http://mail.shop.example"}, {"BASE_URL=https://mail.shop.example:8443/mails/"}, {"BASE_URL=https://[2001:db8::1]"},
		{"REDIS_URL=redis-sentinel://:p%40@a,b:26380/main?db=1"}, {"REDIS_URL=redis-cluster://a,b:7001"}, {"REDIS_URL=rediss://u:p@h:1"},
		{"OIDC_ISSUER=https://accounts.example.com/realms/shop", "OIDC_CLIENT_ID=regulars", "OIDC_CLIENT_SECRET=s", "BASE_URL=https://mail.shop.example", "OIDC_PASSWORDS=no"},
		{"DKIM_DOMAIN=shop.example", "DKIM_SELECTOR=m._x", "DKIM_KEY_FILE=" + file(t, t.TempDir(), "dkim", dkimKey)},
		{"SMTP_URL=smtp://a", "SMTP_FALLBACK_URL=smtps://u:p@b?connections=2"},
		{"SMTP_URL=inbox:"}, {"SMTP_URL=smtp://a:p%40%2F@h?connections=4"},
		{"DATABASE_URL=sqlite:/a/b.db"}, {"DATABASE_URL=sqlite:///a/b.db"}, {"DATABASE_URL=postgresql+psycopg://u:p@h/d"},
		{"DATABASE_URL=host=h user=u password='a b' dbname=d"},
		// What other programs and their hosts set.
		{"LISTEN_FDS=1", "LISTEN_PID=7", "REDIS_TLS_URL=x", "AMQP_URL=x", "SFTP_URL=x", "EXPORT_DIR=x", "DATABASE_URL_REPLICA=x", "SECRET_KEY_BASE=x", "BASE_URL_PATH=x", "PORT=1", "HTTP_URL=x", "LOG_FILE=x"},
	} {
		if _, err := readConfig(env); err != nil {
			t.Errorf("readConfig(%q): %v", env, err)
		}
	}
}

// A name that looks like ours is a typo while ours is not set; beside ours it may be
// another program's, and is only told.
func TestANameThatLooksLikeOursStopsNothingBesideOurs(t *testing.T) {
	t.Parallel()
	hook := "HOOK_SECRET_STANDARD=" + goodHookSecret
	key := file(t, t.TempDir(), "key", strings.Repeat("k", 40))
	for _, tt := range []struct {
		env            string // several, by a space
		refused, warns bool
	}{
		{"LOGLEVEL=x", true, false},
		{"LOGLEVEL=x LOG_LEVEL=warn", false, true},
		{"BASE_URI=x", true, false},
		{"BASE_URI=x BASE_URL=https://mail.shop.example", false, true},
		{"REDIS_URI=x", true, false},
		{"REDIS_URI=x REDIS_URL=redis://h:1", false, true},
		{"REDIS_URI=x REDIS_URL=", true, false},
		{"SECRETKEY=x SECRET_KEY_FILE=" + key, false, true},
		{"SMTP_URI=x REDIS_URL=redis://h:1", true, false}, // another of ours does not help
		{"HOOK_SECRET_SHOPFY=x " + hook, false, true},
		{"HOOK_SECRET_SHOPFY=x", true, false},
		{"SFTP_URL=x", false, false},
		{"SFTP_URL=x SMTP_URL=inbox:", false, false},
		{"NLOG_LEVEL=x", false, false},
		{"SECRET_KEYS=x", false, false},
		{"REDIS_URLS_FILE=x", false, false},
	} {
		c, err := readConfig(strings.Fields(tt.env))
		if (err != nil) != tt.refused || (len(c.doubts) > 0) != tt.warns {
			t.Errorf("readConfig(%s) = %v, with the warnings %q; want refused %t, warned %t", tt.env, err, c.doubts, tt.refused, tt.warns)
		}
	}
	got := shop{t: t, env: []string{"LOGLEVEL=x", "LOG_LEVEL=warn", "DATABASE_URL=sqlite:" + t.TempDir() + "/shop.db"}}.run("migrate")
	if want := "warning: LOGLEVEL is no setting of ours and is left alone; LOG_LEVEL is set"; got.code != 0 || strings.Count(got.err, want) != 1 {
		t.Errorf("migrate: exit %d, %q, want exit 0 and %q once", got.code, got.err, want)
	}
}

func TestBothAValueAndAFileAreRefused(t *testing.T) {
	t.Parallel()
	key := file(t, t.TempDir(), "key", strings.Repeat("k", 40))
	if _, err := readConfig([]string{"SECRET_KEY=" + strings.Repeat("x", 40), "SECRET_KEY_FILE=" + key}); err == nil || !strings.Contains(err.Error(), "both set") {
		t.Errorf("SECRET_KEY beside its file: %v", err)
	}
}

// Commands that touch nothing of what the environment names are not refused for it.
func TestABrokenEnvironmentLeavesTheRestAlone(t *testing.T) {
	t.Parallel()
	s := shop{t: t, env: []string{"DATABASE_URL=file:other.db", "SMTP_URI=x"}}
	dir := filepath.Join(t.TempDir(), "program")
	s.must("version")
	s.must("init", dir)
	s.must("check", dir)
}

// A starter with points has a loyalty.yaml and the campaigns about it, and is sound.
func TestAStarterWithPoints(t *testing.T) {
	t.Parallel()
	s := shop{t: t}
	dir := filepath.Join(t.TempDir(), "program")
	if said := s.must("init", "--points", dir); !strings.Contains(said, dir) {
		t.Errorf("init --points = %s", said)
	}
	for _, file := range []string{"loyalty.yaml", "campaigns/points-ending/campaign.yaml", "campaigns/tier-reached/campaign.yaml", "campaigns/statement/campaign.yaml", "campaigns/card-filled/campaign.yaml", "campaigns/reward-claimed/campaign.yaml", "campaigns/tier-ending/campaign.yaml"} {
		if _, err := os.Stat(filepath.Join(dir, filepath.FromSlash(file))); err != nil {
			t.Error(err)
		}
	}
	s.must("check", dir)
}

func TestNoPasswordIsPrinted(t *testing.T) {
	t.Parallel()
	for _, env := range []string{
		"DATABASE_URL=host=127.0.0.1 port=1 user=shop password=s3cr3t dbname=d",
		"DATABASE_URL=host=127.0.0.1 port=1 password='s3cr3t word' user=shop dbname=d",
		"DATABASE_URL=host=127.0.0.1 port=1 password=s3cr3t word user=shop dbname=d",
		"DATABASE_URL=host=127.0.0.1 port=s3cr3t password='s3cr3t",
		"DATABASE_URL=password=s3cr3t:x host=127.0.0.1 port=1",
		"DATABASE_URL=postgres://shop:s3cr3t@127.0.0.1:1/d",
		"DATABASE_URL=postgres://shop:Abc@s3cr3t#word/x@127.0.0.1:1/d",
		"DATABASE_URL=postgres://shop:s3cr3t/x@127.0.0.1:1/d",
		"DATABASE_URL=postgres://shop:s3cr3t?x@127.0.0.1:1/d",
		"DATABASE_URL=postgres://shop:s3cr3t%@127.0.0.1:1/d",
		"DATABASE_URL=postgres://shop:s3cr3t%25x@127.0.0.1:1/d",
		"DATABASE_URL=postgres://shop:s3cr3t[@127.0.0.1:1/d",
		"DATABASE_URL=postgres://shop:s3cr3t",
		"DATABASE_URL=postgres://127.0.0.1:1/d?user=shop&password=s3cr3t",
		"DATABASE_URL=postgres://127.0.0.1:1/d?password=s3cr3t&sslmode=wrong",
		"DATABASE_URL=postgres://127.0.0.1:1/d?sslpassword=s3cr3t&sslkey=/nowhere&sslcert=/nowhere",
		"DATABASE_URL=shop:s3cr3t@127.0.0.1/d",
		"DATABASE_URL=s3cr3t",
		"DATABASE_URL=mysql://shop:s3cr3t@127.0.0.1/d",
		"DATABASE_URL=sqlite:shop.db?key=s3cr3t",
		"DATABASE_URL=sqlite://shop:s3cr3t@host/shop.db",
		"TEST_DATABASE_URL=mysql://shop:s3cr3t@127.0.0.1/d",
		"REDIS_URL=redis://:s3cr3t#w@127.0.0.1:1",
		"REDIS_URL=redis://:s3cr3t/w@127.0.0.1:1",
		"REDIS_URL=redis://:s3cr3t",
		"REDIS_URL=:s3cr3t@127.0.0.1:1",
		"REDIS_URL=s3cr3t://127.0.0.1",
		"REDIS_URL=redis-sentinel://:s3cr3t#w@a:1,b:2/main",
		"REDIS_URL=redis-sentinel://:s3cr3t/w@a:1,b:2",
		"REDIS_URL=redis-sentinel://:s3cr3t@a:1,b:2/main?db=x",
		"REDIS_URL=redis-cluster://:s3cr3t%@a:1,b:2",
		"REDIS_URL=redis-cluster://:s3cr3t",
		"SMTP_URL=smtp://shop:s3cr3t/w@127.0.0.1:1",
		"SMTP_URL=smtp://shop:s3cr3t#w@127.0.0.1:1",
		"SMTP_URL=smtp://shop:s3cr3t%zz@127.0.0.1:1",
		"SMTP_URL=smtp://shop:s3cr3t",
		"SMTP_URL=s3cr3t",
		"BASE_URL=https://shop:s3cr3t@mail.shop.example",
		"SECRET_KEY=s3cr3t",
		"HOOK_SECRET_STANDARD=s3cr3t",
		"HOOK_SECRET_STANDARD=whsec_s3cr3t",
	} {
		got := shop{t: t, env: []string{env}}.run("status")
		if got.code != failed || strings.Contains(got.err+got.out, "s3cr3t") {
			t.Errorf("status with %s: exit %d, %q, want 1 and not the password", env, got.code, got.err)
		}
	}
}

func TestASpecialPasswordIsExplained(t *testing.T) {
	t.Parallel()
	for _, env := range []string{
		"DATABASE_URL=postgres://shop:a#b@h/d", "DATABASE_URL=postgres://shop:a/b@h/d", "DATABASE_URL=postgres://shop:a%b@h/d", "DATABASE_URL=postgres://shop:a@b/c@h/d",
		"DATABASE_URL=postgres://shop:ab:c/d", "REDIS_URL=redis://:a#b@h:1", "REDIS_URL=redis://:a/b@h:1", "REDIS_URL=redis-sentinel://:a?b@h:1/m", "SMTP_URL=smtp://shop:a/b@h",
	} {
		if _, err := readConfig([]string{env}); err == nil || !strings.Contains(err.Error(), "%40") || !strings.Contains(err.Error(), "%23") {
			t.Errorf("readConfig(%s): %v, want how to write it", env, err)
		}
	}
}

func TestARealRelayNeedsLinksThatMembersReach(t *testing.T) {
	t.Parallel()
	for _, engine := range []string{"sqlite:" + filepath.Join(t.TempDir(), "shop.db"), "postgres://u:p@127.0.0.1:1/d"} {
		for _, base := range []string{"", "BASE_URL=http://localhost:8080", "BASE_URL=https://127.0.0.1", "BASE_URL=https://[::1]:8080", "BASE_URL=http://mail.shop.example", "BASE_URL=https://0.0.0.0"} {
			env := []string{"DATABASE_URL=" + engine, "SMTP_URL=smtp://127.0.0.1:1", "SECRET_KEY=" + strings.Repeat("k", 40)}
			if base != "" {
				env = append(env, base)
			}
			if got := (shop{t: t, env: env}).run("serve"); got.code != failed || !strings.Contains(got.err, "BASE_URL") || strings.Contains(got.err, "database:") {
				t.Errorf("serve on %s with %q: exit %d, %q, want it refused for BASE_URL", engine, base, got.code, got.err)
			}
		}
	}
}

func TestTheInboxIsForThisMachine(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		env  []string
		want string
	}{
		{nil, "127.0.0.1:8080"},
		{[]string{"SMTP_URL=inbox:"}, "127.0.0.1:8080"},
		{[]string{"LISTEN=:9000"}, ":9000"},
		{[]string{"SMTP_URL=smtp://h"}, ":8080"},
	} {
		if c, err := readConfig(tt.env); err != nil || c.Listen != tt.want {
			t.Errorf("readConfig(%q) listens on %s, %v, want %s", tt.env, c.Listen, err, tt.want)
		}
	}
	if c := (&app{}).demoCommand(); c.Flags().Lookup("listen").DefValue != "127.0.0.1:8080" {
		t.Errorf("the demo listens on %s", c.Flags().Lookup("listen").DefValue)
	}
}

// The shipped compose file names only settings that there are.
func TestComposeNamesOnlyOurSettings(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docker-compose.yml")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"${BASE_URL:?", "${SMTP_URL:?", "mem_limit:", "METRICS_LISTEN:"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("docker-compose.yml has no %s", want)
		}
	}
	if n := strings.Count(string(text), "dockerfile_inline:"); n != 1 || strings.Contains(string(text), ":-") {
		t.Errorf("docker-compose.yml builds %d times, want once and no made-up defaults", n)
	}
	_, block, _ := strings.Cut(string(text), "environment: &environment\n")
	n := 0
	for line := range strings.Lines(block) {
		name, _, ok := strings.Cut(strings.TrimSpace(line), ":")
		if !ok || name != strings.ToUpper(name) {
			break
		}
		if _, take := known(name); take == nil && name != "GOMEMLIMIT" { // Go's own
			t.Errorf("docker-compose.yml sets %s, which is none of ours", name)
		}
		n++
	}
	if n < 6 {
		t.Errorf("found %d settings in docker-compose.yml, want all", n)
	}
}

// dkimKey was made for these tests.
const dkimKey = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n-----END PRIVATE KEY-----"

func TestAKeyThatCannotSignIsRefusedWithoutBeingShown(t *testing.T) {
	t.Parallel()
	env := []string{"DKIM_DOMAIN=shop.example", "DKIM_SELECTOR=m", "DKIM_KEY=s3cr3t"}
	if _, err := readConfig(env); err == nil || !strings.Contains(err.Error(), "DKIM_KEY can't be used: the key is not in PEM") || strings.Contains(err.Error(), "s3cr3t") {
		t.Errorf("readConfig(%q) = %v, want it refused", env, err)
	}
	env[2] = "DKIM_KEY=" + dkimKey
	c, err := readConfig(env)
	if err != nil {
		t.Fatal(err)
	}
	if all := c.dkim.Records(); len(all) != 1 || all[0].Name != "m._domainkey.shop.example" || !strings.HasPrefix(all[0].Value, "v=DKIM1; k=ed25519; p=") {
		t.Errorf("Records() = %v", all)
	}
}
