package main

import (
	"bytes"
	"fmt"
	"io"
	"sync"

	"github.com/inspektor-gadget/inspektor-gadget/pkg/logger"
)

// recorder keeps what is logged, with the level as the ABI numbers it: 0 error to 4 trace.
type recorder struct {
	lock  sync.Mutex
	level logger.Level
	lines []logLine
	held  []logLine
}

func newRecorder(level string) *recorder {
	levels := map[string]logger.Level{
		"Error": logger.ErrorLevel, "Warn": logger.WarnLevel, "Info": logger.InfoLevel,
		"Debug": logger.DebugLevel, "Trace": logger.TraceLevel,
	}
	return &recorder{level: levels[level]}
}

func (r *recorder) SetLevel(level logger.Level) { r.level = level }

func (r *recorder) GetLevel() logger.Level { return r.level }

func (r *recorder) Log(level logger.Level, params ...any) { r.add(level, fmt.Sprint(params...)) }

func (r *recorder) Logf(level logger.Level, format string, params ...any) {
	r.add(level, fmt.Sprintf(format, params...))
}

func (r *recorder) add(level logger.Level, text string) {
	r.lock.Lock()
	defer r.lock.Unlock()
	if level <= r.level {
		r.lines = append(r.lines, logLine{int(level) - int(logger.ErrorLevel), text})
	}
}

// hold puts the lines aside until release.
func (r *recorder) hold() {
	r.lock.Lock()
	defer r.lock.Unlock()
	r.held, r.lines = r.lines, nil
}

func (r *recorder) release() {
	r.lock.Lock()
	defer r.lock.Unlock()
	r.lines, r.held = append(r.held, r.lines...), nil
}

func (r *recorder) take() []logLine {
	r.lock.Lock()
	defer r.lock.Unlock()
	taken := append([]logLine{}, r.lines...)
	r.lines = nil
	return taken
}

func newReader(data []byte) io.Reader { return bytes.NewReader(data) }
