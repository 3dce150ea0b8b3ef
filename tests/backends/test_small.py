"""Log, parameters, kernel symbols and the mount namespace filter."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gadget_host._state import CallError
from gadget_host.backends import KernelSymbols, MountNsFilter
from gadget_host.calls.filter import should_discard_mntns_id
from gadget_host.calls.kallsyms import kallsyms_symbol_exists
from gadget_host.calls.log import gadget_log
from gadget_host.calls.params import get_param_value

KALLSYMS = """0000000000000000 T vfs_read
ffffffff81000000 t helper.isra.0
ffffffffc0000000 t xfs_open\t[xfs]
broken
"""


class TestLog:
    """gadgetLog."""

    @pytest.mark.parametrize("level", range(5))
    def test_levels(self, host: Any, level: int) -> None:
        """The five levels go to the gadget's log as they are."""
        gadget_log(host, level, "hello")
        assert (host.logs, host.warnings) == ([(level, "hello")], [])

    @pytest.mark.parametrize("level", [5, 0xFFFFFFFF])
    def test_unknown_level(self, host: Any, level: int) -> None:
        """Any other level is a warning that quotes the message."""
        gadget_log(host, level, "hello\n")
        assert (host.logs, host.warnings) == ([], [f"unknown log level {level} for the message 'hello\\n'"])


class TestParams:
    """getParamValue."""

    @pytest.mark.parametrize("value", ["", "v", "käse", "\udcff", "a\0b"])
    def test_value(self, host: Any, buffer: Any, value: str) -> None:
        """A value is copied without a NUL, and the rest of the buffer is left alone."""
        host.params["k"] = value
        raw, out = value.encode("utf-8", "surrogateescape"), buffer(8)
        get_param_value(host, "k", out)
        assert out.bytes == raw.ljust(8, b"?")

    def test_exact_fit(self, host: Any, buffer: Any) -> None:
        """A value as long as the buffer fits."""
        host.params["k"], out = "1234", buffer(4)
        get_param_value(host, "k", out)
        assert out.bytes == b"1234"

    def test_one_short(self, host: Any, buffer: Any) -> None:
        """A buffer one byte short fails and is left alone."""
        host.params["k"], out = "1234", buffer(3)
        with pytest.raises(CallError):
            get_param_value(host, "k", out)
        assert out.bytes == b"???"

    def test_unknown(self, host: Any, buffer: Any) -> None:
        """A parameter the run was not given fails, and the message says which it was given."""
        with pytest.raises(CallError, match="the run has no parameter 'k'; it has none"):
            get_param_value(host, "k", buffer(4))
        host.params["pid"] = "1"
        with pytest.raises(CallError, match="it has 'pid'"):
            get_param_value(host, "k", buffer(4))


class TestKallsyms:
    """kallsymsSymbolExists and what it asks."""

    def test_given(self, host: Any) -> None:
        """Symbols that were given are all there are."""
        host.kallsyms.add("added")
        known = [kallsyms_symbol_exists(host, name) for name in ("vfs_read", "added", "_text", "")]
        assert (known, host.kallsyms.origin) == ([True, True, False, False], "given")

    def test_file(self, tmp_path: Path) -> None:
        """Names are read from the file, those of modules included; lines that are none are passed over."""
        path = tmp_path / "kallsyms"
        path.write_text(KALLSYMS)
        symbols = KernelSymbols(path=path)
        assert [name in symbols for name in ("vfs_read", "helper.isra.0", "xfs_open", "[xfs]", "broken")] == [
            True, True, True, False, False,
        ]  # fmt: skip
        assert (len(symbols), symbols.origin) == (3, str(path))

    def test_this_machine(self) -> None:
        """On Linux the running kernel's symbols are there."""
        if not Path("/proc/kallsyms").exists():
            pytest.skip("no /proc/kallsyms")
        symbols = KernelSymbols()
        assert "vfs_read" in symbols
        assert "no_such_symbol_in_any_kernel" not in symbols

    def test_nothing_to_read(self, host: Any, tmp_path: Path) -> None:
        """Without symbols the answer is an error, not a no; giving some helps."""
        host.kallsyms = KernelSymbols(path=tmp_path / "none")
        assert host.kallsyms.origin == "none"
        with pytest.raises(CallError, match="no symbols were given"):
            kallsyms_symbol_exists(host, "vfs_read")
        host.kallsyms.add("vfs_read")
        assert kallsyms_symbol_exists(host, "vfs_read")


class TestFilter:
    """shouldDiscardMntnsID and what it asks."""

    @pytest.mark.parametrize(
        ("inodes", "started", "discard"),
        [
            (None, True, False),
            (None, False, False),
            ([], True, True),
            ([4026531841], True, True),
            ([4026531841], False, False),
            ([4026531840, 4026531841], True, False),
        ],
    )
    def test_discard(self, host: Any, inodes: list[int] | None, started: bool, discard: bool) -> None:
        """Dropped is what an active filter does not name, and only once the gadget has started."""
        host.mntns, host.started = MountNsFilter(inodes), started
        assert should_discard_mntns_id(host, 4026531840) is discard

    def test_changes(self) -> None:
        """Namespaces come and go during a run; an empty filter drops everything, none nothing."""
        filter_ = MountNsFilter()
        assert not filter_.discards(1)
        filter_.keep(1, 2)
        assert (filter_.discards(1), filter_.discards(3), filter_.inodes) == (False, True, frozenset({1, 2}))
        filter_.forget(1)
        filter_.forget(2)
        assert (filter_.discards(1), filter_.active) == (True, True)
        filter_.clear()
        assert (filter_.discards(1), filter_.active) == (False, False)
