from __future__ import annotations

from typing import Any

import pytest
import yaml

from gadget_abi.oci import metadata_problems

WRONG: dict[str, tuple[str, list[str]]] = {
    "nothing": ("", ["nothing in it: at least `name:` is needed"]),
    "no mapping": ("[name]", ["expected keys with values, found a list"]),
    "no name": ("description: x", ["name: is missing"]),
    "key": ("{name: x, sourceUrl: y}", ["sourceUrl: no such key; did you mean 'sourceURL'?"]),
    "key like none": (
        "{name: x, params: {java: {}}}",
        ["params.java: no such key; there are ebpf, wasm, custom"],
    ),
    "upper case": ("{name: x, dataSources: {}}", ["dataSources: no such key; did you mean 'datasources'?"]),
    "list for keys": ("{name: x, datasources: [open]}", ["datasources: expected keys with values, found a list"]),
    "text for keys": (
        "{name: x, datasources: {open: {fields: pid}}}",
        ["datasources.open.fields: expected keys with values, found 'pid'"],
    ),
    "annotation": (
        "{name: x, datasources: {open: {fields: {proc.pid: {annotations: {columns.width: [1]}}}}}}",
        ["datasources.open.fields.proc.pid.annotations.columns.width: expected a text, found a list"],
    ),
    "annotations left out": (
        "{name: x, datasources: {open: {fields: {pid: {columns.width: 1}}}}}",
        ["datasources.open.fields.pid.columns.width: no such key; there are annotations"],
    ),
    "number as name": ("{name: x, datasources: {7: {}}}", ["datasources.7: the key 7 is no text; put it in quotes"]),
    "flag": (
        "{name: x, params: {ebpf: {a: {isMandatory: 'yes'}}}}",
        ["params.ebpf.a.isMandatory: expected true or false, found 'yes'"],
    ),
    "list": (
        "{name: x, params: {ebpf: {a: {possibleValues: b, tags: [1, [2]]}}}}",
        ["params.ebpf.a.possibleValues: expected a list, found 'b'",
         "params.ebpf.a.tags[1]: expected a text, found a list"],
    ),
    "type": (
        "{name: x, params: {wasm: {a: {key: a, typeHint: uint23}}}}",
        ["params.wasm.a.typeHint: no type 'uint23'; did you mean 'uint32'?"],
    ),
    "no key": ("{name: x, params: {wasm: {a: {defaultValue: 1}}}}", ["params.wasm.a.key: is missing"]),
    "key twice": (
        "{name: x, params: {wasm: {a: {key: k}, b: {key: k}}}}",
        ["params.wasm.b.key: 'k' is the key of params.wasm.a already"],
    ),
    "parameter is a text": (
        "{name: x, params: {wasm: {limit: 10}}}",
        ["params.wasm.limit: expected keys with values, found 10"],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("text", "messages"), WRONG.values(), ids=WRONG)
def test_problem_names_the_key(text: str, messages: list[str]) -> None:
    """What is wrong is said with the path of the key, and with what was probably meant."""
    problems = metadata_problems(yaml.safe_load(text))
    assert [str(problem) for problem in problems] == messages
    assert not any(problem.harmless for problem in problems)


SUSPICIOUS: dict[str, tuple[str, str]] = {
    "field": (
        "{name: x, datasources: {a: {fields: {b: {annotations: {columns.maxWidth: 1}}}}}}",
        "datasources.a.fields.b.annotations.columns.maxWidth: did you mean 'columns.maxwidth'?",
    ),
    "source": (
        "{name: x, datasources: {a: {annotations: {cli.clear-screen-befor: true}}}}",
        "datasources.a.annotations.cli.clear-screen-befor: did you mean 'cli.clear-screen-before'?",
    ),
    "type": (
        "{name: x, params: {wasm: {a: {key: a, type: int32}}}}",
        "params.wasm.a.type: ig reads the type of a module's parameter from 'typeHint', and passes over 'type'",
    ),
}


@pytest.mark.parametrize(("text", "message"), SUSPICIOUS.values(), ids=SUSPICIOUS)
def test_what_is_only_suspicious_does_no_harm(text: str, message: str) -> None:
    """What may be meant is told, not refused."""
    (problem,) = metadata_problems(yaml.safe_load(text))
    assert (str(problem), problem.harmless) == (message, True)


RIGHT: dict[str, dict[str, Any]] = {
    "least": {"name": "x"},
    "empty": {"name": "x", "annotations": None, "datasources": {"open": None}, "params": {"wasm": None}},
    "scalars are texts": {
        "name": 7,
        "datasources": {
            "open": {"fields": {"a": {"annotations": {"columns.hidden": True, "columns.width": 4}}}}
        },
    },
    "annotations of others": {
        "name": "x",
        "datasources": {
            "a": {"annotations": {"metrics.collect": "1"}, "fields": {"b": {"annotations": {"x.y": 1}}}}
        },
    },
    "parameters of all parts": {
        "name": "x",
        "params": {
            "ebpf": {"targ": {"alias": "t", "tags": ["a"], "valueHint": "gadget:pids"}},
            "wasm": {"a": {"key": "a", "typeHint": "[]string", "type": "[]string", "isMandatory": True}},
            "custom": {"top": {"defaultValue": 0, "patch": {"operator": {}}, "values": {"1": {"patch": {}}}}},
        },
    },
    "other parts": {
        "name": "x",
        "paramDefaults": {"operator.oci.ebpf.map-fetch-interval": "0"},
        "operator": {"process": {"interval": "3s"}},
        "programs": {"profiler": {"sampler": {"frequency": 49}}},
    },
}


@pytest.mark.parametrize("data", RIGHT.values(), ids=RIGHT)
def test_what_ig_reads_is_right(data: dict[str, Any]) -> None:
    """Whatever ig reads in its own gadgets may stand there."""
    assert metadata_problems(data) == []
