//go:build malloc

package main

import "unsafe"

// What the host hands over is in memory it asked for.
var blocks = map[uint32][]byte{}

//go:wasmexport malloc
func malloc(size uint32) uint32 {
	block := make([]byte, max(size, 1))
	at := address(unsafe.SliceData(block))
	blocks[at] = block
	return at
}

// take frees a block, and gives its bytes.
func take(value uint64) []byte {
	if value == 0 {
		return nil
	}
	block, found := blocks[uint32(value)]
	must(found)
	delete(blocks, uint32(value))
	return block[:value>>32]
}

func allFreed() bool { return len(blocks) == 0 }

func getScalar(field, data, kind uint32) uint64 { return fieldGet(field, data, kind) }
func getBytes(field, data, kind uint32) []byte  { return take(fieldGet(field, data, kind)) }
