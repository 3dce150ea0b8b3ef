"""What is different between two releases or two modules, and whom it breaks."""

from gadget_abi.diff.model import KINDS, Diff, Difference, Step
from gadget_abi.diff.modules import ModuleDiff, diff_modules
from gadget_abi.diff.releases import diff_releases, restrict

__all__ = ["KINDS", "Diff", "Difference", "ModuleDiff", "Step", "diff_modules", "diff_releases", "restrict"]
