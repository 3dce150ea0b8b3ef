"""The standard library's logging, into the gadget's log.

    import logging
    import gadget.logging

    logging.basicConfig(handlers=[gadget.logging.Handler()], level=logging.DEBUG)

Imported only by those who want it: logging takes its share of the 16 MiB a gadget has.
"""

import logging

from ._abi import LogLevel
from ._log import log

__all__ = ["Handler"]


class Handler(logging.Handler):
    """Sends every record to the gadget's log, at the level nearest to its own; below DEBUG is trace."""

    def emit(self, record: logging.LogRecord) -> None:
        """Send a record."""
        try:
            text = self.format(record)
            log.write(_level(record.levelno), text)
        except Exception:
            self.handleError(record)


def _level(number: int) -> LogLevel:
    for lowest, level in (
        (logging.ERROR, LogLevel.Error),
        (logging.WARNING, LogLevel.Warn),
        (logging.INFO, LogLevel.Info),
        (logging.DEBUG, LogLevel.Debug),
    ):
        if number >= lowest:
            return level
    return LogLevel.Trace
