//go:build set5

package main

func init() {
	onStart = append(onStart, func() {
		count("id of openat", uint64(getSyscallID(text("openat"))))
		answer("id of nothing", int32(getSyscallID(text("nothing"))) >= 0)
	})
}
