"""What there is to say about a gadget before it is run: its image, module, parameters and data sources."""

from gadget_host.inspect.facts import Facts, inspect

__all__ = ["Facts", "inspect"]
