"""A gadget that runs what its parameter `script` says, and changes two fields of every event."""

import collections
import dataclasses
import datetime
import enum
import hashlib
import ipaddress
import json
import logging
import os
import random
import re
import select
import socket
import struct
import subprocess
import sys
import threading
import time
import traceback
import warnings

import wit_world  # type: ignore[import-not-found]  # exists in wasm only
from beside import SECRET  # type: ignore[import-not-found]  # beside the program

import gadget

USED = [
    collections,
    dataclasses,
    datetime,
    enum,
    hashlib,
    ipaddress,
    json,
    logging,
    os,
    random,
    re,
    select,
    socket,
]
USED += [struct, subprocess, sys, threading, time, traceback, warnings]
USED.append(SECRET)
SHUFFLED = random.sample(range(1000), 10)  # at import: would differ from build to build
SET = {"a", "b", "c", "d", "e"}
BUILT_AT = {name: object() for name in SET}

opens = gadget.source("open")
name = opens.field("name", str)
count = opens.field("count", gadget.Uint64)


@opens.on_event
def change(event: gadget.Event) -> None:
    """Read and write a scalar and a string."""
    event[count] = event[count] + 1
    event[name] = event[name] + "!"


def statistics_of(*numbers: float) -> float:
    """Import a module where it is needed."""
    import statistics

    return statistics.mean(numbers)


@gadget.on_start
def run() -> None:
    """Evaluate the script and log its value, or the exception."""
    script = wit_world.get_param_value(b"script", 4096).rstrip(b"\0").decode()
    try:
        if script.startswith("!"):
            exec(script[1:], globals())
            text = "done"
        else:
            text = repr(eval(script, globals()))
    except BaseException as error:
        kinds = [kind.__name__ for kind in type(error).__mro__]
        text = f"{'OSError' if 'OSError' in kinds else kinds[0]}: {error}"
    wit_world.gadget_log(4, text.encode())
