"""Files that are bad in ways that chance does not find: nested, repeated, endless. And those that were found."""

from __future__ import annotations

import gzip
import json
from typing import Final

from .readers import SCHEMA

HEAD: Final = json.dumps(SCHEMA).encode() + b"\n"


def deep(left: bytes, right: bytes, levels: int) -> bytes:
    """Something inside itself."""
    return left * levels + b"1" + right * levels


def laughs(first: bytes, rest: bytes) -> bytes:
    """Nine lines of YAML, each with eight times what is in the one before."""
    letters = b"abcdefghi"
    lines = [rest.replace(b"N", letters[n : n + 1]).replace(b"O", letters[n - 1 : n]) for n in range(1, 9)]
    return first + b"\n" + b"\n".join(lines) + b"\n"


def fields(count: int, *, key: bytes = b"fields") -> bytes:
    """Fields of a schema."""
    return b'"' + key + b'":[' + b",".join(b'{"name":"f%d","kind":12}' % n for n in range(count)) + b"]"


def schema(inner: bytes, *rest: bytes) -> bytes:
    """A schema line, and others."""
    return b"\n".join([b'{"gadget.schema":{"source":"a",' + inner + b"}}", *rest]) + b"\n"


def one_field(inner: bytes) -> bytes:
    """What upstream prints about a source with one field."""
    return b'[{"name":"s","fields":[{"name":"x",' + inner + b"}]}]"


NASTY: Final[dict[str, list[bytes]]] = {
    "table": [
        b"a = " + deep(b"[", b"]", 5000),
        b"a = " + deep(b"{a=", b"}", 5000),
        b"a." * 2000 + b"a = 1",
        b"[" + b"a." * 2000 + b"b]\n",
        b"release = 2020-01-01\n",
    ],
    "manifest": [
        deep(b"[", b"]", 700),
        deep(b"{a: ", b"}", 3000),
        b"- " * 3000 + b"a",
        b"a: &a [*a]",
        b"datasources: &a {top_files: *a}",
        b"params: &a {wasm: *a}",
        laughs(b"a: &a [x, x, x, x, x, x, x, x]", b"N: &N [*O, *O, *O, *O, *O, *O, *O, *O]"),
        laughs(b"a: &a {a: x}", b"N: &N {a: *O, b: *O, c: *O, d: *O, e: *O, f: *O, g: *O, h: *O}"),
        *(
            b"a: !!timestamp x",
            b"a: !!bool x",
            b"a: !!binary =x",
            b"a: !!int x",
            b"a: !!float x",
            b"a: !!set {1}",
        ),
        *(
            b"a: !!pairs [1]",
            b"a: !!omap [1]",
            b"a: 0000-00-00",
            b"a: " + b"9" * 5000,
            b"a: 0x_",
            b"!!python/none x",
        ),
        *(b"1: 2", b"~: ~", b"2020-01-01: 1", b"? [1]\n: 2", b"datasources: {a: {fields: {~: {}}}}"),
        *(b"datasources: {a: {tags: 5}}", b"params: {wasm: {[1]: 2}}", b"params: {wasm: {~: {key: ~}}}"),
    ],
    "stream": [
        *(HEAD + deep(b"[", b"]", 900), HEAD + deep(b'{"a":', b"}", 900), deep(b'{"a":', b"}", 900)),
        *(
            deep(b'{"a":', b"}", 3000),
            deep(b"[", b"]", 700),
            HEAD + b'{"more":' + deep(b'{"a":', b"}", 900) + b"}",
        ),
        *(HEAD + b'{"pid":' + b"9" * 5000 + b"}", b'{"a":{"":{"":1}}}', b'{"":1}', b'{"a.b":1,"a":{"b":2}}'),
        *(b'{"a":1}\n{"a":{"b":1}}', b"[]", b"[[]]", b"[1]", b"1", b"null", b"\x1f\x8b", b"\x1f", b""),
        gzip.compress(b"\0" * 20_000_000, mtime=0),
        gzip.compress(HEAD, mtime=0) + b"\0" * 100 + gzip.compress(HEAD, mtime=0)[:-5],
        b'{"gadget.schema":null}',
        schema(b'"fields":null', b"{}"),
        schema(fields(5000), b'{"f1":"x"}'),
        schema(b'"fields":[{"name":"' + b"a." * 3000 + b'b","kind":"String"}]', b'{"a":{}}'),
        schema(b'"fields":[{"name":"a","kind":12},{"name":"a.b","kind":12}]', b'{"a":"x"}'),
        schema(b'"fields":[{"name":"","kind":12},{"name":".","kind":12}]', b'{"":"x"}'),
        schema(b'"fields":[{"name":"a","kind":14,"offset":0,"size":2000000000,"payload":1}]', b'{"a":""}'),
        schema(b'"fields":[{"name":"a","kind":8,"offset":-4,"size":4,"payload":1}]', b'{"a":1}'),
    ],
    "schema": [
        *(
            deep(b"[", b"]", 900),
            deep(b'{"a":', b"}", 900),
            b'[{"name":"a"},{"name":"a"}]',
            b"[null]",
            b"null",
        ),
        b'[{"name":"s",' + fields(5000) + b"}]",
        *(one_field(b'"index":""'), one_field(b'"index":[]'), one_field(b'"parent":[],"flags":8')),
        *(one_field(b'"flags":[]'), one_field(b'"flags":18446744073709551615'), one_field(b'"flags":-1')),
        *(
            one_field(b'"kind":[]'),
            one_field(b'"kind":1.5'),
            one_field(b'"kind":true'),
            one_field(b'"kind":268435555'),
        ),
        *(one_field(b'"offs":"x","size":4'), one_field(b'"offs":{},"size":4'), one_field(b'"size":[]')),
        *(one_field(b'"size":3,"kind":8'), one_field(b'"size":4294967296'), one_field(b'"offs":-1,"size":1')),
        *(one_field(b'"annotations":[]'), one_field(b'"annotations":"x"'), one_field(b'"tags":1.5')),
        *(one_field(b'"fullName":[]'), one_field(b'"payloadIndex":[],"size":1')),
    ],
}
"""Files by the name of their reader."""
