"""Opens files below a /home of its own, until its standard input ends: `unshare --mount python opener.py NAME SECONDS`.

NAME is what the process calls itself, SECONDS how long it waits between two rounds.
"""

from __future__ import annotations

import os
import select
import subprocess
import sys
from itertools import count
from pathlib import Path

OPENS = (
    ("alice", "new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC),
    ("bob", "list", os.O_RDWR | os.O_CREAT | os.O_APPEND),
    ("carol", "missing", os.O_RDONLY),
)


def main(name: str, seconds: float) -> None:
    """Open files; every name is used once, so that events can be told from each other."""
    subprocess.run(["mount", "-t", "tmpfs", "none", "/home"], check=True)
    for user, _, _ in OPENS:
        Path("/home", user).mkdir()
    Path("/proc/self/comm").write_text(name)
    for number in count():
        for user, what, flags in (*OPENS, ("/etc", "elsewhere", os.O_RDONLY)):
            path = Path("/home", user, f"{number}-{what}")
            try:
                os.close(os.open(path, flags, 0o640))
            except FileNotFoundError:
                continue
            path.unlink()
        if select.select([sys.stdin], [], [], seconds)[0]:
            return


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]))
