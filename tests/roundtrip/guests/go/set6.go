//go:build set6

package main

var failed = new(uint32)

func getScalar(field, data, kind uint32) uint64 {
	*failed = 0
	value := fieldGetScalar(field, data, kind, address(failed))
	must(*failed == 0)
	return value
}

func readWrongWidth(data uint32) {
	*failed = 0
	fieldGetScalar(callsText, data, kindUint32, address(failed))
	answer("wrong width", *failed == 0)
}

//go:wasmexport gadgetPostStop
func gadgetPostStop() uint32 {
	say("post-stop")
	return 0
}
