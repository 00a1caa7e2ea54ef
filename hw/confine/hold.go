package confine

import (
	"errors"
	"fmt"
	"strconv"
)

// Daemon is what a long-running program may do with files, for good, once it is held. What is not named it can't open, whoever takes it over. Sockets are
// not held, but for Listen.
type Daemon struct {
	// Read lists files and folders that may be read, with all that is below them. One that is not there is left out.
	Read []string
	// Write lists folders in which files may be made, read, written, renamed and removed. One that is not there is left out: make it before.
	Write []string
	// Listen holds a daemon that only answers to these TCP ports, where Landlock can (version 4); 0 is one that the kernel chooses. nil: it is not held so.
	// Whoever sets it calls [OnlyAnswers] after [Held].
	Listen []uint16
}

// HeldFlag is the hidden flag, with the version of Landlock as its value, that [Hold] adds to the command line of a program that it starts again.
const HeldFlag = "held-by-landlock"

// minHold is the first version of Landlock under which a file can be renamed between two folders, which is how transfers move.
const minHold = 2

// Holds says whether this kernel can hold a daemon; the error wraps [ErrAbsent] and says what is lacking.
func Holds() error {
	switch v := Landlock(); {
	case v == 0:
		return fmt.Errorf("%w: no Landlock (CONFIG_SECURITY_LANDLOCK, lsm=)", ErrAbsent)
	case v < minHold:
		return fmt.Errorf("%w: its Landlock is version %d, and a file can be renamed between folders from version %d on (Linux 5.19)", ErrAbsent, v, minHold)
	}
	return nil
}

// heldArgument is what Hold adds to the command line.
func heldArgument(version int) string { return "--" + HeldFlag + "=" + strconv.Itoa(version) }

// errNotHeld is for who gives the hidden flag by hand.
var errNotHeld = errors.New("--" + HeldFlag + " is for the program itself: leave it out")
