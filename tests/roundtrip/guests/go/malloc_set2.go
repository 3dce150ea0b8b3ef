//go:build malloc && set2

package main

func param(key string) (string, bool) {
	value := getParamValue(text(key))
	return string(take(value)), value != 0
}
