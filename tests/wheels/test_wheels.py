"""Each wheel works alone: built, installed into an empty environment with its dependencies, used."""

import subprocess
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DIST = ROOT / "dist"

# Distribution -> a program that needs the data files its wheel must carry.
USES = {
    "gadget_abi": "import gadget_abi; print(len(gadget_abi.load().current))",
    "gadget_host": """
import tempfile, wasmtime
from pathlib import Path
from gadget_host import Gadget
wat = '''(module (import "ig" "gadgetLog" (func $log (param i32 i64)))
  (memory (export "memory") 1) (data (i32.const 8) "hello")
  (func (export "gadgetAPIVersion") (result i64) i64.const 1)
  (func (export "gadgetInit") (result i32) (call $log (i32.const 2) (i64.const 0x500000008)) i32.const 0))'''
file = Path(tempfile.mkdtemp()) / "hello.wasm"
file.write_bytes(wasmtime.wat2wasm(wat))
with Gadget.load(file) as gadget:
    gadget.start()
    print(gadget.logs[0].message)
""",
    "gadget_sdk": "import gadget, gadget_build, gadget_build.cli; print(gadget.__doc__.splitlines()[0])",
}
EXPECTED = {"gadget_abi": "41", "gadget_host": "hello", "gadget_sdk": ""}


@pytest.mark.parametrize("name", USES)
def test_a_wheel_works_in_an_environment_of_its_own(name: str, tmp_path: Path) -> None:
    """Installed from its wheel alone, a distribution imports and finds its data files."""
    wheels = list(DIST.glob(f"{name}-*.whl"))
    assert wheels, f"no wheel of {name} in dist/: run nox -s wheels"
    venv.create(tmp_path / "venv", with_pip=True)
    python = tmp_path / "venv/bin/python"
    pip: list[str | Path] = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    constraint: list[str | Path] = ["--constraint", ROOT / "requirements.lock", "--find-links", DIST]
    subprocess.run([*pip, *constraint, *wheels], check=True)
    done = subprocess.run(
        [python, "-W", "error", "-c", USES[name]], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert EXPECTED[name] in done.stdout
