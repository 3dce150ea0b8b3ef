"""Perf readers."""

import struct
from typing import Any

import pytest

EVENT = struct.Struct("<IIB")


@pytest.fixture
def reader(host: Any, run: Any) -> Any:
    """Open a reader on records that are waiting: (module, host's reader)."""
    host_map = type(host).__init__.__globals__["HostMap"]

    def reader(records: list[bytes], overwritable: bool = True) -> Any:
        host.maps["events"] = host_map("events", 4, 4, 4, {b"records": records})
        module = run(
            f"""
            import gadget
            events = gadget.perf_reader("events", gadget.Struct("IIB"), size=4096, overwritable={overwritable})
            """
        ).module
        return module, host.readers[-1]

    return reader


def test_iterating_reads_what_is_there(host: Any, reader: Any) -> None:
    """An overwritable reader is paused meanwhile and resumed afterwards."""
    module, host_reader = reader([EVENT.pack(1, 2, 3), EVENT.pack(4, 5, 6) + b"pad"])
    paused = [(record, host_reader.paused) for record in module.events]
    assert paused == [((1, 2, 3), True), ((4, 5, 6), True)]
    assert not host_reader.paused
    assert list(module.events) == []


def test_leaving_the_loop_resumes(reader: Any) -> None:
    """Also when the body breaks or raises."""
    module, host_reader = reader([EVENT.pack(1, 2, 3)] * 3)
    for _ in module.events:
        break
    assert (host_reader.paused, len(host_reader.records)) == (False, 2)


def test_a_reader_that_is_not_overwritable_is_read_without_pausing(reader: Any) -> None:
    """One record at a time."""
    module, _ = reader([EVENT.pack(1, 2, 3)], overwritable=False)
    assert (module.events.read(), module.events.read()) == ((1, 2, 3), None)


def test_pause_and_resume_can_be_called_by_hand(reader: Any) -> None:
    """Reading an overwritable reader that is not paused is an error."""
    module, _ = reader([EVENT.pack(1, 2, 3)])
    with pytest.raises(module.gadget.HostError, match="is it paused"):
        module.events.read()
    module.events.pause()
    assert module.events.read() == (1, 2, 3)
    module.events.resume()


def test_a_record_longer_than_the_layout_is_a_host_error(reader: Any) -> None:
    """The kernel's padding is allowed for, more is not."""
    module, _ = reader([bytes(12), bytes(13)])
    with pytest.raises(module.gadget.HostError, match="no record over 12 bytes"):
        list(module.events)


def test_close_closes_the_reader(host: Any, reader: Any) -> None:
    """And gives its handle back."""
    module, host_reader = reader([])
    with module.events:
        pass
    assert host_reader.closed
    with pytest.raises(module.gadget.ReleasedError, match="perf reader of map 'events'"):
        module.events.read()


def test_a_reader_can_be_opened_on_a_map_of_the_gadgets_own(host: Any, run: Any) -> None:
    """As the buffers of a map of maps are."""
    module = run(
        """
        import gadget

        @gadget.on_start
        def start():
            global reader
            buffer = gadget.new_map("buffer", gadget.MapType.PerfEventArray, gadget.Uint32, gadget.Uint32, 0)
            reader = gadget.perf_reader(buffer, gadget.Raw(64), overwritable=True)
        """
    ).module
    host.readers[0].records.append(b"abc")
    assert list(module.reader) == [b"abc" + bytes(61)]
