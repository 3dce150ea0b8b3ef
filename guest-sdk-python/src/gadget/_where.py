"""Where the author's own code is: the line of a declaration, file names as in the project."""

import sys
from functools import cache
from types import FrameType

__all__ = ["relative", "where"]


def where() -> str:
    """The innermost line outside this package, as ``program.py:12``."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and ours(frame.f_globals.get("__name__", "")):
        frame = frame.f_back
    if frame is None:
        return "?"
    return f"{relative(frame.f_code.co_filename)}:{frame.f_lineno}"


def ours(module: str) -> bool:
    """Whether a module of this name belongs to the SDK."""
    return module == "gadget" or module.startswith("gadget.")


@cache
def relative(filename: str) -> str:
    """A file name without the entry of ``sys.path`` it was imported from: as it reads in the project."""
    roots = [root.rstrip("/") + "/" for root in sys.path if root]
    for root in sorted(roots, key=len, reverse=True):
        if filename.startswith(root):
            return filename[len(root) :]
    return filename
