"""What an eBPF object says of its data sources."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gadget_abi import EmbedderError
from gadget_abi.oci import read_image
from gadget_build.oci import package
from gadget_host.inspect.ebpf import ebpf_sources
from gadget_host.schema import FieldSchema, SourceSchema
from tests.oci.btf import Btf
from tests.oci.conftest import OBJECT, Command

STATIC, MEMBER, HIDDEN, EMPTY = 16, 8, 4, 1


def small() -> bytes:
    """An object with a tracer: a number and a text, in a structure of its own."""
    btf = Btf()
    u32, char = btf.integer("unsigned int", 4), btf.integer("char", 1, 1)
    pid = btf.alias("gadget_pid", btf.alias("u32", u32))
    process = btf.structure("gadget_process", 20, [("comm", btf.array(char, 16), 0), ("pid", pid, 128)])
    btf.structure("event", 24, [("proc", process, 0), ("fd", btf.const(u32), 160)])
    btf.variable("gadget_tracer_open___events___event", btf.pointer(0))
    return btf.object()


SMALL = SourceSchema(
    "open",
    "single",
    (
        FieldSchema(
            "proc", "Bytes", {"columns.hidden": "true"}, ("type:gadget_process", "name:proc", "src:ebpf"),
            STATIC | EMPTY | HIDDEN, 0, 20, 0,
        ),
        FieldSchema("proc.comm", "CString", {}, ("type:char", "name:comm", "src:ebpf"), STATIC | MEMBER, 0, 16, 0),
        FieldSchema(
            "proc.pid", "Uint32", {}, ("type:gadget_pid", "type:u32", "type:unsigned int", "name:pid", "src:ebpf"),
            STATIC | MEMBER, 16, 4, 0,
        ),
        FieldSchema("fd", "Uint32", {}, ("type:unsigned int", "name:fd", "src:ebpf"), STATIC, 20, 4, 0),
    ),
)  # fmt: skip


def test_a_tracer_is_a_source_of_single_events() -> None:
    """Its fields are the members of its structure, with the names of all their types."""
    assert ebpf_sources(small()) == [SMALL]


@pytest.mark.parametrize("prefix", ["gadget_iter_", "gadget_snapshotter_"])
def test_an_iterator_is_an_array_source(prefix: str) -> None:
    """Whatever it is called, and by however many programs its rows are collected."""
    btf = Btf()
    btf.structure("row", 8, [("inode", btf.integer("u64", 8), 0)])
    btf.variable(f"{prefix}files___row___first___second", btf.pointer(0))
    (found,) = ebpf_sources(btf.object())
    assert (found.name, found.type) == ("files", "array")
    assert [(field.name, field.kind) for field in found.fields] == [("inode", "Uint64")]


def test_a_map_is_an_array_source_of_keys_and_values() -> None:
    """Both are structures, each in a payload of its own."""
    btf = Btf()
    u64 = btf.integer("u64", 8)
    key, value = btf.structure("key", 8, [("id", u64, 0)]), btf.structure("value", 8, [("hits", u64, 0)])
    of_map = btf.structure("", 16, [("key", btf.pointer(key), 0), ("value", btf.pointer(value), 64)])
    btf.variable("counts", of_map)
    btf.variable("gadget_mapiter_top___counts", btf.pointer(0))
    (found,) = ebpf_sources(btf.object())
    assert (found.name, found.type) == ("top", "array")
    assert [(field.name, field.offset, field.payload) for field in found.fields] == [
        ("id", 0, 0),
        ("hits", 0, 1),
    ]


def test_every_type_has_its_kind() -> None:
    """What has none, and what ig passes over, is left out."""
    btf = Btf()
    types = [btf.integer(f"s{size}", size, 1) for size in (1, 2, 4, 8)]
    types += [btf.integer(f"u{size}", size) for size in (1, 2, 4, 8)]
    types += [btf.integer("bool", 1, 4), btf.floating("float", 4), btf.floating("double", 8)]
    types += [btf.array(types[4], 6), btf.union("address", 16, [("v4", types[6], 0), ("v6", types[7], 0)])]
    left_out = [btf.pointer(0), btf.integer("wide", 16), btf.alias("alias", btf.structure("inner", 4, []))]
    members = [(f"m{n}", type, n * 16 * 8) for n, type in enumerate([*types, *left_out])]
    btf.structure("event", 999, [*members, ("__pad", types[0], 0)])
    btf.variable("gadget_tracer_all___events___event", 0)
    (found,) = ebpf_sources(btf.object())
    kinds = "Int8 Int16 Int32 Int64 Uint8 Uint16 Uint32 Uint64 Bool Float32 Float64 Bytes Bytes"
    assert [field.kind for field in found.fields] == kinds.split()
    assert [field.size for field in found.fields] == [1, 2, 4, 8, 1, 2, 4, 8, 1, 4, 8, 6, 16]
    assert [field.offset for field in found.fields] == [n * 16 for n in range(13)]


def test_bit_fields_are_left_out() -> None:
    """They share a byte, which is no field."""
    btf = Btf()
    u8 = btf.integer("u8", 1)
    btf.structure("event", 2, [("a", u8, 1 << 24), ("b", u8, 1 << 24 | 1), ("c", u8, 8)], bit_fields=True)
    btf.variable("gadget_tracer_bits___events___event", 0)
    (found,) = ebpf_sources(btf.object())
    assert [(field.name, field.offset) for field in found.fields] == [("c", 1)]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("gadget_tracer_open___events___gone", "has no structure 'gone', which its events should be"),
        ("gadget_tracer_open___events", "declares 'gadget_tracer_open___events', which is no data source"),
        ("gadget_iter____event___program", "which is no data source"),
        ("gadget_mapiter_top___gone", "has no map 'gone' of structures"),
    ],
)
def test_what_declares_something_that_is_not_there_is_refused(name: str, text: str) -> None:
    """The message has the name."""
    btf = Btf()
    btf.structure("event", 0, [])
    btf.variable(name, 0)
    with pytest.raises(EmbedderError, match=text):
        ebpf_sources(btf.object())


def test_types_without_end_are_refused() -> None:
    """A structure in itself, and structures that double with every level."""
    btf = Btf()
    btf.structure("event", 8, [("again", 1, 0)])
    btf.variable("gadget_tracer_open___events___event", 0)
    with pytest.raises(EmbedderError, match="nested more than 32 deep"):
        ebpf_sources(btf.object())
    btf = Btf()
    inner = btf.integer("u8", 1)
    for level in range(30):
        inner = btf.structure(f"level{level}", 2, [("a", inner, 0), ("b", inner, 8)])
    btf.variable("gadget_tracer_open___events___level29", 0)
    with pytest.raises(EmbedderError, match="more than 10000 fields"):
        ebpf_sources(btf.object())
    btf = Btf()
    btf.structure("event", 8, [("endless", 2, 0), ("nowhere", 99, 0)])
    btf.alias("alias", 2)
    btf.variable("gadget_tracer_open___events___event", 0)
    with pytest.raises(EmbedderError, match="refer to one that is not there"):
        ebpf_sources(btf.object())


def test_an_object_without_types_says_how_to_get_them() -> None:
    """They come with debug information."""
    with pytest.raises(EmbedderError, match="does not describe its types: compile it with -g"):
        ebpf_sources(OBJECT)


def test_an_offset_beyond_any_address_is_refused() -> None:
    """Sections whose table is said to begin where no integer of the machine's reaches."""
    spoiled = bytearray(small())
    spoiled[40:48] = b"\xff" * 8
    with pytest.raises(EmbedderError, match="is broken"):
        ebpf_sources(bytes(spoiled))


