"""The table against the facts that were established by reading and running upstream."""

import re

import pytest

import gadget_abi
from gadget_abi import TableError, parse_table

ABI = gadget_abi.load()

# Signature set -> first release, last release, number of functions, import module.
SETS = {
    "sig-1": ("v0.30.0", "v0.32.0", 17, "env"),
    "sig-2": ("v0.33.0", "v0.34.0", 19, "env"),
    "sig-3": ("v0.35.0", "v0.36.1", 28, "env"),
    "sig-4": ("v0.37.0", "v0.37.0", 37, "env"),
    "sig-5": ("v0.38.0", "v0.38.1", 39, "env"),
    "sig-6": ("v0.39.0", "v0.39.0", 39, "ig"),
    "sig-7": ("v0.40.0", "v0.42.0", 40, "ig"),
    "sig-8": ("v0.43.0", "v0.55.1", 41, "ig"),
}


@pytest.mark.parametrize("name", SETS)
def test_releases_fall_into_the_eight_signature_sets(name: str) -> None:
    """Each signature set spans the releases, functions and module upstream's history gives it."""
    found = {s.name: s for s in ABI.signature_sets}
    assert list(found) == list(SETS)
    s = found[name]
    assert (s.releases[0], s.releases[-1], len(s.forms), s.family.module) == SETS[name]


# Functions whose core type is easy to get wrong, release by release.
CORE_TYPES = [
    ("v0.30.0", "fieldGet(i32, i32, i32) -> (i64)"),
    ("v0.33.0", "getParamValue(i64) -> (i64)"),
    ("v0.37.0", "perfReaderRead(i32, i32) -> (i32)"),
    ("v0.37.0", "getSyscallName(i32) -> (i64)"),
    ("v0.38.0", "fieldGetScalar(i32, i32, i32) -> (i64)"),
    ("v0.39.0", "fieldGetScalar(i32, i32, i32, i32) -> (i64)"),
    ("v0.55.1", "fieldGetBuffer(i32, i32, i32, i64) -> (i32)"),
    ("v0.55.1", "dataSourceSubscribe(i32, i32, i32, i64) -> (i32)"),
    ("v0.55.1", "mapUpdate(i32, i64, i64, i64) -> (i32)"),
    ("v0.55.1", "shouldDiscardMntnsID(i64) -> (i32)"),
    ("v0.55.1", "gadgetLog(i32, i64) -> ()"),
]


@pytest.mark.parametrize(("release", "signature"), CORE_TYPES)
def test_a_function_has_the_core_type_of_its_release(release: str, signature: str) -> None:
    """A function's core type is the one that release's host registers."""
    name = signature.partition("(")[0]
    assert ABI.forms_in(release)[name].signature == signature


def test_a_removed_function_is_gone_from_later_releases() -> None:
    """fieldGet ends with v0.37.0."""
    assert "fieldGet" in ABI.forms_in("v0.37.0")
    assert "fieldGet" not in ABI.forms_in("v0.38.0")


def test_the_current_abi_has_41_functions_in_module_ig() -> None:
    """The newest release offers 41 functions, all in module ig."""
    assert len(ABI.current) == 41
    assert ABI.family_of(ABI.newest).module == "ig"


def test_names_translate_to_snake_and_kebab_case() -> None:
    """Acronyms count as one word."""
    names = ("shouldDiscardMntnsID", "getSyscallID", "dataArrayGet", "gadgetLog")
    assert [ABI.functions[n].snake for n in names] == [
        "should_discard_mntns_id",
        "get_syscall_id",
        "data_array_get",
        "gadget_log",
    ]
    assert ABI.functions["getSyscallID"].kebab == "get-syscall-id"


def test_the_syscall_declaration_fills_its_252_bytes() -> None:
    """The members of the layout end where the structure ends."""
    layout = ABI.layouts["syscall declaration"]
    assert max(m.offset + m.size * m.count for m in layout.members) == layout.size == 252


def _broken(pattern: str, replacement: str) -> str:
    text, count = re.subn(pattern, replacement, ABI.source_text, count=1)
    assert count == 1
    return text


# What is broken -> (pattern, replacement, words the error must contain: row, key, reason).
MISTAKES = {
    "unknown type": (
        r'"level: log-level"',
        r'"level: loglevel"',
        ["gadgetLog", "params", "loglevel"],
    ),
    "parameter twice": (
        r'"level: log-level", "message: string"',
        r'"level: u32", "level: u32"',
        ["gadgetLog", "params", "twice"],
    ),
    "unknown key": (
        r'(?m)^group = "log"$',
        r'group = "log"\ngruop = "log"',
        ["gadgetLog", "gruop", "unknown"],
    ),
    "missing doc": (r'(?m)^doc = "Write a line.*$', "", ["gadgetLog", "doc", "missing"]),
    "result without error": (
        r'result = "length"\nerror = -1',
        r'result = "length"',
        ["fieldGetBuffer", "error"],
    ),
    "no such release": (
        r'since = "v0.43.0"\ncommit = "ff8',
        r'since = "v0.43.9"\ncommit = "ff8',
        ["v0.43.9"],
    ),
    "not a release": (r'since = "v0.43.0"', r'since = "0.43"', ["since", "0.43"]),
    "function twice": (r'name = "gadgetShouldLog"', r'name = "gadgetLog"', ["gadgetLog", "twice"]),
    "same number twice": (r"(?m)^Int8 = 2$", "Int8 = 1", ["Kind", "members", "same number"]),
    "string for number": (r"(?m)^Int8 = 2$", 'Int8 = "2"', ["Kind", "members", "Int8"]),
    "stray width": (r"(?m)^Float64 = 8$", "Float65 = 8", ["Kind", "widths", "Float65"]),
    "unknown consumed": (r'consumes = \["packet"\]', 'consumes = ["pocket"]', ["consumes", "pocket"]),
    "overlapping forms": (
        r'since = "v0.38.0"\nuntil = "v0.38.1"\ncommit = "490785f41"',
        r'since = "v0.38.0"\nuntil = "v0.40.0"\ncommit = "490785f41"',
        ["fieldGetScalar", "form"],
    ),
    "layout too small": (r"(?m)^size = 252$", "size = 251", ["syscall declaration", "252"]),
    "not TOML": (r'abi = "inspektor-gadget"', "abi = inspektor", ["not TOML"]),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_in_the_table_is_named_by_row_and_key(mistake: str) -> None:
    """The error says which row and key are wrong."""
    pattern, replacement, words = MISTAKES[mistake]
    with pytest.raises(TableError) as caught:
        parse_table(_broken(pattern, replacement), name="inspektor-gadget")
    missing = [word for word in words if word not in str(caught.value)]
    assert not missing, str(caught.value)


def test_an_unknown_table_is_an_error() -> None:
    """Asking for an ABI that does not ship says so."""
    with pytest.raises(TableError, match="no ABI table named 'nonesuch'"):
        gadget_abi.load("nonesuch")
