"""The data plane: handles, data and packets in a wasm module of their own, beside the guest.

The wat files hold the semantics, ``layout`` the numbers in them, ``assembly`` makes modules of them,
``instance`` puts those into a store, ``plane`` drives them.
"""

from .plane import Plane

__all__ = ["Plane"]
