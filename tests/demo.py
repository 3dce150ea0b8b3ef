"""The main job, as a person would do it: build a gadget from a Python file, run it over recorded events, look.

Prints a sample of the table (the files under /home, whose owners the gadget hides) and the figures of the run.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

EXAMPLES = Path(__file__).parents[1] / "guest-examples"
REDACT, RECORDED = EXAMPLES / "redact", EXAMPLES / "data" / "trace_open.jsonl.gz"
SHOWN = 20  # rows


def gadget(*words: str | Path) -> tuple[list[str], str]:
    """Run the command `gadget` and show it; returns the lines it prints, and what it says of itself."""
    root = EXAMPLES.parent
    shown = [str(w.relative_to(root) if isinstance(w, Path) and w.is_relative_to(root) else w) for w in words]
    print("$ gadget", *shown, flush=True)
    command = [sys.executable, "-m", "gadget_abi.cli", *shown]
    done = subprocess.run(command, cwd=EXAMPLES.parent, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stderr)
    return done.stdout.splitlines(), done.stderr


def main() -> int:
    """Build, check, run, show."""
    print(*gadget("build", REDACT)[0], "", sep="\n")
    print(*gadget("check", REDACT / "redact.wasm")[0], "", sep="\n")
    with tempfile.NamedTemporaryFile(suffix=".json") as stats:
        (head, *rows), figures = gadget(
            "run", REDACT, "--input", RECORDED, "-o", "columns", "--stats", Path(stats.name)
        )
    homes = [row for row in rows if "/home/" in row]
    print(f"\n{SHOWN} of the {len(homes):,} opens below /home, of {len(rows):,} opens in all:\n")
    print(head, *homes[:: len(homes) // SHOWN][:SHOWN], "", figures, sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
