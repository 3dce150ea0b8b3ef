// The benchmark's guest in Go, with Inspektor Gadget's own SDK. README.md says what every guest does.
package main

import (
	"strconv"

	api "github.com/inspektor-gadget/inspektor-gadget/wasmapi/go"
)

var (
	pid, text api.Field
	calls     int
	size      uint32
)

//go:wasmexport gadgetInit
func gadgetInit() int32 {
	if err := setUp(); err != nil {
		api.Errorf("setting up: %v", err)
		return 1
	}
	return 0
}

func setUp() error {
	events, err := api.GetDataSource("events")
	if err != nil {
		return err
	}
	if pid, err = events.GetField("pid"); err != nil {
		return err
	}
	if text, err = events.GetField("text"); err != nil {
		return err
	}
	if calls, err = number("calls"); err != nil {
		return err
	}
	length, err := number("size")
	size = uint32(length)
	if err != nil {
		return err
	}
	return events.Subscribe(touch, 0)
}

func number(param string) (int, error) {
	value, err := api.GetParamValue(param, 8)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(value)
}

func touch(_ api.DataSource, data api.Data) {
	left := calls
	for ; left >= 3; left -= 3 {
		if err := round(data); err != nil {
			panic(err)
		}
	}
	for ; left > 0; left-- {
		if _, err := pid.Uint32(data); err != nil {
			panic(err)
		}
	}
}

func round(data api.Data) error {
	id, err := pid.Uint32(data)
	if err != nil {
		return err
	}
	value, err := text.String(data, size)
	if err != nil {
		return err
	}
	return text.SetString(data, value[1:]+string('0'+rune(id%10)))
}

func main() {}
