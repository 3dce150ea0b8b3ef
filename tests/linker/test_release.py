"""Which release a program is built for, and what is said when it uses what the release lacks."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import gadget
import gadget_abi
from gadget_abi.table import version_key
from gadget_build import BuildError
from gadget_build.program import Program
from gadget_build.release import choose_release
from gadget_build.usage import FUNCTIONS, KEYWORDS, METHODS, uses

README = Path(__file__).parents[2] / "guest-sdk-python" / "README.md"

# What the SDK does without where the host lacks it.
OPTIONAL = {"gadgetShouldLog", "releaseHandle", "fieldGetScalar", "fieldGetBuffer"}
# What only something else that came with it can lead to.
FOLLOWING = {
    "mapLookup",
    "mapUpdate",
    "mapDelete",
    "mapRelease",
    "perfReaderPause",
    "perfReaderResume",
    "perfReaderRead",
    "perfReaderClose",
}

CASES = {
    "nothing special": ("gadget.source('a').field('b', str)", "v0.30.0"),
    "a parameter": ("gadget.param('a')", "v0.33.0"),
    "configuration": ("gadget.config['a'] = 1", "v0.33.0"),
    "a hook": ("@gadget.on_pre_start\ndef hook(): ...", "v0.33.0"),
    "an attribute": ("gadget.source('a').unreference()", "v0.35.0"),
    "a tag": ("gadget.source('a').add_field('b', str, tags=['c'])", "v0.35.0"),
    "no tag": ("gadget.source('a').add_field('b', str)", "v0.30.0"),
    "an imported name": ("from gadget import map as find", "v0.35.0"),
    "another name of the package": ("import gadget as g\ng.perf_reader", "v0.37.0"),
    "a map of maps": (
        "gadget.map('a', gadget.Uint32, gadget.InnerMap(gadget.Uint32, gadget.Uint32))",
        "v0.37.0",
    ),
    "the same name elsewhere": ("import os\nmap(str, os.param)", "v0.30.0"),
    "a comment": ("# gadget.param", "v0.30.0"),
}


@pytest.fixture
def program(tmp_path: Path) -> Program:
    """A program whose text a test writes."""
    main = tmp_path / "program.py"
    return Program(main, (main,))


def write(program: Program, text: str) -> None:
    """Write the program, after the import of the SDK."""
    program.main.write_text(f"import gadget\n{text}\n")


@pytest.mark.parametrize("case", CASES)
def test_the_oldest_release_that_has_what_is_used(case: str, program: Program, abi: gadget_abi.Abi) -> None:
    """Within env-malloc, the family with most differences between its releases."""
    text, release = CASES[case]
    write(program, text)
    assert choose_release(program, abi, family="env-malloc") == release


def test_the_family_is_ig_or_that_of_the_release(program: Program, abi: gadget_abi.Abi) -> None:
    """Asked for nothing, a program is built for the first release of ig's own module; a release is taken as it is."""
    write(program, "gadget.param('a')")
    assert choose_release(program, abi) == "v0.39.0"
    assert choose_release(program, abi, family="env-dst") == "v0.38.0"
    assert choose_release(program, abi, release="v0.34.0") == "v0.34.0"
    assert choose_release(program, abi, family="ig", release="v0.50.1") == "v0.50.1"


@pytest.mark.parametrize(
    ("family", "release", "words"),
    [
        ("ebpf", None, ["'ebpf'", "env-malloc, env-dst, ig"]),
        (None, "v0.29.0", ["'v0.29.0'", "v0.30.0 to v0.55.1"]),
        ("ig", "v0.34.0", ["v0.34.0 is of link family env-malloc, not ig", "--abi env-malloc", "v0.39.0 and later"]),
        ("env-dst", "v0.39.0", ["v0.39.0 is of link family ig, not env-dst", "v0.38.0 to v0.38.1"]),
        ("ebpf", "v0.39.0", ["'ebpf'"]),
    ],
)  # fmt: skip
def test_names_that_do_not_go_together(
    family: str | None, release: str | None, words: list[str], program: Program, abi: gadget_abi.Abi
) -> None:
    """An unknown family or release, and a release of another family, are each said in a sentence."""
    write(program, "")
    with pytest.raises(BuildError) as caught:
        choose_release(program, abi, family=family, release=release)
    assert [word for word in words if word not in str(caught.value)] == []
    assert "\n" not in str(caught.value)


