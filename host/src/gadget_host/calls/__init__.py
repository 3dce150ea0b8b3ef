"""The ABI's functions that are Python: one module per group, each function called as ``snake_name(host,
*arguments)``.

Arguments come lifted: handles as the objects they stand for, strings as str, byte arrays as bytes,
destinations as ``OutBuffer``. A function returns what its result type says, or raises ``CallError``.
"""
