"""gadget abi list, show and diff as a person uses them: text, JSON, exit codes."""

from itertools import pairwise
from pathlib import Path

import pytest

from gadget_abi import cli
from gadget_abi.commands.abi_show import entries, show
from gadget_abi.diff import KINDS
from tests.abi.modules import ABI, MALLOC, module, using
from tests.cli.goldens import Terminal, matches

HERE = Path(__file__).parent


@pytest.fixture
def gadget(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """The command, in a directory with three modules."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    common = ("gadgetLog", "dataSourceEmitAndRelease")
    Path("malloc.wasm").write_bytes(module(using("v0.34.0", *common, "fieldGet"), MALLOC))
    Path("ig.wasm").write_bytes(module(using("v0.39.0", *common, "fieldGetScalar")))
    Path("newer.wasm").write_bytes(module(using("v0.55.1", "gadgetLog", "gadgetShouldLog", "fieldGetScalar")))
    Path("garbage.wasm").write_bytes(b"garbage")
    return Terminal(capsys)


# File -> arguments.
GOLDENS = {
    "list": ["list"],
    "show-function": ["show", "fieldGetScalar"],
    "show-export": ["show", "gadgetPostStop"],
    "show-release": ["show", "v0.38.0"],
    "show-set": ["show", "sig-4"],
    "show-family": ["show", "env-malloc"],
    "show-group": ["show", "perf"],
    "show-enum": ["show", "Kind"],
    "show-change": ["show", "element-handles"],
    "show-quirk": ["show", "emit-deadlock"],
    "show-limit": ["show", "handles"],
    "show-layout": ["show", "syscall declaration"],
    "show-encoding": ["show", "element handle"],
    "diff-seed-to-newest": ["diff", "v0.34.0", "v0.55.1"],
    "diff-newest-to-seed": ["diff", "v0.55.1", "v0.34.0"],
    "diff-older-line": ["diff", "v0.41.2", "v0.42.0"],
    "diff-same": ["diff", "v0.40.0", "v0.41.0"],
    "diff-modules": ["diff", "ig.wasm", "newer.wasm"],
    "diff-module-on-release": ["diff", "malloc.wasm", "newest"],
    "diff-module-on-its-release": ["diff", "ig.wasm", "v0.55.1"],
    "diff-release-for-module": ["diff", "v0.34.0", "ig.wasm"],
}


@pytest.mark.parametrize("name", GOLDENS)
def test_the_text_is_what_the_file_beside_this_test_says(name: str, gadget: Terminal) -> None:
    """Text of a pipe of 100 columns."""
    matches(HERE / f"abi/{name}.txt", gadget("abi", *GOLDENS[name]))
    assert gadget.code == 0


@pytest.mark.parametrize("name", GOLDENS)
def test_the_json_follows_its_schema(name: str, gadget: Terminal) -> None:
    """Documented keys for each."""
    definition = "diff-modules" if name == "diff-modules" else name.partition("-")[0]
    assert gadget.json(definition, "abi", *GOLDENS[name])


@pytest.mark.parametrize("columns", [80, 120])
@pytest.mark.parametrize("name", GOLDENS)
def test_lines_fit_the_terminal(
    columns: int, name: str, gadget: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No line is longer than the terminal is wide."""
    monkeypatch.setenv("COLUMNS", str(columns))
    assert [line for line in gadget("abi", *GOLDENS[name]).splitlines() if len(line) > columns] == []


@pytest.mark.parametrize("name", entries(ABI))
def test_everything_with_a_name_can_be_shown(name: str) -> None:
    """Whatever the case of the letters, and with something to say."""
    found = show(ABI, name.upper())
    assert found.text.startswith(f"{name}: {found.json['is']}\n")
    assert len(found.text.splitlines()) > 1


def test_every_function_export_release_change_and_quirk_has_a_name() -> None:
    """Nothing is hidden by another entry of the same name."""
    names = entries(ABI)
    wanted = [*ABI.functions, *ABI.exports, *ABI.changes, *ABI.quirks, *(r.name for r in ABI.releases)]
    assert set(wanted) <= set(names)
    assert names["malloc"][0] == "guest export"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["show", "fieldGte"], "the ABI has nothing named 'fieldGte'; did you mean fieldGet or"),
        (["show", "perfreader"], "newPerfReader"),
        (["show", "v0.42"], "did you mean v0.42.0"),
        (["show", "xyzzy"], "the ABI has nothing named 'xyzzy'"),
        (["diff", "v0.34", "newest"], "there is no release 'v0.34'; did you mean v0.34.0?"),
        (["diff", "v0.34.0", "nothing.wasm"], "nothing.wasm: No such file or directory"),
        (["diff", "garbage.wasm", "ig.wasm"], "garbage.wasm: not a readable wasm module: at byte 0x0"),
    ],
)
def test_what_is_not_there_is_one_line_with_what_is_near(
    arguments: list[str], words: str, gadget: Terminal
) -> None:
    """The exit code is 1, and the message says what could have been meant."""
    message = gadget.error("abi", *arguments)
    assert message.startswith("gadget: error: ")
    assert words in message
    assert message.count("\n") == 1
    assert gadget.code == 1


@pytest.mark.parametrize(
    ("a", "b", "code"),
    [
        ("v0.34.0", "v0.55.1", 1),
        ("v0.39.0", "v0.55.1", 0),
        ("v0.55.1", "v0.39.0", 1),
        ("malloc.wasm", "v0.37.0", 0),
        ("malloc.wasm", "v0.38.0", 1),
        ("v0.39.0", "newer.wasm", 1),
        ("ig.wasm", "newer.wasm", 1),
        ("newer.wasm", "ig.wasm", 0),
    ],
)
def test_the_exit_code_can_tell_whether_something_breaks(a: str, b: str, code: int, gadget: Terminal) -> None:
    """With --exit-code; without it, differences are no failure."""
    gadget("abi", "diff", a, b, "--exit-code")
    assert gadget.code == code
    gadget("abi", "diff", a, b)
    assert gadget.code == 0


def test_every_pair_of_neighbours_has_a_readable_text(gadget: Terminal) -> None:
    """Each way: a title, the two sides, and a sentence for guests and hosts."""
    for older, newer in pairwise(release.name for release in ABI.releases):
        for a, b in ((older, newer), (newer, older)):
            text = gadget("abi", "diff", a, b)
            assert text.startswith(f"From ig {a} to {b}\n")
            assert f"A host of {a} has " in text


def test_help_holds_the_rules_by_which_differences_are_classed(capsys: pytest.CaptureFixture[str]) -> None:
    """Every kind of difference is explained where people look for it."""
    with pytest.raises(SystemExit):
        cli.main(["abi", "diff", "--help"])
    text = capsys.readouterr().out
    assert [kind for kind in KINDS if f"\n  {kind} " not in text] == []
