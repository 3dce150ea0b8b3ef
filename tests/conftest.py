"""What holds for all tests."""

import signal

# A shell starts jobs in the background with SIGINT ignored, and so would every process the tests start. They send
# it to commands that are meant to be run in a terminal.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