def test_what_the_family_lacks_is_named_with_its_line(program: Program, abi: gadget_abi.Abi) -> None:
    """The Python name, the host's function, since when there is one, and what to build with."""
    write(program, "\ngadget.param('a')\nnumber = gadget.syscall_id('openat')")
    with pytest.raises(BuildError) as caught:
        choose_release(program, abi, family="env-malloc")
    assert str(caught.value) == (
        f"{program.main}:4: gadget.syscall_id needs getSyscallID, which ig has since v0.38.0 and link family "
        "env-malloc (v0.30.0 to v0.37.0) has not; build with --abi env-dst or --abi ig, or do without"
    )


def test_what_the_release_lacks_is_named_with_its_line(program: Program, abi: gadget_abi.Abi) -> None:
    """The first such use, and from which release on it would do."""
    write(program, "gadget.param('a')\nkernel = gadget.kernel_symbol_exists")
    with pytest.raises(BuildError) as caught:
        choose_release(program, abi, release="v0.34.0")
    assert str(caught.value) == (
        f"{program.main}:3: gadget.kernel_symbol_exists needs kallsymsSymbolExists, which ig has since v0.37.0 and "
        "v0.34.0 has not; build with --release v0.37.0 or later, or do without"
    )


def test_a_hook_that_would_never_run_is_refused(program: Program, abi: gadget_abi.Abi) -> None:
    """gadgetPostStop was called on a closed module at first, and then not at all until v0.42.0."""
    write(program, "@gadget.on_post_stop\ndef hook(): ...")
    assert choose_release(program, abi) == "v0.42.0"
    with pytest.raises(BuildError, match=r"program\.py:2: gadget\.on_post_stop needs gadgetPostStop"):
        choose_release(program, abi, family="env-dst")


def test_every_later_function_has_a_name_in_python(abi: gadget_abi.Abi) -> None:
    """What came after the first release is found by the name the SDK gives it, and those names are the SDK's."""
    later = {
        name for name, f in abi.functions.items() if version_key(f.forms[0].since) > version_key("v0.30.0")
    }
    named = {*FUNCTIONS.values(), *METHODS.values(), *KEYWORDS.values()}
    assert later - named == OPTIONAL | FOLLOWING
    assert named <= {*abi.functions, *abi.exports, *abi.changes}
    assert set(FUNCTIONS) <= set(gadget.__all__)
    attributes = {name for kind in (gadget.Source, gadget.Field) for name in dir(kind)}
    assert set(METHODS) | {method for method, _ in KEYWORDS} <= attributes


def test_the_readme_says_since_when(program: Program, abi: gadget_abi.Abi) -> None:
    """Each name stands in the row of the release it needs."""
    write(
        program,
        "\n".join(["gadget.source('a').add_field('b', str, tags=[])", *map("gadget.{}".format, FUNCTIONS)]),
    )
    with program.main.open("a") as text:
        text.writelines(f"source.{name}\n" for name in METHODS)
    rows = dict(re.findall(r"^\| (v[\d.]+) \| (.*) \|$", README.read_text("utf-8"), re.MULTILINE))
    found = list(uses(program, abi))
    assert len(found) == len(FUNCTIONS) + len(METHODS) + len(KEYWORDS)
    for use in found:
        name = use.name.rpartition(".")[2].rpartition("(")[2].rstrip(")")
        assert name in re.findall(r"\w+=?", rows[use.since]) or name == "add_tags", use


def test_a_file_that_cannot_be_parsed_uses_nothing(program: Program, abi: gadget_abi.Abi) -> None:
    """The build itself says what is wrong with it."""
    write(program, "def broken(:")
    assert list(uses(program, abi)) == []
