"""One case on an adapter, from loading to closing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from . import answers, layout
from .adapter import Adapter, UnsupportedError
from .case import Run
from .guests import OPTIONAL, guest_text, without_exports
from .journal import Returned, read_entries
from .judge import Observed, judge, judge_sources
from .memory import NULL_ZONE
from .modules import Modules
from .program import Content, Program
from .transcript import transcript
from .values import to_kind

__all__ = ["Attempt"]

_FIRST = 64  # entries of the journal that are read at once
_SETUP = {"sources": [], "params": {}, "config": {}, "maps": [], "kallsyms": [], "log_level": "Trace"}
_PHASES = {"init": ("_start", "_initialize", "gadgetInit"), "start": ("gadgetPreStart", "gadgetStart")}


class Attempt:
    """One case.

    Args:
        run: the case, release and mode.
        adapter: where it is run.
        modules: makes the files of guests.

    Raises:
        EmbedderError: the case asks for something that cannot be.
    """

    def __init__(self, run: Run, adapter: Adapter, modules: Modules) -> None:
        self._run, self._adapter, self._modules = run, adapter, modules
        self._data = run.case.data
        self._program = None if "guest" in self._data else Program(run)
        self._seen = Observed()
        self._findings: list[str] = []

    def findings(self) -> list[str]:
        """Run it; what is not as the case says.

        Raises:
            AdapterError: the adapter crashed, hung, or answered what it must not.
            UnsupportedError: it cannot do what the case takes.
        """
        try:
            self._live()
        except UnsupportedError:
            self._adapter.ask("close")
            raise
        self._adapter.ask("close")
        return self._findings + judge(self._data, self._program, self._seen)

    @property
    def transcript(self) -> str:
        """What happened in the guest, as far as is known."""
        return "" if self._program is None else transcript(self._program, self._seen.entries)

    def _live(self) -> None:
        steps = list(self._data.get("steps") or self._default_steps())
        if steps[0] == {"do": "load", "fails": True}:
            self._be_refused()
            return
        if not self._step(self._load(), False):
            return
        for step in steps:
            self._take({"do": step} if isinstance(step, str) else step)
        if self._program is not None:
            self._look(self._program)

    def _be_refused(self) -> None:
        """Load what must be refused; a host that does both at once may say so when it is to be initialised."""
        loaded = answers.observation("load", self._adapter.ask(**self._load()))
        if loaded.failed is None:
            self._step({"do": "init"}, True)
        self._program = None  # it did not run: there is no journal to judge

    def _default_steps(self) -> list[Any]:
        """The life of a gadget, as far as it can come."""
        steps: list[Any] = []
        for do, exports in _PHASES.items():
            if any(map(self._ends, exports)):
                return [*steps, {"do": do, "fails": True}]
            steps.append(do)
        return [*steps, {"do": "stop", "fails": True} if self._ends("gadgetStop") else "stop"]

    def _ends(self, export: str) -> bool:
        """Whether a script is meant to fail."""
        script = self._run.case.scripts.get(export, ())
        return any(
            step.get("expect") in ("trap", "ends") or "trap" in step or step.get("return", 0) != 0
            for step in script
        )

    # ----------------------------------------------------------------------------------------------- steps

    def _load(self) -> dict[str, Any]:
        profile = self._run.profile
        memory = {} if self._program is None else dict(sorted(self._program.memory.items()))
        written = memory if self._adapter.hello.writes else {}
        baked = {} if written else memory
        return {
            "do": "load",
            "module": str(self._modules.path(self._guest(), baked)),
            "release": profile.release,
            "strict": profile.strict,
            "setup": {**_SETUP, **self._data.get("setup", {})},
            "memory": [{"address": address, "bytes": data.hex()} for address, data in written.items()],
        }

    def _guest(self) -> str:
        if self._program is None:
            return guest_text(self._data["guest"]).replace('"ABI"', f'"{self._run.profile.family.module}"')
        unused = [name for name in OPTIONAL if name not in self._run.case.scripts]
        return without_exports(guest_text(self._run.signature_set), [*unused, *self._data.get("without", ())])

    def _take(self, step: Mapping[str, Any]) -> None:
        if "handles" in step:
            found = answers.handles("handles", self._adapter.ask("handles"))
            if found != step["handles"]:
                self._findings.append(f"open handles: expected {step['handles']}, found {found}")
        elif "sources" in step:
            found_sources = answers.sources("sources", self._adapter.ask("sources"))
            self._findings += judge_sources(step["sources"], found_sources)
        else:
            self._step(self._request(step), step.get("fails", False))

    def _request(self, step: Mapping[str, Any]) -> dict[str, Any]:
        if "emit" in step:
            packet = self._packet(step["emit"], step["event"])
            return {"do": "emit", "source": step["emit"], "packet": packet, "count": step.get("count", 1)}
        if "perf" in step:
            return {"do": "perf", "map": step["perf"], "records": step["records"]}
        if "call" in step:
            return {"do": "call", "export": step["call"]}
        return {"do": step["do"]}

    def _packet(self, source: str, event: Any) -> list[dict[str, str]]:
        """The elements of an event, values as the bytes of their fields."""
        kinds = self._kinds(source)
        return [
            {
                name: to_kind(value, kinds.get(name, ""), self._run.profile.abi).hex()
                for name, value in element.items()
            }
            for element in (event if isinstance(event, list) else [event])
        ]

    def _kinds(self, name: str) -> dict[str, str]:
        sources = self._data.get("setup", {}).get("sources", ())
        source: Mapping[str, Any] = next((source for source in sources if source["name"] == name), {})
        members = [member for struct in source.get("structs", ()) for member in struct["members"]]
        return {item["name"]: item["kind"] for item in (*members, *source.get("fields", ()))}

    def _step(self, request: dict[str, Any], fails: bool) -> bool:
        """Ask for a step and note what was seen; False when it failed."""
        do = request.pop("do")
        seen = answers.observation(do, self._adapter.ask(do, **request))
        self._seen.logs += seen.logs
        self._seen.events += seen.events
        if fails and seen.failed is None:
            self._findings.append(f"{do}: expected it to fail")
        if seen.failed is not None and not fails:
            self._findings.append(f"{do}: failed: {seen.failed}")
        return seen.failed is None

    # ------------------------------------------------------------------------------------------- afterwards

    def _look(self, program: Program) -> None:
        journal = self._bytes(layout.JOURNAL, layout.ENTRY * (1 + _FIRST))
        count = int.from_bytes(journal[:4], "little")
        if count > _FIRST:
            journal = self._bytes(layout.JOURNAL, layout.ENTRY * (1 + count))
        if journal[4]:
            self._findings.append(f"more than {layout.JOURNAL_ENTRIES} things happened: be quiet")
        seen = self._seen
        seen.entries = read_entries(program, journal[layout.ENTRY : layout.ENTRY * (1 + count)])
        seen.null_zone = self._bytes(0, NULL_ZONE)
        seen.image = self._bytes(layout.DATA, len(program.memory[layout.DATA]))
        for entry in seen.entries:
            if isinstance(entry, Returned) and isinstance(entry.step.expect, Content) and entry.result:
                address, length = entry.result & 0xFFFFFFFF, entry.result >> 32
                seen.blocks[entry.result] = self._bytes(address, min(length, 1 << 16))

    def _bytes(self, address: int, length: int) -> bytes:
        return answers.memory("read", self._adapter.ask("read", address=address, length=length), length)
