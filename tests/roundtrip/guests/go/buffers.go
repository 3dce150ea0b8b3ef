//go:build !malloc

package main

// What the host hands over goes where the guest says.

var buffer = make([]byte, 2<<20)

func allFreed() bool { return true }

// A buffer that is exactly full is enough, one byte less is not.
func getBytes(field, data, kind uint32) []byte {
	length := fieldGetBuffer(field, data, kind, packed(buffer))
	must(fieldGetBuffer(field, data, kind, packed(buffer[:length])) == length)
	must(length == 0 || fieldGetBuffer(field, data, kind, packed(buffer[:length-1])) == ^uint32(0))
	return buffer[:length]
}

// The host does not tell lengths: zeros before, and the first of them after.
func cleared(capacity int) uint64 {
	clear(buffer[:capacity])
	return packed(buffer[:capacity])
}

func param(key string) (string, bool) {
	failed := getParamValue(text(key), cleared(4096))
	return cut(buffer[:4096]), failed == 0
}

func syscallName(number uint32) string {
	must(getSyscallName(number, cleared(64)) == 0)
	return cut(buffer[:64])
}

func readRecord(reader uint32) (string, uint32) {
	result := perfReaderRead(reader, packed(buffer[:12]))
	return string(buffer[:12]), result
}
