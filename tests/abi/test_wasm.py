"""The reader of core modules: what it sees, what it names, what it refuses."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gadget_abi import WasmError
from gadget_abi.wasm import constant_result, encode, read_declarations, read_module
from gadget_abi.wasm.binary import Reader
from tests.abi.modules import ABI, assemble, whole


def test_the_reader_sees_what_the_assembler_wrote() -> None:
    """Imports, exports, memory limits and the start function are read back."""
    data = assemble(
        '(module (import "a" "b" (func (param i64))) (memory 2 3) (export "m" (memory 0)) (start 1) (func))'
    )
    read = read_module(data)
    assert [(i.module, i.name, str(i.type)) for i in read.imports] == [("a", "b", "(i64) -> ()")]
    assert [(e.name, (e.type.min, e.type.max)) for e in read.exports] == [("m", (2, 3))]  # type: ignore[union-attr]
    assert read.start == 1
    assert len(read.bodies) == 1


def test_the_declarations_are_those_of_the_whole() -> None:
    """Reading that ends before elements, code and data finds what a reading of everything finds in front of them."""
    data = assemble(
        '(module (import "a" "b" (func (param i64))) (memory 2 3) (export "m" (memory 0)) (start 1) (func)'
        ' (table 1 funcref) (elem (i32.const 0) 0) (data (i32.const 0) "d") (global i32 (i32.const 7)))'
    )
    read, whole = read_declarations(data), read_module(data)
    for part in ("types", "imports", "exports", "functions", "tables", "memories", "globals", "start"):
        assert getattr(read, part) == getattr(whole, part), part
    assert read.bodies == []
    assert list(read_declarations(assemble(IN_DECLARATIONS["gc"])).features) == ["gc"]


@pytest.mark.parametrize("value", [0, 1, 127, 128, 300, 0xFFFFFFFF])
def test_what_is_written_is_read(value: int) -> None:
    """Numbers, names and sections are read back as they were written."""
    text = "é" * min(value, 300)
    data = encode.section(1, encode.u32(value) + encode.name(text))
    kind, body = Reader(data).section()
    assert (kind, body.u32(), body.name()) == (1, value, text)
    body.finish("section 1")


# Feature -> a module that uses it, outside of code or in the body of function 1, which is called $user.
IN_DECLARATIONS = {
    "threads": "(module (memory 1 1 shared))",
    "memory64": "(module (memory i64 1))",
    "multi-memory": "(module (memory 1) (memory 1))",
    "custom-page-sizes": "(module (memory 1 (pagesize 1)))",
    "exceptions": "(module (tag))",
    "gc": "(module (type (struct (field i32))))",
    "function-references": "(module (type $f (func)) (func (param (ref null $f))))",
    "extended-const": "(module (global i32 (i32.add (i32.const 1) (i32.const 2))))",
}
IN_CODE = {
    "tail-call": "return_call $other",
    "exceptions": "try_table (catch_all 0) end",
    "threads": "atomic.fence",
    "gc": "(drop (ref.i31 (i32.const 1)))",
    "function-references": "(drop (ref.as_non_null (ref.null func)))",
    "relaxed-simd": "(drop (i8x16.relaxed_swizzle (v128.const i64x2 0 0) (v128.const i64x2 0 0)))",
    "wide-arithmetic": "(i64.mul_wide_s (i64.const 1) (i64.const 1)) drop drop",
}


@pytest.mark.parametrize("feature", IN_DECLARATIONS)
def test_a_feature_in_the_declarations_is_named(feature: str) -> None:
    """What a later proposal adds to types and sections is read, and told from broken bytes."""
    assert list(read_module(assemble(IN_DECLARATIONS[feature])).features) == [feature]


@pytest.mark.parametrize("feature", IN_CODE)
def test_a_feature_in_the_code_is_named_with_function_and_offset(feature: str) -> None:
    """The first use in a body is found behind plain instructions, and the name section names the function."""
    plain = "(drop (i32.add (i32.const 5) (i32.const 600)))"
    data = assemble(f"(module (func $other) (func $user {plain} {IN_CODE[feature]}))")
    assert read_module(data).features == {}
    read = read_module(data, code=True)
    use, (start, end) = read.features[feature], read.bodies[1]
    assert use.function == 1
    assert start + len(b"\0" + b"\x41\5\x41\xd8\4\x6a\x1a") <= use.at < end
    assert read.function_names == {1: "user"}


def test_the_second_memory_is_seen_in_code_too() -> None:
    """An access to another memory is noted although the declaration is not there to tell."""
    data = assemble("(module (memory 1) (memory 1) (func (drop (memory.size 1))))")
    one = data.replace(b"\x05\x05\x02\x00\x01\x00\x01", b"\x05\x05\x01\x00\x81\x80\x00")
    assert one != data
    assert read_module(one).features == {}
    assert read_module(one, code=True).features["multi-memory"].function == 0


WASM_2 = """
(module (memory 1) (table 2 funcref) (table 1 externref) (type $t (func (param i32) (result i32 i32)))
  (global $g (mut i64) (i64.const -1)) (data $d "x") (elem $e func $f)
  (func $f (param i32) (local v128 f64 externref)
    (block (loop (br_if 1 (local.get 0)))) (if (result i32) (local.get 0) (then (i32.const 1)) (else (i32.const -2)))
    (block (param i32) (result i32) (br_table 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 (i32.const 0) (local.get 0)))
    drop (global.set $g (i64.extend32_s (global.get $g))) (drop (select (result externref)
      (ref.null extern) (table.get 1 (i32.const 0)) (i32.const 1)))
    (memory.init $d (i32.const 0) (i32.const 0) (i32.const 1)) (data.drop $d) (memory.fill (i32.const 0)
      (i32.const 0) (i32.const 1)) (memory.copy (i32.const 0) (i32.const 0) (i32.const 1))
    (table.init 0 $e (i32.const 0) (i32.const 0) (i32.const 1)) (elem.drop $e) (drop (ref.is_null (ref.func $f)))
    (drop (table.grow 0 (ref.null func) (i32.const 1))) (drop (table.size 0)) (call $f (i32.const 7))
    (drop (i32.trunc_sat_f64_u (f64.const 1e300))) (drop (f32.const nan)) (drop (memory.grow (i32.const 1)))
    (drop (i8x16.shuffle 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 (v128.const i64x2 1 2) (v128.load offset=70000
      (i32.const 0)))) (v128.store8_lane offset=3 5 (i32.const 0) (v128.const i64x2 1 2))
    (drop (i64x2.extract_lane 1 (f32x4.convert_i32x4_u (v128.load32_zero (i32.const 0)))))
    (drop (i32.atomic.rmw.add (i32.const 0) (i32.const 0)))))
