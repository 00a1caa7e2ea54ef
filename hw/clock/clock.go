// Package clock reads the system's clocks that package time keeps to itself.
package clock
