"""The host functions as the canonical ABI has them, over the form that a release gives each of them.

* An integer is passed on; a list<u8> arrives as address and length and leaves packed, length << 32 | address.
* A result that is a result<...> or an option<...> is written to memory, through a last parameter:

      result<list<u8>, s32>              option<list<u8>>             option<u64>
      +0  u8   0 ok, 1 error             +0  u8   0 none, 1 some      +0  u8   0 none, 1 some
      +4  u32  address, or the error     +4  u32  address             +8  u64  value
      +8  u32  length                    +8  u32  length

* The buffer of a list<u8> *argument* is freed after the call. componentize-py's runtime copies the bytes to memory
  of its own and forgets them; this is true of the version this distribution pins, and `raw.RUNTIME` says which.
* The buffer of a list<u8> *result* belongs to the runtime from then on. The runtime frees it even when the list is
  empty, so there is always a buffer, and never the dangling address of an empty Rust vector.

What is different before v0.39.0, and how the canonical function comes out the same:

* A scalar is read without an error pointer: 0 is a value and an error. So where it is 0 the field's bytes are read
  as well: if that fails, or their number is not the width of the kind, it is none, else some(0).
* Bytes of a field that the host allocated are handed on, however many: the capacity is not looked at. They are read
  as Bytes always: as a String, what is declared CString would end at its first NUL.
* Other bytes that the host allocated: more than the capacity are an error, as they are later; else they move to a
  buffer of the capacity, with zeroes behind them.
* fieldSet returns the field's handle on success, and 1 on error: 1 is an error for every field but that of handle 1,
  whose writes count as good. (A field comes after its source, so none has handle 1 unless handles are used again,
  which Inspektor Gadget does not do.)
"""

from __future__ import annotations

from gadget_abi import Form, Profile
from gadget_abi.canonical import CanonicalFunction
from gadget_build.adapters.support import READS_BOTH, bytes_kind, has_error_pointer
from gadget_build.adapters.wat import call, core, func, is_in_memory, is_option, refusal, releases
from gadget_build.component.graph import LinkError

__all__ = ["ABSENT", "lowered"]

ABSENT = {"gadgetShouldLog": 1, "releaseHandle": 0}
"""What a function answers that the target release lacks, where that is not its error value: a host that cannot say
whether it wants a line gets it, and one that takes no handles back keeps them."""


def lowered(function: CanonicalFunction, profile: Profile) -> str:
    """The wrapper of a canonical function, with the core signature the canonical ABI gives it.

    Raises:
        LinkError: the release has the function in a form for which there is no adapter.
    """
    name, forms = function.function.name, profile.forms
    if name in ("fieldGetScalar", "fieldGetBuffer") and READS_BOTH in forms:
        name = READS_BOTH
    form = forms.get(name)
    if form is None:
        return _absent(function)
    if (form.params, form.result) == (function.form.params, function.form.result):
        return _same_form(function, profile)
    if function.error_pointer is not None and not has_error_pointer(profile):
        return _doubtful_scalar(function, form)
    if name == READS_BOTH:
        return _field_bytes(function, profile)
    if form.result is not None and form.result.name == "packed":
        return _packed_result(function)
    if any(param.type.name == "packed-address" for param in form.params):
        return _packed_address(function)
    raise LinkError(f"{form.function}: no adapter from its current form to the one of {form.since}")


def _same_form(function: CanonicalFunction, profile: Profile) -> str:
    if function.out is not None:
        return _buffer_result(function)
    if function.error_pointer is not None:
        return _scalar_result(function)
    if function.function.name == "fieldSet" and not profile.changed("field-set-returns-zero"):
        return _plain(function, _FIELD_SET_FAILED)
    return _plain(function)


def _absent(function: CanonicalFunction) -> str:
    """Answer for a host that lacks the function, without asking it."""
    error = ABSENT.get(function.function.name, function.form.error or 0)
    if not is_in_memory(function):
        answer = f"  ({core(function.result)}.const {error})" if function.result else ""
        return func(function, releases(function), answer)
    return func(function, releases(function), f"  {refusal(function, f'(i32.const {error})')}")


_FIELD_SET_FAILED = (
    "(i32.and (i32.eq (local.get $result) (i32.const 1)) (i32.ne (local.get $field) (i32.const 1)))"
)


