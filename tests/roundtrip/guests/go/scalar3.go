//go:build !malloc && !set6

package main

func getScalar(field, data, kind uint32) uint64 { return fieldGetScalar(field, data, kind) }
