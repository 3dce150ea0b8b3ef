package main

// The suite's protocol, version 1.

type request struct {
	Do      string    `json:"do"`
	Module  string    `json:"module"`
	Setup   setup     `json:"setup"`
	Memory  []piece   `json:"memory"`
	Source  string    `json:"source"`
	Packet  []element `json:"packet"`
	Count   int       `json:"count"`
	Export  string    `json:"export"`
	Address uint32    `json:"address"`
	Length  uint32    `json:"length"`
	Map     string    `json:"map"`
	Records []string  `json:"records"`

	// Not of the suite's protocol: many events at once.
	Packets [][]element `json:"packets"` // emit: instead of one packet
	Quiet   bool        `json:"quiet"`   // emit: events are only counted

	// Not of the suite's protocol: what the benchmark asks.
	Plain    bool   `json:"plain"`    // begin: nothing of ours between the operator and the guest
	File     string `json:"file"`     // bench, hold: of records
	Elements int    `json:"elements"` // bench, hold: in each packet of an array source
}

type element map[string]string

type piece struct {
	Address uint32 `json:"address"`
	Bytes   string `json:"bytes"`
}

type setup struct {
	Sources  []sourceSetup     `json:"sources"`
	Params   map[string]string `json:"params"`
	Config   map[string]any    `json:"config"`
	Maps     []mapSetup        `json:"maps"`
	Syscalls string            `json:"syscalls"`
	Kallsyms []string          `json:"kallsyms"`
	MountNs  []string          `json:"mntns"`
	LogLevel string            `json:"log_level"`
}

type sourceSetup struct {
	Name    string        `json:"name"`
	Type    string        `json:"type"`
	Structs []structSetup `json:"structs"`
	Fields  []fieldSetup  `json:"fields"`
}

type structSetup struct {
	Size    uint32       `json:"size"`
	Members []fieldSetup `json:"members"`
}

type fieldSetup struct {
	Name   string `json:"name"`
	Kind   string `json:"kind"`
	Offset uint32 `json:"offset"`
	Size   uint32 `json:"size"`
}

type mapSetup struct {
	Name       string            `json:"name"`
	Type       string            `json:"type"`
	KeySize    uint32            `json:"key_size"`
	ValueSize  uint32            `json:"value_size"`
	MaxEntries uint32            `json:"max_entries"`
	Inner      *mapSetup         `json:"inner"`
	Entries    map[string]string `json:"entries"`
	Records    []string          `json:"records"`
}

type hello struct {
	Name     string   `json:"name"`
	Version  string   `json:"version"`
	Releases []string `json:"releases"`
	Modes    []string `json:"modes"`
}

type failure struct {
	Error string `json:"error"`
}

type unsupported struct {
	Unsupported string `json:"unsupported"`
}

type observation struct {
	Failed *string     `json:"failed"`
	Logs   []logLine   `json:"logs"`
	Events []seenEvent `json:"events"`
	Counts counts      `json:"counts,omitempty"`
}

// counts is how many events were seen of a source in a quiet step.
type counts map[string]int

type logLine struct {
	Level   int    `json:"level"`
	Message string `json:"message"`
}

type seenEvent struct {
	Source string    `json:"source"`
	Packet []element `json:"packet"`
}
