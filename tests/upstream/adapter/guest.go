package main

import (
	"context"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"
	"oras.land/oras-go/v2/content/memory"

	"github.com/inspektor-gadget/inspektor-gadget/pkg/datasource"
	gadgetcontext "github.com/inspektor-gadget/inspektor-gadget/pkg/gadget-context"
	"github.com/inspektor-gadget/inspektor-gadget/pkg/logger"
	"github.com/inspektor-gadget/inspektor-gadget/pkg/operators"
	_ "github.com/inspektor-gadget/inspektor-gadget/pkg/operators/wasm"
)

const mediaType = "application/vnd.gadget.wasm.program.v1+binary"

// A step that takes longer is one that never ends: upstream has a deadline for gadgetStop only.
var patience = flag.Duration("patience", 3*time.Second, "how long a step may take")

// guest is one gadget in the real operator, from load to close.
type guest struct {
	context *gadgetcontext.GadgetContext
	log     *recorder
	sources map[string]*source
	arrays  map[string]*perfArray
	params  map[string]string
	pieces  []piece

	image      *memory.Store // what the module is taken from, until it is instantiated
	descriptor ocispec.Descriptor

	instance operators.ImageOperatorInstance
	module   api.Module // known from the first call of an export on
	early    error      // what instantiating gave, for init to report
	broken   error      // what went wrong on our side, in a place that cannot tell
	events   []seenEvent
	counts   counts // instead of events, while only they are wanted
	toClose  []func() error
	plain    bool // only counts what is emitted
	seen     int
}

func newGuest(request *request) (*guest, string, error) {
	g := &guest{log: newRecorder(request.Setup.LogLevel), pieces: request.Memory, params: request.Setup.Params}
	current = g
	ctx := context.Background()
	if g.plain = request.Plain; !g.plain {
		ctx = experimental.WithFunctionListenerFactory(ctx, listener{})
	}
	g.context = gadgetcontext.New(ctx, "conformance", gadgetcontext.WithLogger(logger.NewFromGenericLogger(g.log)))
	reason, err := g.setUp(&request.Setup)
	return g, reason, err
}

// current is the guest whose module is instantiated next. A compiled module keeps the listeners it was compiled with as
// long as it is cached, so a listener cannot belong to a guest.
var current *guest

// listener makes wazero hand over the module when an export runs for the first time: before gadgetInit, and after the
// operator let go of the bytes.
type listener struct{}

func (listener) NewFunctionListener(definition api.FunctionDefinition) experimental.FunctionListener {
	early := []string{"_start", "_initialize", "gadgetAPIVersion"}
	for _, name := range definition.ExportNames() {
		if slices.Contains(early, name) {
			return listener{}
		}
		if name == "newPerfReader" {
			return delivery{}
		}
	}
	return nil
}

func (listener) Before(_ context.Context, module api.Module, _ api.FunctionDefinition, _ []uint64, _ experimental.StackIterator) {
	if current.module != nil {
		return
	}
	current.module = module
	for _, piece := range current.pieces {
		data, _ := hex.DecodeString(piece.Bytes)
		module.Memory().Write(piece.Address, data)
	}
}

func (listener) After(context.Context, api.Module, api.FunctionDefinition, []uint64) {}

func (listener) Abort(context.Context, api.Module, api.FunctionDefinition, error) {}

// ------------------------------------------------------------------------------------------------------ life

// load instantiates, which in upstream includes gadgetInit from v0.42 on. A module that was refused before any of
// its code ran fails here; everything later is kept for init.
func (g *guest) load(request *request) error {
	if err := g.store(request.Module); err != nil {
		return err
	}
	return g.instantiate()
}

// store puts the module where the operator takes it from.
func (g *guest) store(module string) error {
	wasm, err := os.ReadFile(module)
	if err != nil {
		return err
	}
	g.descriptor = ocispec.Descriptor{MediaType: mediaType, Digest: digest.FromBytes(wasm), Size: int64(len(wasm))}
	g.image = memory.New()
	return g.image.Push(g.context.Context(), g.descriptor, newReader(wasm))
}

func (g *guest) instantiate() error {
	operator, _ := operators.GetImageOperatorForMediaType(mediaType)
	g.early = g.patiently(func() (err error) {
		g.instance, err = operator.InstantiateImageOperator(g.context, g.image, g.descriptor, g.params)
		return err
	})
	g.image = nil
	if g.early != nil && (g.module == nil || g.plain) {
		return g.early
	}
	g.log.hold()
	return nil
}

func (g *guest) init() error {
	g.log.release()
	if g.early != nil {
		return g.early
	}
	if old := g.old(); old != nil {
		if err := old.Prepare(g.context); err != nil {
			return err
		}
	}
	if g.plain {
		return g.count()
	}
	return g.observeSources()
}

