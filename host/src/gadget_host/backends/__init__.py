"""What stands behind the functions of the ABI that reach outside the gadget: in memory, filled by whoever
runs it.

One module for each of the ABI's groups; none of them knows wasm, handles or guests.
"""

from .config import Config
from .filter import MountNsFilter
from .kallsyms import KernelSymbols
from .maps import Map, MapError, MapOfMaps, MapRef, MapRegistry, MapSpec
from .perf import PerfEventArray, PerfEvents, PerfReader
from .syscalls import SyscallDeclaration, SyscallParam, SyscallTable

__all__ = [
    "Config",
    "KernelSymbols",
    "Map",
    "MapError",
    "MapOfMaps",
    "MapRef",
    "MapRegistry",
    "MapSpec",
    "MountNsFilter",
    "PerfEventArray",
    "PerfEvents",
    "PerfReader",
    "SyscallDeclaration",
    "SyscallParam",
    "SyscallTable",
]