@given(st.data())
def test_a_spoiled_object_is_read_or_refused(data: st.DataObject) -> None:
    """Nothing but one kind of error comes of it."""
    whole = bytearray(small())
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(EmbedderError):
        ebpf_sources(bytes(whole[: data.draw(st.integers(0, len(whole)))]))


def test_inspect_shows_what_the_program_makes(gadget: Path, command: Command) -> None:
    """The source and its fields, and that ig adds some that are not shown."""
    (gadget / "program.bpf.o").write_bytes(small())
    image = package(gadget).output
    assert read_image(image).program == small()
    done = command("inspect", image)
    assert (done.returncode, done.stderr) == (0, "")
    assert "\ndata source open, single, of its eBPF program\n" in done.stdout
    assert "\n  proc.pid   Uint32   HasParent, StaticMember      type:gadget_pid\n" in done.stdout
    assert "\nnot shown\n  What ig adds to the sources of eBPF programs: " in done.stdout


def test_inspect_says_why_it_cannot_show_them(gadget: Path, command: Command) -> None:
    """The rest of the image is shown."""
    (gadget / "program.bpf.o").write_bytes(OBJECT)
    done = command("inspect", package(gadget).output)
    assert done.returncode == 0
    assert "\neBPF object\n  the eBPF object does not describe its types: compile it with -g\n" in done.stdout
    assert "\ndata source beats, single\n" in done.stdout


def test_inspect_takes_a_given_source_instead(gadget: Path, command: Command, tmp_path: Path) -> None:
    """What --schema describes is more than the object can tell."""
    (gadget / "program.bpf.o").write_bytes(small())
    (tmp_path / "open.json").write_text(
        '[{"name": "open", "type": 1, "fields": [{"name": "error", "kind": 12}]}]'
    )
    done = command("inspect", package(gadget).output, "--schema", "open.json")
    assert "\ndata source open, single\n  error  String" in done.stdout
    assert "not shown" not in done.stdout
