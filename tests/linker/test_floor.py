"""The floor under WASI: what a Python program meets where there is no file system, no network and no terminal."""

from __future__ import annotations

import datetime
import time

import pytest

from tests.linker.host import Host

VALUES = {
    "json.loads(json.dumps({'a': [1, 2.5, None]}))": "{'a': [1, 2.5, None]}",
    "re.sub('a+', 'b', 'caaat')": "'cbt'",
    "struct.unpack('<Q', struct.pack('<Q', 5))": "(5,)",
    "ipaddress.ip_address('10.0.0.1') in ipaddress.ip_network('10.0.0.0/8')": "True",
    "datetime.datetime.strptime('2024-02-29', '%Y-%m-%d').isoformat()": "'2024-02-29T00:00:00'",
    "dataclasses.make_dataclass('P', ['x'])(1).x": "1",
    "hashlib.sha256(b'x').hexdigest()[:8]": "'2d711642'",
    "collections.Counter('aab').most_common(1)": "[('a', 2)]",
    "enum.Enum('E', 'A B').B.value": "2",
    "'File' in traceback.format_stack()[0]": "True",
    "b'x\\xe9'.decode('latin-1').encode('utf-16-le')": repr("x\xe9".encode("utf-16-le")),
    "os.getcwd()": "'/'",
    "os.path.exists('/etc/passwd')": "False",
    "dict(os.environ)": "{}",
    "sys.argv": "[]",
    "sys.stdin.read()": "''",
    "os.write(1, b'out')": "3",
    "os.isatty(1)": "False",
    "time.sleep(3600)": "None",
    "threading.Event().wait(3600)": "False",
    "select.select([0], [], [], 1)": "([0], [], [])",
    "SECRET": "'beside'",
    "len(SHUFFLED)": "10",
    "statistics_of(1, 2)": "1.5",
    "traceback.format_exception(ValueError('x'))": "['ValueError: x\\n']",
    "time.strptime('7', '%d').tm_mday": "7",
}

OS_ERRORS = [
    "open('/etc/passwd')",
    "open('x', 'w')",
    "os.stat('/')",
    "os.listdir('.')",
    "os.scandir('/')",
    "os.mkdir('/x')",
    "os.remove('/x')",
    "os.rename('/x', '/y')",
    "os.symlink('/x', '/y')",
    "os.link('/x', '/y')",
    "os.readlink('/x')",
    "os.chdir('/')",
    "os.utime('/')",
    "os.truncate('/x', 1)",
    "os.fstat(5)",
    "os.read(7, 1)",
    "os.lseek(0, 0, 0)",
    "os.dup(1)",
    "os.close(99)",
    "socket.socket()",
    "socket.socket(socket.AF_INET, socket.SOCK_DGRAM)",
    "socket.create_connection(('127.0.0.1', 80))",
    "socket.create_connection(('localhost', 80))",
    "subprocess.run(['ls'])",
]

OTHER_ERRORS = {
    "threading.Thread(target=print).start()": "RuntimeError",
    "input()": "EOFError",
    "sys.exit(3)": "SystemExit",
    "__import__('sqlite3')": "ModuleNotFoundError",
    "bytearray(100_000_000)": "MemoryError",
    "(lambda f: f(f))(lambda f: f(f))": "RecursionError",
    "json.loads('[' * 3_000)": "JSONDecodeError",
    "warnings.warn('w', stacklevel=1) or 1 / 0": "ZeroDivisionError",
    "logging.warning('w') or 1 / 0": "ZeroDivisionError",
}


@pytest.mark.parametrize("script", VALUES)
def test_it_works(probe: Host, script: str) -> None:
    """The modules a gadget may count on work, and what has no meaning here has a harmless answer."""
    assert probe.run(script) == VALUES[script]


@pytest.mark.parametrize("script", OS_ERRORS)
def test_it_is_an_oserror(probe: Host, script: str) -> None:
    """Files, sockets and processes cannot be had, and Python says so in its own way."""
    assert probe.run(script).startswith("OSError: ")


@pytest.mark.parametrize("script", OTHER_ERRORS)
def test_it_is_an_exception(probe: Host, script: str) -> None:
    """What else cannot be done raises; nothing traps, and the gadget answers afterwards."""
    assert probe.run(script).partition(":")[0] == OTHER_ERRORS[script]
    assert probe.run("1 + 1") == "2"


def test_clocks_are_the_hosts(probe: Host) -> None:
    """time.time, datetime and time.monotonic follow clock_time_get, not the time of the build."""
    assert abs(float(probe.run("time.time()")) - time.time()) < 5
    year = datetime.datetime.now(tz=datetime.UTC).year
    assert abs(int(probe.run("datetime.datetime.now().year")) - year) <= 1
    first, second = (float(probe.run("time.monotonic()")) for _ in range(2))
    assert first < second


def test_random_numbers_differ_from_run_to_run(probe: Host, probe_wasm: bytes) -> None:
    """random and os.urandom draw from the host, although the snapshot is the same."""
    another = Host(probe_wasm)
    assert (probe.call("gadgetInit"), another.call("gadgetInit")) == (0, 0)
    for script in ("random.random()", "os.urandom(8)"):
        assert probe.run(script) != another.run(script)


def test_what_reaches_the_streams_is_logged(probe: Host) -> None:
    """print is the SDK's; bytes written past it to stdout and stderr become lines of level info and warn."""
    probe.run("!os.write(1, b'to stdout\\n'); os.write(2, b'to stderr\\n'); print('printed')")
    assert {(2, "to stdout"), (1, "to stderr"), (2, "printed")} <= set(probe.logs)


def test_wasi_is_imported_only_for_what_is_called(probe: Host) -> None:
    """Two functions of preview1 are enough."""
    wasi = {name for name in probe.imports if not name.startswith("ig.")}
    assert wasi == {"wasi_snapshot_preview1.clock_time_get", "wasi_snapshot_preview1.random_get"}


def test_the_module_is_small(probe: Host, probe_wasm: bytes) -> None:
    """With all these modules imported it still leaves room below the cap of 256 pages."""
    assert probe.pages <= 220
    assert len(probe_wasm) <= 17_000_000
