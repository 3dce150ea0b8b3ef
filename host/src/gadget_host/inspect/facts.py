"""Find out what a gadget is: from its image and gadget.yaml, its module, and a run of its gadgetInit."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import gadget_abi
from gadget_abi import EmbedderError, GuestError
from gadget_abi.oci import Image
from gadget_abi.report import Report, check_bytes
from gadget_host._logs import LogRecord
from gadget_host._manifest import Manifest
from gadget_host._module import read_file
from gadget_host._target import Target
from gadget_host.gadget import Gadget
from gadget_host.inspect.ebpf import ebpf_sources
from gadget_host.schema import SourceSchema

__all__ = ["Facts", "inspect"]


@dataclass(frozen=True)
class Facts:
    """What was found out.

    Args:
        path: of the module or the image.
        image: it is in, if it is in one.
        manifest: its gadget.yaml, if there is one.
        module: size in bytes and digest of the wasm module; None when there is none in the image.
        report: what `gadget check` says of it.
        sources: that there are after gadgetInit: those it created, and given ones it left in place.
        given: names of the fields that were there before, by source.
        made: names of the sources that its eBPF program makes.
        asked: names of sources it asked for that nobody gave.
        trouble: why the sources of its eBPF program are not known; "" when they are.
        failure: what kept gadgetInit from ending, or the module from being loaded; "" when nothing did.
    """

    path: Path
    image: Image | None
    manifest: Manifest | None
    module: tuple[int, str] | None
    report: Report | None
    sources: tuple[SourceSchema, ...] = ()
    given: Mapping[str, frozenset[str]] = field(default_factory=dict)
    asked: tuple[str, ...] = ()
    failure: str = ""
    made: tuple[str, ...] = ()
    trouble: str = ""

    @property
    def lacks_fields(self) -> bool:
        """Whether there are fields at run time that are not known: those ig adds to an eBPF program's sources."""
        return bool(self.asked or self.made or self.trouble)

    @property
    def upcalls(self) -> tuple[str, ...]:
        """Names of the host functions it imports."""
        return tuple(use.item.name for use in self.report.imports) if self.report else ()


def inspect(
    target: Target,
    given: Iterable[SourceSchema] = (),
    *,
    deadline: float | None = 10.0,
    on_log: Callable[[LogRecord], None] | None = None,
) -> Facts:
    """Find out about a gadget; its gadgetInit is run once, and nothing else of it.

    Args:
        target: the gadget.
        given: sources that are there before it, as those of its eBPF program would be.
        deadline: seconds that a call of it may take.
        on_log: called with what it logs.

    Raises:
        EmbedderError: it cannot be read, or the given sources cannot be.
    """
    given = tuple(given)
    made, trouble = _made(target, given)
    names = tuple(schema.name for schema in made)
    head = (target.path, target.image, target.manifest)
    if target.image is not None and target.image.module is None:
        return Facts(*head, None, None, made, made=names, trouble=trouble)
    data = target.module if isinstance(target.module, bytes) else read_file(target.module)
    report = check_bytes(data, gadget_abi.load())
    sources, asked, failure = _initialise(target, data, [*given, *made], deadline, on_log)
    digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
    before = {schema.name: frozenset(field.name for field in schema.fields) for schema in [*given, *made]}
    return Facts(*head, (len(data), digest), report, sources, before, asked, failure, names, trouble)


def _made(target: Target, given: Iterable[SourceSchema]) -> tuple[tuple[SourceSchema, ...], str]:
    """The sources its eBPF program makes that are not given, and why they are not known."""
    if target.image is None or target.image.program is None:
        return (), ""
    known = {schema.name for schema in given}
    try:
        found = ebpf_sources(target.image.program)
    except EmbedderError as error:
        return (), "" if known else str(error)
    return tuple(schema for schema in found if schema.name not in known), ""


def _initialise(
    target: Target,
    data: bytes,
    given: Iterable[SourceSchema],
    deadline: float | None,
    on_log: Callable[[LogRecord], None] | None,
) -> tuple[tuple[SourceSchema, ...], tuple[str, ...], str]:
    """Sources afterwards, names that were asked for in vain, and what failed."""
    config = target.manifest.data if target.manifest else {}
    try:
        gadget = Gadget.load(data, name=target.path.name, config=config, deadline=deadline, on_log=on_log)
    except GuestError as error:
        return (), (), str(error)
    with gadget:
        for schema in given:
            gadget.add_source(schema)
        try:
            gadget.init()
            failure = ""
        except GuestError as error:
            failure = str(error)
        sources = tuple(source.schema for source in gadget.sources.values() if source.referenced)
        return sources, gadget.missing_sources, failure
