package store_test

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"regulars/internal/patiently"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
)

// with returns the address of a test's database with settings after its ?.
func with(t *testing.T, settings string) string {
	t.Helper()
	where := storetest.Database(t)
	if strings.Contains(where, "?") {
		return where + "&" + settings
	}
	return where + "?" + settings
}

func TestAddressesAsProvidersGiveThemAreTaken(t *testing.T) {
	t.Parallel()
	for _, settings := range []string{
		"pgbouncer=true", "pgbouncer=true&connection_limit=1&pool_timeout=20&socket_timeout=60", "connection_limit=5&schema=public", "schema=shop",
		"channel_binding=prefer", "sslmode=disable&ssl=true", "ssl=false", "sslmode=prefer&sslaccept=accept_invalid_certs", "supa=base-pooler.x",
		"pool=5&prepared_statements=false&encoding=utf8&reaping_frequency=10", "prepared_statement_cache_size=0", "statement_cache_capacity=0", "prepareThreshold=0&currentSchema=public&ApplicationName=x&tcpKeepAlive=true",
		"serverVersion=16&charset=utf8", "uselibpqcompat=true&sslmode=disable", "conn_max_age=600&conn_health_checks=true",
		"keepalives=1&keepalives_idle=30&connect_timeout=10", "application_name=other", "search_path=public&statement_timeout=60000", "TimeZone=Europe/Helsinki", "options=-c%20work_mem%3D8MB",
	} {
		t.Run(settings, func(t *testing.T) {
			t.Parallel()
			db, err := store.Open(context.Background(), with(t, settings), store.Options{})
			if err != nil {
				t.Fatalf("Open with ?%s: %v", settings, err)
			}
			defer db.Close()
			err = db.View(context.Background(), func(tx *store.Tx) error {
				var zone string
				if err := tx.One(&zone, "select current_setting('timezone')", nil); err != nil || zone != "UTC" {
					t.Errorf("with ?%s the session's zone is %s, %v, want UTC", settings, zone, err)
				}
				var path string
				if err := tx.One(&path, "select current_setting('search_path')", nil); strings.Contains(settings, "schema=shop") && path != `"shop"` {
					t.Errorf("with ?%s the search path is %s, %v", settings, path, err)
				}
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
}

func TestASettingThatTheServerDoesNotKnowIsNamed(t *testing.T) {
	t.Parallel()
	_, err := store.Open(context.Background(), with(t, "wrok_mem=8MB"), store.Options{})
	if err == nil || !strings.Contains(err.Error(), "DATABASE_URL has a setting wrok_mem that the server does not know") {
		t.Errorf("Open with ?wrok_mem: %v, want it named", err)
	}
}

func TestAPasswordWithSpecialSignsOpens(t *testing.T) {
	t.Parallel()
	db := storetest.Postgres(t)
	const password = `p@s/s#w?o:r%d '\&=+`
	const name = "regulars_special_password"
	update(t, db, func(tx *store.Tx) error {
		literal := strings.NewReplacer(`\`, `\\`, "'", "''", "?", `\003F`).Replace(password)
		if _, err := tx.Exec("drop role if exists "+name, nil); err != nil {
			return err
		}
		_, err := tx.Exec("create role "+name+" superuser login password U&'"+literal+"'", nil)
		return err
	})
	t.Cleanup(func() {
		_ = db.Update(context.Background(), func(tx *store.Tx) error { _, err := tx.Exec("drop role if exists "+name, nil); return err })
	})
	u, err := url.Parse(storetest.Database(t))
	if err != nil {
		t.Fatal(err)
	}
	quoted := strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(password)
	for _, where := range []string{
		"postgresql://" + name + ":" + strings.ReplaceAll(url.QueryEscape(password), "+", "%20") + "@" + u.Host + u.Path + "?sslmode=disable",
		fmt.Sprintf("host=%s port=%s user=%s password='%s' dbname=%s sslmode=disable", u.Hostname(), u.Port(), name, quoted, strings.TrimPrefix(u.Path, "/")),
	} {
		opened, err := store.Open(context.Background(), where, store.Options{})
		if err != nil {
			t.Errorf("Open with a special password: %v", err)
			continue
		}
		if strings.Contains(opened.Place(), "p@s") {
			t.Errorf("the place tells the password: %s", opened.Place())
		}
		opened.Close()
	}
}

// TestAPoolerThatGivesEachTransactionAnotherConnection runs PgBouncer where it is
// installed: many transactions over two connections, a bulk load and a migration.
func TestAPoolerThatGivesEachTransactionAnotherConnection(t *testing.T) {
	t.Parallel()
	bouncer, err := exec.LookPath("pgbouncer")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("pgbouncer is not installed, and CI must not skip this")
		}
		t.Skip("pgbouncer is not installed")
	}
	u, err := url.Parse(storetest.Database(t))
	if err != nil {
		t.Fatal(err)
	}
	where := startBouncer(t, bouncer, u) + "?sslmode=disable&pgbouncer=true&connection_limit=6"
	db, err := store.Open(context.Background(), where, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.Migrate(context.Background()); err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for worker := range 6 {
		all.Go(func() {
			for i := range 40 {
				id := fmt.Sprintf("P-%d-%d", worker, i)
				err := db.Update(context.Background(), func(tx *store.Tx) error {
					var row int64
					if err := tx.One(&row, addMember, store.Args{"id": id, "now": tx.At}); err != nil {
						return err
					}
					if _, err := tx.Bulk("member_tags", []string{"member_id", "tag"}, [][]any{{row, "pooled"}}); err != nil {
						return err
					}
					var back []string
					return tx.All(&back, "select external_id from members where id in (select value from "+tx.JSONEach("@ids")+")", store.Args{"ids": store.JSON([]int64{row})})
				})
				if err != nil {
					t.Errorf("member %s: %v", id, err)
					return
				}
			}
		})
	}
	all.Wait()
	err = db.View(context.Background(), func(tx *store.Tx) error {
		var n int
		if err := tx.One(&n, "select count(*) from member_tags where tag = 'pooled'", nil); err != nil || n != 240 {
			t.Errorf("%d rows lasted, %v, want 240", n, err)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	if _, err := store.Open(context.Background(), where+"&schema=shop", store.Options{}); err == nil || !strings.Contains(err.Error(), "alter role") {
		t.Errorf("a schema that the pooler does not take: %v, want what to do", err)
	}
}

// startBouncer starts a pooler in transaction mode before a database.
func startBouncer(t *testing.T, bouncer string, u *url.URL) (where string) {
	t.Helper()
	port := fmt.Sprint(patiently.Port(t))
	dir := t.TempDir()
	login := "user=" + u.User.Username()
	if password, ok := u.User.Password(); ok {
		login += " password=" + password
	}
	ini := fmt.Sprintf("[databases]\n* = host=%s port=%s %s\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = %s\nauth_type = any\npool_mode = transaction\ndefault_pool_size = 2\nunix_socket_dir =\n",
		u.Hostname(), u.Port(), login, port)
	file := filepath.Join(dir, "bouncer.ini")
	if err := os.WriteFile(file, []byte(ini), 0o644); err != nil {
		t.Fatal(err)
	}
	args := []string{"-q", file}
	if os.Getuid() == 0 { // it does not run as root
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		args = append([]string{"-u", "nobody"}, args...)
	}
	cmd := exec.Command(bouncer, args...)
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	patiently.Until(t, "pgbouncer to listen", func() bool {
		c, err := net.Dial("tcp", "127.0.0.1:"+port)
		if err == nil {
			c.Close()
		}
		return err == nil
	})
	return "postgres://" + u.User.Username() + "@127.0.0.1:" + port + u.Path
}

func TestCloseDoesNotWaitForAStatementWithoutAnEnd(t *testing.T) {
	t.Parallel()
	where := storetest.Database(t)
	db, err := store.Open(context.Background(), where, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	begun := make(chan struct{})
	var asking sync.WaitGroup
	asking.Go(func() {
		_ = db.View(ctx, func(tx *store.Tx) error { close(begun); _, err := tx.Exec("select pg_sleep(3600)", nil); return err })
	})
	<-begun
	closed := make(chan struct{})
	go func() { db.Close(); close(closed) }()
	select {
	case <-closed:
	case <-time.After(patiently.AtMost):
		t.Error("Close waits for a statement that sleeps for an hour")
	}
	cancel()
	asking.Wait()
}
