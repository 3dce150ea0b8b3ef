"""WASI preview 1: complete, of the right types, and without a way out."""

import struct
import time
from typing import Any

import pytest
import wasmtime

from gadget_abi.wasi import MODULE, SIGNATURES
from gadget_host import wasi
from gadget_host._engine import PAGE, LimitedStore, Limits, new_engine
from gadget_host._entry import GuestExit
from gadget_host._memory import GuestMemory

SUCCESS, BADF, FAULT, INVAL, SPIPE = 0, 8, 21, 28, 70
FILES = sorted(n for n in SIGNATURES if n.startswith(("fd_", "path_", "sock_")))
POINTERS = {
    "args_sizes_get": (-1, -1),
    "clock_res_get": (0, -1),
    "clock_time_get": (0, 0, -1),
    "fd_fdstat_get": (1, -1),
    "fd_filestat_get": (1, -1),
    "fd_read": (0, 0, 0, -1),
    "fd_write": (1, -1, 1, 0),
    "poll_oneoff": (-1, 0, 1, 0),
    "random_get": (-1, 8),
}


class Guest:
    """The functions with a memory of one page behind them."""

    def __init__(self, **options: Any) -> None:
        self.store = LimitedStore(new_engine(), Limits())
        self.memory = GuestMemory()
        memory_type = wasmtime.MemoryType(wasmtime.Limits(1, None))
        self.memory.attach(self.store, wasmtime.Memory(self.store, memory_type))
        self.wasi = wasi.Wasi(self.memory, **options)

    def __call__(self, name: str, *args: int) -> int | None:
        """Call a function."""
        return self.wasi.function(name)(*args)

    def u64(self, address: int) -> int:
        """The u64 at an address."""
        return int(struct.unpack("<Q", self.memory.read(address, 8))[0])

    def clock(self, clock: int) -> int:
        """A reading of a clock, in nanoseconds."""
        assert self("clock_time_get", clock, 0, 0) == SUCCESS
        return self.u64(0)


@pytest.fixture
def guest() -> Guest:
    """A guest with WASI as it is by default."""
    return Guest()


@pytest.mark.parametrize("name", sorted(SIGNATURES))
def test_every_function_has_the_type_of_the_specification(name: str) -> None:
    """A module that imports a function as our table says links against wasmtime's own implementation."""
    params, results = SIGNATURES[name]
    text = f"(param {' '.join(params)}) (result {' '.join(results)})"
    imported = f'(module (import "{MODULE}" "{name}" (func {text})))'
    engine = wasmtime.Engine()
    linker, store = wasmtime.Linker(engine), wasmtime.Store(engine)
    linker.define_wasi()
    store.set_wasi(wasmtime.WasiConfig())
    linker.instantiate(store, wasmtime.Module(engine, imported))


def test_no_function_is_missing() -> None:
    """wasmtime's implementation has no function that is not in our table."""
    assert len(SIGNATURES) == 46


def test_the_wall_clock_starts_in_2022_and_ticks_by_milliseconds(guest: Guest) -> None:
    """The real host's made-up wall clock: fixed start, one millisecond per reading."""
    assert [guest.clock(0) for _ in range(3)] == [1640995200000000000 + n * 1_000_000 for n in range(3)]


def test_the_monotonic_clock_starts_at_zero(guest: Guest) -> None:
    """The real host's made-up monotonic clock: from 0, one millisecond per reading."""
    assert [guest.clock(1) for _ in range(3)] == [0, 1_000_000, 2_000_000]


def test_real_clocks_are_this_machines() -> None:
    """With clock="real" the wall clock is the machine's."""
    assert abs(Guest(clock="real").clock(0) - time.time_ns()) < 10 * 1_000_000_000


@pytest.mark.parametrize("clock", [2, 3, -1])
def test_other_clocks_do_not_exist(guest: Guest, clock: int) -> None:
    """The CPU clocks are an invalid argument, as on the real host."""
    assert guest("clock_time_get", clock, 0, 0) == INVAL
    assert guest("clock_res_get", clock, 0) == INVAL


def random_bytes(guest: Guest) -> bytes:
    """Two requests of eight bytes."""
    assert guest("random_get", 0, 8) == guest("random_get", 8, 8) == SUCCESS
    return guest.memory.read(0, 16)


def test_random_numbers_repeat_from_run_to_run() -> None:
    """Two runs see the same random bytes, and one run does not see the same ones twice."""
    first, second = random_bytes(Guest()), random_bytes(Guest())
    assert first == second
    assert first[:8] != first[8:]


def test_real_random_numbers_differ() -> None:
    """With clock="real" two runs see different random bytes."""
    assert random_bytes(Guest(clock="real")) != random_bytes(Guest(clock="real"))


def test_there_are_no_arguments_and_no_environment(guest: Guest) -> None:
    """Counts and sizes are zero."""
    for name in ("args", "environ"):
        guest.memory.write(0, b"????????")
        assert guest(f"{name}_sizes_get", 0, 4) == SUCCESS
        assert guest.memory.read(0, 8) == bytes(8)
        assert guest(f"{name}_get", 0, 4) == SUCCESS


def written(guest: Guest, fd: int) -> tuple[int | None, int]:
    """Answer and count of writing "hello" and " you" to a file descriptor."""
    guest.memory.write(100, b"hello you")
    guest.memory.write(0, struct.pack("<IIII", 100, 5, 105, 4))
    answer = guest("fd_write", fd, 0, 2, 16)
    return answer, guest.u64(16)


