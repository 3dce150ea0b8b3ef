"""Runs Inspektor Gadget's wasm gadgets in this process."""
