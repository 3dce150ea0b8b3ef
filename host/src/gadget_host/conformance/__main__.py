"""The adapter: `gadget conformance --adapter "python -m gadget_host.conformance"`."""

from __future__ import annotations

import json
import sys

from .adapter import Adapter

__all__ = ["main"]


def main() -> int:
    """Answer requests, a line of JSON each, until standard input ends."""
    adapter = Adapter()
    for line in sys.stdin:
        print(json.dumps(adapter.answer(json.loads(line))), flush=True)
    adapter.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
