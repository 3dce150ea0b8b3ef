package main

import (
	"encoding/hex"
	"fmt"
	"slices"

	"github.com/inspektor-gadget/inspektor-gadget/pkg/datasource"
	"github.com/inspektor-gadget/inspektor-gadget/pkg/gadget-service/api"
)

// source is a data source with the containers of its structures, which a packet of the host's own must fill first.
type source struct {
	datasource.DataSource
	structs []container
}

type container struct {
	datasource.FieldAccessor
	size uint32
}

// member is a field of a structure.
type member struct{ fieldSetup }

func (m member) FieldName() string   { return m.Name }
func (m member) FieldSize() uint32   { return m.Size }
func (m member) FieldOffset() uint32 { return m.Offset }
func (m member) FieldType() api.Kind { return api.Kind(api.Kind_value[m.Kind]) }

func (g *guest) addSource(given sourceSetup) error {
	types := map[string]datasource.Type{"single": datasource.TypeSingle, "array": datasource.TypeArray}
	made, err := g.context.RegisterDataSource(types[given.Type], given.Name)
	if err != nil {
		return err
	}
	added := &source{DataSource: made}
	for _, structure := range given.Structs {
		fields := make([]datasource.StaticField, len(structure.Members))
		for i, field := range structure.Members {
			fields[i] = member{field}
		}
		accessor, err := made.AddStaticFields(structure.Size, fields)
		if err != nil {
			return err
		}
		added.structs = append(added.structs, container{accessor, structure.Size})
	}
	for _, field := range given.Fields {
		if _, err := made.AddField(field.Name, api.Kind(api.Kind_value[field.Kind])); err != nil {
			return err
		}
	}
	g.sources[given.Name] = added
	return nil
}

// packet makes a packet as an operator of the host would.
func (s *source) packet(given []element) (datasource.Packet, error) {
	if s.Type() == datasource.TypeSingle {
		packet, err := s.NewPacketSingle()
		if err != nil {
			return nil, err
		}
		return packet, s.fill(packet, given[0])
	}
	packet, err := s.NewPacketArray()
	if err != nil {
		return nil, err
	}
	for _, fields := range given {
		data := packet.New()
		if err := s.fill(data, fields); err != nil {
			return nil, err
		}
		packet.Append(data)
	}
	return packet, nil
}

func (s *source) fill(data datasource.Data, fields element) error {
	for _, structure := range s.structs {
		if err := structure.Set(data, make([]byte, structure.size)); err != nil {
			return err
		}
	}
	for name, digits := range fields {
		field := s.GetField(name)
		if field == nil {
			return fmt.Errorf("no field %s", name)
		}
		value, err := hex.DecodeString(digits)
		if err != nil {
			return err
		}
		if err := field.Set(data, value); err != nil {
			return err
		}
	}
	return nil
}

// elements gives the bytes of every field; those that the data has no room for are left out. A packet that is not of
// the source's type has none to look at: nil.
func elements(from datasource.DataSource, packet datasource.Packet) []element {
	switch packet := packet.(type) {
	case datasource.DataArray:
		if from.Type() != datasource.TypeArray {
			return nil
		}
		found := []element{}
		for i := range packet.Len() {
			found = append(found, fields(from, packet.Get(i)))
		}
		return found
	case datasource.Data:
		if from.Type() == datasource.TypeSingle {
			return []element{fields(from, packet)}
		}
	}
	return nil
}

func fields(from datasource.DataSource, data datasource.Data) element {
	found := element{}
	for _, accessor := range from.Accessors(false) {
		if raw, ok := get(accessor, data); ok {
			found[accessor.FullName()] = hex.EncodeToString(raw)
		}
	}
	return found
}

func get(accessor datasource.FieldAccessor, data datasource.Data) (raw []byte, ok bool) {
	defer func() {
		if recover() != nil {
			raw, ok = nil, false
		}
	}()
	return accessor.Get(data), true
}

func (g *guest) describeSources() []any {
	found := []any{}
	for name, source := range g.context.GetDataSources() {
		types := map[datasource.Type]string{datasource.TypeSingle: "single", datasource.TypeArray: "array"}
		described := []any{}
		for _, field := range source.Fields() {
			described = append(described, map[string]any{
				"name":        field.FullName,
				"kind":        api.Kind_name[int32(field.Kind)],
				"tags":        slices.Clone(append([]string{}, field.Tags...)),
				"annotations": field.Annotations,
				"hidden":      field.Flags&uint32(datasource.FieldFlagHidden) != 0,
			})
		}
		found = append(found, map[string]any{
			"name": name, "type": types[source.Type()], "tags": append([]string{}, source.Tags()...),
			"annotations": source.Annotations(), "fields": described,
		})
	}
	return found
}
