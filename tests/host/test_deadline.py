"""The door to wasm: deadlines, clocks, exceptions, threads."""

import threading
import time
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import pytest
import wasmtime

from gadget_abi import GuestError
from gadget_host._deadline import Clock, Watchdog
from gadget_host._engine import LimitedStore, Limits, new_engine
from gadget_host._entry import Entry, GuestExit

WAT = """(module
  (import "host" "call" (func $call (param i32)))
  (memory 1)
  (func (export "nothing"))
  (func (export "call") (param i32) (call $call (local.get 0)))
  (func (export "call_twice") (call $call (i32.const 1)) (call $call (i32.const 2)))
  (func $forever (export "forever") (loop $again br $again))
  (func $abort (export "abort") unreachable)
  (func $deeper (export "deeper") call $deeper)
  (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0))))
"""


class Guest:
    """A module of a few exports behind an Entry."""

    def __init__(self, deadline: float, host: Callable[[int], None]) -> None:
        self.store = LimitedStore(new_engine(), Limits(memory_pages=4))
        self.entry = Entry(self.store, "g.wasm", deadline)
        imported = wasmtime.Func(
            self.store, wasmtime.FuncType([wasmtime.ValType.i32()], []), self.entry.host(host)
        )
        module = wasmtime.Module(self.store.engine, WAT)
        self.exports = wasmtime.Instance(self.store, module, [imported]).exports(self.store)

    def __call__(self, name: str, *args: int) -> Any:
        """Call an export."""
        export = self.exports[name]
        assert isinstance(export, wasmtime.Func)
        return self.entry.call(export, *args, function=name)


@pytest.fixture
def new() -> Iterator[Callable[..., Guest]]:
    """Make guests; their threads are ended afterwards."""
    guests: list[Guest] = []

    def make(deadline: float = 60, host: Callable[[int], None] = lambda _: None) -> Guest:
        guests.append(Guest(deadline, host))
        return guests[-1]

    yield make
    for guest in guests:
        guest.entry.close()
        guest.store.close()


New = Callable[..., Guest]


def test_an_endless_loop_ends_with_its_deadline(new: New) -> None:
    """The call fails soon after the deadline; the message names module, export and the time it had."""
    guest = new(deadline=0.1)
    start = time.monotonic()
    with pytest.raises(GuestError, match=r"^g\.wasm: forever: ran longer than its deadline of 0\.1 s"):
        guest("forever")
    assert 0.09 < time.monotonic() - start < 10


def test_a_guest_that_was_interrupted_is_not_called_again(new: New) -> None:
    """The next call fails at once and says why."""
    guest = new(deadline=0.05)
    for _ in range(2):
        with pytest.raises(GuestError, match="ran longer"):
            guest("forever")
    with pytest.raises(GuestError, match="cannot be called any more: ran longer"):
        guest("nothing")


def test_many_short_calls_are_no_long_one(new: New) -> None:
    """Calls that together last longer than the deadline are not interrupted."""
    guest = new(deadline=0.25)  # more than a busy machine keeps one short call waiting
    end = time.monotonic() + 0.6
    while time.monotonic() < end:
        guest("nothing")


def test_time_in_the_host_is_not_the_guests(new: New) -> None:
    """A host function that takes longer than the deadline does not cost the guest its life."""
    guest = new(deadline=0.25, host=lambda _: time.sleep(0.3))
    guest("call_twice")
    assert guest.entry.clock.seconds < 0.25


def test_nested_calls_share_the_outermost_deadline(new: New) -> None:
    """A guest that the host calls back for ever meets the deadline of the call that began it."""
    guests: list[Guest] = []

    def call_back(_: int) -> None:
        while True:
            guests[0]("nothing")

    guests.append(new(deadline=0.2, host=call_back))
    with pytest.raises(GuestError, match="ran longer"):
        guests[0]("call", 0)


@pytest.mark.parametrize(
    ("export", "reason"),
    [
        ("abort", r"trapped: executed `unreachable` .*, in abort \(byte 0x"),
        ("deeper", r"trapped: used up its stack"),
    ],
)
def test_a_trap_says_why_and_where(new: New, export: str, reason: str) -> None:
    """The message names module, export, reason and the function that trapped; other calls still work."""
    guest = new()
    with pytest.raises(GuestError, match=rf"^g\.wasm: {export}: {reason}"):
        guest(export)
    guest("nothing")


def test_recursion_ends_in_a_trap_on_any_thread(new: New) -> None:
    """The stack set aside for wasm fits a thread's, so that exhaustion is a trap and not a crash."""
    caught: list[BaseException] = []

    def run() -> None:
        try:
            new()("deeper")
        except GuestError as error:
            caught.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert "used up its stack" in str(caught[0])


