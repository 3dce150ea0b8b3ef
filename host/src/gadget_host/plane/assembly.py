"""The plane's module, from the wat files next to this one."""

from __future__ import annotations

from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import Final

from wasmtime import wat2wasm

from gadget_abi import Profile, load
from gadget_abi.table import Form

from .inline import inline
from .layout import fill, hot

__all__ = ["assemble", "plane_text"]

_FILES: Final = (
    "module",
    "heap",
    "sources",
    "elements",
    "handles",
    "arrays",
    "alias",
    "fields",
    "malloc",
    "packets",
    "emit",
    "batch",
    "records",
    "views",
    "log",
)


def plane_text(profile: Profile) -> str:
    """The fields of the data plane's module, from all wat files, with numbers for names."""
    return _plane_text(profile.release, profile.strict)


@cache
def _plane_text(release: str, strict: bool) -> str:
    profile = Profile(load(), release, strict)
    directory = files(__package__)
    parts = [(directory / f"{stem}.wat").read_text(encoding="utf-8") for stem in _FILES]
    return "\n".join((_assembler(), _types(profile), fill("\n".join(parts), profile)))


def assemble(text: str) -> bytes:
    """The module of these fields."""
    return bytes(wat2wasm(f"(module {inline(text)})"))


def _assembler() -> str:
    """A comment that tells texts by what the assembler makes of them."""
    code = b"".join((files(__package__) / f"{stem}.py").read_bytes() for stem in ("text", "inline"))
    return f";; {sha256(code).hexdigest()}\n"


def _types(profile: Profile) -> str:
    """The functions' core types, as the ABI table has them."""
    return "".join(f"(type ${name} (func{_signature(form)}))\n" for name, form in hot(profile).items())


def _signature(form: Form) -> str:
    params, results = form.core_type
    return f" (param {' '.join(params)}) (result {' '.join(results)})"
