"""A throw-away Linux for the workload: own root, users, processes and network, gone when process 1 ends.

Nothing of the machine shows but /usr (read-only, without what was added to the distribution's files) and a
few configuration files; the users exist on the stage only. Needs root.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

from . import ptrace

_NEWNS, _NEWUTS, _NEWIPC, _NEWPID, _NEWNET = 0x00020000, 0x04000000, 0x08000000, 0x20000000, 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)

_PEOPLE = {"alice": 1001, "bob": 1002, "carol": 1003, "builder": 1100}
_USERS = {"root": 0, "www-data": 33, **_PEOPLE, "nobody": 65534}
_ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "SHELL": "/bin/bash"}
_COPIED = ("alternatives", "ssl/openssl.cnf", "mime.types", "services", "protocols", "manpath.config")
_PAM = "".join(f"{kind} required pam_permit.so\n" for kind in ("auth", "account", "session", "password"))
_WORKLOAD = Path(__file__).parent / "workload"


def start(root: Path, script: str) -> tuple[int, int]:
    """Start `workload/<script>` as process 1 of a new stage under `root`; it waits for a byte to begin.

    Returns:
        The process id to trace and the file descriptor to write that byte to.
    """
    pid_from, pid_to = os.pipe()
    go_from, go_to = os.pipe()
    if not os.fork():
        os.close(go_to)
        _exit_with(lambda: _keeper(root, script, pid_to, go_from))
    os.close(pid_to)
    os.close(go_from)
    first = os.read(pid_from, 16)
    os.close(pid_from)
    if not first:
        raise SystemExit("the stage could not be built: see above")
    return int(first), go_to


def _exit_with(body: Callable[[], None]) -> None:
    """Run `body` in a forked child, and end that child whatever happens."""
    try:
        body()
    except BaseException:
        traceback.print_exc()
    os._exit(1)


def _keeper(root: Path, script: str, pid_to: int, go_from: int) -> None:
    """Build the stage, start its first process and wait for it."""
    ptrace.checked(_libc.unshare(_NEWNS | _NEWUTS | _NEWIPC | _NEWNET))
    _mount("--make-rprivate", "/")
    build(root)
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    _libc.sethostname(b"demo", 4)
    ptrace.checked(_libc.unshare(_NEWPID))  # last: the next process started is process 1
    first = os.fork()
    if not first:
        os.close(pid_to)
        _exit_with(lambda: _first(root, script, go_from))
    os.write(pid_to, str(first).encode())
    os.close(pid_to)
    os.close(go_from)
    os.waitpid(first, 0)
    sys.stderr.write((root / "var/log/workload.log").read_text(errors="replace"))
    os._exit(0)


def _first(root: Path, script: str, go_from: int) -> None:
    """Become the workload once the tracer says go."""
    _mount("-t", "proc", "proc", str(root / "proc"))
    os.chroot(root)
    os.chdir("/")
    os.read(go_from, 1)
    os.close(go_from)
    null = os.open("/dev/null", os.O_RDWR)
    for standard in (0, 1):
        os.dup2(null, standard)
    log = os.open("/var/log/workload.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(log, 2)
    os.closerange(3, 100)
    ptrace.install_filter()
    os.execve("/bin/bash", ["bash", f"/srv/demo/{script}"], _ENVIRONMENT)


def build(root: Path) -> None:
    """Mount and fill the stage's root directory."""
    root.mkdir(parents=True, exist_ok=True)
    _mount("-t", "tmpfs", "-o", "mode=755", "stage", str(root))
    for directory in ("usr", "etc", "proc", "dev", "run", "srv", "home", "root", "var/log", "var/lib"):
        (root / directory).mkdir(parents=True)
    for directory in ("tmp", "var/tmp", "dev/shm"):
        (root / directory).mkdir(parents=True, exist_ok=True)
        (root / directory).chmod(0o1777)
    for link in ("bin", "sbin", "lib", "lib64"):
        (root / link).symlink_to(f"usr/{link}")
    _mount("--bind", "-o", "ro", "/usr", str(root / "usr"))
    for foreign in ("usr/local", "usr/lib/python3/dist-packages"):
        _mount("-t", "tmpfs", "-o", "mode=755", "empty", str(root / foreign))
    for device in ("null", "zero", "full", "random", "urandom"):
        (root / "dev" / device).touch()
        _mount("--bind", f"/dev/{device}", str(root / "dev" / device))
    for name, target in (("fd", "/proc/self/fd"), ("stdin", "/proc/self/fd/0")):
        (root / "dev" / name).symlink_to(target)
    _configure(root / "etc")
    _homes(root)
    shutil.copytree(_WORKLOAD, root / "srv/demo")


def _configure(etc: Path) -> None:
    for name in _COPIED:
        source, target = Path("/etc") / name, etc / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, symlinks=True)
        elif source.exists():
            shutil.copy(source, target)
    for name, text in _etc_files().items():
        (etc / name).parent.mkdir(parents=True, exist_ok=True)
        (etc / name).write_text(text)
    (etc / "shadow").chmod(0o640)
    (etc / "localtime").symlink_to("/usr/share/zoneinfo/UTC")
    subprocess.run(["ldconfig", "-r", str(etc.parent)], check=True, stderr=subprocess.DEVNULL)


def _etc_files() -> dict[str, str]:
    def home(user: str) -> str:
        return "/root" if user == "root" else "/var/www" if user == "www-data" else f"/home/{user}"

    return {
        "passwd": "".join(f"{user}:x:{uid}:{uid}::{home(user)}:/bin/bash\n" for user, uid in _USERS.items()),
        "group": "".join(f"{user}:x:{uid}:\n" for user, uid in _USERS.items()),
        "shadow": "".join(f"{user}:*:20000:0:99999:7:::\n" for user in _USERS),
        "hosts": "127.0.0.1 localhost demo\n",
        "nsswitch.conf": "passwd: files\ngroup: files\nshadow: files\nhosts: files\nservices: files\n",
        "ld.so.conf": "/lib/x86_64-linux-gnu\n/usr/lib/x86_64-linux-gnu\n/usr/lib/aarch64-linux-gnu\n",
        "login.defs": "ENV_PATH PATH=/usr/bin:/bin\nENV_SUPATH PATH=/usr/sbin:/usr/bin:/sbin:/bin\n",
        "profile": "PS1='$ '\n[ -r /etc/bash.bashrc ] && . /etc/bash.bashrc\numask 022\n",
        "bash.bashrc": "alias ll='ls -l'\n",
        "pam.d/su-l": _PAM,
        "pam.d/other": _PAM,
    }


def _homes(root: Path) -> None:
    (root / "root").chmod(0o700)
    for user, uid in _PEOPLE.items():
        home = root / "home" / user
        home.mkdir()
        (home / ".profile").write_text('[ -f "$HOME/.bashrc" ] && . "$HOME/.bashrc"\n')
        (home / ".bashrc").write_text("export EDITOR=ed\n")
        (home / ".gitconfig").write_text(f"[user]\n\tname = {user}\n\temail = {user}@demo.invalid\n")
        for path in (home, *home.iterdir()):
            os.chown(path, uid, uid)
        home.chmod(0o750)


def _mount(*arguments: str) -> None:
    subprocess.run(["mount", *arguments], check=True)
