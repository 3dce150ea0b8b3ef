package main

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/inspektor-gadget/inspektor-gadget/pkg/datasource"
)

// measured is what a bench request answers.
type measured struct {
	Seconds float64 `json:"seconds"`
	Seen    int     `json:"seen"` // elements that the last subscriber was called for
}

// bench emits the records of a file over and over, each as the eBPF operator does: a new packet, the record's bytes as
// its one structure, EmitAndRelease. Only that is timed.
func (g *guest) bench(request *request) any {
	source, ok := g.sources[request.Source]
	if !ok || len(source.structs) != 1 {
		return failure{fmt.Sprintf("no source %s with one structure", request.Source)}
	}
	data, err := os.ReadFile(request.Records)
	if err != nil {
		return failure{err.Error()}
	}
	size := int(source.structs[0].size)
	records := make([][]byte, len(data)/size)
	for i := range records {
		records[i] = data[i*size : (i+1)*size]
	}
	before := g.seen
	began := time.Now()
	for range request.Count {
		err = errors.Join(err, source.emitRecords(records, max(request.Elements, 1)))
	}
	taken := time.Since(began)
	if err != nil {
		return failure{err.Error()}
	}
	return measured{taken.Seconds(), g.seen - before}
}

// emitRecords emits each record as a packet, or, to an array source, as many of them as an array has.
func (s *source) emitRecords(records [][]byte, elements int) error {
	structure := s.structs[0]
	if s.Type() == datasource.TypeSingle {
		for _, record := range records {
			packet, err := s.NewPacketSingle()
			if err != nil {
				return err
			}
			if err := structure.Set(packet, record); err != nil {
				return err
			}
			if err := s.EmitAndRelease(packet); err != nil {
				return err
			}
		}
		return nil
	}
	for start := 0; start+elements <= len(records); start += elements {
		packet, err := s.NewPacketArray()
		if err != nil {
			return err
		}
		for _, record := range records[start : start+elements] {
			data := packet.New()
			if err := structure.Set(data, record); err != nil {
				return err
			}
			packet.Append(data)
		}
		if err := s.EmitAndRelease(packet); err != nil {
			return err
		}
	}
	return nil
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
