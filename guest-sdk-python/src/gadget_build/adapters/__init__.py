"""What stands between a component's canonical ABI and the world outside: the raw ABI, and a floor under WASI.

Both are core modules in WAT that the linker merges with the component's own.
"""