def _plain(function: CanonicalFunction, result: str = "(local.get $result)") -> str:
    if not function.result:
        return func(function, f"  {call(function)}", releases(function))
    return func(
        function,
        f"  (local $result {core(function.result)})",
        f"  (local.set $result {call(function)})",
        releases(function),
        f"  {result}",
    )


def _scalar_result(function: CanonicalFunction) -> str:
    """The host writes 1 to the error pointer on failure and nothing on success: first the error, then the case."""
    return func(
        function,
        "  (local $value i64)",
        "  (i32.store (local.get $out) (i32.const 0))",
        f"  (local.set $value {call(function)})",
        releases(function),
        "  (i64.store offset=8 (local.get $out) (local.get $value))",
        "  (i32.store8 (local.get $out) (i32.eqz (i32.load (local.get $out))))",
    )


def _doubtful_scalar(function: CanonicalFunction, form: Form) -> str:
    """Where the value is 0 the size decides; the bytes may go where the value will be."""
    size = "(call $size (local.get $field) (local.get $data) (i32.add (local.get $out) (i32.const 8)))"
    return func(
        function,
        "  (local $value i64)",
        f"  (local.set $value (call ${form.function} (local.get $field) (local.get $data) (local.get $kind)))",
        "  (i32.store8 (local.get $out) (i32.const 1))",
        "  (if (i64.eqz (local.get $value))",
        f"    (then (i32.store8 (local.get $out) (i32.eq {size} (call $width (local.get $kind))))))",
        "  (i64.store offset=8 (local.get $out) (local.get $value))",
    )


def _buffer_result(function: CanonicalFunction) -> str:
    error, case = function.form.error or 0, int(is_option(function))
    if function.reports_length:
        failed, length, clear = "(i32.lt_s (local.get $result) (i32.const 0))", "(local.get $result)", ""
    else:
        failed, length = "(local.get $result)", "(local.get $capacity)"
        clear = "  (memory.fill (local.get $buffer) (i32.const 0) (local.get $capacity))"
    return func(
        function,
        "  (local $buffer i32) (local $result i32)",
        "  (local.set $buffer (call $malloc (local.get $capacity)))",
        "  (if (i32.eqz (local.get $buffer))",
        f"    (then {refusal(function, f'(i32.const {error})')}",
        releases(function),
        "      (return)))",
        clear,
        f"  (local.set $result {call(function)})",
        releases(function),
        f"  (if {failed}",
        "    (then (call $free (local.get $buffer))",
        f"      {refusal(function, '(local.get $result)')}",
        "      (return)))",
        f"  (call $list (local.get $out) (i32.const {case}) (local.get $buffer) {length})",
    )


def _field_bytes(function: CanonicalFunction, profile: Profile) -> str:
    """The host's buffer becomes the list; an empty one has an address as well, so only an error is 0."""
    kind = f"(i32.const {bytes_kind(profile.abi)})"
    return func(
        function,
        "  (local $packed i64)",
        f"  (local.set $packed (call ${READS_BOTH} (local.get $field) (local.get $data) {kind}))",
        "  (call $list (local.get $out) (i64.ne (local.get $packed) (i64.const 0))",
        "    (i32.wrap_i64 (local.get $packed)) (call $length (local.get $packed)))",
    )


def _packed_result(function: CanonicalFunction) -> str:
    error = f"(i32.const {function.form.error or 0})"
    return func(
        function,
        "  (local $packed i64)",
        f"  (local.set $packed {call(function, '')})",
        releases(function),
        f"  (if (i64.eqz (local.get $packed)) (then {refusal(function, error)} (return)))",
        f"  (call $refit (local.get $out) (local.get $packed) (local.get $capacity) {error})",
    )


def _packed_address(function: CanonicalFunction) -> str:
    """The host writes the packed pointer where the result will be: 8 of its 12 bytes."""
    return func(
        function,
        "  (local $result i32)",
        "  (i64.store (local.get $out) (i64.const 0))",
        f"  (local.set $result {call(function, '(local.get $out)')})",
        releases(function),
        f"  (if (local.get $result) (then {refusal(function, '(local.get $result)')} (return)))",
        "  (call $refit (local.get $out) (i64.load (local.get $out)) (local.get $capacity)",
        f"    (i32.const {function.form.error or 0}))",
    )
