//go:build unix

package bench

import (
	"os"
	"os/exec"
	"os/user"
	"strconv"
	"syscall"
)

func pause(p *os.Process) error   { return p.Signal(syscall.SIGSTOP) }
func unpause(p *os.Process) error { return p.Signal(syscall.SIGCONT) }

// asPostgres has a command run as the user postgres where we are root, as whom
// Postgres does not run.
func asPostgres(c *exec.Cmd) (uid, gid int, err error) {
	if os.Getuid() != 0 {
		return os.Getuid(), os.Getgid(), nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		return 0, 0, err
	}
	uid, _ = strconv.Atoi(u.Uid)
	gid, _ = strconv.Atoi(u.Gid)
	c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
	return uid, gid, nil
}
