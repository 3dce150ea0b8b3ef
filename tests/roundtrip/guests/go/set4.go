//go:build set4

package main

import "encoding/binary"

func init() { onStart = append(onStart, machine) }

func machine() {
	answer("handle released", releaseHandle(getMap(text("numbers"))) == 0)
	tell("syscall 0", syscallName(0))
	tell("syscall 4095", syscallName(4095))
	declaration()
	answer("symbol round_trip", kallsymsSymbolExists(text("round_trip")) == 1)
	answer("symbol nothing", kallsymsSymbolExists(text("nothing")) == 1)
	perf()
}

// A declaration: name (32 bytes), number of parameters (1), padding (3), and for each its name (32) and flags (4).
var declared = make([]byte, 252)

func declaration() {
	must(getSyscallDeclaration(text("read"), packed(declared)) == 0)
	tell("declared", cut(declared[:32]))
	length := int(declared[32])
	count("parameters", uint64(length))
	for i := 0; i < length; i++ {
		param, what := declared[36+36*i:], "value"
		if binary.LittleEndian.Uint32(param[32:])&1 != 0 {
			what = "pointer"
		}
		tell(what, cut(param[:32]))
	}
	answer("missing declaration", getSyscallDeclaration(text("nothing"), packed(declared)) == 0)
}

func record(reader uint32, what string) {
	sample, result := readRecord(reader)
	if result == 0 {
		tell(what, sample)
	} else {
		must(result == 2) // drained
		answer(what, false)
	}
}

func perf() {
	reader := newPerfReader(getMap(text("events")), 4096, 1)
	must(perfReaderPause(reader) == 0)
	record(reader, "record")
	record(reader, "record")
	record(reader, "third record")
	must(perfReaderResume(reader) == 0)
	answer("reader closed", perfReaderClose(reader) == 0)
}
