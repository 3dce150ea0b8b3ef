"""The adapter of this project's host, that breaks when it is to start a gadget: `breaking_adapter.py HOW`."""

import json
import os
import signal
import sys
import time
from typing import Any

from gadget_host.conformance.adapter import Adapter


def break_(how: str, answer: dict[str, Any]) -> Any:
    """Break; or the answer, when that is what is wrong."""
    match how:
        case "crash":
            print("out of luck", file=sys.stderr, flush=True)
            os._exit(3)
        case "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        case "hang":
            time.sleep(600)
        case "chatter":
            print("loading ...", flush=True)
        case "list":
            return [answer]
    return answer


def main(how: str) -> None:
    """Answer requests."""
    adapter = Adapter()
    for line in sys.stdin:
        request = json.loads(line)
        answer = adapter.answer(request)
        print(json.dumps(break_(how, answer) if request["do"] == "start" else answer), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
