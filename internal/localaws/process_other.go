//go:build !unix

package localaws

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
)

// ownGroup does nothing where there are no process groups.
func ownGroup(*exec.Cmd) {}

// killGroup kills a started command; its functions end when their runtime API is gone.
func killGroup(cmd *exec.Cmd) error {
	if err := cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("kill process %d: %w", cmd.Process.Pid, err)
	}
	return nil
}
