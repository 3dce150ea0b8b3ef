//go:build set7

package main

func init() {
	onInit = append(onInit, func() { answer("discard 2", shouldDiscardMntnsID(2) == 1) })
	onStart = append(onStart, func() {
		answer("discard 1", shouldDiscardMntnsID(1) == 1)
		answer("discard 2", shouldDiscardMntnsID(2) == 1)
	})
}
