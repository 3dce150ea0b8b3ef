"""Look through function bodies: every instruction is known, and which of them came after wasm 2.0."""

from __future__ import annotations

from gadget_abi.errors import WasmError
from gadget_abi.wasm.decoder import Decoder
from gadget_abi.wasm.module import Module, Span, Use
from gadget_abi.wasm.opcodes import INSTRUCTIONS, RUN

__all__ = ["constant_result", "name_functions", "scan_code"]

_END = 0x0B
_MOST_LOCALS = 50_000  # as engines have it
_ENOUGH = 100_000  # instructions beyond wasm 2.0 after which the verdict is clear enough


def scan_code(data: bytes, module: Module) -> None:
    """Add the features of the code to those of the declarations.

    Raises:
        WasmError: an instruction is unknown or a body does not end where it says.
    """
    decoder, budget = Decoder(data), _ENOUGH
    decoder.found.update({name: use.at for name, use in module.features.items()})
    first = module.imported_functions
    for index, body in enumerate(module.bodies, first):
        known = len(decoder.found)
        budget -= _scan_body(decoder.within(*body), budget)
        if len(decoder.found) > known:
            for feature, at in list(decoder.found.items())[known:]:
                module.features[feature] = Use(feature, at, index)
        if budget < 0:
            break


def _scan_body(body: Decoder, budget: int) -> int:
    """Step through a body; returns how many instructions are beyond wasm 2.0, `budget` and one more at most."""
    _skip_locals(body)
    later = 0
    while later <= budget:
        match = RUN.match(body.data, body.at, body.end)
        assert match is not None, "the pattern matches the empty string"
        body.at = match.end()
        if body.at == body.end:
            if body.data[body.end - 1] != _END:
                raise WasmError("a function body without an end", body.end - 1)
            break
        opcode, _ = body.instruction()
        later += bool(INSTRUCTIONS[opcode].feature)
    return later


def _skip_locals(body: Decoder) -> None:
    start, total = body.at, 0
    for _ in range(body.count("groups of locals", _MOST_LOCALS)):
        total += body.u32()
        body.value_type()
    if total > _MOST_LOCALS:
        raise WasmError(f"{total} locals, engines take {_MOST_LOCALS} at most", start)
    if body.at == body.end:
        raise WasmError("a function body without an end", body.end)


def constant_result(data: bytes, body: Span) -> int | None:
    """The number a function returns when all it does is that; None when it does more.

    Args:
        data: the file.
        body: a body of a module whose code was scanned.
    """
    reader = Decoder(data, *body)
    if reader.u32() or reader.peek() not in (0x41, 0x42):
        return None
    value = reader.signed(32 if reader.byte() == 0x41 else 64)
    return value if data[reader.at : body.end] == bytes([_END]) else None


def name_functions(data: bytes, module: Module, names: Span) -> None:
    """Look up what the name section calls the functions in `module.features`; a broken one names nothing.

    https://webassembly.github.io/spec/core/appendix/custom.html#name-section
    """
    wanted = {use.function for use in module.features.values()}
    reader = Decoder(data, *names)
    try:
        while reader.at < reader.end:
            kind, body = reader.section()
            if kind != 1:
                continue
            for _ in range(body.count("names")):
                index, name = body.u32(), body.name()
                if index in wanted:
                    module.function_names[index] = name
    except WasmError:
        return
