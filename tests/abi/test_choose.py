"""Which release a module is run as."""

import pytest
from wasmtime import wat2wasm

import gadget_abi
from gadget_abi.check import problems_in
from gadget_abi.choose import Choice, choose
from gadget_abi.wasm import Module, read_module

ABI = gadget_abi.load()
BASE = '(memory (export "memory") 1) (func (export "gadgetAPIVersion") (result i64) i64.const 1)'
LOG = '(import "env" "gadgetLog" (func (param i32 i64)))'
MALLOC = '(func (export "malloc") (param i32) (result i32) i32.const 8)'
INITIALIZE = '(func (export "_initialize"))'
START = '(func (export "_start"))'


def module(*fields: str) -> Module:
    """What a module of these fields (imports first) declares."""
    return read_module(bytes(wat2wasm(f"(module {' '.join(fields)} {BASE})")))


def imports_of(sigset: gadget_abi.SignatureSet) -> list[str]:
    """Every function of a set, as imports."""
    types = {name: form.core_type for name, form in sigset.forms.items()}
    return [
        f'(import "{sigset.family.module}" "{name}" (func (param {" ".join(p)}) (result {" ".join(r)})))'
        for name, (p, r) in types.items()
    ]


@pytest.mark.parametrize("sigset", ABI.signature_sets, ids=lambda s: s.name)
def test_a_module_of_a_set_gets_the_newest_release_of_its_family(sigset: gadget_abi.SignatureSet) -> None:
    """All functions of a set: that set, its family, and the newest release that still has them all."""
    found = choose(module(*imports_of(sigset), MALLOC, START), ABI)
    newest = max(
        (r for s in ABI.signature_sets if s.family == sigset.family for r in s.releases),
        key=gadget_abi.table.version_key,
    )
    assert (found.release, found.family, found.signature_set) == (newest, sigset.family.name, sigset.name)
    assert found.fits
    assert found.hint == ""


# What a module is made of -> (release, family, set, reason).
DECISIONS = {
    "nothing": ((), "v0.55.1", "ig", "sig-6", "it imports no function of the ABI"),
    "WASI alone": (
        ('(import "wasi_snapshot_preview1" "sched_yield" (func (result i32)))',),
        *("v0.55.1", "ig", "sig-6", "it imports no function of the ABI"),
    ),
    "ig": (
        ('(import "ig" "shouldDiscardMntnsID" (func (param i64) (result i32)))',),
        *("v0.55.1", "ig", "sig-7", "it imports from 'ig'"),
    ),
    "a function that only the malloc family has": (
        ('(import "env" "getParamValue" (func (param i64) (result i64)))', MALLOC),
        *("v0.37.0", "env-malloc", "sig-2", "no other family has env.getParamValue(i64) -> (i64)"),
    ),
    "functions that only the malloc family has, and one of another type": (
        (
            '(import "env" "fieldGet" (func (param i32 i32 i32) (result i64)))',
            '(import "env" "getParamValue" (func (param i64) (result i64)))',
            MALLOC,
        ),
        *("v0.37.0", "env-malloc", "sig-2", "no other family has env.fieldGet"),
    ),
    "a function that only the destination family has": (
        ('(import "env" "getSyscallID" (func (param i64) (result i32)))', MALLOC),
        *("v0.38.1", "env-dst", "sig-5", "no other family has env.getSyscallID"),
    ),
    "common functions, malloc": (
        (LOG, MALLOC),
        *("v0.37.0", "env-malloc", "sig-1", "it fits v0.38.0 to v0.38.1 as well, but exports malloc"),
    ),
    "common functions, malloc and both start functions": (
        (LOG, MALLOC, START, INITIALIZE),
        *("v0.37.0", "env-malloc", "sig-1", "it fits v0.38.0 to v0.38.1 as well, but exports malloc"),
    ),
    "common functions, no malloc": (
        (LOG,),
        *("v0.38.1", "env-dst", "sig-5", "it fits v0.30.0 to v0.37.0 as well, but exports no malloc"),
    ),
    "common functions, malloc, but the start function of v0.38": (
        (LOG, MALLOC, INITIALIZE),
        *("v0.38.1", "env-dst", "sig-5"),
        "it fits v0.30.0 to v0.37.0 as well, but exports _initialize and no _start",
    ),
}


