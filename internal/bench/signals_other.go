//go:build !unix

package bench

import (
	"errors"
	"os"
	"os/exec"
)

func pause(*os.Process) error                        { return errors.ErrUnsupported }
func unpause(*os.Process) error                      { return errors.ErrUnsupported }
func asPostgres(*exec.Cmd) (uid, gid int, err error) { return 0, 0, errors.ErrUnsupported }
