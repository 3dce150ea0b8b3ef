from __future__ import annotations

import os
import re
import struct
from pathlib import Path
from typing import Any

import pytest

from gadget_abi import EmbedderError, load
from gadget_host._state import CallError
from gadget_host.backends import SyscallTable
from gadget_host.calls import syscalls as calls

X86_64, AARCH64 = SyscallTable("x86_64"), SyscallTable("aarch64")
HEADERS = [
    (X86_64, Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h")),
    (X86_64, Path("/usr/include/asm/unistd_64.h")),
    (AARCH64, Path("/usr/include/aarch64-linux-gnu/asm/unistd_64.h")),
    (AARCH64, Path("/usr/aarch64-linux-gnu/include/asm/unistd_64.h")),
]
TRACEPOINTS = Path("/sys/kernel/tracing/events/syscalls")


@pytest.mark.parametrize(
    ("name", "x86_64", "aarch64"),
    [
        ("read", 0, 63),
        ("open", 2, None),
        ("socket", 41, 198),
        ("clone", 56, 220),
        ("fork", 57, None),
        ("execve", 59, 221),
        ("openat", 257, 56),
        ("bpf", 321, 280),
        ("open_tree", 428, 428),
        ("openat2", 437, 437),
        ("nonsense", None, None),
    ],
)
def test_numbers(name: str, x86_64: int | None, aarch64: int | None) -> None:
    """Names have the numbers their architecture gives them, and the numbers those names."""
    for table, number in ((X86_64, x86_64), (AARCH64, aarch64)):
        assert table.number(name) == number
        assert number is None or table.name(number) == name


def test_against_headers() -> None:
    """Every number in the machine's kernel headers is the same here."""
    found = [(table, path.read_text()) for table, path in HEADERS if path.exists()]
    if not found:
        pytest.skip("no kernel headers on this machine")
    for table, text in found:
        header = {n: int(v) for n, v in re.findall(r"^#define __NR_(\w+)\s+(\d+)\s*$", text, re.MULTILINE)}
        assert header
        assert {name: table.number(name) for name in header} == header


def test_against_tracepoints() -> None:
    """Every declaration the running kernel has is the same here."""
    if not os.access(TRACEPOINTS / "sys_enter_openat" / "format", os.R_OK):
        pytest.skip("no syscall tracepoints here (root and a mounted tracefs show them)")
    text = (TRACEPOINTS / "sys_enter_openat" / "format").read_text()
    names = re.findall(r"field:.*?(\w+);\toffset", text)[5:]
    declared = X86_64.declaration("openat")
    assert declared is not None
    assert [param.name for param in declared.params] == names


def params(table: SyscallTable, name: str) -> list[tuple[str, bool]]:
    """Names and pointers of a declaration."""
    found = table.declaration(name)
    assert found is not None
    return [(param.name, param.is_pointer) for param in found.params]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("execve", [("filename", True), ("argv", True), ("envp", True)]),
        ("openat", [("dfd", False), ("filename", True), ("flags", False), ("mode", False)]),
        ("socket", [("family", False), ("type", False), ("protocol", False)]),
        ("uname", [("name", True)]),
        ("umount2", [("name", True), ("flags", False)]),
        ("fstat", [("fd", False), ("statbuf", True)]),
        ("getpid", []),
        ("finit_module", [("fd", False), ("uargs", True), ("flags", False)]),
    ],
)
def test_declarations(name: str, expected: list[tuple[str, bool]]) -> None:
    """Declarations have the kernel's parameter names, under the name of the call, on both architectures."""
    assert params(X86_64, name) == params(AARCH64, name) == expected


def test_clone_differs() -> None:
    """arm64 has the last two parameters of clone the other way round."""
    common = [("clone_flags", False), ("newsp", False), ("parent_tidptr", True)]
    assert params(X86_64, "clone") == [*common, ("child_tidptr", True), ("tls", False)]
    assert params(AARCH64, "clone") == [*common, ("tls", False), ("child_tidptr", True)]


