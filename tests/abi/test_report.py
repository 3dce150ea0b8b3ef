"""What gadget check knows about a module beyond its verdict."""

import pytest

from gadget_abi.report import check_bytes
from tests.abi.modules import ABI, MALLOC, assemble, imported, module, using

HOOK = '(func (export "gadgetInit") {} unreachable)'
CALLBACK = '(func (export "dataSourceCallback") {})'


def warned(*fields: str, **options: str) -> dict[str, str]:
    """The warnings about a module that runs somewhere: id -> what they say."""
    report = check_bytes(module(*fields, **options), ABI)
    assert report.releases
    return {warning.id: f"{warning.subject}: {warning.text}" for warning in report.warnings}


def test_an_ordinary_gadget_is_not_warned_about() -> None:
    """Hooks and callback of the right type, a subscription, and an _initialize are as they should be."""
    good = (
        CALLBACK.format("(param i64 i32 i32)") + HOOK.format("(result i32)") + '(func (export "_initialize"))'
    )
    assert warned(using("v0.55.1", "dataSourceSubscribe") + good) == {}


@pytest.mark.parametrize("hook", ["(result i64)", "(result i32 i32)"])
def test_a_hook_that_upstream_calls_all_the_same_is_a_warning(hook: str) -> None:
    """Upstream looks at the first result only: such a hook runs there, and other hosts may refuse it."""
    assert "gadgetInit" in warned(HOOK.format(hook))["hook-type"]


@pytest.mark.parametrize("hook", ["", "(param i32) (result i32)", "(result f32)"])
def test_a_hook_that_upstream_cannot_call_is_a_problem(hook: str) -> None:
    """Without a result the host dies, with parameters the phase fails."""
    assert check_bytes(module(HOOK.format(hook)), ABI).releases == ()


def test_a_callback_of_three_other_integers_is_a_warning() -> None:
    """Upstream passes raw slots."""
    assert "dataSourceCallback" in warned(CALLBACK.format("(param i64 i64 i64)"))["callback-type"]
    assert check_bytes(module(CALLBACK.format("(param i64 i32 f32)")), ABI).releases == ()


@pytest.mark.parametrize(
    ("field", "warning"),
    [
        ('(global (export "gadgetInit") i32 i32.const 0)', "hook-type"),
        ('(global (export "dataSourceCallback") i32 i32.const 0)', "callback-type"),
        ('(func (export "_initialize") (result i32) i32.const 0)', "start-type"),
    ],
)
def test_an_export_that_upstream_passes_over_is_a_warning(field: str, warning: str) -> None:
    """What is no function is not found; the result of a start function is dropped."""
    assert "ig runs it all the same" in warned(field)[warning]


def test_a_memory_by_another_name_is_a_warning_and_none_a_problem() -> None:
    """Upstream takes the module's memory, exported or not."""
    for memory in ("(memory 1)", '(memory (export "mem") 1)'):
        assert "memory: not exported" in warned(memory=memory)["memory-not-exported"]
    assert check_bytes(module(memory=""), ABI).releases == ()


def test_a_subscription_without_a_callback_is_a_warning() -> None:
    """dataSourceSubscribe fails when there is nothing to call."""
    assert "fails with 1" in warned(using("v0.55.1", "dataSourceSubscribe"))["no-callback"]


def test_more_memory_than_allowed_is_a_warning_when_it_is_only_the_maximum() -> None:
    """ig clamps a larger maximum."""
    assert "4096 pages" in warned(memory='(memory (export "memory") 1 4096)')["memory-clamped"]
    assert warned(memory='(memory (export "memory") 1 256)') == {}


def test_a_start_function_that_is_not_run_is_a_warning() -> None:
    """_start is run until v0.37.0 only, _initialize from v0.38.0 on; having both, or a start section, is enough."""
    start, initialize = '(func (export "_start"))', '(func (export "_initialize"))'
    log = using("v0.30.0", "gadgetLog")
    assert "_start: not run on v0.38.0 - v0.55.1" in warned(start)["start-not-run"]
    assert "_start: not run on v0.38.0 - v0.38.1" in warned(log + MALLOC + start)["start-not-run"]
    assert "_initialize: not run on v0.30.0 - v0.37.0" in warned(log + MALLOC + initialize)["start-not-run"]
    assert warned(log + MALLOC + start + initialize) == {}
    assert warned("(func $s) (start $s)" + start) == {}


def test_start_functions_are_said_with_the_releases_that_run_them() -> None:
    """Of the releases the module runs on."""
    fields = using("v0.30.0", "gadgetLog"), MALLOC, '(func $s (export "_start")) (start $s)'
    section, start = check_bytes(module(*fields), ABI).starts
    assert (section.releases[0], section.releases[-1]) == ("v0.30.0", "v0.38.1")
    assert (start.name, start.releases[-1]) == ("_start", "v0.37.0")


def test_behaviour_that_differs_among_the_releases_is_listed() -> None:
    """Only changes of what the module uses, and only those inside the releases it runs on."""
    report = check_bytes(module(using("v0.39.0", "fieldSet", "dataSourceGetField")), ABI)
    assert [change.id for _, change in report.changes] == ["field-lookup-ignores-case"]
    report = check_bytes(module(using("v0.30.0", "fieldSet", "dataSourceEmitAndRelease"), MALLOC), ABI)
    assert [change.id for _, change in report.changes] == ["emit-drops-handle"]