def test_memory_grows_to_the_limit_and_no_further(new: New) -> None:
    """memory.grow answers the old size up to the limit, and -1 beyond it."""
    guest = new()
    assert [guest("grow", pages) for pages in (3, 1, 0)] == [1, -1, 4]


def test_proc_exit_ends_the_gadget(new: New) -> None:
    """The call fails with the code, also 0, and the gadget is not called again."""

    def leave(code: int) -> None:
        raise GuestExit(code)

    guest = new(host=leave)
    with pytest.raises(GuestError, match=r"^g\.wasm: call: the gadget called proc_exit\(0\)$"):
        guest("call", 0)
    with pytest.raises(GuestError, match="cannot be called any more"):
        guest("nothing")


@pytest.mark.parametrize("error", [KeyboardInterrupt(), ZeroDivisionError("ours"), SystemExit(3)])
def test_what_a_host_function_raises_comes_out_as_itself(new: New, error: BaseException) -> None:
    """The very exception comes out of the call, whatever it is, and the guest can be called again."""

    def fail(_: int) -> None:
        raise error

    guest = new(host=fail)
    with pytest.raises(type(error)) as caught:
        guest("call", 1)
    assert caught.value is error
    guest("nothing")


def test_exceptions_do_not_cross_between_threads(new: New) -> None:
    """Gadgets that fail at the same time on many threads each get their own exception."""
    wrong: list[BaseException] = []

    def work(mine: int) -> None:
        def fail(_: int) -> None:
            raise LookupError(mine)

        guest = new(host=fail)
        for _ in range(200):
            try:
                guest("call", 1)
            except LookupError as error:
                if error.args != (mine,):
                    wrong.append(error)
            except BaseException as error:
                wrong.append(error)

    threads = [threading.Thread(target=work, args=[n]) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_calls_of_one_gadget_wait_for_each_other(new: New) -> None:
    """Two threads never run the guest at the same time."""
    inside, most = 0, 0

    def enter(_: int) -> None:
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        time.sleep(0.001)
        inside -= 1

    guest = new(host=enter)
    threads = [threading.Thread(target=guest, args=["call_twice"]) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1


def watchdogs() -> list[threading.Thread]:
    """The watchdog threads that are running."""
    return [thread for thread in threading.enumerate() if thread.name == "gadget-watchdog"]


def test_no_thread_is_left(new: New) -> None:
    """The thread of a gadget starts with its first call and ends when it is closed."""
    before = len(watchdogs())
    guest = new()
    guest("nothing")
    assert len(watchdogs()) == before + 1
    guest.entry.close()
    assert len(watchdogs()) == before


def test_a_gadget_without_deadline_has_no_thread(new: New) -> None:
    """An endless deadline needs nobody to watch it."""
    before = len(watchdogs())
    new(deadline=float("inf"))("nothing")
    assert len(watchdogs()) == before


@pytest.fixture
def bitten() -> Iterator[tuple[Watchdog, Clock, threading.Event]]:
    """A watchdog, its clock, and whether it has interrupted."""
    event, clock = threading.Event(), Clock()
    watchdog = Watchdog(event.set, clock)
    yield watchdog, clock, event
    watchdog.close()


Bitten = tuple[Watchdog, Clock, threading.Event]


def test_each_call_of_a_batch_has_the_deadline_to_itself(bitten: Bitten) -> None:
    """While the count of calls goes up nobody is interrupted, however long the batch."""
    watchdog, clock, event = bitten
    clock.run()
    watchdog.begin(0.05, count().__next__)
    assert not event.wait(0.3)


def test_a_call_of_a_batch_that_hangs_is_interrupted(bitten: Bitten) -> None:
    """When the count of calls stands still for longer than the deadline, the guest is interrupted."""
    watchdog, clock, event = bitten
    clock.run()
    watchdog.begin(0.05, lambda: 7)
    assert event.wait(10)


def test_a_call_that_ended_is_not_interrupted(bitten: Bitten) -> None:
    """After its end no interrupt comes, though the clock goes on."""
    watchdog, clock, event = bitten
    clock.run()
    watchdog.begin(0.05)
    watchdog.end()
    assert not event.wait(0.2)


def test_a_short_deadline_after_a_long_one_is_kept(bitten: Bitten) -> None:
    """The watchdog wakes for a call whose deadline is shorter than the pause it had planned."""
    watchdog, clock, event = bitten
    clock.run()
    watchdog.begin(400)
    time.sleep(0.05)
    watchdog.end()
    watchdog.begin(0.05)
    assert event.wait(10)


def test_a_sleeping_watchdog_wakes_up(bitten: Bitten) -> None:
    """After a pause without calls the next one is watched again."""
    watchdog, clock, event = bitten
    watchdog.begin(0.01)
    watchdog.end()
    time.sleep(0.3)
    clock.run()
    watchdog.begin(0.05)
    assert event.wait(10)