"""


def test_every_kind_of_immediate_of_wasm_2_is_stepped_over() -> None:
    """A body with all sorts of instructions is walked to its end: the one later feature stands last."""
    found = read_module(assemble(WASM_2), code=True)
    (use,) = found.features.values()
    assert use.feature == "threads"
    assert use.at > found.bodies[0].end - 12


def test_a_constant_result_is_seen_through() -> None:
    """A function that only returns a number tells which; one that computes it does not."""
    data = assemble(
        "(module (func (result i64) i64.const -3) (func (result i32) i32.const 1)"
        " (func (result i32) (i32.add (i32.const 1) (i32.const 1))) (func (result i64) (local i32) i64.const 1))"
    )
    bodies = read_module(data).bodies
    assert [constant_result(data, body) for body in bodies] == [-3, 1, None, None]


HEADER = b"\0asm\1\0\0\0"
TYPES = b"\1\4\1\x60\0\0"  # one type, () -> ()

# What is wrong -> (bytes, offset, words of the message).
BROKEN = {
    "nothing": (b"", 0, "not a wasm file"),
    "text": (b"(module)", 0, "not a wasm file"),
    "cut in the version": (b"\0asm\1\0", 4, "unknown version"),
    "section beyond the end": (HEADER + b"\1\x7f", 10, "expected 127 more bytes, found 0"),
    "length of ten bytes": (HEADER + b"\1\xff\xff\xff\xff\xff\1", 9, "does not fit 32 bits"),
    "overlong length beyond 32 bits": (HEADER + b"\1\x80\x80\x80\x80\x10", 9, "does not fit 32 bits"),
    "unknown section": (HEADER + b"\x0e\0", 8, "unknown section 14"),
    "section twice": (HEADER + TYPES + TYPES, 14, "twice or out of order"),
    "sections out of order": (HEADER + b"\2\1\0" + TYPES, 11, "twice or out of order"),
    "four billion types": (HEADER + b"\1\5\xff\xff\xff\xff\x0f", 10, "4294967295 types do not fit"),
    "too many bytes": (HEADER + b"\1\5\1\x60\0\0\0", 14, "1 bytes too many"),
    "unknown form of type": (HEADER + b"\1\2\1\x40", 11, "unknown form of type 0x40"),
    "unknown value type": (HEADER + b"\1\4\1\x60\1\x01", 13, "unknown value type 0x1"),
    "no such type": (HEADER + TYPES + b"\3\2\1\5", 17, "no function type 5"),
    "name is not UTF-8": (HEADER + b"\2\3\1\1\xff", 11, "not UTF-8"),
    "unknown kind of import": (HEADER + b"\2\4\1\0\0\x09", 13, "unknown kind of import 0x9"),
    "memory that shrinks": (HEADER + b"\5\4\1\1\2\1", 11, "limits from 2 to 1"),
    "mutability": (HEADER + b"\6\6\1\x7f\2\x41\0\x0b", 12, "mutability 2"),
    "call in a constant": (HEADER + b"\6\6\1\x7f\0\x10\0\x0b", 13, "not constant"),
    "constant without an end": (HEADER + b"\6\5\1\x7f\0\x41\0", 15, "unexpected end"),
    "export of nothing": (HEADER + b"\7\5\1\1a\0\0", 13, "no func 0"),
    "export twice": (HEADER + b"\5\3\1\0\1\7\x09\2\1a\2\0\1a\2\0", 20, "stands twice"),
    "start of nothing": (HEADER + b"\x08\1\3", 10, "function 3, which is not there"),
    "bodies missing": (HEADER + TYPES + b"\3\2\1\0", 18, "1 functions declared, 0 have a body"),
    "unknown instruction": (HEADER + TYPES + b"\3\2\1\0\x0a\5\1\3\0\xff\x0b", 23, "unknown instruction ff"),
    "unknown behind a prefix": (
        HEADER + TYPES + b"\3\2\1\0\x0a\7\1\5\0\xfc\xff\1\x0b",
        23,
        "unknown instruction fc ff 01",
    ),
    "body without an end": (HEADER + TYPES + b"\3\2\1\0\x0a\4\1\2\0\1", 23, "without an end"),
    "empty body": (HEADER + TYPES + b"\3\2\1\0\x0a\2\1\0", 22, "unexpected end"),
    "a billion locals": (
        HEADER + TYPES + b"\3\2\1\0\x0a\x0a\1\x08\1\xff\xff\xff\xff\3\x7f\x0b",
        22,
        "1073741823 locals",
    ),
    "labels beyond the end": (
        HEADER + TYPES + b"\3\2\1\0\x0a\x09\1\7\0\x0e\xff\xff\xff\xff\x0f",
        24,
        "4294967295 labels do not fit",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_bytes_are_refused_where_they_are_broken(name: str) -> None:
    """One error, with the offset of what is wrong and what it is."""
    data, offset, words = BROKEN[name]
    with pytest.raises(WasmError) as error:
        read_module(data, code=True)
    assert words in error.value.reason
    assert error.value.offset == offset


def test_blocks_may_be_nested_deeply() -> None:
    """A hundred thousand blocks in each other are walked without recursion."""
    depth = 100_000
    body = b"\0" + b"\x02\x40" * depth + b"\x0b" * (depth + 1)
    data = HEADER + TYPES + b"\3\2\1\0" + _section(10, b"\1" + _leb(len(body)) + body)
    assert read_module(data, code=True).features == {}


def test_code_full_of_later_instructions_is_given_up_on() -> None:
    """After a hundred thousand instructions beyond wasm 2.0 the answer is clear: what follows is not looked at."""
    body = b"\0" + b"\x12\0" * 110_000 + b"\xff"
    data = HEADER + TYPES + b"\3\2\1\0" + _section(10, b"\1" + _leb(len(body)) + body)
    assert list(read_module(data, code=True).features) == ["tail-call"]


def _leb(value: int) -> bytes:
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def _section(kind: int, contents: bytes) -> bytes:
    return bytes([kind]) + _leb(len(contents)) + contents


SAMPLES = [assemble(WASM_2), whole(ABI.signature_sets[-1]), assemble(IN_DECLARATIONS["gc"])]
SAMPLES += [
    assemble(f"(module (func $other) (func {code}))") for f, code in IN_CODE.items() if f != "multi-memory"
]


def reads(data: bytes) -> bool:
    """Whether bytes are read; nothing but WasmError may come out, with an offset in the file."""
    error = None
    try:
        read_module(data, code=True)
    except WasmError as raised:
        error = raised
    assert error is None or 0 <= error.offset <= len(data)
    return error is None


@pytest.mark.parametrize("sample", range(len(SAMPLES)))
def test_every_truncation_is_refused_or_whole(sample: int) -> None:
    """Cut anywhere, a module is refused, or was cut between sections where what is left is a module."""
    data = SAMPLES[sample]
    assert reads(data)
    # Without its custom sections, or with nothing but types, a module is whole.
    assert sum(reads(data[:end]) for end in range(8, len(data))) <= 12


@given(st.sampled_from(SAMPLES), st.data())
def test_flipped_bits_give_one_error_or_none(sample: bytes, data: st.DataObject) -> None:
    """Up to four flipped bits are read or refused, never crashed on."""
    changed = bytearray(sample)
    for bit in data.draw(st.lists(st.integers(0, len(sample) * 8 - 1), min_size=1, max_size=4)):
        changed[bit // 8] ^= 1 << bit % 8
    reads(bytes(changed))


@given(st.binary(max_size=200))
def test_any_bytes_behind_a_header_give_one_error_or_none(tail: bytes) -> None:
    """Whatever follows a good header is read or refused."""
    reads(HEADER + tail)


@given(st.binary(max_size=80))
def test_any_bytes_as_code_give_one_error_or_none(code: bytes) -> None:
    """Whatever a body is made of is read or refused."""
    body = b"\0" + code + b"\x0b"
    reads(HEADER + TYPES + b"\3\2\1\0" + _section(10, b"\1" + _leb(len(body)) + body))
