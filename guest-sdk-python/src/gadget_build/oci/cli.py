"""gadget package and gadget push: a gadget becomes an image, and the image goes to a registry."""

from __future__ import annotations

import argparse
from pathlib import Path

from gadget_build.progress import Progress

__all__ = ["register", "register_push"]

DESCRIPTION = """\
Package a gadget as an image, the kind that Inspektor Gadget runs, in a tar.

DIR holds gadget.yaml and program.py, which is built; or a ready module (or --wasm names one). The
module is checked as by `gadget check`, and gadget.yaml key by key. An eBPF program that belongs to
the gadget is taken from DIR, compiled: amd64.bpf.o and arm64.bpf.o, as `ig image build` calls
them, or program.bpf.o for both; or --ebpf names it. The image is then for the architectures that
have one; otherwise for amd64 and arm64.

The same content gives the same bytes. The image is dated by SOURCE_DATE_EPOCH, or by the newest of
the gadget's files.

Names are completed as ig completes them: `redact` stands for
ghcr.io/inspektor-gadget/gadget/redact:latest, and `ig run redact` finds it."""

EPILOG = """\
examples:
  gadget package redact/ -o redact.tar
  ig image import redact.tar && ig run redact --verify-image=false
  gadget package redact/ -o redact.tar --tag registry.example.org/me/redact:v1
  gadget run redact.tar --input open.jsonl.gz"""


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the sub-command."""
    parser = commands.add_parser(
        "package",
        help="package a gadget as an image for ig",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("directory", type=Path, metavar="DIR")
    parser.add_argument(
        "-o", "--output", type=Path, metavar="IMAGE.tar", help="default: DIR/NAME.tar"
    )  # fmt: skip
    parser.add_argument(
        "--tag", action="append", default=[], metavar="NAME",
        help="name of the image; may be repeated. Default: the name in gadget.yaml",
    )  # fmt: skip
    parser.add_argument(
        "--wasm", type=Path, metavar="FILE.wasm", help="take this module instead of building one"
    )
    parser.add_argument(
        "--ebpf", action="append", default=[], metavar="FILE[:ARCH]",
        help="eBPF object of the gadget, for all architectures or for one; may be repeated",
    )  # fmt: skip
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Package, and say what came out."""
    from gadget_build.oci.package import package  # needs what a build needs: only when something is packaged

    progress = Progress(str(args.directory))
    try:
        result = package(
            args.directory,
            output=args.output,
            names=args.tag,
            wasm=args.wasm,
            ebpf=args.ebpf,
            progress=progress.step,
            warn=progress.note,
        )
    finally:
        progress.clear()
    parts = ", ".join(f"{name} with eBPF" if name in result.ebpf else name for name in result.architectures)
    print(f"{result.output}: {result.size / 1e6:.1f} MB, for {parts}, {result.verdict}")
    for name in result.names:
        print(f"  {name}@{result.digest}")
    return 0


PUSH = """\
Push an image to a registry, byte for byte: IMAGE.tar as `gadget package` writes it, to
REGISTRY/NAME:TAG. Needs oras: pip install 'gadget-sdk[push]'.

Credentials are those of `docker login` and `podman login`; a registry whose certificate was signed
by an authority of your own needs --ca FILE, or SSL_CERT_FILE in the environment, which ig knows as
well. The name is given last: a push that was interrupted leaves no image, and can be repeated."""


def register_push(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `push`."""
    parser = commands.add_parser(
        "push",
        help="push an image to a registry",
        description=PUSH,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("image", type=Path, metavar="IMAGE.tar")
    parser.add_argument("name", metavar="REGISTRY/NAME:TAG")
    parser.add_argument("--tag", metavar="NAME", help="which image of a tar with several")
    parser.add_argument("--insecure", action="store_true", help="speak HTTP, not HTTPS, to the registry")
    parser.add_argument(
        "--ca", type=Path, metavar="FILE", help="certificates, in PEM, of the authorities to trust"
    )  # fmt: skip
    parser.add_argument(
        "--timeout", type=float, default=60.0, metavar="SECONDS", help="to wait for each answer (default 60)"
    )  # fmt: skip
    parser.set_defaults(run=run_push)


def run_push(args: argparse.Namespace) -> int:
    """Push, and say what is there now."""
    from gadget_abi.oci import full_name
    from gadget_build.oci.push import push

    progress = Progress(str(args.image))
    try:
        digest = push(
            args.image,
            args.name,
            tag=args.tag,
            insecure=args.insecure,
            ca=args.ca,
            seconds=args.timeout,
            progress=progress.step,
            note=progress.note,
        )
    finally:
        progress.clear()
    print(f"{full_name(args.name)}@{digest}")
    return 0
