"""The suite leaves nothing out: no function, no quirk, no change, no cell of the matrix without a reason."""

from collections import Counter

from gadget_abi import Abi
from gadget_conformance import matrix
from gadget_conformance.case import Case, load_cases


def by_rule() -> dict[str, list[Case]]:
    """The cases by the rule they check."""
    found: dict[str, list[Case]] = {}
    for case in load_cases():
        found.setdefault(case.data["rule"], []).append(case)
    return found


def test_every_quirk_is_checked_in_both_modes(abi: Abi) -> None:
    """Every quirk has a careful and a strict case, or a reason why no case can show it."""
    cases, excused = by_rule(), matrix.excused_rules()
    missing = [
        f"{name} {mode}"
        for name in abi.quirks
        for mode in ("careful", "strict")
        if f"quirk:{name}" not in excused
        and not any(case.data.get("mode", mode) == mode for case in cases.get(f"quirk:{name}", ()))
    ]
    assert missing == []


def test_every_change_is_checked(abi: Abi) -> None:
    """Every change of behaviour has a case, or a reason why no case can show it."""
    cases, excused = by_rule(), matrix.excused_rules()
    assert [name for name in abi.changes if f"change:{name}" not in {*cases, *excused}] == []


def test_excuses_are_needed(abi: Abi) -> None:
    """What a case shows needs no excuse, and neither does what is not in the table."""
    rules = {f"quirk:{name}" for name in abi.quirks} | {f"change:{name}" for name in abi.changes}
    assert set(matrix.excused_rules()) <= rules - set(by_rule())


def test_matrix_has_no_gaps(abi: Abi) -> None:
    """Every cell of the coverage matrix has a case or a reason."""
    gaps = matrix.gaps(matrix.matrix(abi, load_cases()))
    assert [f"{cell.signature_set} {cell.function}:{cell.column}" for cell in gaps] == []


def test_no_needless_reasons(abi: Abi) -> None:
    """A reason stands only where a cell is empty."""
    assert matrix.needless_reasons(matrix.matrix(abi, load_cases())) == []


def test_there_are_enough(abi: Abi) -> None:
    """At least 300 cases, and every function is asked something that is required."""
    cases = load_cases()
    assert len(cases) >= 300
    asked = Counter(function for case in cases if case.level == "required" for function, _ in case.covers)
    assert set(abi.functions) <= set(asked)
