"""System calls, kernel symbols, the mount namespace filter."""

import struct
from typing import Any

import pytest


@pytest.fixture
def sdk(run: Any) -> Any:
    """The SDK with a host."""
    return run("import gadget\n").module.gadget


def test_syscalls_have_names_and_numbers(sdk: Any) -> None:
    """Both ways; a number without a name has one that says so."""
    assert (sdk.syscall_name(257), sdk.syscall_name(0x1FF), sdk.syscall_id("read")) == (
        "openat",
        "syscall_1ff",
        0,
    )


def test_an_unknown_syscall_is_not_found(sdk: Any) -> None:
    """By name, and by declaration."""
    with pytest.raises(sdk.NotFoundError, match=r"there is no system call 'nope' \(getSyscallID\)"):
        sdk.syscall_id("nope")
    with pytest.raises(sdk.NotFoundError, match="no declaration of 'nope'"):
        sdk.syscall_declaration("nope")


def test_a_declaration_has_a_name_and_parameters(host: Any, sdk: Any) -> None:
    """Up to six, each a name and whether it is a pointer."""

    def param(name: bytes, flags: int) -> bytes:
        return struct.pack("<32sI", name, flags)

    params = [(b"dfd", 0), (b"filename", 1), (b"flags", 0), (b"x" * 32, 3), (b"e", 2), (b"f", 1)]
    raw = struct.pack("<32sB3x", b"openat", 6) + b"".join(param(*p) for p in params)
    host.declarations = {"openat": raw, "sync": struct.pack("<32sB3x", b"sync", 0) + bytes(216)}
    found = sdk.syscall_declaration("openat")
    assert found.name == "openat"
    assert [(p.name, p.is_pointer) for p in found.params] == [
        ("dfd", False),
        ("filename", True),
        ("flags", False),
        ("x" * 32, True),
        ("e", False),
        ("f", True),
    ]
    assert sdk.syscall_declaration("sync") == sdk.SyscallDeclaration("sync", ())


def test_kernel_symbols_are_there_or_not(sdk: Any) -> None:
    """By exact name."""
    assert (sdk.kernel_symbol_exists("tcp_v4_connect"), sdk.kernel_symbol_exists("nope")) == (True, False)


def test_mount_namespaces_are_filtered(sdk: Any) -> None:
    """As the host says."""
    assert (sdk.should_discard_mntns_id(4026531840), sdk.should_discard_mntns_id(1)) == (True, False)
