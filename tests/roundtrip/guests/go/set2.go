//go:build set2

package main

func init() {
	onInit = append(onInit, func() {
		answer("config set", setConfig(text("round.trip"), text("värde"), kindString) == 0)
	})
	onStart = append(onStart, params)
}

//go:wasmexport gadgetPreStart
func gadgetPreStart() uint32 {
	say("pre-start")
	return 0
}

func params() {
	for _, key := range []string{"text", "long"} {
		value, found := param(key)
		must(found)
		tell(key, value)
	}
	_, found := param("nothing")
	answer("missing parameter", found)
}

// cut ends a text at its first NUL.
func cut(raw []byte) string {
	for i, b := range raw {
		if b == 0 {
			return string(raw[:i])
		}
	}
	return string(raw)
}
