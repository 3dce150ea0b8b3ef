"""Write an OCI image layout: documents and blobs into one tar, the same bytes for the same content.

oci-layout
index.json                    names of images -> image index
blobs/sha256/<digest>         image index, manifests, gadget.yaml, modules, eBPF objects
"""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gadget_abi.oci.names import ARTIFACT, INDEX, MANIFEST, REF_NAME

__all__ = ["LayoutWriter"]

Row = dict[str, Any]
"""A descriptor as JSON."""


@dataclass
class LayoutWriter:
    """What becomes a tar.

    Args:
        epoch: seconds since 1970 that all files in the tar are dated.
    """

    epoch: int
    _blobs: dict[str, bytes] = field(default_factory=dict)
    _images: list[Row] = field(default_factory=list)

    def blob(self, media_type: str, data: bytes) -> Row:
        """Add bytes; returns their descriptor."""
        digest = hashlib.sha256(data).hexdigest()
        self._blobs[digest] = data
        return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(data)}

    def manifest(
        self, architecture: str, config: Row, layers: Sequence[Row], annotations: Mapping[str, str]
    ) -> Row:
        """Add the manifest of an architecture, its annotations on its config as well."""
        document = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "artifactType": ARTIFACT,
            "config": {**config, "annotations": dict(annotations)},
            "layers": list(layers),
            "annotations": dict(annotations),
        }
        platform = {"architecture": architecture, "os": "linux"}
        return {
            **self.blob(MANIFEST, _json(document)),
            "annotations": dict(annotations),
            "platform": platform,
        }

    def image(self, manifests: Sequence[Row], annotations: Mapping[str, str], names: Sequence[str]) -> Row:
        """Add the index over the manifests, under all these names."""
        document = {
            "schemaVersion": 2,
            "mediaType": INDEX,
            "manifests": list(manifests),
            "annotations": dict(annotations),
        }
        row = self.blob(INDEX, _json(document))
        self._images += [{**row, "annotations": {**annotations, REF_NAME: name}} for name in names]
        return row

    def tar(self) -> bytes:
        """The layout."""
        index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": self._images}
        files = {"oci-layout": _json({"imageLayoutVersion": "1.0.0"}), "index.json": _json(index)}
        files |= {f"blobs/sha256/{digest}": data for digest, data in sorted(self._blobs.items())}
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as tar:
            for name, data in files.items():
                tar.addfile(self._entry(name, len(data)), io.BytesIO(data))
        return out.getvalue()

    def _entry(self, name: str, size: int) -> tarfile.TarInfo:
        entry = tarfile.TarInfo(name)  # of nobody in particular, 0644
        entry.size, entry.mtime = size, self.epoch
        return entry


def _json(document: Row) -> bytes:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
