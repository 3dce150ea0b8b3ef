"""Differences between releases and between modules, and whom they break."""

from functools import cache, partial
from itertools import pairwise, product

import pytest

from gadget_abi.diff import KINDS, Difference, diff_modules, diff_releases, restrict
from gadget_abi.diff.model import MIRROR
from gadget_abi.report import Report, check_bytes
from tests.abi.modules import ABI, MALLOC, module, using, whole

compare = cache(partial(diff_releases, ABI))
RELEASES = [release.name for release in ABI.releases]
PAIRS = list(product(RELEASES, repeat=2))


@cache
def by_subject(a: str, b: str, kind: str) -> dict[str, Difference]:
    """The differences of a kind."""
    return {d.id or d.subject: d for d in compare(a, b).differences if d.kind == kind}


@pytest.mark.parametrize("release", RELEASES)
def test_a_release_does_not_differ_from_itself(release: str) -> None:
    """Nothing is said."""
    assert compare(release, release).differences == ()


def test_every_pair_of_releases_can_be_compared() -> None:
    """Each difference is of a known kind, says what and when, and breaks only as its kind may."""
    for a, b in PAIRS:
        for d in compare(a, b).differences:
            assert d.kind in KINDS
            assert d.text
            assert d.steps
            assert {step.release for step in d.steps} <= set(RELEASES)
            assert d.kind.startswith("quirk") or all(step.commit for step in d.steps), (a, b, d)
            assert bool(d.breaks) <= bool(d.broken)


def test_what_is_added_one_way_is_removed_the_other_way() -> None:
    """The way back has the mirrored kinds of the same things, at the same steps where they have one."""
    for a, b in PAIRS:
        there = {(d.kind, d.subject, d.id) for d in compare(a, b).differences}
        back = {(MIRROR.get(d.kind, d.kind), d.subject, d.id) for d in compare(b, a).differences}
        assert there == back, (a, b)


def test_neighbours_of_one_signature_set_differ_in_behaviour_alone() -> None:
    """Functions, types and module are what makes a signature set."""
    kinds = {"behaviour", "behaviour-undone", "quirk", "quirk-gone"}
    for sigset in ABI.signature_sets:
        for a, b in pairwise(sigset.releases):
            assert {d.kind for d in compare(a, b).differences} <= kinds


def test_functions_added_and_removed_are_those_of_the_signature_sets() -> None:
    """Set arithmetic on the functions of two releases gives the same answer."""
    forms = {release: ABI.forms_in(release) for release in RELEASES}
    for a, b in PAIRS:
        before, after = set(forms[a]), set(forms[b])
        assert set(by_subject(a, b, "function-added")) == after - before
        assert set(by_subject(a, b, "function-removed")) == before - after
        changed = {name for name in before & after if forms[a][name].core_type != forms[b][name].core_type}
        assert set(by_subject(a, b, "signature")) == changed


def test_a_guest_of_one_release_links_on_another_unless_something_breaks_it_at_load() -> None:
    """The classes agree with gadget check: a module with all functions of A runs on B, or a difference says why not."""
    reports = {sigset.name: check_bytes(whole(sigset), ABI) for sigset in ABI.signature_sets}
    for first, second in product(ABI.signature_sets, repeat=2):
        a, b = first.releases[0], second.releases[-1]
        breaks = [d for d in compare(a, b).breaking("load") if d.kind != "export-required"]
        assert bool(breaks) == (b not in reports[first.name].releases), (a, b)


# From, to -> kind, what -> (breaks when, words of whom it breaks or what is said, commit)
KNOWN = [
    ("v0.34.0", "v0.55.1", "module", "", "load", "every guest", "165274c07"),
    ("v0.34.0", "v0.55.1", "function-removed", "fieldGet", "load", "import it", "490785f41"),
    ("v0.34.0", "v0.55.1", "signature", "getParamValue", "load", "import it", "490785f41"),
    ("v0.34.0", "v0.55.1", "function-added", "gadgetShouldLog", "", "", "ff8ae8cb4"),
    ("v0.34.0", "v0.55.1", "export-optional", "malloc", "", "", "490785f41"),
    ("v0.34.0", "v0.55.1", "behaviour", "start-function-is-initialize", "run", "_start", "5d8e56ea3"),
    ("v0.34.0", "v0.55.1", "behaviour", "field-set-returns-zero", "", "", "114579bbf"),
    ("v0.34.0", "v0.55.1", "behaviour", "emit-drops-handle", "run", "after emitting", "8e1aecb42"),
    ("v0.38.0", "v0.39.0", "signature", "fieldGetScalar", "load", "import it", "dde8278cf"),
    (
        "v0.39.0",
        "v0.38.0",
        "behaviour-undone",
        "field-set-returns-zero",
        "run",
        "any result but 0",
        "114579bbf",
    ),
    ("v0.32.0", "v0.33.0", "export-added", "gadgetPreStart", "", "", "146c28a29"),
    ("v0.33.0", "v0.32.0", "export-removed", "gadgetPreStart", "run", "being called", "146c28a29"),
    ("v0.38.0", "v0.37.0", "export-required", "malloc", "load", "do not export it", "490785f41"),
    ("v0.55.1", "v0.34.0", "function-added", "fieldGet", "", "", "490785f41"),
    ("v0.38.1", "v0.41.2", "behaviour", "post-stop-not-called", "run", "gadgetPostStop", "e3b4a2112"),
]


