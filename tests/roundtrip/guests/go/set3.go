//go:build set3

package main

import "encoding/binary"

func init() {
	onInit = append(onInit, hide)
	onStart = append(onStart, maps)
}

func hide() {
	hidden := newDataSource(text("hidden"), single)
	answer("referenced", dataSourceIsReferenced(hidden) == 1)
	must(dataSourceUnreference(hidden) == 0)
	answer("referenced", dataSourceIsReferenced(hidden) == 1)
	answer("hidden source", getDataSource(text("hidden")) != 0)
	must(fieldAddTag(toOut[kindString], text("round:trip")) == 0)
}

// A key and a value, where the host finds them.
var keyBytes, valueBytes = make([]byte, 4), make([]byte, 8)

func key(number uint32) uint64 {
	binary.LittleEndian.PutUint32(keyBytes, number)
	return packed(keyBytes)
}

func lookUp(what string, from, number uint32) {
	if mapLookup(from, key(number), packed(valueBytes)) != 0 {
		answer(what, false)
	} else {
		count(what, binary.LittleEndian.Uint64(valueBytes))
	}
}

func update(to, number uint32, value, flags uint64) bool {
	binary.LittleEndian.PutUint64(valueBytes, value)
	return mapUpdate(to, key(number), packed(valueBytes), flags) == 0
}

func maps() {
	const hash, anyFlags, noExist, exist = 1, 0, 1, 2
	numbers := getMap(text("numbers"))
	lookUp("value 1", numbers, 1)
	answer("update 2", update(numbers, 2, 22, anyFlags))
	answer("create 2", update(numbers, 2, 23, noExist))
	answer("replace 9", update(numbers, 9, 9, exist))
	answer("delete 1", mapDelete(numbers, key(1)) == 0)
	answer("delete 1", mapDelete(numbers, key(1)) == 0)
	lookUp("value 1", numbers, 1)
	answer("missing map", getMap(text("nothing")) != 0)
	made := newMap(text("made"), hash, 4, 8, 4)
	must(update(made, 3, 33, anyFlags))
	lookUp("made 3", made, 3)
	answer("map released", mapRelease(made) == 0)
}
