"""The examples do what their READMEs say, over the recorded events."""

from __future__ import annotations

import hashlib
import json
import re
import shlex
import shutil
from typing import Any

import pytest
import yaml

import gadget_abi
from tests.examples.conftest import RECORDED, SOURCE, Built, Run, gadget
from tests.examples.reference import DEFAULT, EXAMPLES, exec_storm, expected, stream, text, top_files

ROOT = EXAMPLES.parent


def test_the_expected_files_are_what_the_reference_computes(example: str) -> None:
    """The committed expectations follow from the events (else: python -m tests.examples.reference)."""
    directory = EXAMPLES / example
    committed = tuple((directory / name).read_text("utf-8") for name in ("expected.jsonl", "expected.sha256"))
    assert committed == expected(example)


def test_an_example_prints_what_is_expected(example: str, run: Run) -> None:
    """Run over its recorded stream, an example prints every line of the reference, and only those."""
    done = run(example)
    assert done.stdout.splitlines() == [text(line) for line in DEFAULT[example]()]
    digest = (EXAMPLES / example / "expected.sha256").read_text().split()[0]
    assert hashlib.sha256(done.stdout.encode()).hexdigest() == digest


def test_no_user_name_is_left_at_the_head_of_a_path(run: Run) -> None:
    """After redact, nobody's home directory can be told from another's."""
    names = [json.loads(line)["fname"] for line in run("redact").stdout.splitlines()]
    homes = {"/".join(name.split("/")[:3]) for name in names if name.startswith("/home/")}
    assert homes == {"/home/", "/home/***"}


@pytest.mark.parametrize(("every", "top"), [(0, 3), (1, 1), (10_000, 25), (100_000, 5)])
def test_top_files_follows_its_parameters(every: int, top: int, run: Run) -> None:
    """Tables come as often and are as long as the parameters say; 0 means one table at the end."""
    done = run("top_files", "--param", f"every={every}", "--param", f"top={top}")
    assert done.stdout.splitlines() == [text(rows) for rows in top_files(every, top)]


@pytest.mark.parametrize(("limit", "window"), [(1, 1000), (20, 100), (150, 60_000), (10_000, 1000)])
def test_exec_storm_follows_its_parameters(limit: int, window: int, run: Run) -> None:
    """A storm is `limit` starts within `window` milliseconds by one parent."""
    done = run("exec_storm", "--param", f"limit={limit}", "--param", f"window={window}")
    assert done.stdout.splitlines() == [text(storm) for storm in exec_storm(limit, window)]


def test_exec_storm_warns_of_every_storm(run: Run) -> None:
    """The log has one warning per storm, naming the culprit, and debug lines only when asked for."""
    storms = list(exec_storm(limit=50, window_ms=1000))
    log = run("exec_storm").stderr
    for storm in storms:
        assert f"{storm['comm']}[{storm['pid']}] started 50 programs in {storm['took_ms']} ms" in log
    assert log.count("WARN") == len(storms)
    assert "in the window before" not in log
    assert "in the window before" in run("exec_storm", "--log-level", "debug").stderr


def test_the_recorded_source_is_replaced_not_repeated(run: Run) -> None:
    """An unreferenced source is counted, not printed: all lines are of the gadget's own source."""
    first = json.loads(run("exec_storm").stdout.splitlines()[0])
    assert set(first) == {"timestamp_raw", "comm", "pid", "starts", "took_ms", "latest"}


def test_the_table_in_the_readme_is_what_its_command_prints(example: str, run: Run) -> None:
    """The README's command prints the README's lines; "..." stands for some that are left out."""
    command, table = _readme(example)
    printed = [line.rstrip() for line in run(example, *command, "-o", "columns").stdout.splitlines()]
    for line in table:
        assert line == "..." or line in printed
    assert table[0] == printed[0]


def _readme(example: str) -> tuple[list[str], list[str]]:
    """The parameters of the command in an example's README, and the lines it is said to print."""
    readme = (EXAMPLES / example / "README.md").read_text()
    commands, table = re.findall(r"^```\n(.*?)^```$", readme, re.DOTALL | re.MULTILINE)[:2]
    command = shlex.split(commands.splitlines()[-1])
    assert command[:3] == ["gadget", "run", f"guest-examples/{example}"]
    assert command[3:5] == ["--input", f"{SOURCE[example]}={RECORDED[SOURCE[example]].relative_to(ROOT)}"]
    return command[5:], table.splitlines()


def test_metadata_describes_what_is_shown(example: str, run: Run) -> None:
    """gadget.yaml describes each field of the gadget's source that has a column."""
    ((_, declared),) = _metadata(example)["datasources"].items()
    notes = {name: field["annotations"] for name, field in declared["fields"].items()}
    shown = {name for name in notes if notes[name].get("columns.hidden") != "true"}
    assert all("description" in notes[name] for name in shown)
    heading = run(example, "-o", "columns").stdout.splitlines()[0]
    assert set(heading.lower().split()) == shown


def test_metadata_has_the_defaults_of_the_program(example: str, built: Built, run: Run) -> None:
    """Without its gadget.yaml, with the program's defaults, an example prints the same."""
    alone = built(example).with_name("alone")
    alone.mkdir()
    module = shutil.copy(built(example), alone)
    source = SOURCE[example]
    done = gadget("run", module, "-i", f"{source}={RECORDED[source]}", "-o", "json")
    assert done.stdout == run(example).stdout


def _metadata(example: str) -> dict[str, Any]:
    metadata: dict[str, Any] = yaml.safe_load((EXAMPLES / example / "gadget.yaml").read_text())
    return metadata


def test_a_field_described_for_the_recorded_source_exists() -> None:
    """The annotations of redact name fields of trace_open, and the one it adds."""
    metadata = _metadata("redact")
    recorded = {field["name"] for field in stream("open")[0]["fields"]}
    assert set(metadata["datasources"]["open"]["fields"]) == recorded | {"access"}


def test_an_example_runs_on_inspektor_gadget(example: str, built: Built) -> None:
    """The linked module imports what the newest release known offers."""
    done = gadget("check", built(example))
    assert done.returncode == 0, done.stdout + done.stderr
    assert gadget_abi.load().newest in done.stdout.splitlines()[0]


@pytest.mark.parametrize(
    ("name", "family"),
    [
        ("redact", "env-malloc"),
        ("redact", "env-dst"),
        ("top_files", "env-malloc"),
        ("exec_storm", "env-malloc"),
    ],
)
def test_an_example_prints_the_same_in_older_releases(name: str, family: str, run: Run) -> None:
    """Built for another link family, it reads, writes and emits the same, over the whole stream."""
    done = run(name, family=family)
    assert done.stdout == run(name).stdout
    assert f"({family}, " in done.stderr


def test_the_command_refuses_what_does_not_go_together() -> None:
    """In a sentence, before anything is built."""
    done = gadget("build", EXAMPLES / "exec_storm", "--abi", "env-malloc", "--release", "v0.33.0")
    assert done.returncode == 1
    assert done.stderr.startswith(f"gadget: error: {EXAMPLES / 'exec_storm' / 'program.py'}:")
    assert "dataSourceUnreference, which ig has since v0.35.0 and v0.33.0 has not" in done.stderr
