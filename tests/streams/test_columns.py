from __future__ import annotations

import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gadget_host.schema import FieldSchema, SourceSchema
from gadget_host.streams import Output, Screen
from gadget_host.streams.columns import ColumnsTable
from gadget_host.streams.widths import Layout, cut, fit, layout_of, text_width

DEFAULTS = {"columns.width": "16", "columns.ellipsis": "end", "columns.alignment": "left"}
OPEN = SourceSchema(
    "open",
    "single",
    (
        FieldSchema("proc.comm", "CString"),
        FieldSchema("proc.pid", "Uint32"),
        FieldSchema("secret", "Uint64", {"columns.hidden": "true"}),
        FieldSchema("fname", "CString"),
    ),
)
TOP = SourceSchema("top", "array", (FieldSchema("count", "Uint64"), FieldSchema("fname", "String")))


def row(comm: str = "cat", pid: int = 7, fname: str = "/etc/passwd") -> dict[str, Any]:
    """A row of `OPEN`."""
    return {"proc": {"comm": comm, "pid": pid}, "secret": 1, "fname": fname}


def table(schema: SourceSchema, rows: list[dict[str, Any]], **options: Any) -> list[str]:
    """The lines of a table."""
    columns = ColumnsTable(schema, **options)
    return (columns.header(rows) + columns.lines(rows)).splitlines()


def test_table() -> None:
    """Headings are capitals, hidden fields are not shown, numbers stand to the right."""
    assert table(OPEN, [row(), row("longer-command", 123456, "/x")] * 10)[:3] == [
        "PROC.COMM      PROC.PID FNAME",
        "cat                   7 /etc/passwd",
        "longer-command   123456 /x",
    ]


def test_few_rows_say_little() -> None:
    """With a few rows to go by, columns have room for what may come."""
    assert table(OPEN, [row()])[1] == "cat                     7 /etc/passwd"


@pytest.mark.parametrize("width", [80, 40, 30, 20, 10, 1])
def test_terminal_width(width: int) -> None:
    """On a terminal no line is wider than it, down to where three characters a column are left."""
    lines = table(OPEN, [row("x" * 30, 2**32 - 1, "/very/long/" * 9)], width=width)
    assert max(map(text_width, lines)) <= max(width, 3 * 3 + 2)
    assert lines[1].startswith("xx")
    assert lines[1].endswith("…")


def test_room_is_given_to_what_needs_it() -> None:
    """What a terminal has left goes to the columns whose values would be cut."""
    assert table(OPEN, [row(fname="/very/long/" * 7)], width=120)[1].endswith("/very/long/" * 7)


def test_nothing_is_cut_in_a_pipe() -> None:
    """Without a terminal values are whole, even those wider than their column."""
    columns = ColumnsTable(OPEN)
    columns.header([row()] * 20)
    assert columns.lines([row("much-longer-than-before", 1, "x" * 500)]).endswith("1 " + "x" * 500 + "\n")


def test_colour() -> None:
    """Headings are bold when colour is asked for."""
    assert table(OPEN, [], colour=True)[0].startswith("\x1b[1mPROC.COMM")


VALUES = [
    ("String", {}, "a\tb\n\x1b[31mred\x7f", "a\\x09b\\x0a\\x1b[31mred\\x7f"),
    ("String", {}, b"a\xff".decode("utf-8", "surrogateescape"), "a\\xff"),
    ("String", {}, "\u202egnp.exe", "\\u202egnp.exe"),
    ("String", {}, "日本", "日本"),
    ("Bool", {}, True, "true"),
    ("Uint64", {"columns.hex": "true"}, 2**64 - 1, "0xffffffffffffffff"),
    ("Int32", {"columns.hex": "true"}, -1, "-0x1"),
    ("Float64", {}, 2 / 3, "0.67"),
    ("Float64", {"columns.precision": "4"}, 2 / 3, "0.6667"),
    ("Bytes", {}, b"abc", "<3 bytes>"),
]


@pytest.mark.parametrize(("kind", "annotations", "value", "text"), VALUES)
def test_cell(kind: str, annotations: dict[str, str], value: object, text: str) -> None:
    """Values look as their annotations ask, and nothing in them can move the cursor."""
    schema = SourceSchema("s", "single", (FieldSchema("f", kind, annotations),))
    assert table(schema, [{"f": value}])[1].strip() == text


def test_replaced_and_absent_values() -> None:
    """A column can show another field's value; a field that a row lacks is blank."""
    fields = (FieldSchema("a", "Uint32", {"columns.replace": "b"}), FieldSchema("b", "String"))
    schema = SourceSchema("s", "single", fields)
    assert table(schema, [{"a": 1, "b": "one"}])[1].split() == ["one", "one"]
    assert table(schema, [{"a": 1}, {"b": None}])[1:] == ["", ""]


def test_wide_characters_keep_columns_straight() -> None:
    """Wide and combining characters count as the cells they take."""
    lines = table(OPEN, [row("日本", 1), row("e\u0301", 1), row("ab", 1)])
    assert len({text_width(line.partition("/")[0]) for line in lines[1:]}) == 1


