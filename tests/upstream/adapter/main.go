// The real Inspektor Gadget as an implementation that the conformance suite can ask: an adapter
// (abi-spec/suite/README.md) around its wasm operator and its data sources, linked as a Go module.
//
// It observes and does not judge. What the operator keeps to itself (open handles) is looked at by reflection.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"runtime/debug"
)

const upstream = "github.com/inspektor-gadget/inspektor-gadget"

func main() {
	// The operator warns on standard error about what is none of the suite's business.
	flag.Parse()
	if err := ownMounts(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	adapter := &adapter{}
	requests := bufio.NewReaderSize(os.Stdin, 1<<20)
	answers := bufio.NewWriter(os.Stdout)
	for {
		line, err := requests.ReadBytes('\n')
		if err != nil {
			return
		}
		encoded, err := json.Marshal(adapter.answer(line))
		if err != nil {
			encoded, _ = json.Marshal(map[string]any{"error": err.Error()})
		}
		answers.Write(append(encoded, '\n'))
		answers.Flush()
	}
}

type adapter struct {
	guest *guest
	held  []*guest // further ones that only take memory
}

func (a *adapter) answer(line []byte) any {
	var request request
	if err := json.Unmarshal(line, &request); err != nil {
		return failure{Error: "not a request: " + err.Error()}
	}
	switch request.Do {
	case "hello":
		return hello{"inspektor-gadget", release(), []string{release()}, []string{"strict"}}
	case "load":
		a.close()
		return a.load(&request)
	case "close":
		a.close()
		return struct{}{}
	case "begin", "bench", "hold":
		return a.measure(&request)
	}
	if a.guest == nil {
		return failure{Error: "no guest is loaded"}
	}
	switch request.Do {
	case "init":
		return a.guest.observe(a.guest.init)
	case "start":
		return a.guest.observe(a.guest.start)
	case "emit":
		return a.guest.observe(func() error { return a.guest.emit(&request) })
	case "perf":
		return a.guest.observe(func() error { return a.guest.perf(&request) })
	case "call":
		return a.guest.observe(func() error { return a.guest.call(request.Export) })
	case "stop":
		return a.guest.observe(a.guest.stop)
	case "read":
		return a.guest.read(request.Address, request.Length)
	case "memory":
		return a.guest.memory()
	case "handles":
		return map[string]int{"handles": a.guest.handles()}
	case "sources":
		return map[string]any{"sources": a.guest.describeSources()}
	}
	return unsupported{fmt.Sprintf("%q cannot be done from outside the kernel", request.Do)}
}

func (a *adapter) load(request *request) any {
	guest, reason, err := newGuest(request)
	if reason != "" {
		return unsupported{reason}
	}
	if err != nil {
		return failure{Error: err.Error()}
	}
	a.guest = guest
	return guest.observation(guest.load(request)) // which has its own patience
}

func (a *adapter) close() {
	if a.guest != nil {
		a.guest.close()
		a.guest = nil
	}
}

// release is the version of Inspektor Gadget this program is linked with.
func release() string {
	info, _ := debug.ReadBuildInfo()
	for _, module := range info.Deps {
		if module.Path == upstream {
			return module.Version
		}
	}
	return "unknown"
}
