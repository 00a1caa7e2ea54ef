//go:build race

package confine

// boundMemory: the race detector maps terabytes of shadow memory, so RLIMIT_DATA can't be set in a program built with it.
const boundMemory = false