@pytest.mark.parametrize("known", KNOWN, ids=lambda known: " ".join(known[:4]))
def test_known_breaks_are_classed_as_they_are(known: tuple[str, ...]) -> None:
    """What upstream's history says about each."""
    a, b, kind, what, breaks, whom, commit = known
    difference = by_subject(a, b, kind)[what]
    assert difference.breaks == breaks
    assert whom in difference.broken
    assert difference.steps[-1].commit == commit


def test_a_change_that_was_taken_back_is_not_told() -> None:
    """gadgetPostStop was not called from v0.39.0 to v0.41.2; whoever leaps over them need not know."""
    assert "post-stop-not-called" not in by_subject("v0.34.0", "v0.55.1", "behaviour")
    assert "post-stop-called-again" in by_subject("v0.34.0", "v0.55.1", "behaviour")


def test_what_is_new_about_a_new_function_is_no_change() -> None:
    """Maps came with v0.35.0 and changed with v0.37.0: from v0.34.0 on, they are just new."""
    about_maps = [d for d in compare("v0.34.0", "v0.55.1").differences if d.subject.startswith("map")]
    assert {d.kind for d in about_maps} == {"function-added"}
    assert "nested-maps-by-handle" in by_subject("v0.35.0", "v0.55.1", "behaviour")


def test_a_removed_function_names_what_replaces_it() -> None:
    """Each way."""
    gone = by_subject("v0.34.0", "v0.55.1", "function-removed")["fieldGet"]
    not_yet = by_subject("v0.55.1", "v0.34.0", "function-removed")["fieldGetBuffer"]
    assert "fieldGetScalar(i32, i32, i32, i32) -> (i64)" in gone.text
    assert "fieldGet(i32, i32, i32) -> (i64)" in not_yet.text


def test_hosts_have_to_do_what_guests_may_ask_for() -> None:
    """Functions to add, types to offer, behaviour to follow; nothing for what is gone."""
    differences = compare("v0.34.0", "v0.55.1").differences
    asked = {d.kind for d in differences if d.hosts}
    assert asked == {"module", "function-added", "signature", "behaviour", "export-optional"}
    assert not [d for d in differences if d.kind == "function-removed" and d.hosts]


def test_a_restricted_difference_concerns_what_is_used() -> None:
    """The module's name concerns everybody, a function those who use it, a quirk those who use what it is about."""
    diff = restrict(compare("v0.34.0", "v0.55.1"), ["fieldGet", "gadgetStop"], ABI)
    assert {d.subject for d in diff.differences if not d.kind.startswith("quirk")} == {
        "",
        "fieldGet",
        "gadgetStop",
    }
    assert {d.id for d in diff.differences if d.kind == "quirk"} == {"stop-ends-callbacks"}


def report(*fields: str, **options: str) -> Report:
    """The report about a module."""
    return check_bytes(module(*fields, **options), ABI)


def test_a_module_does_not_differ_from_itself() -> None:
    """Nor does it gain or lose a release."""
    one = report(using("v0.55.1", "fieldSet"))
    diff = diff_modules(one, one)
    assert (diff.gained, diff.lost, diff.differences) == ((), (), ())


def test_a_new_import_is_blamed_for_the_releases_it_costs() -> None:
    """gadgetShouldLog costs v0.39.0 to v0.42.0, another old function nothing."""
    diff = diff_modules(
        report(using("v0.55.1", "fieldSet")),
        report(using("v0.55.1", "fieldSet", "gadgetLog", "gadgetShouldLog")),
    )
    assert {(d.about, d.change, d.subject): d.broken for d in diff.differences} == {
        ("import", "added", "ig.gadgetLog"): "",
        ("import", "added", "ig.gadgetShouldLog"): "v0.39.0 - v0.42.0",
    }
    assert (diff.gained, diff.lost[0], diff.lost[-1]) == ((), "v0.39.0", "v0.42.0")


def test_all_else_that_modules_may_differ_in_is_told() -> None:
    """Types, exports, memory, features and start functions."""
    one = report(using("v0.34.0", "getParamValue"), MALLOC, '(func (export "_start"))')
    two = report(
        using("v0.38.0", "getParamValue"), "(func $f return_call $f)", memory='(memory (export "memory") 300)'
    )
    told = {(d.about, d.change, d.subject): bool(d.broken) for d in diff_modules(one, two).differences}
    assert told == {
        ("import", "changed", "env.getParamValue"): True,
        ("export", "removed", "malloc"): True,
        ("export", "removed", "_start"): False,
        ("memory", "changed", "memory"): True,
        ("feature", "added", "tail-call"): True,
        ("start", "removed", "_start"): False,
    }


def test_differences_of_modules_are_the_same_the_other_way_round() -> None:
    """What is added one way is removed the other way; gained and lost change places."""
    reports = [check_bytes(whole(sigset), ABI) for sigset in ABI.signature_sets]
    swap = {"added": "removed", "removed": "added", "changed": "changed"}
    for a, b in product(reports, repeat=2):
        there, back = diff_modules(a, b), diff_modules(b, a)
        assert (there.gained, there.lost) == (back.lost, back.gained)
        assert {(d.about, d.change, d.subject) for d in there.differences} == {
            (d.about, swap[d.change], d.subject) for d in back.differences
        }
