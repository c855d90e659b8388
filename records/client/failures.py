"""Why the daemon cannot be reached or trusted: a sentence with what to do next.

Turns exceptions of Twisted, OpenSSL and service-identity into `Unreachable`, with details of the
refused certificate. Makes no connection, and does not decide what is trusted:
`records.tls.contexts.client_tls` does.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path

import msgspec
from cryptography import x509
from OpenSSL import SSL
from service_identity import VerificationError
from twisted.internet import error
from twisted.internet.interfaces import IOpenSSLClientConnectionCreator
from twisted.protocols.tls import TLSMemoryBIOProtocol
from zope.interface import implementer

from records.client.render import safe_text
from records.client.screen import Unreachable

_LOCAL = ("localhost", "127.0.0.1", "::1")
_NOT_VERIFIED = "certificate verify failed"
# The error of OpenSSL for an answer that is not a TLS record.
_NO_TLS = ("wrong version number", "packet length too long", "record layer failure", "http request")


class Place(msgspec.Struct, frozen=True):
    """The address of a daemon, and the file of the authority that it is known by."""

    host: str
    port: int
    ca_file: Path

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return safe_text(f"{host}:{self.port}")


@implementer(IOpenSSLClientConnectionCreator)
class WatchedTLS:
    """Wraps a connection creator, and keeps its connection to be looked at afterwards.

    Nothing is set on the connection: Twisted verifies the name in the callback of OpenSSL that
    reports faults, so another callback would switch that off.
    """

    def __init__(self, inner: IOpenSSLClientConnectionCreator) -> None:
        self._inner = inner
        self._connection: SSL.Connection | None = None

    def clientConnectionForTLS(self, tlsProtocol: TLSMemoryBIOProtocol) -> SSL.Connection:
        """See `IOpenSSLClientConnectionCreator`."""
        self._connection = self._inner.clientConnectionForTLS(tlsProtocol)
        return self._connection

    def certificate(self) -> x509.Certificate | None:
        """The certificate of the other end, valid or not; None if there was none."""
        chain = self._connection.get_peer_cert_chain() if self._connection is not None else None
        return chain[0].to_cryptography() if chain else None


def names_in(certificate: x509.Certificate) -> list[str]:
    """The host names and addresses of a certificate."""
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return []
    return [
        safe_text(str(each.value))
        for each in names
        if isinstance(each, x509.DNSName | x509.IPAddress)
    ]


def explain(  # noqa: PLR0911  one a reason
    reason: BaseException, place: Place, certificate: x509.Certificate | None, now: datetime
) -> Unreachable:
    """Why there is no connection to this place.

    certificate: of the other end, if it was received. now: with its time zone.
    """
    match reason:
        case Unreachable():
            return reason
        case VerificationError():
            return _wrong_name(place, certificate)
        case SSL.Error() if any(_NOT_VERIFIED in word for word in _words(reason)):
            return _bad_certificate(place, certificate, now)
        case SSL.Error():
            return _no_tls(place, _words(reason))
        case error.ConnectionRefusedError():
            return Unreachable(f"No daemon listens at {place}. {_start_it(place)}")
        case error.DNSLookupError() | UnicodeError():
            return Unreachable(
                f"There is no host named {safe_text(place.host)}. Check --host.", lasting=True
            )
        case error.TimeoutError() | error.TCPTimedOutError() | TimeoutError():
            return Unreachable(f"{place} does not answer. Check --host, --port and the network.")
        case error.ConnectionClosed():
            return Unreachable(
                f"{place} closed the connection before it was secure. Check --host and --port; "
                "the daemon's log may say why."
            )
    why = safe_text(str(reason)) or type(reason).__name__
    return Unreachable(f"{place} cannot be reached: {why}")


def _start_it(place: Place) -> str:
    if place.host in _LOCAL:
        return 'Start it with "twistd -n records".'
    return 'Check --host and --port, or start it there with "twistd -n records".'


def _listed(words: Iterable[str]) -> str:
    return ", ".join(words) or "no host at all"


def _wrong_name(place: Place, certificate: x509.Certificate | None) -> Unreachable:
    host = safe_text(place.host)
    names = "" if certificate is None else f" is for {_listed(names_in(certificate))}, and"
    return Unreachable(
        f"Wrong name: the certificate of {place}{names} is not for {host}. Give --host a name "
        f"that it is for, or give the daemon a certificate for {host}.",
        lasting=True,
    )


def _bad_certificate(
    place: Place, certificate: x509.Certificate | None, now: datetime
) -> Unreachable:
    if certificate is not None and now > certificate.not_valid_after_utc:
        why = (
            f"Expired: the certificate of {place} ended on "
            f"{certificate.not_valid_after_utc:%Y-%m-%d}. Have the daemon's certificate renewed "
            "(one of its own making is renewed when it starts), or check this computer's date."
        )
    elif certificate is not None and now < certificate.not_valid_before_utc:
        why = (
            f"Not valid yet: the certificate of {place} begins on "
            f"{certificate.not_valid_before_utc:%Y-%m-%d}. Check this computer's date."
        )
    else:
        why = (
            f"Unknown authority: the certificate of {place} was not issued by the one in "
            f"{safe_text(str(place.ca_file))}. Give the daemon's own ca.crt with --ca. If it is "
            "that one already, somebody else may be answering in the daemon's place: tell "
            "whoever runs it."
        )
    return Unreachable(why, lasting=True)


def _words(reason: SSL.Error) -> list[str]:
    """The last part of each of OpenSSL's errors."""
    told = reason.args[0] if reason.args and isinstance(reason.args[0], list) else []
    return [str(each[-1]) for each in told if isinstance(each, tuple) and each]


def _no_tls(place: Place, words: Sequence[str]) -> Unreachable:
    if any(sign in word for sign in _NO_TLS for word in words):
        return Unreachable(
            f"What listens at {place} does not speak TLS. Check --host and --port.", lasting=True
        )
    why = safe_text("; ".join(words)) or "TLS could not be agreed on"
    return Unreachable(f"No secure connection with {place}: {why}.", lasting=True)
