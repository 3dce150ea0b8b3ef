"""Everything in this project that reads a file, given spoiled ones.

A reader may refuse a file with one error of the project's own. Any other exception is a bug, and so is a reader
that never comes to an end.
"""

from __future__ import annotations

import contextlib
import datetime
import gzip
import io
import json
import tempfile
import tomllib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import wasmtime
import yaml

from gadget_abi import GadgetError, GuestError, TableError, WasmError
from gadget_abi.commands.check_json import as_json
from gadget_abi.commands.check_text import as_text
from gadget_abi.diff.modules import diff_modules
from gadget_abi.loader import parse_table
from gadget_abi.report import check_bytes
from gadget_build.component.graph import LinkError
from gadget_build.link.linker import link
from gadget_build.wasm.body import find_sites
from gadget_build.wasm.decode import decode
from gadget_host import Gadget
from gadget_host._manifest import read_manifest
from gadget_host.backends import Config
from gadget_host.streams import BadLines, EventReader, Output, read_schema_file
from gadget_host.streams.run import StreamRun

from .guest import ABI, guest
from .spoil import Edit, odd, spoiled

ROOT: Final = Path(__file__).parents[2]


@dataclass(frozen=True)
class Reader:
    """One reader.

    Args:
        name: what messages call it.
        errors: what it may raise.
        read: gives it the bytes of a file.
        seeds: makes good files.
        text: whether they are text.
        structure: makes a good file's structure, for formats that have one, and the file of a structure.
    """

    name: str
    errors: tuple[type[GadgetError], ...]
    read: Callable[[bytes], object]
    seeds: Callable[[], Sequence[bytes]]
    text: bool = False
    structure: tuple[Callable[[], Any], Callable[[Any], bytes]] | None = None

    def spoil(self, seed: int, edits: Sequence[Edit]) -> bytes:
        """A spoiled file."""
        if self.structure and seed % 2:
            make, write = self.structure
            return write(odd(make(), edits))
        seeds = self.seeds()
        return spoiled(seeds[seed // 2 % len(seeds)], edits, text=self.text)

    def refuses(self, data: bytes) -> bool:
        """Whether it refuses the bytes; raises what it must not raise."""
        try:
            self.read(data)
        except self.errors as error:
            if not str(error).strip():
                raise AssertionError("an error without a word") from error
            return True
        return False


# -- the table


@cache
def _table() -> bytes:
    return (files("gadget_abi") / "data" / "inspektor-gadget.toml").read_bytes()


def _read_table(data: bytes) -> None:
    with contextlib.suppress(UnicodeDecodeError):  # whoever opens the file has decoded it
        parse_table(data.decode())


def _table_structure() -> Any:
    return tomllib.loads(_table().decode())


def _write_table(value: Any) -> bytes:
    """TOML, every value of the top level on a line."""
    if not isinstance(value, dict):
        return _toml(value).encode()
    return "\n".join(f"{json.dumps(str(key))} = {_toml(item)}" for key, item in value.items()).encode()


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)} = {_toml(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    if isinstance(value, datetime.date):
        return value.isoformat()
    return '"null"' if value is None else json.dumps(value)


# -- streams

SCHEMA: Final = {
    "gadget.schema": {
        "source": "open",
        "type": "single",
        "fields": [
            {"name": "pid", "kind": "Uint32"},
            {"name": "proc.comm", "kind": "String", "annotations": {"columns.width": "20"}, "tags": ["a"]},
            {"name": "st.a", "kind": "Uint16", "flags": 24, "offset": 0, "size": 2, "payload": 1},
            {"name": "st.b", "kind": "String", "flags": 24, "offset": 2, "size": 6, "payload": 1},
            {"name": "ok", "kind": "Bool"},
            {"name": "f", "kind": "Float32"},
            {"name": "raw", "kind": "Bytes"},
        ],
    }
}
EVENTS: Final = [
    {"pid": 1, "proc": {"comm": "init"}, "st": {"a": 1, "b": "x"}, "ok": True, "f": 1.5, "raw": "00ff"},
    {"pid": 4294967295, "proc": {"comm": "é\0"}, "st": {"a": 65535, "b": "abcdef"}, "ok": False},
    {"pid": 3, "more": [1, {"a": None}], "f": None},
]
ARRAYS: Final = [{"gadget.schema": {**SCHEMA["gadget.schema"], "source": "top", "type": "array"}}, EVENTS, []]
INSPECTED: Final = [
    {
        "name": "open",
        "type": 1,
        "tags": ["a"],
        "annotations": {"a": "b"},
        "fields": [
            {"name": "st", "fullName": "st", "size": 8, "flags": 16},
            {"name": "a", "fullName": "st.a", "index": 1, "size": 4, "flags": 24, "kind": 8, "parent": 0},
            {"name": "b", "fullName": "st.b", "index": 2, "offs": 4, "size": 4, "flags": 24, "kind": 12},
            {"name": "error", "fullName": "error", "index": 3, "payloadIndex": 1, "kind": 12, "tags": ["x"]},
            {"name": "many", "fullName": "many", "index": 4, "payloadIndex": 2, "kind": 268435464},
        ],
    }
]


def _lines(values: Iterable[Any]) -> bytes:
    return b"".join(json.dumps(value).encode() + b"\n" for value in values)


def _streams() -> list[bytes]:
    plain = [_lines([SCHEMA, *EVENTS]), _lines(EVENTS), _lines(ARRAYS), b"\xef\xbb\xbf" + _lines(EVENTS)]
    return [*plain, gzip.compress(plain[0], mtime=0)]


def _stream_structure() -> Any:
    return [SCHEMA, *EVENTS, ARRAYS[0], *EVENTS]


def _write_stream(value: Any) -> bytes:
    return _lines(value if isinstance(value, list) else [value])


@cache
def _quiet_guest() -> bytes:
    text = (
        '(module (memory (export "memory") 1) (func (export "gadgetAPIVersion") (result i64) (i64.const 1)))'
    )
    return bytes(wasmtime.wat2wasm(text))


def _in_file(read: Callable[[Path], object]) -> Callable[[bytes], None]:
    def read_bytes(data: bytes) -> None:
        with tempfile.TemporaryDirectory() as directory:
            path = Path(directory) / "file"
            path.write_bytes(data)
            read(path)

    return read_bytes


def _run_stream(path: Path) -> None:
    """A stream through a gadget that does nothing, into each form of output."""
    bad_lines = BadLines(lambda message: None)
    reader = EventReader(str(path), bad_lines, default="open", max_line=1 << 20)
    with contextlib.closing(reader), Gadget.load(_quiet_guest(), name="quiet") as gadget:
        reader.start()
        mode = ("json", "jsonpretty", "yaml", "columns")[path.stat().st_size % 4]
        run = StreamRun(gadget, Output(io.BytesIO(), mode), bad_lines, lambda message: None)
        run.start(reader.schemas.values())
        run.feed(reader)
        run.finish()


def _read_schemas(path: Path) -> None:
    schemas, _ = read_schema_file(str(path))
    with Gadget.load(_quiet_guest(), name="quiet") as gadget:
        for schema in schemas:
            gadget.add_source(schema)
        gadget.start()


# -- gadget.yaml


def _manifests() -> list[bytes]:
    return [path.read_bytes() for path in sorted((ROOT / "guest-examples").glob("*/gadget.yaml"))]


def _manifest_structure() -> Any:
    return yaml.safe_load(_manifests()[-1])


def _read_manifest(path: Path) -> None:
    manifest = read_manifest(path)
    values = manifest.values({})
    config = Config(manifest.data)
    config.source_annotations("top_files")
    config.field_annotations("top_files", "file")
    config.field_tags("top_files", "file")
    with Gadget.load(_quiet_guest(), name="quiet", params=values, config=manifest.data) as gadget:
        gadget.start()


# -- modules


@cache
def _modules() -> list[bytes]:
    return [full_module(), guest("v0.30.0"), guest(ABI.newest), small_component()]


@cache
def full_module() -> bytes:
    """A module of a few hundred bytes with a section of every kind."""
    text = """(module
      (type $t (func (param i32 i64) (result i32)))
      (import "ig" "gadgetLog" (func $log (param i32 i64)))
      (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
      (table $table 4 8 funcref) (memory (export "memory") 1 4)
      (global $g (export "g") (mut i32) (i32.const 7)) (global f64 (f64.const 1.5)) (global funcref (ref.null func))
      (func $f (type $t) (local i32 f32 v128)
        (block (loop (br_if 1 (local.get 0)) (br_table 0 1 1 (i32.const 2))))
        (drop (i8x16.shuffle 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 (v128.const i64x2 1 2) (v128.const i64x2 3 4)))
        (memory.init 1 (i32.const 0) (i32.const 0) (i32.const 1)) (data.drop 1)
        (drop (call_indirect (type $t) (i32.const 1) (i64.const -1) (i32.const 0)))
        (drop (i32.trunc_sat_f64_s (f64.const 1)))
        (drop (select (result i32) (i32.const 1) (i32.const 2) (i32.const 3)))
        (i32.load offset=4 align=2 (i32.const 8)))
      (func (export "gadgetAPIVersion") (result i64) (i64.const 1))
      (func (export "gadgetInit") (result i32) (call $log (i32.const 2) (i64.const 0x300000010)) (i32.const 0))
      (func $start) (start $start)
      (elem (table $table) (i32.const 0) func $f $start) (elem declare func $f)
      (data (i32.const 16) "abc") (data "def"))"""
    return bytes(wasmtime.wat2wasm(text))


@cache
def small_component() -> bytes:
    """A component that the linker takes."""
    return bytes(wasmtime.wat2wasm((ROOT / "tests" / "linker" / "small.wat").read_text()))


def _check(data: bytes) -> None:
    report = check_bytes(data, ABI)
    if report.module is not None:
        diff_modules(check_bytes(full_module(), ABI), report)
    assert as_text("x.wasm", report)
    json.dumps(as_json("x.wasm", report))


def _decode(data: bytes) -> None:
    module = decode(data)
    for body in module.bodies:
        find_sites(data, body)


def _link(data: bytes) -> None:
    link(data, ABI, "v0.39.0")


def _load(data: bytes) -> None:
    """Load it and let it run: what is left of it may do anything."""
    with Gadget.load(data, name="spoiled", deadline=0.05, stop_deadline=0.05, plane_pages=300) as gadget:
        gadget.start()


READERS: Final = {
    reader.name: reader
    for reader in (
        Reader(
            "table",
            (TableError,),
            _read_table,
            lambda: [_table()],
            text=True,
            structure=(_table_structure, _write_table),
        ),
        Reader(
            "stream",
            (GadgetError,),
            _in_file(_run_stream),
            _streams,
            text=True,
            structure=(_stream_structure, _write_stream),
        ),
        Reader(
            "schema",
            (GadgetError,),
            _in_file(_read_schemas),
            lambda: [json.dumps(INSPECTED).encode(), _lines([SCHEMA, ARRAYS[0]])],
            text=True,
            structure=(lambda: INSPECTED, lambda value: json.dumps(value).encode()),
        ),
        Reader(
            "manifest",
            (GadgetError,),
            _in_file(_read_manifest),
            _manifests,
            text=True,
            structure=(_manifest_structure, lambda value: json.dumps(value).encode()),
        ),
        Reader("check", (), _check, _modules),
        Reader("decode", (WasmError,), _decode, _modules),
        Reader("link", (WasmError, LinkError), _link, lambda: [small_component()]),
        Reader("load", (GuestError,), _load, lambda: _modules()[:3]),
    )
}
