//go:build !set6

package main

// A failed read cannot be told from 0 yet.
func readWrongWidth(data uint32) {}
