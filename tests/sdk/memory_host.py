"""A host in memory for the SDK's native tests: a test double, at the seam the SDK has for it.

It stands in for the module `wit_world` that componentize-py generates, with the semantics of the ABI table
and of Inspektor Gadget's data sources, as far as the SDK can see them, and with a test's hands on everything
inside. The arguments of every call are checked against the canonical functions: componentize-py would end the
module for a wrong one. What only a real host can show is tested with one, in test_in_wasm.py.
"""

import functools
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import gadget_abi
from gadget_abi.canonical import CanonicalFunction, canonical_functions

WIDTHS = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 2, 8: 4, 9: 8, 10: 4, 11: 8}
STRING, BYTES = 12, 14
RANGES = {"u32": (0, 1 << 32), "u64": (0, 1 << 64), "s32": (-(1 << 31), 1 << 31)}


class Err(Exception):  # noqa: N818  its name there
    """As componentize_py_types.Err."""

    def __init__(self, value: int):
        super().__init__(value)
        self.value = value


@dataclass(eq=False)
class HostField:
    name: str
    kind: int
    slot: int
    size: int = 0  # of a static member, such as a char array of an eBPF struct
    tags: list[str] = field(default_factory=list)


@dataclass(eq=False)
class HostSource:
    name: str
    type: int
    fields: list[HostField] = field(default_factory=list)
    subscriptions: list[tuple[int, int, Any]] = field(default_factory=list)  # priority, type, callback
    referenced: bool = True

    def add(self, name: str, kind: int, size: int = 0) -> HostField:
        added = HostField(name, kind, len(self.fields), size)
        self.fields.append(added)
        return added

    def element(self) -> "Element":
        return Element([bytes(f.size or WIDTHS.get(f.kind, 0)) for f in self.fields])


@dataclass(eq=False)
class Element:
    slots: list[bytes]


@dataclass(eq=False)
class ElementArray:
    elements: list[Element] = field(default_factory=list)


@dataclass(eq=False)
class HostMap:
    name: str
    type: int
    key_size: int
    value_size: int
    entries: dict[bytes, Any] = field(default_factory=dict)
    closed: bool = False


@dataclass(eq=False)
class HostReader:
    map: HostMap
    overwritable: bool
    records: list[bytes] = field(default_factory=list)
    paused: bool = False
    closed: bool = False


