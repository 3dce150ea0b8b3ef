"""Programs that cannot be built: the author's file and line, what is wrong, and what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

import gadget_build
from gadget_build import BuildError

CASES = {
    "syntax error": ("import gadget\n\ndef broken(:\n    pass\n", 3, "SyntaxError"),
    "missing package": ("import gadget\nimport numpy\n", 2, "numpy"),
    "exception at import": (
        "import gadget\n\n\ndef early():\n    return 1 / 0\n\n\nearly()\n",
        5,
        "ZeroDivisionError",
    ),
    "host call at import": ("import gadget\n\ngadget.log.info('too early')\n", 3, "host"),
}


@pytest.mark.usefixtures("caches")
@pytest.mark.parametrize("case", CASES)
def test_the_error_names_file_line_and_reason(case: str, tmp_path: Path) -> None:
    """One error, with the innermost line of the author's, and nothing of the machinery behind it."""
    text, line, reason = CASES[case]
    program = tmp_path / "program.py"
    program.write_text(text)
    with pytest.raises(BuildError) as caught:
        gadget_build.build(tmp_path, output=tmp_path / "out.wasm")
    message = str(caught.value)
    assert message.startswith(f"{program}:{line}: ")
    assert reason in message
    assert not any(
        word in message for word in ("Traceback", "anyhow", "componentize_py::", "Stack backtrace")
    )
    assert not (tmp_path / "out.wasm").exists()


@pytest.mark.usefixtures("caches")
def test_an_error_in_a_module_beside_the_program_names_that_module(tmp_path: Path) -> None:
    """The file is the one the error is in, not the one that imported it."""
    (tmp_path / "program.py").write_text("import gadget\nimport helper\n")
    (tmp_path / "helper.py").write_text("import struct\n\nSIZE = struct.calcsize('?!')\n")
    with pytest.raises(BuildError, match=r"helper\.py:3: .*struct\.error"):
        gadget_build.build(tmp_path)


@pytest.mark.usefixtures("caches")
def test_a_c_extension_is_called_one(tmp_path: Path) -> None:
    """A compiled module beside the program is native code, and the error says so."""
    (tmp_path / "program.py").write_text("import gadget\nimport fast\n")
    (tmp_path / "fast.cpython-311-x86_64-linux-gnu.so").write_bytes(b"\x7fELF")
    with pytest.raises(BuildError, match=r"program\.py:2: .*C extension"):
        gadget_build.build(tmp_path)


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    """No such directory, and a directory without a program, are told apart."""
    with pytest.raises(BuildError, match="no such file"):
        gadget_build.build(tmp_path / "nowhere")
    with pytest.raises(BuildError, match=r"program\.py"):
        gadget_build.build(tmp_path)
