"""Write the syscall tables that ship with the host, from kernel headers and from a running kernel.

    python host/tools/generate_syscalls.py HEADERS [--tracefs DIR]

HEADERS is the include directory of a libc that carries the kernel's headers for both architectures; the wheel
of ``ziglang`` does (``ziglang/lib/libc/include``, with ``x86-linux-any`` and ``aarch64-linux-any`` in it).
Numbers and names come from their ``asm/unistd_64.h``. Declarations come from the tracepoints of a running
x86_64 kernel with CONFIG_FTRACE_SYSCALLS (root; ``mount -t tracefs nodev /sys/kernel/tracing`` first), which
is where upstream reads them, too (pkg/gadgets/traceloop/syscall-helpers). A few syscalls are not in every
kernel; where the running one lacks them, ABSENT says what their SYSCALL_DEFINE in the kernel's source says.
"""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path

DATA = Path(__file__).parents[1] / "src" / "gadget_host" / "data"
HEADERS = {"x86_64": "x86-linux-any", "aarch64": "aarch64-linux-any"}

# Tracepoints are named after the kernel's function, unistd.h after the call (upstream: relateSyscallName).
CALL_NAMES = {
    "newfstat": "fstat",
    "newlstat": "lstat",
    "newstat": "stat",
    "newuname": "uname",
    "sendfile64": "sendfile",
    "sysctl": "_sysctl",
    "umount": "umount2",
}

# kernel/module/main.c, kernel/kexec.c, kernel/kexec_file.c: options a kernel may lack.
ABSENT = {
    "init_module": "void * umod, unsigned long len, const char * uargs",
    "finit_module": "int fd, const char * uargs, int flags",
    "delete_module": "const char * name_user, unsigned int flags",
    "kexec_load": "unsigned long entry, unsigned long nr_segments, struct kexec_segment * segments, "
    "unsigned long flags",
    "kexec_file_load": "int kernel_fd, int initrd_fd, unsigned long cmdline_len, "
    "const char * cmdline_ptr, unsigned long flags",
}

# Calls that only x86 has.
X86_ONLY = {"arch_prctl", "ioperm", "iopl", "modify_ldt"}

# kernel/fork.c: arm64 selects CONFIG_CLONE_BACKWARDS, which swaps the last two parameters.
AARCH64 = {
    "clone": "unsigned long clone_flags, unsigned long newsp, int * parent_tidptr, "
    "unsigned long tls, int * child_tidptr",
}


def linux_version(headers: Path) -> str:
    """The kernel release the headers are from."""
    text = (headers / "any-linux-any" / "linux" / "version.h").read_text()
    major, minor = (re.search(rf"{name} (\d+)", text) for name in ("VERSION_MAJOR", "VERSION_PATCHLEVEL"))
    return f"{major[1]}.{minor[1]}" if major and minor else "unknown"


def numbers(header: Path) -> dict[str, int]:
    """Names to numbers, in the order of the numbers."""
    found = re.findall(r"^#define __NR_(\w+)\s+(\d+)\s*$", header.read_text(), re.MULTILINE)
    return {name: int(number) for name, number in sorted(found, key=lambda pair: int(pair[1]))}


def declaration(text: str) -> str:
    """The parameters of a tracepoint's format file: between its common fields and its print format."""
    fields = re.findall(r"^\tfield:(.*?);\toffset", text.split("\n\n", 1)[1], re.MULTILINE)
    return ", ".join(field for field in fields if not field.endswith(" __syscall_nr"))


def declarations(tracefs: Path) -> dict[str, str]:
    """The declarations of the running kernel, by the call's name."""
    events = sorted((tracefs / "events" / "syscalls").glob("sys_enter_*/format"))
    if not events:
        raise SystemExit(f"{tracefs} has no syscall tracepoints: is tracefs mounted, and are you root?")
    names = ((path.parent.name.removeprefix("sys_enter_"), path) for path in events)
    return {CALL_NAMES.get(name, name): declaration(path.read_text()) for name, path in names}


def write(name: str, origin: str, data: dict[str, object]) -> None:
    """Write one entry per line, so that a change can be read."""
    text = json.dumps({"origin": origin, **data}, indent=1) + "\n"
    (DATA / name).write_text(text)
    print(f"{DATA / name}: {len(text)} bytes")


def main() -> None:
    """Write the three files."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("headers", type=Path)
    parser.add_argument("--tracefs", type=Path, default=Path("/sys/kernel/tracing"))
    args = parser.parse_args()
    headers = f"headers of Linux {linux_version(args.headers)}"
    for arch, folder in HEADERS.items():
        found = numbers(args.headers / folder / "asm" / "unistd_64.h")
        write(f"syscalls-{arch}.json", f"asm/unistd_64.h, {headers}", {"numbers": found})
    common = {**ABSENT, **declarations(args.tracefs)}
    x86 = {name: common.pop(name) for name in X86_ONLY | AARCH64.keys() if name in common}
    release = Path("/proc/sys/kernel/osrelease").read_text().split("-")[0]
    write(
        "syscall-declarations.json",
        f"tracepoints of Linux {release} (x86_64), sys_enter_*/format; the rest as in the generator",
        {"common": dict(sorted(common.items())), "x86_64": dict(sorted(x86.items())), "aarch64": AARCH64},
    )


if __name__ == "__main__":
    main()
