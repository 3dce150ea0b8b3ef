"""What was measured: rows, and the report that they make."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median

__all__ = ["Report", "Row"]


@dataclass
class Row:
    """One comparison.

    Args:
        section: what is compared: a key of table.SECTIONS.
        guest: its language; two where the hosts run different ones, ours first.
        what: what it does.
        unit: of the samples; less is better.
        target: the ratio that is asked for.
        ours: samples of this host.
        theirs: samples of the real one, taken in turn.
    """

    section: str
    guest: str
    what: str
    unit: str
    target: float | None = None
    ours: list[float] = field(default_factory=list)
    theirs: list[float] = field(default_factory=list)

    @property
    def ratio(self) -> float:
        """How many times as much the real one takes, by the medians."""
        return median(self.theirs) / median(self.ours)

    @property
    def missed(self) -> bool:
        """Whether it is less than is asked for."""
        return self.target is not None and self.ratio < self.target


@dataclass(frozen=True)
class Report:
    """A measured run.

    Args:
        machine: what it was measured on, and with which versions.
        rows: in the order of measuring.
        left_out: what could not be measured there, and why.
    """

    machine: dict[str, str]
    rows: Sequence[Row]
    left_out: Sequence[str] = ()

    def write(self, path: Path) -> None:
        """Write it as JSON."""
        path.write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> Report:
        """Read what `write` wrote.

        Raises:
            ValueError: the file holds something else.
        """
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
            return cls(data["machine"], [Row(**row) for row in data["rows"]], data["left_out"])
        except (KeyError, TypeError, json.JSONDecodeError) as error:
            raise ValueError(f"{path} is not what --json writes: {error!r}") from None
