"""Build gadgets: componentize-py's component in, one core wasm module out, linked in Python."""

from gadget_build.build import BuildResult, build, default_output
from gadget_build.errors import BuildError

__all__ = ["BuildError", "BuildResult", "build", "default_output"]