// preparer is what the operator's instance was before v0.42.
type preparer interface {
	Prepare(operators.GadgetContext) error
}

func (g *guest) old() preparer {
	old, _ := g.instance.(preparer)
	return old
}

func (g *guest) start() error {
	if first, ok := g.instance.(operators.PreStart); ok {
		if err := first.PreStart(g.context); err != nil {
			return err
		}
	}
	return g.instance.Start(g.context)
}

func (g *guest) stop() error {
	err := g.instance.Stop(g.context)
	if last, ok := g.instance.(operators.PostStop); ok {
		err = errors.Join(err, last.PostStop(g.context))
	}
	if err != nil && g.old() != nil { // whoever called the operator then wrote it to the log and went on
		g.log.add(logger.ErrorLevel, err.Error())
		return nil
	}
	return err
}

func (g *guest) call(export string) error {
	function := g.module.ExportedFunction(export)
	if function == nil {
		return fmt.Errorf("no export %s", export)
	}
	_, err := function.Call(context.Background())
	return err
}

func (g *guest) close() {
	g.context.Cancel()
	if last, ok := g.instance.(interface {
		Close(operators.GadgetContext) error
	}); ok && !reflect.ValueOf(g.instance).IsNil() {
		_ = last.Close(g.context)
	}
	for _, close := range g.toClose {
		_ = close()
	}
}

// observe takes a step and tells what went wrong, what was logged and what was emitted in it.
func (g *guest) observe(step func() error) any {
	return g.observation(g.patiently(step))
}

func (g *guest) observation(err error) any {
	found := observation{Logs: g.log.take(), Events: append([]seenEvent{}, g.events...), Counts: g.counts}
	g.events, g.counts = nil, nil
	if g.broken != nil {
		return failure{g.broken.Error()}
	}
	for _, line := range found.Logs {
		if strings.Contains(line.Message, "gathering syscall declarations") {
			return unsupported{"syscall declarations need debugfs and root: " + line.Message}
		}
	}
	if err != nil {
		text := err.Error()
		found.Failed = &text
	}
	return found
}

// patiently waits for a step, but not for ever. A panic is what ends the real process; here it is a failure like any
// other.
func (g *guest) patiently(step func() error) error {
	done := make(chan error, 1)
	go func() {
		defer func() {
			if reason := recover(); reason != nil {
				done <- fmt.Errorf("panic: %v", reason)
			}
		}()
		done <- step()
	}()
	select {
	case err := <-done:
		return err
	case <-time.After(*patience):
		g.context.Cancel()
		return errors.New("it hangs")
	}
}

// ---------------------------------------------------------------------------------------------------- looking

func (g *guest) read(address, length uint32) any {
	if g.module == nil {
		return failure{"the module never ran"}
	}
	data, ok := g.module.Memory().Read(address, length)
	if !ok {
		return failure{"outside the memory"}
	}
	return map[string]string{"bytes": hex.EncodeToString(data)}
}

// memory gives the size of the guest's memory, in pages.
func (g *guest) memory() any {
	if g.module == nil {
		return failure{"the module never ran"}
	}
	return map[string]uint32{"pages": g.module.Memory().Size() >> 16}
}

func (g *guest) handles() int {
	if g.early != nil {
		return 0
	}
	return reflect.ValueOf(g.instance).Elem().FieldByName("handleMap").Len()
}

func (g *guest) emit(request *request) error {
	source, ok := g.sources[request.Source]
	if !ok {
		return fmt.Errorf("no source %s", request.Source)
	}
	packets := request.Packets
	if packets == nil {
		packets = [][]element{request.Packet}
	}
	if request.Quiet {
		g.counts = counts{}
	}
	for range max(request.Count, 1) {
		for _, given := range packets {
			packet, err := source.packet(given)
			if err != nil {
				return err
			}
			if err := source.EmitAndRelease(packet); err != nil {
				return err
			}
		}
	}
	return nil
}

func (g *guest) observeSources() error {
	for name, found := range g.context.GetDataSources() {
		if _, ok := g.sources[name]; !ok || g.sources[name].DataSource != found {
			g.sources[name] = &source{DataSource: found}
		}
		err := found.SubscribePacket(func(from datasource.DataSource, packet datasource.Packet) error {
			if g.counts != nil {
				g.counts[from.Name()]++
			} else if found := elements(from, packet); found != nil {
				g.events = append(g.events, seenEvent{from.Name(), found})
			}
			return nil
		}, 10000)
		if err != nil {
			return err
		}
	}
	return nil
}
