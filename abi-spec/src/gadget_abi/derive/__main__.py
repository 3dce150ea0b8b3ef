"""Write the derived files of a workspace, or, with --check, name the stale ones and exit 1."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import gadget_abi
from gadget_abi.derive import stale_files, write_files


def main() -> int:
    """Run the command; the exit code is 1 when --check finds stale files."""
    parser = argparse.ArgumentParser(prog="python -m gadget_abi.derive", description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing, exit 1 when a file is stale")
    parser.add_argument("root", type=Path, nargs="?", default=Path(), help="the workspace (default: here)")
    args = parser.parse_args()
    abi = gadget_abi.load()
    if not args.check:
        for path in write_files(abi, args.root):
            print(f"wrote {path}")
        return 0
    stale = stale_files(abi, args.root)
    for path in stale:
        print(f"stale: {path}; run python -m gadget_abi.derive", file=sys.stderr)
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
