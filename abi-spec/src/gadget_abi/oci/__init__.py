"""Images of gadgets: what is in them, how they are named, how one is read from a tar, and what gadget.yaml may say."""

from gadget_abi.oci.image import Image, Platform, read_image
from gadget_abi.oci.layout import Descriptor, Layout, is_tar
from gadget_abi.oci.metadata import MetadataProblem, metadata_problems
from gadget_abi.oci.names import full_name

__all__ = [
    "Descriptor",
    "Image",
    "Layout",
    "MetadataProblem",
    "Platform",
    "full_name",
    "is_tar",
    "metadata_problems",
    "read_image",
]
