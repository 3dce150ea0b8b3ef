"""Write gadgets for Inspektor Gadget in Python.

    import re
    import gadget

    HOME = re.compile(r"^/home/[^/]+/")

    opens = gadget.source("open")
    filename = opens.field("fname", str)

    @opens.on_event
    def redact(event):
        event[filename] = HOME.sub("/home/***/", event[filename])

The module is imported while the gadget is built, where there is no host: at module level one declares. What
is declared is fetched from the host, or created there, when it calls gadgetInit.
"""

import sys

from . import _stdio
from ._abi import LogLevel, MapFlags, MapType
from ._arrays import Array, ArrayPacket
from ._config import config
from ._datasource import ArraySource, Source, new_source, source
from ._errors import GadgetError, HostError, NoHostError, NotFoundError, ReleasedError
from ._fields import Field
from ._filter import should_discard_mntns_id
from ._hooks import on_init, on_post_stop, on_pre_start, on_start, on_stop
from ._kallsyms import kernel_symbol_exists
from ._kinds import (
    Bool,
    Bytes,
    CString,
    Float32,
    Float64,
    Int8,
    Int16,
    Int32,
    Int64,
    Kind,
    String,
    Uint8,
    Uint16,
    Uint32,
    Uint64,
)
from ._layouts import Layout, PerCPU, Raw, Struct
from ._log import log
from ._maps import InnerMap, Map, map, new_map
from ._packets import Event, Packet
from ._params import Param, param
from ._perf import PerfReader, perf_reader
from ._syscalls import SyscallDeclaration, SyscallParam, syscall_declaration, syscall_id, syscall_name

__all__ = [
    "Array",
    "ArrayPacket",
    "ArraySource",
    "Bool",
    "Bytes",
    "CString",
    "Event",
    "Field",
    "Float32",
    "Float64",
    "GadgetError",
    "HostError",
    "InnerMap",
    "Int8",
    "Int16",
    "Int32",
    "Int64",
    "Kind",
    "Layout",
    "LogLevel",
    "Map",
    "MapFlags",
    "MapType",
    "NoHostError",
    "NotFoundError",
    "Packet",
    "Param",
    "PerCPU",
    "PerfReader",
    "Raw",
    "ReleasedError",
    "Source",
    "String",
    "Struct",
    "SyscallDeclaration",
    "SyscallParam",
    "Uint8",
    "Uint16",
    "Uint32",
    "Uint64",
    "config",
    "kernel_symbol_exists",
    "log",
    "map",
    "new_map",
    "new_source",
    "on_init",
    "on_post_stop",
    "on_pre_start",
    "on_start",
    "on_stop",
    "param",
    "perf_reader",
    "should_discard_mntns_id",
    "source",
    "syscall_declaration",
    "syscall_id",
    "syscall_name",
]

if sys.platform == "wasi":
    _stdio.install()
