package disk

import (
	"fmt"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// immutableFlag is FS_IMMUTABLE_FL of linux/fs.h: nobody changes, renames, links or removes the file, root neither.
const immutableFlag = 0x10

// SetImmutable sets or clears the immutable flag of a file or folder (chattr +i). It takes CAP_LINUX_IMMUTABLE, and a file system that
// has the flag: the error is the kernel's otherwise.
func SetImmutable(f *os.File, on bool) error {
	flags, err := unix.IoctlGetUint32(int(f.Fd()), unix.FS_IOC_GETFLAGS)
	if err != nil {
		return fmt.Errorf("immutable %s: %w", f.Name(), err)
	}
	if want := flags&^immutableFlag | map[bool]uint32{true: immutableFlag}[on]; want != flags {
		if err := unix.IoctlSetPointerInt(int(f.Fd()), unix.FS_IOC_SETFLAGS, int(want)); err != nil {
			return fmt.Errorf("immutable %s: %w", f.Name(), err)
		}
	}
	return nil
}

// EnableVerity makes the kernel keep a Merkle tree of a file (fs-verity, SHA-256, blocks of 4096): its content can never be changed again, and
// each read of a block that the disk has damaged fails. f must be open for reading, and nobody may have the file open for writing. One that has
// it already is no error; where the file system has no fs-verity the error is the kernel's.
func EnableVerity(f *os.File) error {
	arg := unix.FsverityEnableArg{Version: 1, Hash_algorithm: 1, Block_size: 4096}
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, f.Fd(), unix.FS_IOC_ENABLE_VERITY, uintptr(unsafe.Pointer(&arg)))
	if errno != 0 && errno != unix.EEXIST {
		return fmt.Errorf("fs-verity %s: %w", f.Name(), errno)
	}
	return nil
}

// Uncache asks the kernel to forget what it has in memory of a file that is synced, so that the next read is the disk's. It is a wish: the kernel
// may not grant it, and tmpfs has nothing to forget.
func Uncache(f *os.File) { _ = unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED) }