LAYOUTS: list[tuple[str, dict[str, str], Layout]] = [
    ("String", {}, Layout()),
    ("String", DEFAULTS, Layout()),
    ("Uint32", DEFAULTS, Layout(right=True)),
    ("Uint32", {"columns.alignment": "left"}, Layout()),
    ("Uint32", {**DEFAULTS, "columns.minwidth": "7"}, Layout(min_width=7, right=True)),
    ("String", {"columns.width": "20"}, Layout(width=20)),
    (
        "String",
        {**DEFAULTS, "columns.width": "20", "columns.ellipsis": "start"},
        Layout(width=20, ellipsis="start"),
    ),
    ("String", {"columns.minWidth": "5", "columns.maxWidth": "9"}, Layout(min_width=5, max_width=9)),
    ("String", {"columns.width": "5", "columns.fixed": "true"}, Layout(5, 5, 5, fixed=True)),
    ("String", {"columns.width": "wide", "columns.precision": "-1"}, Layout()),
    ("String", {"template": "comm"}, Layout(max_width=16)),
    ("String", {"template": "node", "columns.width": "9"}, Layout(width=9, ellipsis="middle")),
    ("Uint32", {"template": "pid", **DEFAULTS}, Layout(min_width=7, right=True)),
]


@pytest.mark.parametrize(("kind", "annotations", "layout"), LAYOUTS)
def test_layout(kind: str, annotations: dict[str, str], layout: Layout) -> None:
    """Annotations and templates say how a column looks; upstream's defaults for every field say nothing."""
    assert layout_of(FieldSchema("f", kind, annotations)) == layout


@pytest.mark.parametrize(
    ("ellipsis", "text"),
    [("end", "abcd…"), ("start", "…efgh"), ("middle", "ab…gh"), ("", "abcde")],
)
def test_ellipsis(ellipsis: str, text: str) -> None:
    """Where a text is cut, a mark says so."""
    assert cut("abcdefgh", 5, ellipsis) == text


@given(st.text(), st.integers(1, 10), st.sampled_from(["end", "start", "middle", ""]))
def test_cut_fits(text: str, width: int, ellipsis: str) -> None:
    """A cut text is never wider than asked, and one that fits is not touched."""
    assert text_width(cut(text, width, ellipsis)) <= width
    if text_width(text) <= width:
        assert cut(text, width, ellipsis) == text


NEEDS = st.tuples(
    st.builds(Layout, st.integers(0, 40), st.integers(0, 10), st.sampled_from([0, 12, 40])),
    st.integers(1, 90),
)


@given(st.lists(NEEDS, min_size=1, max_size=8), st.integers(1, 200))
def test_fit(needs: list[tuple[Layout, int]], available: int) -> None:
    """Columns fill no more than there is, unless their least widths already do."""
    layouts, content = zip(*needs, strict=True)
    widths = fit(layouts, content, available)
    least = [max(layout.min_width, 3) for layout in layouts]
    assert sum(widths) <= max(available, sum(least))
    assert all(width >= max(layout.min_width, 1) for width, layout in zip(widths, layouts, strict=True))


class Printed:
    """An `Output` into memory."""

    def __init__(self, mode: str | None = None, screen: Screen | None = None, *, named: bool = False) -> None:
        self.stream = io.BytesIO()
        self.output = Output(self.stream, mode, screen)
        self.output.named = named

    def write(self, schema: SourceSchema, *events: Any) -> str:
        """What writing these events prints."""
        self.stream.seek(0)
        self.stream.truncate()
        self.output.write(schema, list(events))
        return self.stream.getvalue().decode()


def test_headings_once() -> None:
    """A table goes on from batch to batch under the headings it began with."""
    printed = Printed()
    assert printed.write(OPEN, row()).count("FNAME") == 1
    assert printed.write(OPEN, row("much-longer-than-before")).count("\n") == 1


def test_headings_after_another_source() -> None:
    """When another source's rows came in between, headings are repeated with the widths they had."""
    printed = Printed(named=True)
    first = printed.write(OPEN, row())
    assert first.startswith("open:\nPROC.COMM ")
    assert printed.write(TOP, [{"count": 3, "fname": "/x"}]) == "\ntop:\n  COUNT FNAME\n      3 /x\n"
    assert printed.write(OPEN, row("much-longer-than-before")).splitlines()[:3] == [
        "",
        *first.splitlines()[:2],
    ]


def test_array_is_a_table() -> None:
    """Every emission of an array source is a table of its own, an empty one has headings only."""
    rows = [{"count": 3, "fname": "/x"}]
    assert Printed().write(TOP, rows, []) == "  COUNT FNAME\n      3 /x\n\n  COUNT FNAME\n"


def test_clear_screen() -> None:
    """A source that asks for it gets a cleared terminal before each table, and nothing of that in a pipe."""
    schema = SourceSchema("top", "array", TOP.fields, {"cli.clear-screen-before": "true"})
    assert "\x1b" not in Printed().write(schema, [], [])
    assert Printed(screen=Screen(80)).write(schema, [], []).count("\x1b[2J") == 2


def test_fields_added_later() -> None:
    """A field that a gadget adds on the way gets a column, under new headings."""
    printed = Printed()
    printed.write(OPEN, row())
    more = SourceSchema("open", "single", (*OPEN.fields, FieldSchema("extra", "Uint32")))
    assert printed.write(more, row() | {"extra": 5}).splitlines()[1].split() == [
        "PROC.COMM", "PROC.PID", "FNAME", "EXTRA",
    ]  # fmt: skip


def test_mode_of_a_source() -> None:
    """Without a mode asked for, each source has the one it prefers."""
    schema = SourceSchema("top", "array", TOP.fields, {"cli.default-output-mode": "json"})
    printed = Printed()
    assert printed.write(schema, [{"count": 1}]) == '[{"count":1}]\n'
    assert printed.write(OPEN, row()).startswith("\nPROC.COMM")
    assert Printed("yaml").write(schema, [{"count": 1}, {"count": 2}], []) == "---\ncount: 1\n---\ncount: 2\n"
    assert Printed("jsonpretty").write(schema, []) == "[]\n"
