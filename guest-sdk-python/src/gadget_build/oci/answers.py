"""What a registry says, and the way there, in words."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
from typing import Any, Final

from gadget_abi.commands.text import printable

__all__ = ["explain", "innermost", "said"]

_INSECURE: Final = "--insecure speaks HTTP"
_CA: Final = "name the authority that signed it with --ca FILE, or in SSL_CERT_FILE"


def said(answer: Any) -> str:
    """What the registry says: by the OCI distribution spec codes and messages in JSON."""
    try:
        errors = json.loads(answer.text)["errors"]
        text = "; ".join(f"{error['code']}: {error.get('message', '')}" for error in errors)
    except (ValueError, LookupError, TypeError, AttributeError):
        text = " ".join(answer.text.split())
    return printable(f"{answer.status_code} {answer.reason} {text}".strip())


def innermost(error: BaseException) -> BaseException:
    """What all the others were raised from."""
    while inner := error.__cause__ or error.__context__:
        error = inner
    return error


def explain(error: BaseException) -> str:
    """Why there was no speaking with a registry, in a few words."""
    match innermost(error):
        case ssl.SSLCertVerificationError() as inner:
            return f"its certificate is not trusted ({inner.verify_message}); {_CA}"
        case ssl.SSLError() as inner:
            return f"it does not speak HTTPS ({inner.reason}); {_INSECURE}"
        case socket.gaierror():
            return "there is no such host"
        case TimeoutError():
            return "it does not answer in time"
        case ConnectionRefusedError():
            return "nobody listens there"
        case http.client.HTTPException() | ConnectionError() as inner:
            return f"the connection broke: {getattr(inner, 'strerror', None) or inner}"
        case OSError() as inner if inner.strerror:
            return inner.strerror
        case inner:
            return printable(str(inner) or type(inner).__name__)
