"""The cases themselves: they fit their schema and the table, and leave nothing out."""

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from gadget_abi import Abi, EmbedderError, load
from gadget_conformance import guests, matrix
from gadget_conformance.adapter import Adapter, Hello
from gadget_conformance.case import Case, load_cases, read_cases, runs_of, schema, steps_in
from gadget_conformance.layout import PAGES
from gadget_conformance.runner import Runner

FILES = sorted(Path(str(files("gadget_conformance") / "cases")).glob("*.json"))
ROOT = Path(__file__).parents[2]


def test_schema() -> None:
    """The schema is a schema."""
    Draft202012Validator.check_schema(schema())


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_files_fit_the_schema(path: Path) -> None:
    """Every file of cases fits the schema."""
    assert read_cases(path)


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"title": "short"}, "$.cases[0].title"),
        ({"rule": "not a rule"}, "$.cases[0].rule"),
        ({"surprise": 1}, "$.cases[0]"),
        ({"covers": ["gadgetLog:well"]}, "$.cases[0].covers[0]"),
        ({"steps": [{"emit": "x"}]}, "$.cases[0].steps[0]"),
        ({"script": {"main": []}}, "$.cases[0].script"),
        ({"script": {"run": [{"call": "gadgetLog", "args": [0.5]}]}}, "$.cases[0].script.run[0]"),
    ],
)
def test_schema_refuses(change: dict[str, object], where: str, tmp_path: Path) -> None:
    """What is no case is refused with the place, doubles among it."""
    case = {"id": "good", "title": "A title that is long enough.", "rule": "gadgetLog", **change}
    path = tmp_path / "cases.json"
    path.write_text(json.dumps({"cases": [case]}), encoding="utf-8")
    with pytest.raises(EmbedderError, match=r"cases\.json: ") as caught:
        read_cases(path)
    assert where in str(caught.value)


def test_rules_and_cells_are_of_the_table(abi: Abi) -> None:
    """A case names a row of the table that is there, and covers functions that are."""
    rows = {"": {*abi.functions, *abi.exports}, "change": {*abi.changes}, "quirk": {*abi.quirks}}
    wrong = []
    for case in load_cases():
        kind, _, name = case.data["rule"].rpartition(":")
        if name not in rows[kind] or not {function for function, _ in case.covers} <= {*abi.functions}:
            wrong.append(case.id)
    assert wrong == []


def test_an_empty_cell_is_a_gap(abi: Abi) -> None:
    """Without cases every cell without a reason is a gap."""
    cells = matrix.matrix(abi, [])
    assert len(matrix.gaps(cells)) == sum(not cell.reason for cell in cells) > 0
    assert "!" in matrix.matrix_text(cells)


def test_every_case_is_run(abi: Abi) -> None:
    """Every case applies to a release."""
    releases = [release.name for release in abi.releases]
    idle = [
        case.id for case in load_cases() if not runs_of(case, abi, ("careful", "strict"), releases=releases)
    ]
    assert idle == []


def test_guests_are_fresh(abi: Abi) -> None:
    """The universal guests are what the generator makes of the table."""
    assert guests.stale_guests(abi, ROOT) == []


def test_a_stale_guest_is_found(abi: Abi, tmp_path: Path) -> None:
    """A guest that is missing or differs is stale."""
    assert guests.stale_guests(abi, tmp_path) == list(guests.derived_guests(abi))


FETCHED = {"field": {"fieldGet", "fieldGetScalar", "fieldGetBuffer"}}


def called(case: Case) -> set[str]:
    """The host functions a case calls."""
    if "guest" in case.data:
        text = guests.guest_text(case.data["guest"])
        return {name for name in load().functions if f'"{name}"' in text}
    found = {"getDataSource", "dataSourceGetField"} if "bind" in case.data else set()
    for script in case.scripts.values():
        for step in steps_in(script):
            found |= {step["call"]} if "call" in step else set()
            found |= FETCHED.get(step["fetch"], {step["fetch"]}) if "fetch" in step else set()
    return found


def test_what_is_covered_is_called(abi: Abi) -> None:
    """A case calls the functions it says it covers, and the one whose rule it checks."""
    missing = {}
    for case in load_cases():
        asked = {function for function, _ in case.covers} | ({case.data["rule"]} & set(abi.functions))
        missing[case.id] = asked - called(case)
    assert {name: functions for name, functions in missing.items() if functions} == {}


class Idle(Adapter):
    """A host that does nothing at all, and keeps the memory as it was."""

    hello = Hello("idle", "0", (), ("careful", "strict"), writes=True)

    def __init__(self) -> None:
        super().__init__("none")
        self._memory = bytearray(PAGES << 16)

    def ask(self, do: str, **more: Any) -> dict[str, Any]:
        """Answer that nothing happened."""
        match do:
            case "load":
                self._memory = bytearray(PAGES << 16)
                for piece in more["memory"]:
                    data = bytes.fromhex(piece["bytes"])
                    self._memory[piece["address"] : piece["address"] + len(data)] = data
            case "read":
                return {"bytes": self._memory[more["address"] : more["address"] + more["length"]].hex()}
            case "handles":
                return {"handles": 0}
            case "sources":
                return {"sources": []}
        return {"failed": None, "logs": [], "events": []}


def test_no_case_passes_by_itself(abi: Abi) -> None:
    """On a host that does nothing every case fails."""
    releases = [release.name for release in abi.releases]
    with Runner(Idle()) as runner:
        passed = {
            case.id
            for case in load_cases()
            for run in runs_of(case, abi, ("careful", "strict"), releases=releases)
            if runner.run(run).status == "pass"
        }
    assert passed == set()