class MemoryHost:
    """The functions of `wit_world` as methods; the rest of the attributes are a test's to set and look at."""

    def __init__(self) -> None:
        self.handles: dict[int, object] = {}
        self.next_handle = 1
        self.sources: dict[str, HostSource] = {}
        self.emitted: list[tuple[HostSource, Element | ElementArray]] = []
        self.logs: list[tuple[int, str]] = []
        self.log_level = 4
        self.calls: list[str] = []
        self.params: dict[str, bytes] = {}
        self.config: dict[str, str] = {}
        self.maps: dict[str, HostMap] = {}
        self.missing_key_is_success = False  # as Inspektor Gadget does it
        self.cpus = 3
        self.readers: list[HostReader] = []
        self.syscalls = {0: "read", 257: "openat"}
        self.declarations: dict[str, bytes] = {}
        self.symbols = {"tcp_v4_connect"}
        self.discarded_mntns = {4026531840}
        self.deliver: Callable[[int, int, int], None] = lambda callback, source, data: None
        for function in canonical_functions(gadget_abi.load()):
            setattr(self, function.snake, self._checked(function))

    def _checked(self, function: CanonicalFunction) -> Callable[..., Any]:
        implementation = getattr(type(self), function.snake)

        @functools.wraps(implementation)
        def call(*arguments: Any) -> Any:
            assert len(arguments) == len(function.params), function.wit
            for argument, param in zip(arguments, function.params, strict=True):
                if param.wit == "list<u8>":
                    assert type(argument) is bytes, (function.wit, argument)
                else:
                    low, high = RANGES[param.wit]
                    assert isinstance(argument, int), (function.wit, argument)
                    assert low <= argument < high, (function.wit, argument)
            self.calls.append(function.snake)
            return implementation(self, *arguments)

        return call

    # What a test does

    def source(self, name: str, /, type: int = 1, **fields: int | tuple[int, int]) -> HostSource:
        """A source with fields by name: a kind, or a kind and a size."""
        source = self.sources[name] = HostSource(name, type)
        for field_name, kind in fields.items():
            source.add(field_name.replace("__", "."), *(kind if isinstance(kind, tuple) else (kind,)))
        return source

    def emit(self, source: HostSource, *rows: dict[str, bytes]) -> list[dict[str, bytes]]:
        """Emit an event, or an array, of raw field contents; return the contents afterwards."""
        elements = [self._element(source, row) for row in rows]
        self._deliver(source, elements[0] if source.type == 1 else ElementArray(elements))
        return [self.row(source, element) for element in elements]

    def row(self, source: HostSource, element: Element) -> dict[str, bytes]:
        """The contents of an element by field name."""
        return {f.name: element.slots[f.slot] for f in source.fields if f.slot < len(element.slots)}

    def output(self, name: str) -> list[Any]:
        """What was emitted on a source: contents by field name, lists of them for arrays."""
        return [
            [self.row(source, e) for e in packet.elements]
            if isinstance(packet, ElementArray)
            else self.row(source, packet)
            for source, packet in self.emitted
            if source.name == name
        ]

    def _element(self, source: HostSource, row: dict[str, bytes]) -> Element:
        element = source.element()
        for f in source.fields:
            if f.name in row:
                element.slots[f.slot] = row[f.name].ljust(f.size, b"\0")
        return element

    def _deliver(self, source: HostSource, packet: Element | ElementArray) -> None:
        for _, type, callback in sorted(source.subscriptions, key=lambda s: s[0]):
            targets = packet.elements if type == 1 and isinstance(packet, ElementArray) else [packet]
            for target in targets:
                handle = self.handle(target)
                self.deliver(callback, 0, handle)
                self.handles.pop(handle, None)

    def handle(self, thing: object) -> int:
        if len(self.handles) >= 4096:
            return 0
        handle, self.next_handle = self.next_handle, self.next_handle + 1
        self.handles[handle] = thing
        return handle

    def get(self, handle: int, type: Any) -> Any:
        if handle & 0x80000000:
            array = self.get(handle & 0xFFFF, ElementArray)
            index = handle >> 16 & 0x7FFF
            return array.elements[index] if array and index < len(array.elements) else None
        thing = self.handles.get(handle)
        return thing if isinstance(thing, type) else None

    # log

    def gadget_log(self, level: int, message: bytes) -> None:
        if level <= self.log_level:
            self.logs.append((level, message.decode()))

    def gadget_should_log(self, level: int) -> int:
        return int(level <= self.log_level)

    # datasource

    def new_data_source(self, name: bytes, type: int) -> int:
        if type not in (1, 2):
            return 0
        self.sources[name.decode()] = HostSource(name.decode(), type)
        return self.handle(self.sources[name.decode()])

    def get_data_source(self, name: bytes) -> int:
        source = self.sources.get(name.decode())
        return self.handle(source) if source and source.referenced else 0

    def data_source_subscribe(self, source: int, type: int, priority: int, callback: int) -> int:
        found = self.get(source, HostSource)
        if not found or type not in (1, 2, 3) or (type == 2 and found.type != 2):
            return 1
        found.subscriptions.append((priority, type, callback))
        return 0

    def data_source_get_field(self, source: int, name: bytes) -> int:
        found = self.get(source, HostSource)
        fields = [f for f in found.fields if f.name == name.decode()] if found else []
        return self.handle(fields[0]) if fields else 0

    def data_source_add_field(self, source: int, name: bytes, kind: int) -> int:
        found = self.get(source, HostSource)
        if not found or kind > 14 or any(f.name == name.decode() for f in found.fields):
            return 0
        return self.handle(found.add(name.decode(), kind))

    def data_source_new_packet_single(self, source: int) -> int:
        found = self.get(source, HostSource)
        return self.handle(found.element()) if found and found.type == 1 else 0

    def data_source_new_packet_array(self, source: int) -> int:
        found = self.get(source, HostSource)
        if not found or found.type != 2:
            return 0
        array = ElementArray()
        array.source = found  # type: ignore[attr-defined]
        return self.handle(array)

    def data_source_emit_and_release(self, source: int, packet: int) -> int:
        found, thing = self.get(source, HostSource), self.get(packet, (Element, ElementArray))
        if not found or not thing or packet & 0x80000000:
            return 1
        del self.handles[packet]
        self.emitted.append((found, thing))
        self._deliver(found, thing)
        return 0

    def data_source_release(self, source: int, packet: int) -> int:
        return self._drop(packet, (Element, ElementArray))

    def data_source_unreference(self, source: int) -> int:
        found = self.get(source, HostSource)
        if found:
            found.referenced = False
        return int(not found)

    def data_source_is_referenced(self, source: int) -> int:
        found = self.get(source, HostSource)
        return int(found.referenced) if found else 2

    def _drop(self, handle: int, type: Any) -> int:
        if not isinstance(self.handles.get(handle), type):
            return 1
        del self.handles[handle]
        return 0

    # arrays

    def data_array_new(self, array: int) -> int:
        found = self.get(array, ElementArray)
        if not found:
            return 0
        source = getattr(found, "source", None) or next(s for s in self.sources.values() if s.type == 2)
        return self.handle(source.element())

    def data_array_append(self, array: int, data: int) -> int:
        found, element = self.get(array, ElementArray), self.handles.get(data)
        if not found or not isinstance(element, Element):
            return 1
        found.elements.append(element)
        del self.handles[data]
        return 0

    def data_array_release(self, array: int, data: int) -> int:
        return self._drop(data, Element)

    def data_array_len(self, array: int) -> int:
        found = self.get(array, ElementArray)
        return len(found.elements) if found else 0

    def data_array_get(self, array: int, index: int) -> int:
        found = self.get(array, ElementArray)
        in_range = found and 0 <= index < min(len(found.elements), 0x8000)
        return 0x80000000 | index << 16 | array if in_range else 0

    # fields

    def _raw(self, field: int, data: int) -> tuple[HostField, Element] | None:
        found, element = self.get(field, HostField), self.get(data, Element)
        return (found, element) if found and element and found.slot < len(element.slots) else None

    def field_get_scalar(self, field: int, data: int, kind: int) -> int | None:
        found = self._raw(field, data)
        raw = found[1].slots[found[0].slot] if found else b""
        if len(raw) != WIDTHS.get(kind):
            return None
        if kind == 1:
            return int(raw == b"\1")
        return int.from_bytes(raw, "little", signed=2 <= kind <= 5) & 0xFFFF_FFFF_FFFF_FFFF

    def field_get_buffer(self, field: int, data: int, kind: int, capacity: int) -> bytes | None:
        found = self._raw(field, data)
        if not found or kind not in (STRING, BYTES) or len(found[1].slots[found[0].slot]) > capacity:
            return None
        return found[1].slots[found[0].slot]

    def field_set_scalar(self, field: int, data: int, kind: int, value: int) -> int:
        found = self._raw(field, data)
        if not found or len(found[1].slots[found[0].slot]) != WIDTHS.get(kind):
            return 1
        value = int(value != 0) if kind == 1 else value
        found[1].slots[found[0].slot] = (value & (1 << 8 * WIDTHS[kind]) - 1).to_bytes(WIDTHS[kind], "little")
        return 0

    def field_set_buffer(self, field: int, data: int, kind: int, value: bytes) -> int:
        found = self._raw(field, data)
        if not found or kind not in (STRING, BYTES):
            return 1
        target, element = found
        if (
            target.size
            and len(value) != target.size
            and (len(value) > target.size or target.kind not in (12, 13))
        ):
            return 1
        # Of bytes Inspektor Gadget keeps a view, not a copy, and the caller frees the memory at once.
        kept = value if kind == STRING or target.size else b"?" * len(value)
        element.slots[target.slot] = kept.ljust(target.size, b"\0")
        return 0

    def field_add_tag(self, field: int, tag: bytes) -> int:
        found = self.get(field, HostField)
        if found:
            found.tags.append(tag.decode())
        return int(not found)

    # params, config

    def get_param_value(self, key: bytes, capacity: int) -> bytes:
        value = self.params.get(key.decode())
        if value is None or len(value) > capacity:
            raise Err(1)
        return value.ljust(capacity, b"\0")

    def set_config_buffer(self, key: bytes, value: bytes, kind: int) -> int:
        if kind != STRING:
            return 1
        self.config[key.decode().lower()] = value.decode()
        return 0

    def set_config_scalar(self, key: bytes, value: int, kind: int) -> int:
        return 1

    # maps

    def new_map(self, name: bytes, type: int, key_size: int, value_size: int, max_entries: int) -> int:
        return self.handle(HostMap(name.decode(), type, key_size, value_size)) if type <= 33 else 0

    def get_map(self, name: bytes) -> int:
        found = self.maps.get(name.decode())
        return self.handle(found) if found else 0

    def _value_size(self, map: HostMap) -> int:
        return (map.value_size + 7) // 8 * 8 * self.cpus if map.type in (5, 6, 10) else map.value_size

    def map_lookup(self, map: int, key: bytes, capacity: int) -> bytes:
        found = self.get(map, HostMap)
        if not found or len(key) != found.key_size:
            raise Err(1)
        value = found.entries.get(key)
        if value is None:
            if self.missing_key_is_success:
                return bytes(capacity)
            raise Err(1)
        if self._value_size(found) > capacity:
            raise Err(1)
        if isinstance(value, HostMap):
            value = struct.pack("<I", self.handle(value))
        raw: bytes = value
        return raw.ljust(capacity, b"\0")

    def map_update(self, map: int, key: bytes, value: bytes, flags: int) -> int:
        found = self.get(map, HostMap)
        if not found or flags > 4 or len(key) != found.key_size or len(value) != self._value_size(found):
            return 1
        if (flags == 1 and key in found.entries) or (flags == 2 and key not in found.entries):
            return 1
        of_maps = found.type in (12, 13)
        inner = self.get(struct.unpack("<I", value)[0], HostMap) if of_maps else None
        if of_maps and not inner:
            return 1
        found.entries[key] = inner if of_maps else value
        return 0

    def map_delete(self, map: int, key: bytes) -> int:
        found = self.get(map, HostMap)
        return int(not found or found.type in (2, 6) or found.entries.pop(key, None) is None)

    def map_release(self, map: int) -> int:
        found = self.get(map, HostMap)
        if found:
            found.closed = True
        return self._drop(map, HostMap)

    # handles

    def release_handle(self, handle: int) -> int:
        return self._drop(handle, object)

    # syscalls

    def get_syscall_name(self, id: int, capacity: int) -> bytes:
        name = self.syscalls.get(id & 0xFFFF, f"syscall_{id & 0xFFFF:x}").encode()
        if len(name) > capacity:
            raise Err(1)
        return name.ljust(capacity, b"\0")

    def get_syscall_id(self, name: bytes) -> int:
        return next((id for id, known in self.syscalls.items() if known == name.decode()), -1)

    def get_syscall_declaration(self, name: bytes, capacity: int) -> bytes:
        declaration = self.declarations.get(name.decode())
        if declaration is None or len(declaration) > capacity:
            raise Err(1)
        return declaration.ljust(capacity, b"\0")

    # perf

    def new_perf_reader(self, map: int, size: int, overwritable: int) -> int:
        found = self.get(map, HostMap)
        if not found:
            return 0
        self.readers.append(HostReader(found, bool(overwritable), list(found.entries.get(b"records", ()))))
        return self.handle(self.readers[-1])

    def perf_reader_pause(self, reader: int) -> int:
        return self._pause(reader, True)

    def perf_reader_resume(self, reader: int) -> int:
        return self._pause(reader, False)

    def _pause(self, reader: int, paused: bool) -> int:
        found = self.get(reader, HostReader)
        if found:
            found.paused = paused
        return int(not found)

    def perf_reader_read(self, reader: int, capacity: int) -> bytes:
        found = self.get(reader, HostReader)
        if not found or (found.overwritable and not found.paused):
            raise Err(1)
        if not found.records:
            raise Err(2)
        record: bytes = found.records.pop(0)
        if len(record) > capacity:
            raise Err(1)
        return record.ljust(capacity, b"\0")

    def perf_reader_close(self, reader: int) -> int:
        found = self.get(reader, HostReader)
        if found:
            found.closed = True
        return self._drop(reader, HostReader)

    # kallsyms, filter

    def kallsyms_symbol_exists(self, symbol: bytes) -> int:
        return int(symbol.decode() in self.symbols)

    def should_discard_mntns_id(self, mntns_id: int) -> int:
        return int(mntns_id in self.discarded_mntns)
