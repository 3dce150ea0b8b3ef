"""What the life of a gadget is like in each release, and gadgets of every signature set."""

from contextlib import nullcontext
from typing import Any

import pytest

import gadget_abi
from gadget_abi import GuestError
from gadget_host import FieldSchema, Gadget, Phase, SourceSchema
from tests.host.puppet import ABI, CALLBACK, MALLOC, Puppet, doubler, imported, wat

OPEN = SourceSchema("open", "single", (FieldSchema("pid", "Uint32"), FieldSchema("Comm", "String")))
HOOKS = [
    "_start",
    "_initialize",
    "gadgetInit",
    "gadgetPreStart",
    "gadgetStart",
    "gadgetStop",
    "gadgetPostStop",
]


def told(*, failing: str = "", body: str = "i32.const 1", fields: str = CALLBACK) -> bytes:
    """A gadget of `env` that logs the name of every hook that is called; `failing` is the one with the body."""
    return _told("v0.30.0", failing, body, fields + MALLOC)


def _told(release: str, failing: str, body: str, fields: str) -> bytes:
    names, at, hooks = "".join(HOOKS), 8, []
    for name in HOOKS:
        result = "" if name.startswith("_") else "(result i32)"
        end = body if name == failing else "i32.const 0" if result else ""
        packed = len(name) << 32 | at
        hooks.append(
            f'(func (export "{name}") {result} (call $gadgetLog (i32.const 2) (i64.const {packed})) {end})'
        )
        at += len(name)
    return wat(f'{imported(release, "gadgetLog")} (data (i32.const 8) "{names}") {" ".join(hooks)} {fields}')


def of(release: str, **options: Any) -> bytes:
    """The same for the import module of a release."""
    if ABI.family_of(release).module == "env":
        return told(**options)
    return _told(release, options.get("failing", ""), options.get("body", "i32.const 1"), CALLBACK)


def called(gadget: Gadget) -> list[str]:
    """The hooks that were called, in order."""
    return [record.message for record in gadget.logs if record.origin == "gadget"]


def complaints(gadget: Gadget) -> list[str]:
    """What the host logged."""
    return [record.message for record in gadget.logs if record.origin == "host"]


# ------------------------------------------------------------------------------- hooks and start functions

EXPECTED = {
    "v0.30.0": "_start gadgetInit gadgetStart gadgetStop",
    "v0.32.0": "_start gadgetInit gadgetStart gadgetStop",
    "v0.34.0": "_start gadgetInit gadgetPreStart gadgetStart gadgetStop gadgetPostStop",
    "v0.36.1": "_start gadgetInit gadgetPreStart gadgetStart gadgetStop gadgetPostStop",
    "v0.37.0": "_start gadgetInit gadgetPreStart gadgetStart gadgetStop gadgetPostStop",
    "v0.38.1": "_initialize gadgetInit gadgetPreStart gadgetStart gadgetStop gadgetPostStop",
    "v0.39.0": "_initialize gadgetInit gadgetPreStart gadgetStart gadgetStop",
    "v0.41.2": "_initialize gadgetInit gadgetPreStart gadgetStart gadgetStop",
    "v0.42.0": "_initialize gadgetInit gadgetPreStart gadgetStart gadgetStop gadgetPostStop",
    "v0.55.1": "_initialize gadgetInit gadgetPreStart gadgetStart gadgetStop gadgetPostStop",
}


@pytest.mark.parametrize("release", EXPECTED)
def test_change_start_function_is_initialize_and_hooks_of_each_release(release: str) -> None:
    """Each release runs the start function and the hooks it knows, in its order, and no others."""
    with Gadget.load(of(release), release=release) as gadget:
        gadget.start()
        gadget.stop()
    assert called(gadget) == EXPECTED[release].split()
    assert gadget.stats.guest_calls == len(called(gadget)) + 1  # and gadgetAPIVersion
    assert gadget.phase is Phase.CLOSED


@pytest.mark.parametrize("release", ["v0.33.0", "v0.34.0", "v0.38.1"])
def test_change_post_stop_not_called_before(release: str) -> None:
    """Until v0.38.1 gadgetPostStop runs on a module that is closed: it is logged as failed, and nothing fails."""
    with Gadget.load(of(release), name="g", release=release) as gadget:
        gadget.start()
        gadget.stop()
    text = "called when the module is closed already, which"
    assert complaints(gadget) == [f"g: gadgetPostStop: {text} {release} always counts as failed"]
    assert gadget.errors == ()


def test_change_post_stop_called_again() -> None:
    """From v0.42.0 on gadgetPostStop is a hook like any other."""
    with Gadget.load(of("v0.42.0"), release="v0.42.0") as gadget:
        gadget.start()
        gadget.stop()
    assert complaints(gadget) == []


@pytest.mark.parametrize("release", ["v0.30.0", "v0.37.0", "v0.38.1", "v0.39.0", "v0.41.2"])
@pytest.mark.parametrize("body", ["i32.const 7", "unreachable"])
def test_change_stop_failure_fails_run_before(release: str, body: str) -> None:
    """Until v0.41.2 a gadgetStop that fails is logged and counted, and stopping succeeds."""
    with Gadget.load(of(release, failing="gadgetStop", body=body), name="g", release=release) as gadget:
        gadget.start()
        gadget.stop()
        assert gadget.phase is Phase.STOPPED
    assert complaints(gadget)[0].startswith("g: gadgetStop: ")
    assert len(gadget.errors) == 1


