//go:build malloc && set4

package main

func syscallName(number uint32) string { return string(take(getSyscallName(number))) }

var sample = new(uint64)

func readRecord(reader uint32) (string, uint32) {
	*sample = 0
	result := perfReaderRead(reader, address(sample))
	return string(take(*sample)), result
}
