from __future__ import annotations

import math
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from gadget_host.schema import FieldSchema, SourceSchema
from gadget_host.streams.yamldoc import yaml_document

SCHEMA = SourceSchema(
    "s", "single", (FieldSchema("f32", "Float32"), FieldSchema("no", "Bool", {"json.skip": "true"}))
)


def test_document() -> None:
    """A row is a document in block style with sorted keys; plain strings stay plain."""
    row = {
        "fname": "/etc/ld.so.cache",
        "args": "ls -l --color=auto",
        "proc": {"comm": "bash", "creds": {"uid": 0}},
        "error": "",
        "count": 18446744073709551615,
        "raw": b"\x12\xff",
        "on": True,
        "share": 1.0,
        "no": True,
    }
    assert yaml_document(row, SCHEMA) == (
        '---\nargs: ls -l --color=auto\ncount: 18446744073709551615\nerror: ""\nfname: /etc/ld.so.cache\n'
        '"on": true\nproc:\n  comm: bash\n  creds:\n    uid: 0\nraw: "12ff"\nshare: 1\n'
    )


WORDS = (
    "yes Null ~ 1 0x1f 1e3 - [a] {a} !a &a *a %a @a `a ' \" 'a' \"a\" = << 2026-01-01 .5 .inf 0o7 1:30 "
    "? true OFF y a: a:b #a - 1,2 +1 1_0 0b1 NaN .NaN | > a,b a@b /a=b"
)
TEXTS = (
    "- a",
    "a: b",
    "a #b",
    " a",
    "a ",
    "a  b",
    "a\nb",
    "\x7f",
    "\x85",
    "\u2028",
    "\ufeff",
    "🙂",
    "\ufffe",
)


@pytest.mark.parametrize("text", [*WORDS.split(), *TEXTS])
def test_strings_stay_strings(text: str) -> None:
    """A string is read back as the very same string, whatever it looks like."""
    assert yaml.safe_load(yaml_document({text: {"v": text}}, SCHEMA)) == {text: {"v": text}}


@given(
    st.dictionaries(
        st.text(min_size=1, max_size=5),
        st.text()
        | st.integers(-(1 << 63), (1 << 64) - 1)
        | st.booleans()
        | st.floats(allow_nan=False, allow_infinity=False),
    )
)
def test_round_trip(row: dict[str, Any]) -> None:
    """Any row is read back equal."""
    row.pop("no", None)
    row.pop("f32", None)
    found = yaml.safe_load(yaml_document(row, SCHEMA))
    for key, value in row.items():  # 1 may stand for 1.0
        if isinstance(value, float):
            found[key] = float(found[key])
    assert found == row


def test_not_a_number_and_narrow_floats() -> None:
    """NaN and infinities are null; a Float32 has the digits of a float32."""
    row = {"a": math.nan, "b": math.inf, "f32": 0.10000000149011612, "e": {}}
    assert yaml_document(row, SCHEMA) == "---\na: null\nb: null\ne: {}\nf32: 0.1\n"


def test_bytes_that_are_not_text() -> None:
    """Bytes of a string that are not UTF-8 become U+FFFD."""
    row = {"s": b"a\xff".decode("utf-8", "surrogateescape")}
    assert yaml.safe_load(yaml_document(row, SCHEMA)) == {"s": "a\ufffd"}


def test_empty_row() -> None:
    """A row without fields is a document nevertheless."""
    assert yaml_document({}, SCHEMA) == "---\n{}\n"
