"""Orders, padding and capacities are those seen of cilium/ebpf v0.22 on Linux 6.18 with two CPUs."""

from __future__ import annotations

import gc
from typing import Any

import pytest

from gadget_abi import EmbedderError
from gadget_host._state import CallError
from gadget_host.backends import MapError, MapRegistry, PerfEvents, PerfReader
from gadget_host.backends.maps import MapRef
from gadget_host.calls import perf as calls


@pytest.fixture
def perf() -> PerfEvents:
    """The program side of a machine with two CPUs, with one array named "events"."""
    made = PerfEvents(MapRegistry(cpus=2))
    made.create("events")
    return made


def drain(reader: PerfReader) -> list[int]:
    """The first bytes of all samples there are."""
    return [sample[0] for sample in iter(reader.read, None)]


def write(perf: PerfEvents, *records: int, cpu: int = 0, size: int = 1) -> list[bool]:
    """Write samples that start with a byte each."""
    return [perf.output("events", bytes([n]).ljust(size, b"\xff"), cpu) for n in records]


@pytest.mark.parametrize(
    ("size", "read"), [(0, 4), (1, 4), (4, 4), (5, 12), (8, 12), (12, 12), (13, 20), (20, 20), (248, 252)]
)
@pytest.mark.parametrize("overwritable", [True, False])
def test_padding(perf: PerfEvents, size: int, read: int, overwritable: bool) -> None:
    """A sample comes with the padding of its record."""
    reader = PerfReader(perf["events"], 4096, overwritable)
    perf.output("events", b"\xff" * size)
    reader.pause()
    assert reader.read() == (b"\xff" * size).ljust(read, b"\0")


class TestOverwritable:
    """Rings whose new records replace old ones."""

    def test_must_be_paused(self, perf: PerfEvents) -> None:
        """Reading without a pause fails."""
        with pytest.raises(MapError, match="must be paused"):
            PerfReader(perf["events"], 1, True).read()

    def test_order(self, perf: PerfEvents) -> None:
        """The last CPU comes first, and on each the newest record."""
        reader = PerfReader(perf["events"], 1, True)
        write(perf, 1, 2, 3)
        write(perf, 100, 101, cpu=1)
        reader.pause()
        assert drain(reader) == [101, 100, 3, 2, 1]

    def test_nothing_comes_twice(self, perf: PerfEvents) -> None:
        """After resuming, only what was written since is read."""
        reader = PerfReader(perf["events"], 1, True)
        write(perf, 1)
        reader.pause()
        drain(reader)
        reader.resume()
        write(perf, 4, 5)
        reader.pause()
        assert (drain(reader), drain(reader)) == ([5, 4], [])

    def test_an_unfinished_reading_is_finished_first(self, perf: PerfEvents) -> None:
        """Records already looked at come before those written after a resume."""
        reader = PerfReader(perf["events"], 1, True)
        write(perf, 6, 7, 8)
        reader.pause()
        reader.read()
        reader.resume()
        write(perf, 9)
        reader.pause()
        assert drain(reader) == [7, 6, 9]

    def test_capacity(self, perf: PerfEvents) -> None:
        """A ring of one page keeps the newest 15 records of 248 bytes."""
        reader = PerfReader(perf["events"], 4096, True)
        assert all(write(perf, *range(40), size=248))
        reader.pause()
        assert drain(reader) == list(range(39, 24, -1))

    def test_paused_writes_are_lost(self, perf: PerfEvents) -> None:
        """Nothing is taken during a pause."""
        reader = PerfReader(perf["events"], 1, True)
        reader.pause()
        assert (write(perf, 1), drain(reader)) == ([False], [])


