//go:build !race

package confine

// boundMemory says that RLIMIT_DATA is set.
const boundMemory = true
