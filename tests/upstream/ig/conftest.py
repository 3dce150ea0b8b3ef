"""The real `ig`: `nox -s ig`."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

import pytest
import wasmtime

from gadget_build.oci import package
from tests.upstream.build import NotHereError
from tests.upstream.ig.build import ig as build_ig
from tests.upstream.ig.ebpf import compile_object
from tests.upstream.ig.machine import Ig, check_machine

ASKED = "the real ig is built by nox -s ig only, which needs Go, its module proxy, root and a kernel with BTF"
HERE = Path(__file__).parent
EXAMPLES = HERE.parents[2] / "guest-examples"
FROM = {
    "redact": EXAMPLES / "redact",
    "hooked": EXAMPLES / "redact",
    "plain": EXAMPLES / "redact",
    "top_files": EXAMPLES / "top_files",
    "copied": HERE / "copied",
}
NOTHING = '(module (memory (export "memory") 1) (func (export "gadgetAPIVersion") (result i64) i64.const 1))'
HOOK = "\n\n@gadget.on_start\ndef start() -> None:\n    gadget.log.debug('started')\n"

TRANSCRIPT = pytest.StashKey[list[str]]()
Opener = Callable[..., AbstractContextManager[None]]


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options of nox -s ig."""
    group = parser.getgroup("ig")
    group.addoption("--ig", action="store_true", help="build the real ig, and run it")
    group.addoption(
        "--stress", type=int, default=0, metavar="N", help="run N gadgets under a storm of events, too"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Begin the transcript."""
    config.stash[TRANSCRIPT] = []


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Show what ig was asked, and what it printed."""
    if lines := config.stash[TRANSCRIPT]:
        terminalreporter.section("the real ig")
        terminalreporter.write("\n".join(lines))


@pytest.fixture(scope="session")
def transcript(request: pytest.FixtureRequest) -> list[str]:
    """What is shown in the end."""
    return request.config.stash[TRANSCRIPT]


@pytest.fixture(scope="session")
def ig(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, transcript: list[str]) -> Ig:
    """The program, without images."""
    if not request.config.getoption("--ig", False):
        pytest.skip(ASKED)
    try:
        check_machine()
        return Ig(build_ig(), tmp_path_factory.mktemp("ig"), transcript)
    except NotHereError as reason:
        pytest.skip(str(reason))


@pytest.fixture(scope="session")
def images(ig: Ig, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Images by name, imported: the example redact over the tests' eBPF program, and over it nothing at all.

    `hooked` is redact with a gadgetStart; `top_files` is that example, for its parameters and its own source;
    `copied` emits on a source of its own what redact changes in place.
    """
    made = tmp_path_factory.mktemp("images")
    for name, example in FROM.items():
        (made / name).mkdir()
        text = (example / "gadget.yaml").read_text()
        (made / name / "gadget.yaml").write_text(text.replace(f"name: {example.name}\n", f"name: {name}\n"))
        if name == "plain":
            (made / name / "plain.wasm").write_bytes(wasmtime.wat2wasm(NOTHING))
        else:
            shutil.copy(example / "program.py", made / name)
        try:
            compile_object(made / name / "program.bpf.o")
        except NotHereError as reason:
            pytest.skip(str(reason))
    with (made / "hooked" / "program.py").open("a") as file:
        file.write(HOOK)
    tars = {directory.name: package(directory).output for directory in sorted(made.iterdir())}
    for tar in tars.values():
        printed = ig("image", "import", str(tar))
        if tar.stem == "redact":
            ig.show("image", "import", tar.name, printed=printed)
    return tars


@pytest.fixture
def opener() -> Opener:
    """Have files opened as long as a block takes."""

    @contextmanager
    def run(name: str, seconds: float = 0.02, processes: int = 1) -> Iterator[None]:
        program = [sys.executable, str(HERE / "opener.py"), name, str(seconds)]
        with ExitStack() as stack:
            for _ in range(processes):
                process = subprocess.Popen(["unshare", "--mount", *program], stdin=subprocess.PIPE)
                stack.callback(process.wait)
                assert process.stdin
                stack.callback(process.stdin.close)
            yield

    return run
