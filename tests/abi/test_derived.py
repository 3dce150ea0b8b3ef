"""What is derived from the table: complete, fresh, and following a new row."""

import ast
import re
from pathlib import Path

import gadget_abi
from gadget_abi import parse_table
from gadget_abi.canonical import canonical_functions
from gadget_abi.derive import derived_files, stale_files, write_files

ABI = gadget_abi.load()
ROOT = Path(__file__).parents[2]

NEW_ROW = """
[[function]]
name = "getMood"
group = "log"
source = "nowhere.go"
doc = "Tell the mood."
[[function.form]]
since = "v0.55.1"
commit = "0000000"
params = ["of: string", "mood: out-buffer"]
result = "length"
error = -1
"""


def test_committed_files_are_fresh() -> None:
    """WIT world, guest constants and reference page are what the table says."""
    assert stale_files(ABI, ROOT) == []


def test_a_new_row_reaches_every_derived_file_but_the_constants(tmp_path: Path) -> None:
    """A function added to the table shows up in the WIT world and on the reference page."""
    grown = parse_table(ABI.source_text + NEW_ROW)
    write_files(ABI, tmp_path)
    stale = {path.name for path in stale_files(grown, tmp_path)}
    assert stale == {"gadget.wit", "REFERENCE.md"}
    texts = {path.name: text for path, text in derived_files(grown).items()}
    assert "import get-mood: func(of: list<u8>, capacity: u32) -> option<list<u8>>;" in texts["gadget.wit"]
    assert "getMood(i64, i64) -> (i32)" in texts["REFERENCE.md"]
    assert write_files(grown, tmp_path)
    assert stale_files(grown, tmp_path) == []


def test_every_current_function_is_in_the_world() -> None:
    """The world imports a canonical function for each of the 41, two where a value is polymorphic."""
    names = [f.name for f in canonical_functions(ABI)]
    assert len(names) == len(set(names)) == 43
    assert {f.function.name for f in canonical_functions(ABI)} == set(ABI.current)
    wit = (ROOT / "abi-spec/src/gadget_abi/data/gadget.wit").read_text()
    assert re.findall(r"import ([\w-]+):", wit) == names


def test_the_guest_constants_import_only_the_standard_library() -> None:
    """gadget/_abi.py can be imported inside wasm and holds the table's numbers."""
    text = derived_files(ABI)[Path("guest-sdk-python/src/gadget/_abi.py")]
    imports = [n.module for n in ast.walk(ast.parse(text)) if isinstance(n, ast.ImportFrom)]
    assert imports == ["enum"]
    namespace: dict[str, object] = {}
    exec(text, namespace)
    assert dict(namespace["Kind"].__members__) == dict(ABI.enums["Kind"].members)  # type: ignore[attr-defined]
    assert namespace["MAX_HANDLES"] == 4096
