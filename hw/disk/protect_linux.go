package disk

import (
	"errors"
	"fmt"
	"os"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// immutableFlag is FS_IMMUTABLE_FL of linux/fs.h: nobody changes, renames, links or removes the file, root neither.
const immutableFlag = 0x10

// verityFlag is FS_VERITY_FL of linux/fs.h. It is read and never set; btrfs refuses flags that have it, though it has said them itself.
const verityFlag = 0x100000

// SetImmutable sets or clears the immutable flag of a file or folder (chattr +i). It takes CAP_LINUX_IMMUTABLE: the error wraps
// [fs.ErrPermission] otherwise, and [errors.ErrUnsupported] where the file system has no such flag.
func SetImmutable(f *os.File, on bool) error {
	flags, err := unix.IoctlGetUint32(int(f.Fd()), unix.FS_IOC_GETFLAGS)
	flags &^= verityFlag
	if want := flags&^immutableFlag | map[bool]uint32{true: immutableFlag}[on]; err == nil && want != flags {
		err = unix.IoctlSetPointerInt(int(f.Fd()), unix.FS_IOC_SETFLAGS, int(want))
	}
	switch {
	case err == nil:
		return nil
	case errors.Is(err, unix.EPERM):
		return fmt.Errorf("immutable %s: needs CAP_LINUX_IMMUTABLE: %w", f.Name(), err)
	}
	return fmt.Errorf("immutable %s: %w", f.Name(), unsupported(err))
}

// unsupported gives the answer of a file system that has never heard of an ioctl the words of one that says it has it not.
func unsupported(err error) error {
	if errors.Is(err, unix.ENOTTY) || errors.Is(err, unix.EOPNOTSUPP) {
		return fmt.Errorf("the file system can't: %w", errors.ErrUnsupported)
	}
	return err
}

// EnableVerity makes the kernel keep a Merkle tree of a file (fs-verity, SHA-256, blocks of 4096): its content can never be changed again (on btrfs
// it can be cut), and each read of a block that the disk has damaged fails. f must be open for reading, and nobody may have the file open for
// writing. The file's time may be another afterwards. One that has it already is no error, though it may be immutable; where the file system has no
// fs-verity the error wraps [errors.ErrUnsupported].
func EnableVerity(f *os.File) error {
	errno := enableVerity(f)
	// A child of ours has, until it has become another program, all that was open when it was made: it may seem to write a file that we have
	// closed (golang.org/issue/22315). A quarter of a second is far more than it takes.
	for wait := time.Millisecond; errno == unix.ETXTBSY && wait < 256*time.Millisecond; wait *= 2 {
		time.Sleep(wait)
		errno = enableVerity(f)
	}
	if errno == unix.EEXIST {
		return nil
	}
	if errno == unix.EPERM { // said of what is immutable before it is looked whether it has a tree
		if digest, err := Verity(f); err == nil && digest != nil {
			return nil
		}
	}
	if errno != 0 {
		return fmt.Errorf("fs-verity %s: %w", f.Name(), unsupported(errno))
	}
	return nil
}

func enableVerity(f *os.File) unix.Errno {
	arg := unix.FsverityEnableArg{Version: 1, Hash_algorithm: unix.FS_VERITY_HASH_ALG_SHA256, Block_size: 4096}
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, f.Fd(), unix.FS_IOC_ENABLE_VERITY, uintptr(unsafe.Pointer(&arg)))
	return errno
}

// Verity is the fs-verity digest of a file that has it, nil when it has not: the SHA-256 of struct fsverity_descriptor
// (Documentation/filesystems/fsverity.rst), which holds the root of the tree and the size.
func Verity(f *os.File) ([]byte, error) {
	arg := struct { // struct fsverity_digest
		algorithm, size uint16
		digest          [64]byte
	}{size: 64}
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, f.Fd(), unix.FS_IOC_MEASURE_VERITY, uintptr(unsafe.Pointer(&arg)))
	if errno == unix.ENODATA {
		return nil, nil
	}
	if errno != 0 {
		return nil, fmt.Errorf("fs-verity %s: %w", f.Name(), unsupported(errno))
	}
	return arg.digest[:arg.size], nil
}

// Uncache asks the kernel to forget what it has in memory of a file that is synced, so that the next read is the disk's. It is a wish: the kernel
// may not grant it, and tmpfs has nothing to forget.
func Uncache(f *os.File) { _ = unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED) }
