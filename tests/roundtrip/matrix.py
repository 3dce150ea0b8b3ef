"""What came of the tests, by language and signature set."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256

__all__ = ["Matrix"]

PASS, FAIL, ABSENT = "pass", "FAIL", "-"


@dataclass
class Cell:
    """The tests of one guest."""

    passed: int = 0
    transcript: str = ""
    failed: list[str] = field(default_factory=list)
    reason: str = ""

    @property
    def word(self) -> str:
        """What the table shows."""
        return FAIL if self.failed else PASS if self.passed else ABSENT


class Matrix:
    """Counts outcomes.

    Args:
        languages: the rows.
        sets: the columns.
    """

    def __init__(self, languages: Iterable[str], sets: Iterable[str]) -> None:
        self.sets = list(sets)
        self.cells = {language: {name: Cell() for name in self.sets} for language in languages}

    def passed(self, language: str, name: str, transcript: str = "") -> None:
        """A test has passed, perhaps the one that has the guest's transcript."""
        cell = self.cells[language][name]
        cell.passed += 1
        cell.transcript = transcript or cell.transcript

    def failed(self, language: str, name: str, test: str) -> None:
        """A test has failed, or its guest could not be built."""
        self.cells[language][name].failed.append(test)

    def absent(self, language: str, name: str, reason: str) -> None:
        """A guest is not here."""
        self.cells[language][name].reason = reason

    @property
    def empty(self) -> bool:
        """Whether no guest ran."""
        return all(cell.word == ABSENT for row in self.cells.values() for cell in row.values())

    def lines(self) -> Iterator[str]:
        """The table, and below it why a guest is not here."""
        yield "guest   " + "".join(f"{name:>7}" for name in self.sets)
        for language, row in self.cells.items():
            yield f"{language:8}" + "".join(f"{cell.word:>7}" for cell in row.values())
        for reason, cells in self._absences().items():
            yield f"- not here: {', '.join(cells)}: {reason}"

    def _absences(self) -> dict[str, list[str]]:
        """Guests by the reason why they are not here; a language that is nowhere by its name alone."""
        found: dict[str, list[str]] = {}
        for language, row in self.cells.items():
            for name, cell in row.items():
                if cell.word == ABSENT and cell.reason:
                    found.setdefault(cell.reason, []).append(f"{language} {name}")
        return {reason: self._short(cells) for reason, cells in found.items()}

    def _short(self, cells: list[str]) -> list[str]:
        whole = [
            row for row in self.cells if sum(cell.startswith(f"{row} ") for cell in cells) == len(self.sets)
        ]
        return whole + [cell for cell in cells if cell.partition(" ")[0] not in whole]

    def to_json(self) -> str:
        """The table for programs: language, set, then outcome, number of tests, digest of the transcript (on the
        newest release the guest runs on: the same for all guests of a set), reason, what failed."""
        words = {PASS: "pass", FAIL: "fail", ABSENT: "not here"}
        table = {
            language: {
                name: {
                    "outcome": words[cell.word],
                    "passed": cell.passed,
                    "transcript": sha256(cell.transcript.encode()).hexdigest() if cell.transcript else "",
                    "reason": cell.reason,
                    "failed": cell.failed,
                }
                for name, cell in row.items()
            }
            for language, row in self.cells.items()
        }
        return json.dumps(table, indent=2) + "\n"
