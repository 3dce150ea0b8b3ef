// The round-trip contract in Go. abi.go declares the host functions of the signature set. Its steps, and those of the
// sets before it, are in files of their own, chosen by build tags: set2 to setN, and malloc where the host allocates
// in the guest.
package main

import (
	"runtime"
	"strconv"
	"unsafe"
)

func main() {}

// What the sets after the first bring, in their order: the go command compiles files in the order of their names.
var onInit, onStart []func()

const (
	single, array                    = 1, 2
	onData, onArray, onPacket        = 1, 2, 3
	kindInt32, kindInt64             = 4, 5
	kindUint32, kindUint64           = 8, 9
	kindString, kindCString          = 12, 13
	kindBytes, kinds                 = 14, 15
	listsPacket               uint64 = 1<<63 | 23 // the number of a callback has 64 bits
)

func must(holds bool) {
	if !holds {
		panic("broken contract")
	}
}

// ---------------------------------------------------------------------------------------------- packed pointers

func address[T any](pointer *T) uint32 { return uint32(uintptr(unsafe.Pointer(pointer))) }

func packed(bytes []byte) uint64 {
	return uint64(len(bytes))<<32 | uint64(address(unsafe.SliceData(bytes)))
}

func text(s string) uint64 {
	return uint64(len(s))<<32 | uint64(address(unsafe.StringData(s)))
}

// ------------------------------------------------------------------------------------------------- transcript

func write(level uint32, line string) {
	gadgetLog(level, text(line))
	runtime.KeepAlive(line)
}

func say(line string)                  { write(2, line) }
func tell(what, value string)          { say(what + ": " + value) }
func count(what string, number uint64) { tell(what, strconv.FormatUint(number, 10)) }

func answer(what string, yes bool) {
	if yes {
		tell(what, "yes")
	} else {
		tell(what, "no")
	}
}

// ---------------------------------------------------------------------------------------------- copying events

var names = [kinds]string{"", "Bool", "Int8", "Int16", "Int32", "Int64", "Uint8", "Uint16", "Uint32", "Uint64",
	"Float32", "Float64", "String", "CString", "Bytes"}

var in, out, rows, rowsOut, callsN, callsText, listsN uint32
var fromIn, toOut, fromRows, toRows [kinds]uint32

// fieldSet gives 0, and before sig-6 the field's handle, which is not 1 here: the source "in" came first.
func set(field, data, kind uint32, value uint64) { must(fieldSet(field, data, kind, value) != 1) }

func setBytes(field, data, kind uint32, value []byte) {
	set(field, data, kind, packed(value))
	runtime.KeepAlive(value)
}

func copyFields(get, put *[kinds]uint32, from, to uint32) {
	for kind := uint32(1); kind < kinds; kind++ {
		switch {
		case kind < kindString:
			set(put[kind], to, kind, getScalar(get[kind], from, kind))
		case kind == kindBytes:
			setBytes(put[kind], to, kind, getBytes(get[kind], from, kind))
		default: // CString is not a kind of access
			setBytes(put[kind], to, kindString, getBytes(get[kind], from, kindString))
		}
	}
}

func copyEvent(data uint32) {
	packet := dataSourceNewPacketSingle(out)
	copyFields(&fromIn, &toOut, data, packet)
	must(dataSourceEmitAndRelease(out, packet) == 0)
}

func copyRows(data uint32) {
	packet := dataSourceNewPacketArray(rowsOut)
	length := dataArrayLen(data)
	for index := uint32(0); index < length; index++ {
		row := dataArrayNew(packet)
		copyFields(&fromRows, &toRows, dataArrayGet(data, index), row)
		must(dataArrayAppend(packet, row) == 0)
	}
	must(dataSourceEmitAndRelease(rowsOut, packet) == 0)
}

// ----------------------------------------------------------------------------------------------------- hooks

//go:wasmexport gadgetAPIVersion
func apiVersion() uint64 { return 1 }

func subscribe(source, kind uint32, priority int32, callback uint64) {
	must(dataSourceSubscribe(source, kind, uint32(priority), callback) == 0)
}

