"""The other host functions on the model, and all of them together."""

from __future__ import annotations

import string
import struct
from typing import Any

from .data_calls import DataCalls
from .model import STRING, U32, Failed, Unsaid
from .state import ANY, New, Open, Reader, Table

HASH, MAP_ARRAY, PERF = 1, 2, 4
NAME_LENGTH, NAME_CHARACTERS = 15, frozenset(string.ascii_letters + string.digits + "_.")
"""Of a map's name, as the kernel takes it."""
DEADLINE = 2
"""What reading gives when there is nothing to read."""


class Calls(DataCalls):
    """Every host function, by its own name."""

    # -- log

    def gadgetLog(self, level: int, message: int) -> int:
        self.text(message)
        return 0

    def gadgetShouldLog(self, level: int) -> int:
        if self.quirk("should-log-wraps") and level >= U32 - 1:
            return 1
        return int(level <= self.world.log_level)

    # -- handles, parameters, configuration, log, filter, symbols

    def releaseHandle(self, handle: int) -> int:
        if handle not in self.handles:
            raise Failed
        del self.handles[handle]
        return 0

    def getParamValue(self, key: int, destination: int | None = None) -> int:
        value = self.world.params.get(self.text(key))
        if value is None:
            raise Failed
        return self._give_or_put(value.encode(), destination)

    def _give_or_put(self, data: bytes, destination: int | None) -> int:
        if destination is None:
            return self.give(data)
        self.put(destination, data)
        return 0

    def setConfig(self, key: int, value: int, kind: int) -> Any:
        self.text(key)
        if kind != STRING:
            raise Failed
        self.text(value)
        return ANY

    def shouldDiscardMntnsID(self, mntns_id: int) -> int:
        kept = self.world.mntns
        return int(self.started and kept is not None and mntns_id not in kept)

    def kallsymsSymbolExists(self, symbol: int) -> int:
        return int(self.text(symbol) in self.world.symbols)

    # -- syscalls

    def getSyscallName(self, id: int, destination: int | None = None) -> int:
        number = id & 0xFFFF
        return self._give_or_put(
            (self.world.syscalls.name(number) or f"syscall_{number:x}").encode(), destination
        )

    def getSyscallID(self, name: int) -> int:
        number: int | None = self.world.syscalls.number(self.text(name))
        if number is None:
            raise Failed
        return number

    def getSyscallDeclaration(self, name: int, declaration: int) -> int:
        found = self.world.syscalls.declaration(self.text(name))
        if found is None:
            raise Failed
        packed = struct.pack("<32sB3x", found.name.encode(), len(found.params))
        for param in found.params:
            packed += struct.pack("<32sI", param.name.encode(), int(param.is_pointer))
        self.put(declaration, packed.ljust(252, b"\0"), early=False)
        return 0

    # -- maps

    def newMap(self, name: int, type: int, key_size: int, value_size: int, max_entries: int) -> Any:
        self.room()
        odd = set(self.text(name)[:NAME_LENGTH].partition("\0")[0]) - NAME_CHARACTERS
        if odd and not self.changed("map-names-cleaned"):
            if not all(letter.isascii() for letter in odd):
                raise Unsaid("which letters the kernel takes")
            raise Failed
        if type not in (HASH, MAP_ARRAY) or max(key_size, value_size, max_entries) > 1 << 12:
            return Open("map", Table(type, key_size, value_size, max_entries, None, created=True))
        if not (key_size and value_size and max_entries) or (type == MAP_ARRAY and key_size != 4):
            raise Failed
        entries = {}
        if type == MAP_ARRAY:
            entries = {n.to_bytes(4, "little"): bytes(value_size) for n in range(max_entries)}
        return New("map", Table(type, key_size, value_size, max_entries, entries, created=True))

    def getMap(self, name: int) -> New:
        self.room()
        found = self.world.maps.get(self.text(name))
        if found is None:
            raise Failed
        return New("map", found)

    def mapLookup(self, map: int, key: int, value: int) -> Any:
        table, wanted = self._table(map), self.raw(key)
        if table.entries is None:
            self.spoil(value)
            return ANY
        found = table.entries.get(wanted)
        if found is None and len(wanted) == table.key_size and self.quirk("missing-key-found"):
            return 0
        if found is None:
            raise Failed
        self.put(value, found, early=False)
        return 0

    def mapUpdate(self, map: int, key: int, value: int, flags: int) -> Any:
        table, place, new = self._table(map), self.raw(key), self.raw(value)
        if flags > 4 or flags == 3:
            raise Failed
        if table.entries is None:
            return ANY
        if flags == 4:
            raise Unsaid("whether the map's values have a lock")
        if len(place) != table.key_size or len(new) != table.value_size:
            raise Failed
        there = place in table.entries
        if (flags == 1 and there) or (flags == 2 and not there):
            raise Failed
        if not there and (table.type == MAP_ARRAY or len(table.entries) >= table.most):
            raise Failed
        table.entries[place] = new
        return 0

    def mapDelete(self, map: int, key: int) -> Any:
        table, place = self._table(map), self.raw(key)
        if table.entries is None:
            return ANY
        if table.type == MAP_ARRAY or place not in table.entries:
            raise Failed
        del table.entries[place]
        return 0

    def mapRelease(self, map: int) -> int:
        table = self._table(map)
        if not table.created:
            raise Failed
        self._drop(table)
        return 0

    def _table(self, map: int) -> Table:
        found: Table = self.find(map, "map")
        return found

    def _drop(self, what: object) -> None:
        for number in [n for n, (_, item) in self.handles.items() if item is what]:
            del self.handles[number]

    # -- perf readers

    def newPerfReader(self, map: int, size: int, overwritable: int) -> Any:
        if self.handles.get(map, ("",))[0] != "map" and self.quirk("perf-reader-of-no-map"):
            return 1
        self.room()
        table = self._table(map)
        if table.type != PERF and not self.quirk("perf-reader-of-hash"):
            raise Failed
        return Open("perf-reader", Reader(bool(overwritable)))

    def _reader(self, reader: int) -> Reader:
        found: Reader = self.find(reader, "perf-reader")
        return found

    def perfReaderPause(self, reader: int) -> int:
        self._reader(reader).paused = True
        return 0

    def perfReaderResume(self, reader: int) -> int:
        self._reader(reader).paused = False
        return 0

    def perfReaderRead(self, reader: int, destination: int) -> int:
        found = self._reader(reader)
        told = not self.changed("start-function-is-initialize")
        inside = self.memory.holds(destination & U32, 8 if told else destination >> 32)
        if not inside and told:
            raise Unsaid("when the address of the result is looked at")
        if not inside and not self.quirk("destination-bounds"):
            raise Failed
        if found.overwritable and not found.paused:
            raise Failed
        return DEADLINE

    def perfReaderClose(self, reader: int) -> int:
        self._drop(self.find(reader, "perf-reader"))
        return 0
