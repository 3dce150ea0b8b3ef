"""A conformance suite for hosts of Inspektor Gadget's wasm ABI: cases as data, and a runner that judges.

See the README beside this package for the format of cases and for the protocol of adapters.
"""