func findSources() {
	in = getDataSource(text("in"))
	out = newDataSource(text("out"), single)
	rows = getDataSource(text("rows"))
	rowsOut = newDataSource(text("rows_out"), array)
	for kind := uint32(1); kind < kinds; kind++ {
		name := text(names[kind])
		fromIn[kind] = dataSourceGetField(in, name)
		toOut[kind] = dataSourceAddField(out, name, kind)
		fromRows[kind] = dataSourceGetField(rows, name)
		toRows[kind] = dataSourceAddField(rowsOut, name, kind)
	}
	calls, lists := getDataSource(text("calls")), getDataSource(text("lists"))
	callsN = dataSourceGetField(calls, text("n"))
	callsText = dataSourceGetField(calls, text("text"))
	listsN = dataSourceGetField(lists, text("n"))
	subscribe(in, onData, 0, 1)
	subscribe(rows, onArray, 0, 2)
	subscribe(calls, onData, 10, 11)
	subscribe(calls, onPacket, -10, 12)
	subscribe(calls, onData, 0, 13)
	subscribe(lists, onData, 0, 21)
	subscribe(lists, onArray, 10, 22)
	subscribe(lists, onPacket, -10, listsPacket)
}

//go:wasmexport gadgetInit
func gadgetInit() uint32 {
	findSources()
	say("init")
	answer("missing source", getDataSource(text("nowhere")) != 0)
	answer("missing field", dataSourceGetField(in, text("nothing")) != 0)
	answer("second field", dataSourceAddField(out, text("Bool"), 1) != 0)
	for _, step := range onInit {
		step()
	}
	return 0
}

//go:wasmexport gadgetStart
func gadgetStart() uint32 {
	say("start")
	for level := uint32(0); level <= 4; level++ {
		write(level, "level "+strconv.Itoa(int(level)))
	}
	say("")
	say("ä€😀")
	emitOwn()
	emitRows()
	for _, step := range onStart {
		step()
	}
	return 0
}

//go:wasmexport gadgetStop
func gadgetStop() uint32 {
	say("stop")
	packet := dataSourceNewPacketSingle(out)
	set(toOut[kindInt64], packet, kindInt64, ^uint64(0))
	must(dataSourceEmitAndRelease(out, packet) == 0)
	must(allFreed())
	return 0
}

func emitOwn() {
	scalars := []uint64{1, ^uint64(127), ^uint64(1<<15 - 1), ^uint64(1<<31 - 1), 1 << 63, 0xff, 0xffff, 0xffffffff,
		1<<64 - 1, 0x3fc00000 /* 1.5 */, 1 << 63 /* -0.0 */}
	packet := dataSourceNewPacketSingle(out)
	for i, bits := range scalars {
		set(toOut[i+1], packet, uint32(i+1), bits)
	}
	set(toOut[kindString], packet, kindString, text("own \x00 ä€😀"))
	set(toOut[kindCString], packet, kindString, text("of C"))
	set(toOut[kindBytes], packet, kindBytes, text("\x00\xff\x00"))
	must(dataSourceEmitAndRelease(out, packet) == 0)
	must(dataSourceRelease(out, dataSourceNewPacketSingle(out)) == 0)
}

func emitRows() {
	packet := dataSourceNewPacketArray(rowsOut)
	for number := uint64(1); number <= 2; number++ {
		row := dataArrayNew(packet)
		set(toRows[kindInt32], row, kindInt32, number)
		must(dataArrayAppend(packet, row) == 0)
	}
	must(dataArrayRelease(packet, dataArrayNew(packet)) == 0)
	count("rows made", uint64(dataArrayLen(packet)))
	must(dataSourceEmitAndRelease(rowsOut, packet) == 0)
}

// ------------------------------------------------------------------------------------------------- callbacks

//go:wasmexport dataSourceCallback
func callback(id uint64, source, data uint32) {
	switch id {
	case 1:
		copyEvent(data)
	case 2:
		copyRows(data)
	case 11:
		count("data", getScalar(callsN, data, kindUint64))
	case 12:
		count("packet", getScalar(callsN, data, kindUint64))
	case 13:
		n := getScalar(callsN, data, kindUint64)
		count("middle", n)
		set(callsN, data, kindUint64, n+1)
		readWrongWidth(data)
	case 21:
		n := getScalar(listsN, data, kindUint64)
		count("element", n)
		set(listsN, data, kindUint64, n+1)
	case 22:
		count("array of", uint64(dataArrayLen(data)))
		row := dataArrayNew(data)
		set(listsN, row, kindUint64, 99)
		must(dataArrayAppend(data, row) == 0)
	default:
		must(id == listsPacket)
		count("packet of", uint64(dataArrayLen(data)))
	}
}
