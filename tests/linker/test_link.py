"""The linker over a small component: what the module is made of, and what it does."""

from __future__ import annotations

import dataclasses

import pytest
import wasmtime

import gadget_abi
from gadget_abi.wasm import read_module
from gadget_build.component.graph import LinkError
from gadget_build.link.linker import link
from gadget_build.link.template import Template
from tests.linker.host import Host


class Memo(dict[str, bytes]):
    """A store that counts what is put into it."""

    puts = 0

    def put(self, key: str, value: bytes) -> None:
        self.puts += 1
        self[key] = value


def test_the_module_exports_what_the_table_says_and_its_memory(linked: Host) -> None:
    """The exports are the API version, the five hooks, the callback and the memory."""
    assert {export.name for export in linked.module.exports} == {
        "gadgetAPIVersion",
        "gadgetInit",
        "gadgetPreStart",
        "gadgetStart",
        "gadgetStop",
        "gadgetPostStop",
        "dataSourceCallback",
        "memory",
    }


def test_only_reachable_functions_are_imported(linked: Host) -> None:
    """The module imports the ABI functions its code calls, and of WASI what the floor needs for them."""
    assert linked.imports == {"ig.gadgetLog", "ig.fieldGetScalar", "wasi_snapshot_preview1.clock_time_get"}


def test_the_api_version_is_the_tables(linked: Host, abi: gadget_abi.Abi) -> None:
    """gadgetAPIVersion returns the constant of the table."""
    assert linked.call("gadgetAPIVersion") == abi.api_version


def test_a_list_argument_arrives_packed_and_the_post_return_function_runs(linked: Host) -> None:
    """gadget-log of a string in the snapshot reaches ig.gadgetLog, and gadgetInit calls post-return after it."""
    assert linked.call("gadgetInit") == 0
    assert linked.logs == [(2, "hello from the snapshot")]
    assert linked.call("gadgetPostStop") == 100


def test_indices_in_code_are_moved_with_what_they_refer_to(linked: Host) -> None:
    """Calls, indirect calls, multi-value blocks, jump tables, globals and tables mean the same after merging."""
    result = (40 + 2 + 8) - 2  # two indirect calls
    result += 0 + 5  # calls so far, the table's size
    assert linked.call("gadgetPreStart") == result + 1 + 1


def test_a_scalar_result_is_an_option(linked: Host) -> None:
    """field-get-scalar gives the host's value, and nothing where the host sets the error pointer."""
    linked.answers["fieldGetScalar"] = lambda field, data, kind, error: field * 100 + data * 10 + kind
    assert linked.call("gadgetStart") == 789

    def failing(field: int, data: int, kind: int, error: int) -> int:
        linked.write(error, b"\1\0\0\0")
        return 5

    linked.answers["fieldGetScalar"] = failing
    assert linked.call("gadgetStart") == 99


def test_the_callback_passes_its_arguments_on(linked: Host) -> None:
    """dataSourceCallback(i64, i32, i32) calls the component's function with the same values."""
    linked.call("dataSourceCallback", 1, 20, 300)
    assert linked.call("gadgetPostStop") == 321


def test_clocks_come_from_preview1(linked: Host) -> None:
    """wasi:clocks/wall-clock now, as a library imports it, gives the seconds of clock_time_get."""
    assert linked.call("gadgetStop") > 1_700_000_000


def test_the_snapshot_keeps_what_is_alive_and_nothing_else(linked: Host) -> None:
    """Variables and used heap blocks survive; stack, canary and the contents of free blocks do not."""
    assert linked.read(23 << 32 | 6000) == b"hello from the snapshot"
    assert linked.read(4 << 32 | 65552) == b"kept"
    assert linked.read(8 << 32 | 65584) == b"\1\0\0\0\2\0\0\0"
    assert linked.read(32 << 32 | 65592) == bytes(32)
    assert linked.read(4096 << 32) == bytes(4096)
    assert linked.read(4 << 32 | 5000) == b"\x00\x0a\xff\x0d"


def test_a_second_link_uses_the_stored_template(small: bytes, abi: gadget_abi.Abi) -> None:
    """With a store the template is made once, and the module is the same with and without it."""
    store = Memo()
    modules = [link(small, abi, "v0.39.0", store) for _ in range(2)]
    assert store.puts == 1
    assert modules == [link(small, abi, "v0.39.0")] * 2


def test_a_damaged_template_is_made_again(small: bytes, abi: gadget_abi.Abi) -> None:
    """A store that gives back broken bytes costs time, nothing else."""
    store = Memo()
    module = link(small, abi, "v0.39.0", store)
    for damage in (b"", b"short", None):
        key, value = next(iter(store.items()))
        store[key] = value[:-1] + b"?" if damage is None else damage
        assert link(small, abi, "v0.39.0", store) == module
    assert Template.from_bytes(store[key]) is not None


def test_gadgets_that_differ_in_their_snapshot_share_a_template(small: bytes, abi: gadget_abi.Abi) -> None:
    """Only code and immutable globals decide which template is used."""
    store = Memo()
    link(small, abi, "v0.39.0", store)
    link(small.replace(b"hello from", b"HELLO FROM"), abi, "v0.39.0", store)
    assert store.puts == 1
    link(small, abi, "v0.40.0", store)
    assert store.puts == 2


def test_an_unknown_runtime_is_refused(abi: gadget_abi.Abi, small: bytes) -> None:
    """A component whose libraries have other names is not linked, and the error says what to suspect."""
    with pytest.raises(LinkError, match="another componentize-py"):
        link(small.replace(b"libc.so", b"musl.so"), abi, "v0.39.0")


def test_a_core_module_is_not_a_component(abi: gadget_abi.Abi) -> None:
    """Linking something already linked says so."""
    with pytest.raises(gadget_abi.WasmError, match="not a component"):
        link(bytes(wasmtime.wat2wasm("(module)")), abi, "v0.39.0")


def test_a_form_without_an_adapter_fails_loudly(small: bytes, abi: gadget_abi.Abi) -> None:
    """A function whose older form is of no known shape is an error of the adapters, not a wrong call."""
    function = abi.functions["gadgetLog"]
    old = dataclasses.replace(function.newest, until="v0.49.0", params=function.newest.params[:1])
    new = dataclasses.replace(function.newest, since="v0.50.0")
    changed = dataclasses.replace(function, forms=(old, new))
    table = dataclasses.replace(abi, functions={**abi.functions, "gadgetLog": changed})
    with pytest.raises(LinkError, match="gadgetLog"):
        link(small, table, "v0.39.0")


def test_the_module_has_one_memory_without_a_limit(small: bytes, abi: gadget_abi.Abi) -> None:
    """Memory is as large as the snapshot and may grow; there is one table."""
    module = read_module(link(small, abi, "v0.39.0"))
    assert [(m.min, m.max) for m in module.memories] == [(2, None)]
