package main

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"syscall"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"
)

const (
	currentCPU = 0xFFFFFFFF // BPF_F_CURRENT_CPU, of bpf_perf_event_output
	onCPU      = 1          // BPF_F_TEST_RUN_ON_CPU, of a test run
)

// perfArray is a map for perf records, with those that wait for somebody who reads them.
type perfArray struct {
	*ebpf.Map
	waiting [][]byte
}

func decodeAll(texts []string) ([][]byte, error) {
	records := make([][]byte, len(texts))
	for i, text := range texts {
		record, err := hex.DecodeString(text)
		if err != nil {
			return nil, err
		}
		records[i] = record
	}
	return records, nil
}

// perf outputs records as an eBPF program does. Nobody may be reading: the records are lost then, as they would be.
func (g *guest) perf(request *request) error {
	array, ok := g.arrays[request.Map]
	if !ok {
		return fmt.Errorf("no perf event array %s", request.Map)
	}
	records, err := decodeAll(request.Records)
	if err != nil {
		return err
	}
	for _, record := range records {
		if err := array.output(record); err != nil && !errors.Is(err, syscall.ENOENT) {
			return err
		}
	}
	return nil
}

// deliver outputs what waits for a reader.
func (g *guest) deliver() error {
	for _, array := range g.arrays {
		for len(array.waiting) > 0 {
			err := array.output(array.waiting[0])
			if errors.Is(err, syscall.ENOENT) {
				break
			}
			if err != nil {
				return err
			}
			array.waiting = array.waiting[1:]
		}
	}
	return nil
}

// output runs a program on CPU 0 that hands a record to the array; ENOENT: nobody reads.
func (a *perfArray) output(record []byte) error {
	held, err := ebpf.NewMap(&ebpf.MapSpec{Type: ebpf.Array, KeySize: 4, ValueSize: uint32(len(record)), MaxEntries: 1})
	if err != nil {
		return err
	}
	defer held.Close()
	if err := held.Put(uint32(0), record); err != nil {
		return err
	}
	program, err := ebpf.NewProgram(&ebpf.ProgramSpec{
		Type: ebpf.RawTracepoint, License: "GPL", Instructions: a.program(held, len(record)),
	})
	if err != nil {
		return err
	}
	defer program.Close()
	result, err := program.Run(&ebpf.RunOptions{Context: make([]byte, 8), Flags: onCPU, CPU: 0})
	if err != nil {
		return err
	}
	if code := int32(result); code < 0 {
		return syscall.Errno(-code)
	}
	return nil
}

// program is: record := held[0]; return bpf_perf_event_output(context, array, the current CPU, record, its size).
func (a *perfArray) program(held *ebpf.Map, size int) asm.Instructions {
	return asm.Instructions{
		asm.Mov.Reg(asm.R6, asm.R1),
		asm.StoreImm(asm.RFP, -4, 0, asm.Word),
		asm.Mov.Reg(asm.R2, asm.RFP),
		asm.Add.Imm(asm.R2, -4),
		asm.LoadMapPtr(asm.R1, held.FD()),
		asm.FnMapLookupElem.Call(),
		asm.JEq.Imm(asm.R0, 0, "end"),
		asm.Mov.Reg(asm.R4, asm.R0),
		asm.Mov.Reg(asm.R1, asm.R6),
		asm.LoadMapPtr(asm.R2, a.FD()),
		asm.LoadImm(asm.R3, currentCPU, asm.DWord),
		asm.Mov.Imm(asm.R5, int32(size)),
		asm.FnPerfEventOutput.Call(),
		asm.Return().WithSymbol("end"),
	}
}

// delivery outputs what waits as soon as the guest has a reader. (For a real gadget records come all the time.)
type delivery struct{}

func (delivery) Before(context.Context, api.Module, api.FunctionDefinition, []uint64, experimental.StackIterator) {
}

func (delivery) After(context.Context, api.Module, api.FunctionDefinition, []uint64) {
	if err := current.deliver(); err != nil {
		current.broken = errors.Join(current.broken, err)
	}
}

func (delivery) Abort(context.Context, api.Module, api.FunctionDefinition, error) {}
