"""Numbers of the ABI. Derived from the ABI table; do not edit: python -m gadget_abi.derive."""

from enum import IntEnum, IntFlag

__all__ = [
    "KIND_WIDTHS",
    "MAX_ARRAY_INDEX",
    "MAX_HANDLES",
    "MAX_MEMORY_PAGES",
    "MAX_STOP_SECONDS",
    "MAX_STOP_SECONDS_BEFORE",
    "MAX_SYSCALL_PARAMS",
    "SYSCALL_DECLARATION",
    "SYSCALL_DECLARATION_SIZE",
    "Kind",
    "LogLevel",
    "MapFlags",
    "MapType",
    "SourceType",
    "SubscriptionType",
]


class Kind(IntEnum):
    """How a field is stored, and how an access reads it."""

    Invalid = 0
    Bool = 1
    Int8 = 2
    Int16 = 3
    Int32 = 4
    Int64 = 5
    Uint8 = 6
    Uint16 = 7
    Uint32 = 8
    Uint64 = 9
    Float32 = 10
    Float64 = 11
    String = 12
    CString = 13
    Bytes = 14


class SourceType(IntEnum):
    """What a data source emits: one event, or an array of them, per packet."""

    Single = 1
    Array = 2


class SubscriptionType(IntEnum):
    """What a subscriber is handed. (The upstream page counts from 0; its code from 1.)"""

    Data = 1
    Array = 2
    Packet = 3


class LogLevel(IntEnum):
    """Severity of a log line; any other number is logged as a warning that quotes the message."""

    Error = 0
    Warn = 1
    Info = 2
    Debug = 3
    Trace = 4


class MapType(IntEnum):
    """Types of eBPF maps, numbered as in the kernel's bpf_map_type."""

    Unspecified = 0
    Hash = 1
    Array = 2
    ProgramArray = 3
    PerfEventArray = 4
    PerCPUHash = 5
    PerCPUArray = 6
    StackTrace = 7
    CGroupArray = 8
    LRUHash = 9
    LRUPerCPUHash = 10
    LPMTrie = 11
    ArrayOfMaps = 12
    HashOfMaps = 13
    DevMap = 14
    SockMap = 15
    CPUMap = 16
    XSKMap = 17
    SockHash = 18
    CGroupStorage = 19
    ReusePortSockArray = 20
    PerCPUCGroupStorage = 21
    Queue = 22
    Stack = 23
    SkStorage = 24
    DevMapHash = 25
    StructOps = 26
    RingBuf = 27
    InodeStorage = 28
    TaskStorage = 29
    BloomFilter = 30
    UserRingBuf = 31
    CGrpStorage = 32
    Arena = 33


class MapFlags(IntFlag):
    """Update flags of mapUpdate; anything above Lock is refused."""

    Any = 0
    NoExist = 1
    Exist = 2
    Lock = 4


KIND_WIDTHS = {
    1: 1,  # Bool
    2: 1,  # Int8
    3: 2,  # Int16
    4: 4,  # Int32
    5: 8,  # Int64
    6: 1,  # Uint8
    7: 2,  # Uint16
    8: 4,  # Uint32
    9: 8,  # Uint64
    10: 4,  # Float32
    11: 8,  # Float64
}
"""Bytes of each scalar kind."""

MAX_MEMORY_PAGES = 256
MAX_HANDLES = 4096
MAX_STOP_SECONDS = 42
MAX_STOP_SECONDS_BEFORE = 5
MAX_ARRAY_INDEX = 32767
MAX_SYSCALL_PARAMS = 6

SYSCALL_DECLARATION_SIZE = 252

SYSCALL_DECLARATION = {
    "name": (0, 32, 1),  # NUL-padded
    "param_count": (32, 1, 1),  # 0 to 6
    "params": (36, 36, 6),  # name (32 bytes, NUL-padded), then flags (u32; bit 0: is a pointer)
}
"""Offset, size and count of each member, in bytes."""
