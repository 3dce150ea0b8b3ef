"""Core WebAssembly modules: read them, look into their code, write them.

Binary format: https://webassembly.github.io/spec/core/binary/ (release 2.0). Nothing here knows about components,
Python or Inspektor Gadget.
"""
