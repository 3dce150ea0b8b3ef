"""Getting a value in the way a release has for it: a `fetch` of a case as the `call` it stands for.

=========================  ========================  =========================  ===============================
fetch                      sig-1 to sig-4            sig-5                      sig-6 to sig-8
=========================  ========================  =========================  ===============================
field, a scalar            fieldGet                  fieldGetScalar             fieldGetScalar, error pointer
field, String or Bytes     fieldGet, packed result   fieldGetBuffer             fieldGetBuffer
getParamValue, ...         packed result             destination                destination
=========================  ========================  =========================  ===============================
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gadget_abi import EmbedderError, Form, Profile

from .values import bytes_of

__all__ = ["FAILS", "call_of"]

FAILS = "fails"
_SIZE = 64  # bytes of a destination


def call_of(step: Mapping[str, Any], profile: Profile) -> Mapping[str, Any]:
    """The step that fetches in a release.

    Raises:
        EmbedderError: that release hands it out in no way this could stand for.
    """
    args, expect = list(step["args"]), step["expect"]
    scalar = step["fetch"] == "field" and args[2] in profile.abi.enums["Kind"].widths
    form = profile.forms[_function(step["fetch"], profile, scalar)]
    if scalar:
        return _scalar(form, args, expect)
    if form.result is not None and form.result.name in ("packed", "value"):
        return _call(form, args, "error" if expect == FAILS else {"packed": expect})
    return _bytes(form, args, expect, step.get("size", _SIZE))


def _function(name: str, profile: Profile, scalar: bool) -> str:
    if name != "field":
        return name
    if "fieldGet" in profile.forms:
        return "fieldGet"
    return "fieldGetScalar" if scalar else "fieldGetBuffer"


def _call(form: Form, args: list[Any], expect: Any, **more: Any) -> Mapping[str, Any]:
    return {"call": form.function, "args": args, "expect": expect, **more}


def _scalar(form: Form, args: list[Any], expect: Any) -> Mapping[str, Any]:
    if not any(param.type.name == "error-pointer" for param in form.params):
        return _call(form, args, "error" if expect == FAILS else expect)
    # Where there is an error pointer, that alone tells failure.
    result, written = ("any", "u32:1") if expect == FAILS else (expect, "")
    return _call(form, [*args, {"buffer": 4}], result, writes=written)


def _bytes(form: Form, args: list[Any], expect: Any, size: int) -> Mapping[str, Any]:
    if form.params[-1].type.name != "out-buffer" or form.result is None:
        raise EmbedderError(f"{form.function} cannot be fetched from; call it")
    args.append({"buffer": size})
    if expect == FAILS:
        return _call(form, args, "error", writes="")
    length = form.result.name == "length"
    return _call(form, args, len(bytes_of(expect)) if length else "ok", writes=expect)
