package bench

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
)

// cluster is a Postgres server of our own, which may be stopped as a power cut would.
type cluster struct {
	dir, bin string
	port     int
}

// ErrNoServer says that this machine has no Postgres server to start.
var ErrNoServer = errors.New("this machine has no Postgres server that we may start (initdb was not found)")

// newCluster makes and starts a server on a free loopback port, as Postgres is by
// default: every commit is on disk before it is answered.
func newCluster(ctx context.Context, dir string) (*cluster, error) {
	bin, err := serverPrograms()
	if err != nil {
		return nil, err
	}
	c := &cluster{dir: filepath.Join(dir, "postgres"), bin: bin}
	if c.port, err = freePort(); err != nil {
		return nil, err
	}
	if err := os.Mkdir(c.dir, 0o700); err != nil {
		return nil, err
	}
	var probe exec.Cmd
	uid, gid, err := asPostgres(&probe)
	if err != nil {
		return nil, err
	}
	for folder := dir; folder != filepath.Dir(os.TempDir()) && folder != "/"; folder = filepath.Dir(folder) {
		if folder != os.TempDir() {
			if err := os.Chmod(folder, 0o755); err != nil { // the server's user has to come in
				return nil, err
			}
		}
	}
	if err := os.Chown(c.dir, uid, gid); err != nil {
		return nil, err
	}
	if err := c.run(ctx, "initdb", "-A", "trust", "-U", "postgres", "-D", c.dir); err != nil {
		return nil, err
	}
	return c, c.start(ctx)
}

// freePort is a loopback port on which nobody listens, and which the system gives to
// no connection while the server is down (Linux gives those from 32768).
func freePort() (port int, err error) {
	for range 100 {
		port = 15_000 + rand.IntN(15_000)
		var l net.Listener
		if l, err = net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			return port, l.Close()
		}
	}
	return 0, err
}

func serverPrograms() (folder string, err error) {
	if found, err := exec.LookPath("initdb"); err == nil {
		return filepath.Dir(found), nil
	}
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil || len(found) == 0 {
		return "", ErrNoServer
	}
	return filepath.Dir(slices.Max(found)), nil
}

func (c *cluster) run(ctx context.Context, program string, args ...string) error {
	command := exec.CommandContext(ctx, filepath.Join(c.bin, program), args...)
	command.Dir = c.dir
	if _, _, err := asPostgres(command); err != nil {
		return err
	}
	if program == "pg_ctl" { // the server would keep a pipe of ours open
		if err := command.Run(); err != nil {
			return fmt.Errorf("%s %v: %w", program, args, err)
		}
		return nil
	}
	if out, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", program, err, out)
	}
	return nil
}

func (c *cluster) start(ctx context.Context) error {
	return c.run(ctx, "pg_ctl", "-D", c.dir, "-w", "-t", "60", "-l", filepath.Join(c.dir, "log"),
		"-o", fmt.Sprintf("-p %d -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c max_connections=100", c.port), "start")
}

// crash stops the server without a word: what was not on disk is lost.
func (c *cluster) crash(ctx context.Context) error {
	return c.run(ctx, "pg_ctl", "-D", c.dir, "-m", "immediate", "-w", "stop")
}

func (c *cluster) address() string {
	return fmt.Sprintf("postgres://postgres@127.0.0.1:%d/postgres?sslmode=disable", c.port)
}
