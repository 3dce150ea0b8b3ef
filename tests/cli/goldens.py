"""Compare what a command prints with a file beside the test; BLESS=1 rewrites the file for review."""

from __future__ import annotations

import json
import os
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from gadget_abi import cli

SCHEMA = json.loads((files("gadget_abi") / "data/commands.schema.json").read_text())


class Terminal:
    """Runs commands in this process, as in a pipe of 100 columns."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys
        self.code = 0

    def __call__(self, *args: str | Path) -> str:
        """Run a command; returns what it printed to standard output, and keeps its exit code."""
        self.code = cli.main([*map(str, args)])
        return self._capsys.readouterr().out

    def error(self, *args: str | Path) -> str:
        """Run a command that fails; returns what it printed to standard error, and nothing to standard output."""
        try:
            self.code = cli.main([*map(str, args)])
        except SystemExit as end:  # argparse's way
            self.code = int(end.code or 0)
        out, err = self._capsys.readouterr()
        assert out == ""
        return err

    def json(self, definition: str, *args: str | Path) -> Any:
        """Run a command with --json and validate what it prints against a definition of the schema."""
        found = json.loads(self(*args, "--json"))
        jsonschema.validate(found, {"$ref": f"#/$defs/{definition}", "$defs": SCHEMA["$defs"]})
        return found


def matches(golden: Path, text: str) -> None:
    """Insist that a text is what the file holds."""
    if os.environ.get("BLESS") == "1":
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(text)
    assert text == golden.read_text()