def test_quirks_are_those_of_what_is_used_where_it_runs() -> None:
    """gadgetShouldLog has one quirk, and a module that runs since v0.38.0 none of malloc's."""
    ids = [quirk.id for quirk in check_bytes(module(using("v0.55.1", "gadgetShouldLog")), ABI).quirks]
    assert ids == ["should-log-wraps"]
    used = using("v0.39.0", "getParamValue")
    assert "malloc-gives-null" not in {q.id for q in check_bytes(module(used), ABI).quirks}


def test_imports_are_said_with_the_releases_of_their_form() -> None:
    """Module and type count: the three-parameter form of fieldGetScalar is that of v0.38 alone."""
    report = check_bytes(module(using("v0.38.0", "fieldGetScalar", "gadgetLog")), ABI)
    spans = {use.item.name: (use.releases[0], use.releases[-1]) for use in report.imports}
    assert spans == {"fieldGetScalar": ("v0.38.0", "v0.38.1"), "gadgetLog": ("v0.30.0", "v0.38.1")}


def test_what_keeps_a_module_from_other_releases_is_said_for_each_run_of_them() -> None:
    """Module name, missing functions with what stands in for them, other types, malloc."""
    used = using("v0.55.1", "gadgetShouldLog", "fieldGetScalar")
    absences = check_bytes(module(used), ABI).absences
    found = {(a.first, a.last): "; ".join(map(str, a.problems)) for a in absences}
    assert list(found) == [("v0.30.0", "v0.37.0"), ("v0.38.0", "v0.38.1"), ("v0.39.0", "v0.42.0")]
    assert "2 functions imported from 'ig'" not in found["v0.39.0", "v0.42.0"]
    assert "2 functions imported from 'ig'" in found["v0.38.0", "v0.38.1"]
    assert "(i32, i32, i32) -> (i64)" in found["v0.38.0", "v0.38.1"]
    assert "call gadgetLog" in found["v0.39.0", "v0.42.0"]
    assert "before, it was fieldGet(i32, i32, i32) -> (i64)" in found["v0.30.0", "v0.37.0"]
    assert "malloc: not exported" in found["v0.30.0", "v0.37.0"]


def test_a_module_of_both_env_families_may_lack_malloc() -> None:
    """Without malloc it runs on v0.38 alone, and malloc is what keeps it from v0.37 and before."""
    report = check_bytes(module(using("v0.30.0", "gadgetLog")), ABI)
    assert report.releases == ("v0.38.0", "v0.38.1")
    (older, _) = report.absences
    assert [problem.subject for problem in older.problems] == ["malloc"]


def test_a_version_that_is_another_number_is_a_problem() -> None:
    """A constant can be seen through; what is computed is believed."""
    two = '(func (export "gadgetAPIVersion") (result i64) i64.const 2)'
    computed = '(func (export "gadgetAPIVersion") (result i64) (i64.add (i64.const 1) (i64.const 1)))'
    (problem,) = check_bytes(module(version=two), ABI).problems
    assert str(problem) == "gadgetAPIVersion: returns 2, ig insists on 1"
    assert check_bytes(module(version=computed), ABI).releases


def test_features_beyond_wasm_2_are_problems_everywhere() -> None:
    """No release's runtime has them, and the message says where the first one stands."""
    report = check_bytes(module("(func $other)", "(func $mine return_call $other)"), ABI)
    assert report.releases == ()
    assert "tail-call: not in wasm 2.0 (first used at byte 0x" in str(report.problems[0])
    assert "in function 1, mine)" in str(report.problems[0])


def test_wasi_functions_are_checked_too() -> None:
    """An unknown name or type keeps the module from every release."""
    typo = imported("wasi_snapshot_preview1", "fd_writ(i32, i32, i32, i32) -> (i32)")
    (problem,) = check_bytes(module(typo), ABI).problems
    assert problem.hint == "did you mean fd_write?"
    wrong = imported("wasi_snapshot_preview1", "sched_yield() -> ()")
    assert "it is () -> (i32)" in check_bytes(module(wrong), ABI).problems[0].reason


def test_thousands_of_misspelt_imports_are_reported_in_part() -> None:
    """A module full of nonsense is answered like any other: a thousand problems, suggestions for the first ones."""
    names = " ".join(f'(import "ig" "fieldGat{n}" (func))' for n in range(2_000))
    problems = check_bytes(module(names), ABI).problems
    assert len(problems) == 1_000
    assert problems[0].hint
    assert not problems[-1].hint


def test_the_releases_of_a_set_differ_in_nothing_that_is_checked() -> None:
    """Exports begin and end with signature sets, which is why a module is checked once for each."""
    firsts = {sigset.releases[0] for sigset in ABI.signature_sets}
    lasts = {sigset.releases[-1] for sigset in ABI.signature_sets}
    for export in ABI.exports.values():
        assert export.since in firsts
        assert export.until is None or export.until in lasts
        assert export.required_until is None or export.required_until in lasts


def test_a_component_and_garbage_are_kinds_of_their_own() -> None:
    """Neither has imports to speak of."""
    assert check_bytes(b"\0asm\x0d\0\1\0", ABI).kind == "component"
    assert check_bytes(b"garbage", ABI).kind == "unreadable"
    assert check_bytes(assemble("(module)"), ABI).kind == "core"
