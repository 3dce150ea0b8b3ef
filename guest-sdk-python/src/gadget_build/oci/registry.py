"""Speak to a registry through oras.

oras has the protocol and knows credential helpers. What it leaves open is settled here: which way to log in, for what
a token is good, how long to wait for an answer, when to try again, and what to say when the registry refuses.
"""

from __future__ import annotations

import logging
import os
import ssl
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Final, Self
from urllib.parse import urlsplit

from gadget_abi import EmbedderError
from gadget_abi.commands.text import printable
from gadget_abi.oci import Descriptor
from gadget_build.oci.answers import explain, innermost, said
from gadget_build.oci.credentials import kept

__all__ = ["Registry"]

_WAITS: Final = (1, 4)  # seconds before the second and the third try
_BUSY: Final = {429, 500, 502, 503, 504}
_HUB: Final = {"docker.io": "registry-1.docker.io"}  # named so, and found there
_HUB_KEY: Final = "https://index.docker.io/v1/"  # under which docker keeps its credentials


class _BusyError(EmbedderError):
    """An answer that may be another one in a moment."""


class Registry:
    """A repository of a registry, ready to be pushed to; a context manager.

    Args:
        name: of the image, whole.
        insecure: speak HTTP instead of HTTPS.
        ca: certificates of authorities to trust instead of the usual ones.
        seconds: to wait for each answer.
        note: told what should be seen, such as a second try.

    Raises:
        EmbedderError: it is none, or does not let us in; from the methods: it refuses.
        ImportError: oras is not installed.
        Exception: it cannot be spoken with; explain() has the words.
    """

    def __init__(
        self, name: str, insecure: bool, ca: Path | None, seconds: float, note: Callable[[str], None]
    ) -> None:
        import oras.provider  # an extra of this distribution: gadget-sdk[push]

        self._verify = _authorities(ca)
        self._note = note
        logger = logging.getLogger("oras.logger")
        logger.handlers, logger.propagate = [_Notes(note)], False
        self._oras: Any = oras.provider.Registry(insecure=insecure, tls_verify=self._verify)
        self._container: Any = self._oras.get_container(name)
        self._named: str = self._container.registry
        self._container.registry = self._host = _HUB.get(self._named, self._named)
        self._session: Any = self._oras.session
        self._session.request = partial(self._session.request, timeout=seconds)
        self._session.auth = self._sign
        self._oras.do_request = self._request
        self._authorization = ""
        self._challenge = ""  # what the registry said of tokens
        self._source: Path | None = None  # of the credentials
        try:
            self._log_in()
        except BaseException:
            self._session.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._session.close()

    def blob(self, part: Descriptor, data: bytes) -> None:
        """Push a blob unless it is there."""
        with tempfile.NamedTemporaryFile() as file:  # oras takes paths
            file.write(data)
            file.flush()
            row = {"digest": part.digest, "size": part.size}
            self._patiently(lambda: self._oras.upload_blob(file.name, self._container, row))

    def manifest(self, part: Descriptor, data: bytes, reference: str) -> None:
        """Push a manifest or an index as it is; oras itself would write it anew, with another digest."""
        url = f"{self._oras.prefix}://{self._container.manifest_url(reference)}"
        headers = {"Content-Type": part.media_type}
        answer = self._patiently(lambda: self._request(url, "PUT", data=data, headers=headers))
        found = answer.headers.get("Docker-Content-Digest", part.digest)
        if found != part.digest:
            raise EmbedderError(f"the registry made {printable(found)} of {part.digest}")

    # ---- logging in

    def _log_in(self) -> None:
        """Find out what the registry asks for, and give it."""
        answer = self._ping()
        if answer.status_code == 401:
            challenge = answer.headers.get("Www-Authenticate", "")
            self._source = self._find_credentials()
            scheme = challenge.partition(" ")[0].lower()
            if scheme == "basic":
                self._log_in_by_password()
            elif scheme == "bearer":
                self._fetch_token(challenge)
            else:
                raise EmbedderError(
                    f"the registry asks for {printable(scheme) or 'nothing'}, not for credentials"
                )
        elif answer.status_code != 200:
            raise EmbedderError(f"no registry: GET /v2/ is answered with {said(answer)}")

    def _ping(self) -> Any:
        return self._session.request("GET", f"{self._oras.prefix}://{self._host}/v2/", verify=self._verify)

    def _find_credentials(self) -> Path | None:
        """Let oras look for the registry in the files there are; returns the one it found it in."""
        import oras.utils

        names = [_HUB_KEY] if self._named in _HUB else [*oras.utils.iter_localhosts(self._host)]
        for path, content in kept():
            self._oras.auth._auth_config = content  # oras itself reads one file only, in the home directory
            if any(self._oras.auth._load_auth(name) for name in names):
                return path
        return None

    @property
    def _secret(self) -> str | None:
        """User and password, as they are sent."""
        secret: str | None = getattr(self._oras.auth, "_basic_auth", None)
        return secret

    def _log_in_by_password(self) -> None:
        if self._source is None:
            raise EmbedderError(f"the registry asks for a password: docker login {self._named}")
        self._authorization = f"Basic {self._secret}"
        answer = self._ping()
        if answer.status_code != 200:
            raise EmbedderError(f"the registry refuses {self._who}: {said(answer)}")

    def _fetch_token(self, challenge: str) -> None:
        """Get a token that lets us push. (oras asks for what its first request needs, which is to read.)"""
        import oras.auth.utils

        wanted = oras.auth.utils.parse_auth_header(challenge)
        wanted.scope = f"repository:{self._container.api_prefix}:pull,push"
        if self._oras.prefix == "https" and (wanted.realm or "").startswith("http:"):
            raise EmbedderError(
                f"the registry would have credentials sent to {printable(wanted.realm)}, unencrypted"
            )
        self._authorization = ""  # the same host may give out the tokens
        token = self._oras.auth.request_token(wanted)
        if not token:
            hint = "" if self._source else f": docker login {self._named}"
            raise EmbedderError(f"the registry refuses {self._who}{hint}")
        self._authorization = f"Bearer {token}"
        self._challenge = challenge

    @property
    def _who(self) -> str:
        return f"the credentials in {self._source}" if self._source else "somebody without credentials"

    def _sign(self, request: Any) -> Any:
        """Say who we are to the registry, and to nobody it sends us on to."""
        if self._authorization and urlsplit(request.url).netloc == self._host:
            request.headers["Authorization"] = self._authorization
        return request

    # ---- requests

    def _patiently(self, action: Callable[[], Any]) -> Any:
        """Do it up to three times, as long as a connection breaks or the registry is busy."""
        for wait in _WAITS:
            try:
                return action()
            except _BusyError as error:
                reason = str(error)
            except OSError as error:
                if not isinstance(innermost(error), ConnectionError):
                    raise
                reason = explain(error)
            self._note(f"{self._host}: {reason}; trying again in {wait} s")
            time.sleep(wait)
        return action()

    def _request(
        self, url: str, method: str = "GET", data: Any = None, headers: Any = None, stream: bool = False
    ) -> Any:
        """In place of oras' own, which waits for ever, and two minutes more before it gives up."""
        send = partial(
            self._session.request, method, url, data=data, headers=headers, stream=stream, verify=self._verify
        )
        answer = send()
        if answer.status_code == 401 and self._challenge:  # a token lasts for minutes
            self._fetch_token(self._challenge)
            answer = send()
        if answer.status_code in _BUSY:
            raise _BusyError(f"the registry answers {said(answer)}")
        if answer.status_code in (401, 403):
            raise EmbedderError(f"the registry does not let {self._who} push there: {said(answer)}")
        if answer.status_code >= 400 and not (method == "HEAD" and answer.status_code == 404):
            raise EmbedderError(f"the registry refuses: {said(answer)}")
        return answer


class _Notes(logging.Handler):
    """What oras warns of, where it can be seen."""

    def __init__(self, note: Callable[[str], None]) -> None:
        super().__init__(logging.WARNING)
        self._note = note

    def emit(self, record: logging.LogRecord) -> None:
        self._note(printable(record.getMessage(), 500))


def _authorities(ca: Path | None) -> str | bool:
    """Whose certificates are trusted: a file of them, or those everybody trusts."""
    named = ca or os.environ.get("SSL_CERT_FILE")
    if not named:
        return True
    try:
        ssl.create_default_context(cafile=named)
    except ssl.SSLError:
        raise EmbedderError(f"{named}: no certificate in PEM in it") from None
    except OSError as error:
        raise EmbedderError(f"{named}: {error.strerror}") from None
    return str(named)