class TestForward:
    """Rings that refuse records when they are full."""

    def test_order(self, perf: PerfEvents) -> None:
        """The last CPU comes first, and on each the oldest record; no pause is needed."""
        reader = PerfReader(perf["events"], 1, False)
        write(perf, 1, 2, 3)
        write(perf, 100, cpu=1)
        assert drain(reader) == [100, 1, 2, 3]

    def test_losses(self, perf: PerfEvents) -> None:
        """A full ring loses the newest records and says how many once there is room again."""
        reader = PerfReader(perf["events"], 4096, False)
        taken = write(perf, *range(40), size=248)
        assert (sum(taken), drain(reader), reader.take_lost()) == (15, list(range(15)), 0)
        write(perf, 77, 78)
        assert (drain(reader), reader.take_lost(), reader.take_lost()) == ([77, 78], 25, 0)

    def test_what_is_there_is_read_in_a_pause(self, perf: PerfEvents) -> None:
        """A pause stops the writing, not the reading."""
        reader = PerfReader(perf["events"], 1, False)
        write(perf, 1)
        reader.pause()
        assert drain(reader) == [1]

    def test_room_comes_back_as_it_is_read(self, perf: PerfEvents) -> None:
        """Each record read makes room for one."""
        reader = PerfReader(perf["events"], 4096, False)
        write(perf, *range(15), size=248)
        reader.read()
        assert write(perf, 15, 16, size=248) == [True, False]


class TestReaders:
    """Who takes the records of an array."""

    def test_a_second_reader_takes_over(self, perf: PerfEvents) -> None:
        """The last reader that was opened or resumed gets the records."""
        first, second = (PerfReader(perf["events"], 1, False) for _ in range(2))
        write(perf, 1)
        second.close()
        assert (drain(first), write(perf, 2)) == ([], [False])

    def test_closing_the_first_leaves_the_second(self, perf: PerfEvents) -> None:
        """A reader that was taken over from takes nothing with it."""
        first, second = (PerfReader(perf["events"], 1, False) for _ in range(2))
        first.close()
        first.close()
        assert (write(perf, 1), drain(second)) == ([True], [1])

    def test_a_forgotten_reader(self, perf: PerfEvents) -> None:
        """A reader nobody holds any more takes nothing."""
        PerfReader(perf["events"], 1, False)
        gc.collect()
        assert write(perf, 1) == [False]

    def test_closed(self, perf: PerfEvents) -> None:
        """A closed reader does nothing more."""
        reader = PerfReader(perf["events"], 1, False)
        reader.close()
        for use in (reader.read, reader.pause, reader.resume):
            with pytest.raises(MapError, match="closed"):
                use()

    def test_waiting_records(self, perf: PerfEvents) -> None:
        """Records may wait for the next reader."""
        assert (perf.feed("events", [b"a", b"b"]), perf.feed("events", [b"c"], cpu=1)) == (2, 1)
        assert drain(PerfReader(perf["events"], 1, False)) == list(b"cab")

    @pytest.mark.parametrize(("size", "ring"), [(1, 4096), (4096, 4096), (4097, 8192), (12288, 16384)])
    def test_sizes(self, perf: PerfEvents, size: int, ring: int) -> None:
        """Sizes are rounded up to a power of two of pages."""
        assert PerfReader(perf["events"], size, True).ring_size == ring


class TestProgramSide:
    """Creating and writing."""

    def test_one_entry_per_cpu(self, perf: PerfEvents) -> None:
        """There are as many entries as CPUs, or fewer when asked for."""
        counts = [perf.create(str(n), max_entries=n).spec.max_entries for n in (0, 1, 2, 9)]
        assert counts == [2, 1, 2, 2]

    def test_no_such_cpu(self, perf: PerfEvents) -> None:
        """A CPU the machine does not have is the embedder's error."""
        with pytest.raises(EmbedderError, match="has CPUs 0 to 1, not 2"):
            perf.output("events", b"", cpu=2)

    def test_too_long(self, perf: PerfEvents) -> None:
        """A sample longer than a record can be is the embedder's error; the longest fits."""
        reader = PerfReader(perf["events"], 1 << 17, False)
        assert perf.output("events", bytes(65516))
        assert len(reader.read() or b"") == 65516
        with pytest.raises(EmbedderError, match="too long"):
            perf.output("events", bytes(65530))

    def test_larger_than_the_ring(self, perf: PerfEvents) -> None:
        """A record larger than the ring is not taken."""
        for overwritable in (True, False):
            PerfReader(perf["events"], 4096, overwritable)
            assert not perf.output("events", bytes(5000))

    @pytest.mark.parametrize("name", ["nothing", "hash"])
    def test_no_perf_event_array(self, perf: PerfEvents, name: str) -> None:
        """A name that is no perf event array is the embedder's error."""
        perf._maps.create("hash")
        with pytest.raises(EmbedderError, match=f"no perf event array '{name}'"):
            perf.output(name, b"")