@pytest.mark.parametrize("name", DECISIONS)
def test_decisions(name: str) -> None:
    """Imports decide, exports where imports leave a doubt; the reason says what it was."""
    fields, *expected = DECISIONS[name]
    found = choose(module(*fields), ABI)
    assert [found.release, found.family, found.signature_set, found.reason] == expected
    assert str(found) == f"ig {expected[0]} ({expected[1]}, {expected[2]}): {expected[3]}"


def test_a_family_limits_the_choice() -> None:
    """The newest release of the family that was asked for."""
    found = choose(module(LOG, MALLOC), ABI, family="env-dst")
    assert found == Choice("v0.38.1", "env-dst", "sig-5", "family env-dst was asked for")


@pytest.mark.parametrize("release", ["v0.30.0", "v0.34.0", "v0.37.0", "v0.38.0"])
def test_a_release_is_taken_at_its_word(release: str) -> None:
    """The release that was asked for, and its family, with the oldest set that fits."""
    found = choose(module(LOG, MALLOC), ABI, release=release)
    assert (found.release, found.family) == (release, ABI.family_of(release).name)
    assert found.signature_set == ("sig-5" if release == "v0.38.0" else "sig-1")
    assert found.reason == f"release {release} was asked for"
    assert found.fits


@pytest.mark.parametrize(
    ("fields", "options", "release", "hint"),
    [
        (imports_of(ABI.signature_sets[3]), {"release": "v0.34.0"}, "v0.34.0", "v0.37.0 (env-malloc)"),
        (imports_of(ABI.signature_sets[3]), {"release": "v0.55.1"}, "v0.55.1", "v0.37.0 (env-malloc)"),
        (imports_of(ABI.signature_sets[7]), {"family": "env-dst"}, "v0.38.1", "v0.43.0 to v0.55.1 (ig)"),
        ([LOG], {"family": "ig"}, "v0.55.1", "v0.38.0 to v0.38.1 (env-dst)"),
    ],
)
def test_what_was_asked_for_and_does_not_fit(
    fields: list[str], options: dict[str, str], release: str, hint: str
) -> None:
    """The answer is about what was asked for, and says what the imports would fit."""
    found = choose(module(*fields), ABI, **options)
    assert (found.release, found.fits, found.hint) == (release, False, f"its imports fit {hint}")


@pytest.mark.parametrize(
    ("fields", "release"),
    [
        (['(import "env" "gadgetSing" (func))', MALLOC], "v0.38.1"),
        (['(import "env" "gadgetSing" (func))', *imports_of(ABI.signature_sets[0]), MALLOC], "v0.37.0"),
        (
            ['(import "env" "fieldGet" (func (param i32 i32 i32) (result i64)))', LOG.replace("i64", "i32")],
            "v0.37.0",
        ),
        (['(import "ig" "fieldGet" (func (param i32 i32 i32) (result i64)))'], "v0.55.1"),
        (['(import "wasi_unstable" "fd_write" (func))'], "v0.55.1"),
    ],
)
def test_a_module_that_runs_nowhere_gets_the_release_it_comes_closest_to(
    fields: list[str], release: str
) -> None:
    """Fewest things in the way, and its own import module; there is no hint, since nothing fits."""
    found = choose(module(*fields), ABI)
    assert (found.release, found.fits, found.hint) == (release, False, "")
    assert list(problems_in(module(*fields), ABI, release))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"family": "env"}, "there is no link family 'env'; there are env-malloc, env-dst, ig"),
        ({"release": "0.34.0"}, "there is no release '0.34.0'; known are v0.30.0 to v0.55.1"),
        ({"family": "ig", "release": "v0.34.0"}, "release v0.34.0 is of link family env-malloc, not ig"),
    ],
)
def test_what_there_is_not(options: dict[str, str], words: str) -> None:
    """A family or release that does not exist is the caller's mistake."""
    with pytest.raises(gadget_abi.EmbedderError) as error:
        choose(module(), ABI, **options)
    assert str(error.value) == words
