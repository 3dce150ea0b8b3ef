package main

import (
	"errors"
	"os"
	"runtime"
	"strings"
	"syscall"
)

const (
	debugFS  = "/sys/kernel/debug"
	kallsyms = "/proc/kallsyms"
	mounted  = "UPSTREAM_ADAPTER_MOUNTED" // in the environment: what ownMounts has come to
)

// ownMounts starts the program over in a mount namespace of its own, where debugfs is mounted, which has the
// declarations of syscalls, and /proc/kallsyms is a file that a case can fill. Without the rights to do so the program
// goes on as it is, and answers "unsupported" to what it would have needed them for.
func ownMounts() error {
	if os.Getenv(mounted) != "" {
		return nil
	}
	runtime.LockOSThread() // unshare changes the thread that calls it, which exec makes the process
	state := "yes"
	if err := mount(); err != nil {
		state = err.Error()
	}
	return syscall.Exec("/proc/self/exe", os.Args, append(os.Environ(), mounted+"="+state))
}

func mount() error {
	symbols, err := os.CreateTemp("", "kallsyms")
	if err != nil {
		return err
	}
	defer os.Remove(symbols.Name())
	defer symbols.Close()
	if err := syscall.Unshare(syscall.CLONE_NEWNS); err != nil {
		return err
	}
	if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		return err
	}
	err = syscall.Mount("debugfs", debugFS, "debugfs", 0, "")
	if err != nil && !errors.Is(err, syscall.EBUSY) { // it is there
		return err
	}
	return syscall.Mount(symbols.Name(), kallsyms, "", syscall.MS_BIND, "")
}

// setSymbols makes these the kernel's; the answer is why it cannot be done.
func setSymbols(names []string) string {
	if state := os.Getenv(mounted); state != "yes" {
		if len(names) == 0 {
			return ""
		}
		return "the kernel's symbols are what they are: " + state
	}
	var text strings.Builder
	for _, name := range names {
		text.WriteString("ffffffff81000000 T " + name + "\n")
	}
	if err := os.WriteFile(kallsyms, []byte(text.String()), 0); err != nil {
		return err.Error()
	}
	return ""
}
