package main

import (
	"encoding/hex"
	"fmt"
	"runtime"
	"strconv"
	"strings"

	"github.com/cilium/ebpf"
	"github.com/spf13/viper"

	"github.com/inspektor-gadget/inspektor-gadget/pkg/gadgets"
)

const (
	mapPrefix   = "map/" // of the variables getMap looks at; a constant of upstream's only since v0.38
	lastMapType = 33     // Arena
)

var architectures = map[string]string{"x86_64": "amd64", "aarch64": "arm64"}

// setUp prepares what the gadget will find; or says what cannot be prepared here.
func (g *guest) setUp(given *setup) (string, error) {
	g.sources = map[string]*source{}
	if reason := impossible(given); reason != "" {
		return reason, nil
	}
	if given.Config != nil {
		config := viper.New()
		if err := config.MergeConfigMap(given.Config); err != nil {
			return "", err
		}
		g.context.SetVar("config", config)
	}
	for _, source := range given.Sources {
		if err := g.addSource(source); err != nil {
			return "", err
		}
	}
	if err := g.addMaps(given.Maps); err != nil {
		return "", err
	}
	return "", g.keepMountNs(given.MountNs)
}

func impossible(given *setup) string {
	if reason := setSymbols(given.Kallsyms); reason != "" {
		return reason
	}
	if given.Syscalls != "" && architectures[given.Syscalls] != runtime.GOARCH {
		return "the syscalls are those of " + runtime.GOARCH
	}
	for _, item := range given.Maps {
		if len(item.Entries) > 0 && strings.Contains(item.Type, "PerCPU") {
			return "the number of CPUs is the machine's"
		}
	}
	return ""
}

func (g *guest) addMaps(maps []mapSetup) error {
	made := map[string]*ebpf.Map{}
	g.arrays = map[string]*perfArray{}
	for _, given := range maps {
		spec, err := given.spec()
		if err != nil {
			return err
		}
		added, err := ebpf.NewMap(spec)
		if err != nil {
			return fmt.Errorf("map %s: %w", given.Name, err)
		}
		g.toClose = append(g.toClose, added.Close)
		made[given.Name] = added
		if err := put(added, given.Entries, made); err != nil {
			return fmt.Errorf("map %s: %w", given.Name, err)
		}
		if added.Type() == ebpf.PerfEventArray {
			records, err := decodeAll(given.Records)
			if err != nil {
				return err
			}
			g.arrays[given.Name] = &perfArray{added, records}
		}
		g.context.SetVar(mapPrefix+given.Name, added)
	}
	return nil
}

func (m *mapSetup) spec() (*ebpf.MapSpec, error) {
	for kind := ebpf.Hash; kind <= lastMapType; kind++ {
		if strings.EqualFold(kind.String(), m.Type) {
			spec := &ebpf.MapSpec{Type: kind, KeySize: m.KeySize, ValueSize: m.ValueSize, MaxEntries: m.MaxEntries}
			if m.Inner != nil {
				inner, err := m.Inner.spec()
				if err != nil {
					return nil, err
				}
				spec.InnerMap, spec.ValueSize = inner, 4
			}
			return spec, nil
		}
	}
	return nil, fmt.Errorf("no map type %s", m.Type)
}

func put(into *ebpf.Map, entries map[string]string, made map[string]*ebpf.Map) error {
	for key, value := range entries {
		raw, err := hex.DecodeString(key)
		if err != nil {
			return err
		}
		if name, ok := strings.CutPrefix(value, "$"); ok {
			err = into.Put(raw, made[name])
		} else {
			var content []byte
			if content, err = hex.DecodeString(value); err == nil {
				err = into.Put(raw, content)
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// keepMountNs makes the map by which the eBPF side filters, and the wasm operator with it.
func (g *guest) keepMountNs(namespaces []string) error {
	if namespaces == nil {
		return nil
	}
	filter, err := ebpf.NewMap(&ebpf.MapSpec{Type: ebpf.Hash, KeySize: 8, ValueSize: 4, MaxEntries: 1024})
	if err != nil {
		return err
	}
	g.toClose = append(g.toClose, filter.Close)
	for _, text := range namespaces {
		inode, err := strconv.ParseUint(strings.TrimPrefix(text, "u64:"), 0, 64)
		if err != nil {
			return err
		}
		if err := filter.Put(inode, uint32(1)); err != nil {
			return err
		}
	}
	g.context.SetVar(gadgets.MntNsFilterMapName, filter)
	return nil
}
