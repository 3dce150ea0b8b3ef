package main

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/inspektor-gadget/inspektor-gadget/pkg/datasource"
)

// What the benchmark asks (tests/upstream/bench); the suite does not.

// begun is what a begin request answers.
type begun struct {
	Seconds float64 `json:"seconds"`
}

// measured is what a bench request answers.
type measured struct {
	Seconds float64     `json:"seconds"`
	Seen    int         `json:"seen"`   // elements that the last subscriber was called for
	Events  []seenEvent `json:"events"` // and what it saw, unless the guest is a plain one
	Last    string      `json:"last"`   // what became of the last record: the operator drops errors of a callback
}

// held is what a hold request answers.
type held struct {
	Bytes int `json:"bytes"` // by which the process has grown
}

func (a *adapter) measure(request *request) any {
	var answer any
	var err error
	switch {
	case request.Do == "begin":
		a.close()
		answer, err = a.begin(request)
	case a.guest == nil:
		err = errors.New("no guest is loaded")
	case request.Do == "hold":
		answer, err = a.hold(request)
	default:
		answer, err = a.guest.bench(request)
	}
	if err != nil {
		return failure{err.Error()}
	}
	return answer
}

// begin takes a guest from its module to its start. Timed is what happens behind the image store.
func (a *adapter) begin(request *request) (any, error) {
	guest, reason, err := newGuest(request)
	if reason != "" {
		err = errors.New(reason)
	}
	if err != nil {
		return nil, err
	}
	a.guest = guest
	if err := guest.store(request.Module); err != nil {
		return nil, err
	}
	began := time.Now()
	for _, step := range []func() error{guest.instantiate, guest.init, guest.start} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	return begun{time.Since(began).Seconds()}, nil
}

// bench emits the records of a file over and over, each as the eBPF operator does: a new packet, the record's bytes as
// its one structure, EmitAndRelease. Only that is timed.
func (g *guest) bench(request *request) (any, error) {
	source, ok := g.sources[request.Source]
	if !ok || len(source.structs) != 1 {
		return nil, fmt.Errorf("no source %s with one structure", request.Source)
	}
	data, err := os.ReadFile(request.File)
	if err != nil {
		return nil, err
	}
	size := int(source.structs[0].size)
	packet := make([]byte, max(request.Elements, 1)*size)
	before := g.seen
	began := time.Now()
	for range request.Count {
		if err := source.emitRecords(data, packet); err != nil {
			return nil, err
		}
	}
	taken := time.Since(began)
	events := g.events
	g.events = nil
	return measured{taken.Seconds(), g.seen - before, events, hex.EncodeToString(packet[len(packet)-size:])}, nil
}

// emitRecords emits records, as many at a time as the packet has. They are copied to where the last ones were, as the
// reader of a ring buffer does: a guest writes into them.
func (s *source) emitRecords(data, packet []byte) error {
	emit := s.emitArray
	if s.Type() == datasource.TypeSingle {
		emit = s.emitSingle
	}
	for ; len(data) >= len(packet); data = data[len(packet):] {
		copy(packet, data)
		if err := emit(packet); err != nil {
			return err
		}
	}
	return nil
}

func (s *source) emitSingle(record []byte) error {
	packet, err := s.NewPacketSingle()
	if err != nil {
		return err
	}
	if err := s.structs[0].Set(packet, record); err != nil {
		return err
	}
	return s.EmitAndRelease(packet)
}

func (s *source) emitArray(records []byte) error {
	packet, err := s.NewPacketArray()
	if err != nil {
		return err
	}
	structure := s.structs[0]
	for ; len(records) > 0; records = records[structure.size:] {
		element := packet.New()
		if err := structure.Set(element, records[:structure.size]); err != nil {
			return err
		}
		packet.Append(element)
	}
	return s.EmitAndRelease(packet)
}

// count subscribes behind everything else and only counts.
func (g *guest) count() error {
	for _, source := range g.sources {
		if err := source.Subscribe(func(datasource.DataSource, datasource.Data) error {
			g.seen++
			return nil
		}, 10000); err != nil {
			return err
		}
	}
	return nil
}

// hold begins further guests beside the one that runs, has each see the records once, and tells what they take.
func (a *adapter) hold(request *request) (any, error) {
	before, err := memoryInUse()
	if err != nil {
		return nil, err
	}
	first := a.guest
	defer func() { a.guest = first }()
	for range request.Count {
		if _, err := a.begin(request); err != nil {
			return nil, err
		}
		a.held = append(a.held, a.guest)
		once := *request
		once.Count = 1
		if _, err := a.guest.bench(&once); err != nil {
			return nil, err
		}
	}
	after, err := memoryInUse()
	return held{after - before}, err
}

// memoryInUse is what of the machine's memory the process has, pages that it shares in parts, without garbage.
func memoryInUse() (int, error) {
	debug.FreeOSMemory() // collects first
	rollup, err := os.ReadFile("/proc/self/smaps_rollup")
	if err != nil {
		return 0, err
	}
	_, rest, _ := bytes.Cut(rollup, []byte("\nPss:"))
	number, _, _ := bytes.Cut(rest, []byte("kB"))
	pages, err := strconv.Atoi(string(bytes.TrimSpace(number)))
	return pages << 10, err
}
