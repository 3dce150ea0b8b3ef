"""The gadget's log: five levels, and arguments that are formatted only for a line that somebody wants."""

from ._abi import LogLevel
from ._host import host
from ._traceback import describe

__all__ = ["Log", "log"]


class Log:
    """The log, at ``gadget.log``: ``gadget.log.info("%s opened %d files", comm, count)``."""

    def error(self, message: str, *args: object) -> None:
        """Log at level error."""
        self.write(LogLevel.Error, message, *args)

    def warn(self, message: str, *args: object) -> None:
        """Log at level warn."""
        self.write(LogLevel.Warn, message, *args)

    def info(self, message: str, *args: object) -> None:
        """Log at level info."""
        self.write(LogLevel.Info, message, *args)

    def debug(self, message: str, *args: object) -> None:
        """Log at level debug."""
        self.write(LogLevel.Debug, message, *args)

    def trace(self, message: str, *args: object) -> None:
        """Log at level trace."""
        self.write(LogLevel.Trace, message, *args)

    def exception(self, error: BaseException, message: str = "", *args: object) -> None:
        """Log an exception with its traceback at level error, below a message if one is given."""
        head = [message % args if args else message] if message else []
        self.write(LogLevel.Error, "\n".join([*head, describe(error)]))

    def enabled(self, level: LogLevel) -> bool:
        """Whether a line of this level would be written. Where the host cannot tell (before v0.43): True."""
        return bool(host.gadget_should_log(LogLevel(level).value))

    def write(self, level: LogLevel, message: str, *args: object) -> None:
        """Log at a level.

        Args:
            level: ``gadget.LogLevel.Info`` and so on.
            message: with ``%`` directives if there are args.
            args: what they stand for; formatted only if the level is enabled.
        """
        number = LogLevel(level).value
        if host.gadget_should_log(number):
            text = message % args if args else str(message)
            host.gadget_log(number, text.encode("utf-8", "backslashreplace"))


log = Log()
