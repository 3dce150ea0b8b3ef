"""Images of gadgets: what `ig` imports and runs."""

from gadget_build.oci.package import PackageResult, package

__all__ = ["PackageResult", "package"]