@pytest.mark.parametrize("fd", [1, 2])
def test_what_is_written_to_stdout_and_stderr_is_taken_and_thrown_away(guest: Guest, fd: int) -> None:
    """The write succeeds and reports every byte."""
    assert written(guest, fd) == (SUCCESS, 9)


def test_what_is_written_can_be_had() -> None:
    """With a writer, the pieces arrive with their file descriptor."""
    pieces: list[tuple[int, bytes]] = []
    written(Guest(write=lambda fd, data: pieces.append((fd, data))), 2)
    assert pieces == [(2, b"hello"), (2, b" you")]


@pytest.mark.parametrize("fd", [0, 3, -1])
def test_nothing_else_can_be_written_to(guest: Guest, fd: int) -> None:
    """stdin and every number that is not open is a bad descriptor."""
    assert written(guest, fd)[0] == BADF


def test_stdin_is_at_its_end(guest: Guest) -> None:
    """Reading from stdin gives no bytes, without an error."""
    guest.memory.write(0, b"????")
    assert guest("fd_read", 0, 8, 1, 0) == SUCCESS
    assert guest.memory.read(0, 4) == bytes(4)


def test_a_closed_stream_is_closed(guest: Guest) -> None:
    """After fd_close the descriptor is bad."""
    assert guest("fd_close", 1) == SUCCESS
    assert guest("fd_close", 1) == BADF
    assert written(guest, 1)[0] == BADF


def test_no_stream_looks_like_a_terminal(guest: Guest) -> None:
    """stdio is a block device, so that no C library takes it for a terminal."""
    assert guest("fd_fdstat_get", 1, 0) == SUCCESS
    assert guest.memory.read(0, 1) == b"\1"


@pytest.mark.parametrize("name", FILES)
def test_no_file_is_open(guest: Guest, name: str) -> None:
    """Every function on descriptor 3 answers that it is bad: a C library learns that there are no files."""
    params, _ = SIGNATURES[name]
    args = [3] + [0] * (len(params) - 1)
    if name == "path_link":
        args[2] = 3
    assert guest(name, *args) == BADF


@pytest.mark.parametrize("name", FILES)
def test_stdio_is_no_file_directory_or_socket(guest: Guest, name: str) -> None:
    """Every function on stdio answers with a number that WASI knows, and does not raise."""
    params, _ = SIGNATURES[name]
    answer = guest(name, 1, *[0] * (len(params) - 1))
    assert answer is not None
    assert 0 <= answer <= 76


def subscription(userdata: int, kind: int, which: int, nanoseconds: int = 0, flags: int = 0) -> bytes:
    """One subscription of poll_oneoff."""
    return struct.pack("<QB7xI4xQ8xH6x", userdata, kind, which, nanoseconds, flags)


def test_sleeping_takes_no_time_on_fixed_clocks(guest: Guest) -> None:
    """A sleep of an hour returns at once with its event, as on the real host."""
    guest.memory.write(0, subscription(7, 0, 1, 3600 * 10**9))
    start = time.monotonic()
    assert guest("poll_oneoff", 0, 100, 1, 200) == SUCCESS
    assert time.monotonic() - start < 60
    assert guest.u64(100) == 7
    assert guest.memory.read(200, 4) == b"\1\0\0\0"


def test_sleeping_on_real_clocks_is_bounded() -> None:
    """With real clocks a sleep lasts, but never longer than its bound."""
    guest = Guest(clock="real", longest_sleep=0.05)
    guest.memory.write(0, subscription(7, 0, 1, 3600 * 10**9))
    start = time.monotonic()
    assert guest("poll_oneoff", 0, 100, 1, 200) == SUCCESS
    assert 0.04 < time.monotonic() - start < 60


def test_polling_a_bad_descriptor_reports_it_in_the_event(guest: Guest) -> None:
    """The call succeeds and the event of a descriptor that is not open carries the error."""
    guest.memory.write(0, subscription(7, 1, 3) + subscription(8, 2, 1) + subscription(9, 0, 0, 5))
    assert guest("poll_oneoff", 0, 200, 3, 400) == SUCCESS
    assert guest.memory.read(400, 4) == b"\2\0\0\0"
    assert struct.unpack("<QHB", guest.memory.read(200, 11)) == (7, BADF, 1)
    assert struct.unpack("<QHB", guest.memory.read(232, 11)) == (8, SUCCESS, 2)


def test_polling_for_nothing_is_refused(guest: Guest) -> None:
    """No subscriptions are an invalid argument."""
    assert guest("poll_oneoff", 0, 100, 0, 200) == INVAL


@pytest.mark.parametrize("name", sorted(POINTERS))
@pytest.mark.parametrize("bad", [PAGE - 3, PAGE, 0x80000000 - (1 << 32), -1])
def test_pointers_outside_memory_are_a_fault(guest: Guest, name: str, bad: int) -> None:
    """A pointer that does not lie in memory gives EFAULT."""
    assert guest(name, *[bad if arg == -1 else arg for arg in POINTERS[name]]) == FAULT


@pytest.mark.parametrize("code", [0, 1, -1])
def test_proc_exit_leaves_the_guest(guest: Guest, code: int) -> None:
    """proc_exit does not return, whatever the code."""
    with pytest.raises(GuestExit) as exit_:
        guest("proc_exit", code)
    assert exit_.value.code == code & 0xFFFFFFFF
