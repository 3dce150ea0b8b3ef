"""Functions in WAT that the wrappers share."""

from __future__ import annotations

from gadget_abi import Abi, Profile

__all__ = ["READS_BOTH", "bytes_kind", "has_error_pointer", "support"]

READS_BOTH = "fieldGet"
"""Read scalars and bytes, before there was a function for each."""

_COMMON = """
(func $pack (param $address i32) (param $length i32) (result i64)
  (i64.or (i64.shl (i64.extend_i32_u (local.get $length)) (i64.const 32)) (i64.extend_i32_u (local.get $address))))
(func $release (param $address i32) (param $length i32)
  (if (local.get $length) (then (call $free (local.get $address)))))
(func $error (param $out i32) (param $error i32)
  (i32.store8 (local.get $out) (i32.const 1))
  (i32.store offset=4 (local.get $out) (local.get $error)))
(func $none (param $out i32)
  (i32.store8 (local.get $out) (i32.const 0)))
(func $list (param $out i32) (param $case i32) (param $address i32) (param $length i32)
  (i32.store8 (local.get $out) (local.get $case))
  (i32.store offset=4 (local.get $out) (local.get $address))
  (i32.store offset=8 (local.get $out) (local.get $length)))"""

# What the host allocated becomes a list of `capacity` bytes, or an error, and is freed.
_UNPACK = """
(func $length (param $packed i64) (result i32)
  (i32.wrap_i64 (i64.shr_u (local.get $packed) (i64.const 32))))
(func $refit (param $out i32) (param $packed i64) (param $capacity i32) (param $error i32)
  (local $buffer i32) (local $length i32)
  (local.set $length (call $length (local.get $packed)))
  (if (i32.le_u (local.get $length) (local.get $capacity))
    (then (local.set $buffer (call $malloc (local.get $capacity)))))
  (if (local.get $buffer)
    (then
      (memory.fill (local.get $buffer) (i32.const 0) (local.get $capacity))
      (memory.copy (local.get $buffer) (i32.wrap_i64 (local.get $packed)) (local.get $length))
      (call $list (local.get $out) (i32.const 0) (local.get $buffer) (local.get $capacity)))
    (else (call $error (local.get $out) (local.get $error))))
  (call $free (i32.wrap_i64 (local.get $packed))))"""

# How many bytes a field has, -1 if it cannot be read. `scratch` has room for 8; what is longer is no scalar.
_SIZE_BY_FIELD_GET = """
(func $size (param $field i32) (param $data i32) (param $scratch i32) (result i32)
  (local $packed i64)
  (local.set $packed (call $fieldGet (local.get $field) (local.get $data) (i32.const {bytes})))
  (call $free (i32.wrap_i64 (local.get $packed)))
  (select (i32.const -1) (call $length (local.get $packed)) (i64.eqz (local.get $packed))))"""
_SIZE_BY_GET_BUFFER = """
(func $size (param $field i32) (param $data i32) (param $scratch i32) (result i32)
  (call $fieldGetBuffer (local.get $field) (local.get $data) (i32.const {bytes})
    (call $pack (local.get $scratch) (i32.const 8))))"""

# The bytes of a scalar kind, out of a number with four bits for each.
_WIDTH = """
(func $width (param $kind i32) (result i32)
  (i32.wrap_i64 (i64.and (i64.const 15)
    (i64.shr_u (i64.const {widths:#x}) (i64.extend_i32_u (i32.shl (local.get $kind) (i32.const 2)))))))"""


def support(profile: Profile) -> str:
    """The functions that the wrappers of a release call."""
    text = _COMMON
    if "malloc" in profile.exports:
        text += _UNPACK
    if not has_error_pointer(profile):
        size = _SIZE_BY_FIELD_GET if READS_BOTH in profile.forms else _SIZE_BY_GET_BUFFER
        text += size.format(bytes=bytes_kind(profile.abi)) + _WIDTH.format(widths=_widths(profile.abi))
    return text


def has_error_pointer(profile: Profile) -> bool:
    """Tell whether reading a scalar tells an error from a value."""
    form = profile.forms.get("fieldGetScalar")
    return form is not None and any(param.type.name == "error-pointer" for param in form.params)


def bytes_kind(abi: Abi) -> int:
    """The number of the kind that reads any field as it is."""
    return abi.enum_for("kind").members["Bytes"]


def _widths(abi: Abi) -> int:
    kinds = abi.enum_for("kind")
    return sum(width << 4 * kinds.members[name] for name, width in kinds.widths.items())
