//go:build set8

package main

func init() {
	onStart = append(onStart, func() {
		answer("debug wanted", gadgetShouldLog(3) == 1)
		answer("trace wanted", gadgetShouldLog(4) == 1)
	})
}