class TestCalls:
    """The ABI's functions."""

    @pytest.fixture
    def events(self, host: Any) -> MapRef:
        """A perf event array of the host's."""
        return MapRef(host.maps.create("events", type="PerfEventArray", max_entries=0))

    @pytest.mark.parametrize("size", [0, 0xFFFFFFFF])
    def test_bad_size(self, host: Any, events: MapRef, size: int) -> None:
        """Size 0 and impossible sizes fail."""
        with pytest.raises(CallError, match=f"rings of {size} bytes cannot be"):
            calls.new_perf_reader(host, events, size, True)

    def test_bad_map(self, host: Any) -> None:
        """A map of another type fails, even the hash upstream would take for one."""
        with pytest.raises(CallError, match="map 'm' is a Hash, not a perf event array"):
            calls.new_perf_reader(host, MapRef(host.maps.create("m")), 4096, False)

    def test_read(self, host: Any, buffer: Any, events: MapRef) -> None:
        """A sample is copied and 0 returned; 2, without a warning, when there are no more."""
        reader, out = calls.new_perf_reader(host, events, 4096, True), buffer(14)
        events.map.output(b"12345678")  # type: ignore[attr-defined]
        with pytest.raises(CallError, match="paused"):
            calls.perf_reader_read(host, reader, out)
        calls.perf_reader_pause(host, reader)
        assert (calls.perf_reader_read(host, reader, out), out.bytes) == (0, b"12345678\0\0\0\0??")
        assert (calls.perf_reader_read(host, reader, out), host.warnings) == (2, [])
        calls.perf_reader_resume(host, reader)
        assert reader.paused is False

    def test_a_record_that_does_not_fit_is_lost(self, host: Any, buffer: Any, events: MapRef) -> None:
        """A buffer without room for the padding fails, writes nothing and loses the record."""
        reader, out = calls.new_perf_reader(host, events, 4096, False), buffer(8)
        events.map.output(b"12345678")  # type: ignore[attr-defined]
        with pytest.raises(CallError, match="a buffer of 8 bytes, the record of 12 bytes is lost") as caught:
            calls.perf_reader_read(host, reader, out)
        assert (caught.value.code, out.bytes, reader.read()) == (None, b"????????", None)

    def test_empty_forward_reader(self, host: Any, buffer: Any, events: MapRef) -> None:
        """Where the real host would block, the call answers 2 and says so."""
        with pytest.raises(CallError, match="would wait") as caught:
            calls.perf_reader_read(host, calls.new_perf_reader(host, events, 4096, False), buffer(8))
        assert caught.value.code == 2

    def test_losses_are_reported(self, host: Any, buffer: Any, events: MapRef) -> None:
        """Lost records make a warning, and the next sample is read."""
        reader, out = calls.new_perf_reader(host, events, 4096, False), buffer(252)
        for _ in range(16):
            events.map.output(bytes(248))  # type: ignore[attr-defined]
        calls.perf_reader_read(host, reader, out)
        events.map.output(b"last")  # type: ignore[attr-defined]
        for _ in range(15):
            assert calls.perf_reader_read(host, reader, out) == 0
        assert (out.bytes[:4], host.warnings) == (b"last", ["1 records were lost: the ring was full"])

    def test_close(self, host: Any, events: MapRef) -> None:
        """Closing drops the handle."""
        reader = calls.new_perf_reader(host, events, 4096, False)
        host.new_handle("perf-reader", reader)
        calls.perf_reader_close(host, reader)
        assert (reader.closed, host.handles) == (True, {})
