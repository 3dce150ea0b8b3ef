"""The host functions of data sources, arrays and fields on the model.

Each method has its function's own name and takes the call's integers, unsigned. It returns the result; a `New`
for a handle, whose number is the host's choice; ANY where more than one answer is right; or raises an outcome.
"""

from __future__ import annotations

from .model import (
    BYTES,
    CSTRING,
    LAST_KIND,
    STRING,
    U32,
    WIDTHS,
    Alias,
    Array,
    Element,
    Ended,
    Failed,
    Field,
    Source,
    Subscription,
    Trapped,
)
from .state import ELEMENT_BIT, INDEX_MOST, INDEX_SHIFT, New, State

DATA, ARRAY, PACKET = 1, 2, 3


class DataCalls(State):
    """Sources, packets, arrays and fields."""

    # -- data sources

    def newDataSource(self, name: int, type: int) -> New:
        self.room()
        text = self.text(name)
        if type not in (1, 2):
            raise Failed
        self.sources[text] = Source(text, type == 2)
        return New("source", self.sources[text])

    def getDataSource(self, name: int) -> New:
        self.room()
        found = self.sources.get(self.text(name))
        if found is None or not found.referenced:
            raise Failed
        return New("source", found)

    def dataSourceSubscribe(self, source: int, type: int, priority: int, callback: int) -> int:
        target: Source = self.find(source, "source")
        if type not in (DATA, ARRAY, PACKET) or (type == ARRAY and not target.is_array):
            raise Failed
        if not self.has_callback or self.early:
            raise Failed
        signed = priority - (1 << 32) if priority >> 31 else priority
        subscribe(target, Subscription(type, signed, callback, source, phase=self.phase))
        return 0

    def dataSourceGetField(self, source: int, name: int) -> New:
        self.room()
        target: Source = self.find(source, "source")
        ignore = self.changed("field-lookup-ignores-case")
        found = target.find(self.text(name), ignore_case=ignore)
        if found is None:
            raise Failed
        return New("field", found)

    def dataSourceAddField(self, source: int, name: int, kind: int) -> New:
        self.room()
        target: Source = self.find(source, "source")
        text = self.text(name)
        if kind > LAST_KIND or any(item.name == text for item in target.fields):
            raise Failed
        return New("field", target.add(text, kind))

    def dataSourceNewPacketSingle(self, source: int) -> New:
        target: Source = self.find(source, "source")
        if target.is_array:
            raise Failed
        self.room()
        return New("single", Element.new(target, single=True))

    def dataSourceNewPacketArray(self, source: int) -> New:
        target: Source = self.find(source, "source")
        if not target.is_array:
            raise Failed
        self.room()
        return New("array", Array(target))

    def dataSourceEmitAndRelease(self, source: int, packet: int) -> int:
        target: Source = self.find(source, "source")
        item: Element | Array = self.find(packet, "single", "array")
        if self.changed("emit-drops-handle"):
            del self.handles[packet]
        if not self._emit(target, item):
            raise Failed
        return 0

    def dataSourceRelease(self, source: int, packet: int) -> int:
        self.find(source, "source")
        self.find(packet, "single", "array")
        if self.changed("release-drops-handle"):
            del self.handles[packet]
        return 0

    def dataSourceUnreference(self, source: int) -> int:
        self.find(source, "source").referenced = False
        return 0

    def dataSourceIsReferenced(self, source: int) -> int:
        return int(self.find(source, "source").referenced)

    # -- arrays

    def dataArrayNew(self, array: int) -> New:
        target: Array = self.find(array, "array")
        self.room()
        return New("data", Element.new(target.source, single=False))

    def dataArrayAppend(self, array: int, data: int) -> int:
        target: Array = self.find(array, "array")
        kind, item = self.handles.get(data, ("", None))
        if kind == "single" and self.quirk("append-single-packet"):
            raise Trapped
        if kind != "data":
            raise Failed
        if item.source is not target.source and not self.quirk("append-foreign-data"):
            raise Failed
        target.elements.append(item)
        if self.changed("append-drops-handle"):
            del self.handles[data]
        return 0

    def dataArrayRelease(self, array: int, data: int) -> int:
        self.find(array, "array")
        self.find(data, "single", "data")
        if self.changed("array-release-drops-handle"):
            del self.handles[data]
        return 0

    def dataArrayLen(self, array: int) -> int:
        return len(self.find(array, "array").elements)

    def dataArrayGet(self, array: int, index: int) -> int | New:
        target: Array = self.find(array, "array")
        if index >= len(target.elements):
            raise Failed
        if not self.changed("element-handles"):
            self.room()
            return New("data", target.elements[index])
        if index > INDEX_MOST:
            raise Failed
        return ELEMENT_BIT | index << INDEX_SHIFT | array

    # -- fields

    def fieldGet(self, field: int, data: int, kind: int) -> int:
        item, element = self._access(field, data)
        if kind in WIDTHS:
            return self.rules.scalar(item, element, kind)
        if kind not in (STRING, BYTES):
            raise Failed
        raw = self.rules.bytes_of(item, element)
        if kind == STRING and item.kind == CSTRING:
            raw = raw.partition(b"\0")[0]
        return self.give(raw)

    def fieldGetScalar(self, field: int, data: int, kind: int, error: int = 0) -> int:
        try:
            item, element = self._access(field, data)
            return self.rules.scalar(item, element, kind)
        except Failed:
            if error:
                self._report(error)
            if self.quirk("scalar-error-result"):
                return field
            raise

    def _report(self, error: int) -> None:
        if self.early:
            raise Trapped
        if not self.memory.holds(error, 4):
            raise Ended if self.quirk("error-pointer-outside") else Trapped
        self.memory.write(error, b"\1\0\0\0")

    def fieldGetBuffer(self, field: int, data: int, kind: int, destination: int) -> int:
        item, element = self._access(field, data)
        if kind not in (STRING, BYTES):
            raise Failed
        raw = self.rules.bytes_of(item, element)
        self.put(destination, raw)
        return len(raw)

    def fieldSet(self, field: int, data: int, kind: int, value: int) -> int:
        item, element = self._access(field, data)
        if kind in WIDTHS:
            self.rules.set_scalar(item, element, kind, value)
        elif kind in (STRING, BYTES):
            new = self.memory.read(value & U32, value >> 32)
            alias = kind == BYTES and not item.size and self.quirk("bytes-alias-memory")
            memory = self.memory
            self.rules.set_bytes(
                item, element, Alias(memory, value & U32, value >> 32, len(memory.data)) if alias else new
            )
        else:
            raise Failed
        return 0 if self.changed("field-set-returns-zero") else field

    def _access(self, field: int, data: int) -> tuple[Field, Element]:
        return self.find(field, "field"), self.data(data)

    def fieldAddTag(self, field: int, tag: int) -> int:
        self.find(field, "field")
        self.text(tag)
        return 0


def subscribe(source: Source, new: Subscription) -> None:
    """Add a subscription behind those of its priority. The list is replaced: deliveries under way keep theirs."""
    before = [s for s in source.subscriptions if s.priority <= new.priority]
    after = [s for s in source.subscriptions if s.priority > new.priority]
    source.subscriptions = [*before, new, *after]
