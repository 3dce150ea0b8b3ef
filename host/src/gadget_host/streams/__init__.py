"""Streams of events: reading JSON Lines, schemas, writing tables, JSON and YAML."""

from gadget_host.streams.badlines import BadLines
from gadget_host.streams.infer import Inference, infer
from gadget_host.streams.inspected import read_schema_file
from gadget_host.streams.output import MODES, Output, Screen
from gadget_host.streams.reader import EventBatch, EventReader

__all__ = [
    "MODES",
    "BadLines",
    "EventBatch",
    "EventReader",
    "Inference",
    "Output",
    "Screen",
    "infer",
    "read_schema_file",
]