@pytest.mark.parametrize("hook", ["gadgetStop", "gadgetPostStop"])
@pytest.mark.parametrize("release", ["v0.42.0", "v0.55.1"])
def test_change_stop_failure_fails_run_since(release: str, hook: str) -> None:
    """From v0.42.0 on a gadgetStop or gadgetPostStop that fails makes stopping fail."""
    with Gadget.load(of(release, failing=hook), name="g", release=release) as gadget:
        gadget.start()
        with pytest.raises(GuestError, match=f"g: {hook}: failed: it returned 1"):
            gadget.stop()
        assert gadget.phase is Phase.FAILED


@pytest.mark.parametrize("hook", ["gadgetInit", "gadgetPreStart", "gadgetStart"])
@pytest.mark.parametrize("release", ["v0.34.0", "v0.55.1"])
def test_a_start_that_fails_fails_in_every_release(release: str, hook: str) -> None:
    """Until the gadget runs, every failure is one."""
    with Gadget.load(of(release, failing=hook), release=release) as gadget:
        with pytest.raises(GuestError, match=f"{hook}: failed: it returned 1"):
            gadget.start()
        assert gadget.phase is Phase.FAILED


@pytest.mark.parametrize(
    ("release", "seconds"), [("v0.30.0", 5), ("v0.43.0", 5), ("v0.44.0", 42), ("v0.55.1", 42)]
)
def test_change_stop_has_42_seconds(release: str, seconds: int) -> None:
    """gadgetStop has 5 s until v0.43.0 and 42 s from v0.44.0 on, unless another number is given."""
    endless = of(release, failing="gadgetStop", body="(loop $l (br $l)) i32.const 0")
    with Gadget.load(of(release), release=release) as gadget:
        assert gadget._stop_seconds() == seconds
    with Gadget.load(endless, release=release, stop_deadline=0.1) as gadget:
        gadget.start()
        with nullcontext() if release < "v0.42.0" else pytest.raises(GuestError):
            gadget.stop()
        assert "its deadline of 0.1 s" in str(gadget.errors[0])


def test_a_start_function_that_exits_fails() -> None:
    """A command's `_start` that ends in proc_exit(0) leaves a module that cannot be called."""
    exit_ = '(import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))'
    wasm = wat(
        f'{exit_} {imported("v0.30.0", "gadgetLog")} (func (export "_start") (call $exit (i32.const 0))) {MALLOC}'
    )
    with Gadget.load(wasm, name="g") as gadget:
        assert gadget.release == "v0.37.0"
        with pytest.raises(GuestError, match=r"g: _start: the gadget called proc_exit\(0\)"):
            gadget.init()


# ------------------------------------------------------------------------------------------- look-ups


@pytest.mark.parametrize(
    ("release", "finds"), [("v0.30.0", False), ("v0.48.1", False), ("v0.49.0", True), ("v0.55.1", True)]
)
def test_change_field_lookup_ignores_case(release: str, finds: bool) -> None:
    """From v0.49.0 on a field is found in any case; before, in its own only."""
    with Puppet(release) as p:
        p.gadget.add_source(OPEN)
        source = p.getDataSource("open")
        assert p.dataSourceGetField(source, "Comm") > 0
        assert (p.dataSourceGetField(source, "COMM") > 0) == finds


@pytest.mark.parametrize(("release", "finds"), [("v0.30.0", True), ("v0.31.0", False), ("v0.55.1", False)])
def test_change_unreferenced_not_found(release: str, finds: bool) -> None:
    """v0.30.0 finds sources that were unreferenced (by the embedder: no guest could)."""
    with Puppet(release) as p:
        p.gadget.add_source(OPEN).unreference()
        assert (p.getDataSource("open") > 0) == finds


# ------------------------------------------------------------------------------ gadgets of every set


@pytest.mark.parametrize("sigset", ABI.signature_sets, ids=lambda s: s.name)
def test_a_gadget_that_imports_all_of_a_set_lives_in_each_of_its_releases(
    sigset: gadget_abi.SignatureSet,
) -> None:
    """Every function of the set is linked, in every release that has it, in both modes."""
    for release in sigset.releases:
        for strict in (False, True):
            with Puppet(release, strict=strict) as p:
                gadget = p.gadget
                assert (gadget.release, gadget.strict) == (release, strict)
                assert (gadget.abi, gadget.signature_set) == (sigset.family.name, sigset.name)
                gadget.start()
                gadget.stop()


@pytest.mark.parametrize("strict", [False, True], ids=["careful", "strict"])
@pytest.mark.parametrize("sigset", ABI.signature_sets, ids=lambda s: s.name)
def test_a_gadget_of_every_set_changes_events(sigset: gadget_abi.SignatureSet, strict: bool) -> None:
    """The same program, written against each set, does the same to the same events."""
    with Gadget.load(doubler(sigset.releases[0]), release=sigset.releases[-1], strict=strict) as gadget:
        opens = gadget.add_source(OPEN)
        gadget.start()
        out = gadget.collect("open")
        opens.emit_batch([{"pid": 21, "Comm": "cat"}, {"pid": 1, "Comm": ""}])
        assert out.drain() == [{"pid": 42, "Comm": ">cat"}, {"pid": 2, "Comm": ">"}]
        assert gadget.errors == ()
        assert gadget.abi == sigset.family.name
