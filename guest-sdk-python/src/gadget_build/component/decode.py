"""Read a component: the sections a static linker needs, the rest is stepped over."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gadget_build.component.model import (
    Alias,
    Bag,
    Builtin,
    Component,
    Entity,
    Func,
    Instantiate,
    Lift,
    Lower,
)
from gadget_build.wasm.binary import MAGIC, Reader
from gadget_build.wasm.decode import decode as decode_module
from gadget_build.wasm.module import Kind

__all__ = ["HEADER", "decode"]

HEADER = MAGIC + b"\x0d\0\1\0"
"""Magic, version 0x0d, layer 1."""

_CORE_SORTS = {0x00: Kind.FUNC, 0x01: Kind.TABLE, 0x02: Kind.MEMORY, 0x03: Kind.GLOBAL}
_CORE_TYPE, _CORE_MODULE, _CORE_INSTANCE = 0x10, 0x11, 0x12
_CORE, _FUNC, _VALUE, _TYPE, _COMPONENT, _INSTANCE = range(6)

# canonical options: how many numbers follow the option's code
_OPTIONS = {0x00: 0, 0x01: 0, 0x02: 0, 0x03: 1, 0x04: 1, 0x05: 1, 0x06: 0, 0x07: 1}
_POST_RETURN = 0x05

_LIFT, _LOWER = 0x00, 0x01
_RESOURCES = (0x02, 0x03, 0x04)  # resource.new, resource.drop, resource.rep


def decode(data: bytes) -> Component:
    """Read a component.

    Raises:
        WasmError: not a component, malformed, or using what componentize-py does not emit.
    """
    reader = Reader(data)
    header = reader.take(8)
    if header != HEADER:
        raise reader.fail(f"not a component: it starts with {header!r}", 0)
    component = Component()
    while reader.at < reader.end:
        start = reader.at
        kind, body = reader.section()
        if kind not in _SECTIONS:
            raise reader.fail(f"unknown section {kind} in a component", start)
        _SECTIONS[kind](component, body)
    return component


def _pick(body: Reader, space: list[Any], index: int, what: str) -> Any:
    if index >= len(space):
        raise body.fail(f"{what} {index} of {len(space)}")
    return space[index]


def _core_entity(component: Component, body: Reader, kind: Kind) -> Entity:
    entity: Entity = _pick(body, component.core[kind], body.u32(), f"core {kind.name.lower()}")
    return entity


def _existing_instance(component: Component, body: Reader) -> int:
    index = body.u32()
    _pick(body, component.core_instances, index, "core instance")
    return index


def _core_sort(body: Reader) -> Kind:
    sort = body.byte()
    if sort not in _CORE_SORTS:
        raise body.fail(
            f"core sort {sort:#04x} where a function, table, memory or global belongs", body.at - 1
        )
    return _CORE_SORTS[sort]


def _module(component: Component, body: Reader) -> None:
    component.modules.append(decode_module(body.data, body.at, body.end))


def _vector(parse: Callable[[Component, Reader], None]) -> Callable[[Component, Reader], None]:
    def section(component: Component, body: Reader) -> None:
        for _ in range(body.count("definitions")):
            parse(component, body)
        body.finish("a section of the component")

    return section


def _core_instance(component: Component, body: Reader) -> None:
    match body.byte():
        case 0x00:
            start, module = body.at, body.u32()
            if module >= len(component.modules):
                raise body.fail(f"core module {module} of {len(component.modules)}", start)
            arguments = dict(_argument(component, body) for _ in range(body.count("arguments")))
            component.core_instances.append(Instantiate(module, arguments))
        case 0x01:
            exports = {}
            for _ in range(body.count("exports")):
                name, kind = body.name(), _core_sort(body)
                exports[name] = (kind, _core_entity(component, body, kind))
            component.core_instances.append(Bag(exports))
        case other:
            raise body.fail(f"unknown form of core instance {other:#04x}", body.at - 1)


def _argument(component: Component, body: Reader) -> tuple[str, int]:
    name = body.name()
    if body.byte() != _CORE_INSTANCE:
        raise body.fail("an argument that is no core instance", body.at - 1)
    return name, _existing_instance(component, body)


def _alias(component: Component, body: Reader) -> None:
    start, sort = body.at, body.byte()
    core_sort = body.byte() if sort == _CORE else None
    match body.byte():
        case 0x00:
            instance = _pick(body, component.instances, body.u32(), "instance")
            _define(component, body, sort, instance, body.name())
        case 0x01 if core_sort in _CORE_SORTS:
            alias = Alias(_existing_instance(component, body), body.name())
            component.core[_CORE_SORTS[core_sort]].append(alias)
        case 0x02 if sort == _TYPE or core_sort == _CORE_TYPE:
            body.u32(), body.u32()  # a type of an enclosing component: types are not needed
        case _:
            raise body.fail("an alias of a form componentize-py does not emit", start)


def _define(component: Component, body: Reader, sort: int, instance: str, name: str) -> None:
    """Add an imported or aliased item to its index space."""
    if sort == _FUNC:
        component.funcs.append(Func(instance, name))
    elif sort == _INSTANCE:
        component.instances.append(name)
    elif sort != _TYPE:
        raise body.fail(f"an item of sort {sort:#04x} crosses the component's boundary")


def _canon(component: Component, body: Reader) -> None:
    start, opcode = body.at, body.byte()
    if opcode == _LIFT:
        _zero(body)
        core = _core_entity(component, body, Kind.FUNC)
        post_return = _options(component, body).get(_POST_RETURN)
        body.u32()
        component.funcs.append(Lift(core, post_return))
    elif opcode == _LOWER:
        _zero(body)
        func = body.u32()
        _pick(body, component.funcs, func, "function")
        _options(component, body)
        component.core[Kind.FUNC].append(Lower(func))
    elif opcode in _RESOURCES:
        body.u32()
        component.core[Kind.FUNC].append(Builtin(opcode))
    else:
        raise body.fail(
            f"canonical built-in {opcode:#04x}: componentize-py needs it for async functions only", start
        )


def _zero(body: Reader) -> None:
    if body.byte():
        raise body.fail("expected 0x00", body.at - 1)


def _options(component: Component, body: Reader) -> dict[int, Entity]:
    """Canonical options; returns those that name a core function."""
    found = {}
    for _ in range(body.count("canonical options")):
        start, option = body.at, body.byte()
        if option not in _OPTIONS:
            raise body.fail(f"unknown canonical option {option:#04x}", start)
        if option == _POST_RETURN:
            found[option] = _core_entity(component, body, Kind.FUNC)
        elif _OPTIONS[option]:
            body.u32()
    return found


def _extern_name(body: Reader) -> str:
    if body.byte() > 1:
        raise body.fail("unknown form of name", body.at - 1)
    return body.name()


def _extern_type(body: Reader) -> int:
    """Step over the type of an import or export; returns its sort."""
    sort = body.byte()
    match sort:
        case 0x00:
            body.byte(), body.u32()
        case 0x02 | 0x03 if (
            body.byte() == 0x01
        ):  # a value of a type, a type without a bound: a fresh resource
            return sort
        case _:
            body.u32()
    return sort


def _import(component: Component, body: Reader) -> None:
    name = _extern_name(body)
    _define(component, body, _extern_type(body), "", name)


def _export(component: Component, body: Reader) -> None:
    name, sort = _extern_name(body), body.byte()
    if sort == _CORE:
        body.byte()
    index = body.u32()
    if sort == _FUNC:
        component.exports[name] = index
        component.funcs.append(_pick(body, component.funcs, index, "function"))
    elif sort == _INSTANCE:
        component.instances.append(_pick(body, component.instances, index, "instance"))
    if body.byte():
        _extern_type(body)


def _instance(component: Component, body: Reader) -> None:
    """An instance of a nested component, or a bag: componentize-py wraps exported interfaces in them."""
    start, form = body.at, body.byte()
    if form == 0x00:
        body.u32()
    elif form != 0x01:
        raise body.fail(f"unknown form of instance {form:#04x}", start)
    for _ in range(body.count("arguments")):
        if form == 0x00:
            body.name()
        else:
            _extern_name(body)
        if body.byte() == _CORE:
            body.byte()
        body.u32()
    component.instances.append("")


def _custom(component: Component, body: Reader) -> None:
    component.customs.append(body.name())


def _skip(component: Component, body: Reader) -> None:
    """Types and nested components: the linker needs neither."""


_SECTIONS: dict[int, Callable[[Component, Reader], None]] = {
    0: _custom,
    1: _module,
    2: _vector(_core_instance),
    3: _skip,
    4: _skip,
    5: _vector(_instance),
    6: _vector(_alias),
    7: _skip,
    8: _vector(_canon),
    10: _vector(_import),
    11: _vector(_export),
}