@pytest.mark.parametrize("table", [X86_64, AARCH64])
def test_every_declaration_fits(table: SyscallTable) -> None:
    """No declaration has more than six parameters, and every name fits its 32 bytes with a NUL."""
    known = [found for name in table.names if (found := table.declaration(name))]
    assert len(known) > 300
    for found in known:
        assert len(found.params) <= 6
        assert all(param.name.isidentifier() and len(param.name) < 32 for param in found.params)
        assert all(param.type for param in found.params)


def test_most_calls_are_declared() -> None:
    """Of the calls kernels still have, only a few that few kernels are built with are not declared."""
    missing = {name for name in AARCH64.names if AARCH64.declaration(name) is None}
    assert missing == {"listns", "lookup_dcookie", "map_shadow_stack", "nfsservctl", "rseq_slice_yield"}


@pytest.mark.parametrize(
    ("arch", "expected"), [("amd64", "x86_64"), ("arm64", "aarch64"), ("X86_64", "x86_64")]
)
def test_architectures(arch: str, expected: str) -> None:
    """An architecture goes by its usual names."""
    assert SyscallTable(arch).arch == expected


def test_this_machine() -> None:
    """Without an architecture there is always a table."""
    assert SyscallTable().number("openat") in (257, 56)


def test_unknown_architecture() -> None:
    """An architecture without a table is refused, with those there are."""
    with pytest.raises(EmbedderError, match="no syscall table for 's390x'; there are x86_64 and aarch64"):
        SyscallTable("s390x")


def test_origin() -> None:
    """The data says where it comes from."""
    assert re.search(r"headers of Linux \d.*tracepoints of Linux \d", X86_64.origin)


class TestCalls:
    """The ABI's functions."""

    @pytest.mark.parametrize(
        ("number", "name"),
        [(59, b"execve"), (0x10000 + 59, b"execve"), (1337, b"syscall_539"), (0xFFFFFFFF, b"syscall_ffff")],
    )
    def test_name(self, host: Any, buffer: Any, number: int, name: bytes) -> None:
        """The low 16 bits count; what is not in use is named by its hexadecimal number; no NUL is written."""
        out = buffer(len(name) + 1)
        calls.get_syscall_name(host, number, out)
        assert out.bytes == name + b"?"

    def test_name_that_does_not_fit(self, host: Any, buffer: Any) -> None:
        """A name longer than the buffer fails and nothing is written."""
        out = buffer(5)
        with pytest.raises(CallError):
            calls.get_syscall_name(host, 59, out)
        assert out.bytes == b"?????"

    def test_id(self, host: Any) -> None:
        """A name gives its number; an unknown one fails with the function's error value."""
        assert calls.get_syscall_id(host, "execve") == 59
        with pytest.raises(CallError, match="x86_64 has no syscall 'nonsense'") as caught:
            calls.get_syscall_id(host, "nonsense")
        assert caught.value.code is None

    def test_declaration(self, host: Any, buffer: Any) -> None:
        """The 252 bytes of the table's layout: name, count, and six parameters of name and flags."""
        out = buffer(253)
        calls.get_syscall_declaration(host, "openat", out)
        name, count = struct.unpack_from("<32sB3x", out.bytes)
        slots = [struct.unpack_from("<32sI", out.bytes, 36 + 36 * n) for n in range(6)]
        assert (name.rstrip(b"\0"), count, out.bytes[252:], load().layouts["syscall declaration"].size) == (
            b"openat",
            4,
            b"?",
            252,
        )
        assert [(slot.rstrip(b"\0"), flags) for slot, flags in slots] == [
            (b"dfd", 0), (b"filename", 1), (b"flags", 0), (b"mode", 0), (b"", 0), (b"", 0),
        ]  # fmt: skip

    @pytest.mark.parametrize(("name", "size"), [("nonsense", 252), ("openat", 251), ("", 252)])
    def test_declaration_failures(self, host: Any, buffer: Any, name: str, size: int) -> None:
        """An unknown name and a buffer too short fail, and nothing is written."""
        out = buffer(size)
        with pytest.raises(CallError):
            calls.get_syscall_declaration(host, name, out)
        assert out.bytes == b"?" * size
