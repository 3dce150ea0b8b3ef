"""The cases themselves: they fit their schema and the table, and leave nothing out."""

import json
from importlib.resources import files
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from gadget_abi import Abi, EmbedderError
from gadget_conformance import guests, matrix
from gadget_conformance.case import Case, load_cases, read_cases, runs_of, schema

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


@pytest.mark.parametrize("case", load_cases(), ids=lambda case: case.id)
def test_rules_and_cells_are_of_the_table(case: Case, abi: Abi) -> None:
    """A case names a row of the table that is there, and covers functions that are."""
    kind, _, name = case.data["rule"].rpartition(":")
    rows = {"": {*abi.functions, *abi.exports}, "change": {*abi.changes}, "quirk": {*abi.quirks}}
    assert name in rows[kind]
    assert {function for function, _ in case.covers} <= set(abi.functions)


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
