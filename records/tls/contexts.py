"""TLS: the settings of all connections, and which servers a client trusts.

`records.tls.keys` owns the files. Knows nothing of the data inside. The settings follow Mozilla's
"intermediate" guideline without its finite-field (DHE) suites
(https://wiki.mozilla.org/Security/Server_Side_TLS): TLS 1.2 with forward secrecy, and 1.3.
"""

from __future__ import annotations

from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from OpenSSL import SSL, crypto
from twisted.internet.interfaces import (
    IOpenSSLClientConnectionCreator,
    IOpenSSLServerConnectionCreator,
)
from twisted.internet.ssl import (
    AcceptableCiphers,
    Certificate,
    CertificateOptions,
    TLSVersion,
    optionsForClientTLS,
    trustRootFromCertificates,
)
from twisted.protocols.tls import TLSMemoryBIOProtocol
from zope.interface import implementer

from records.model.errors import Unusable
from records.tls.keys import KeyFiles, is_key_of, load_certificates, load_key, refuse_exposed

CIPHERS = AcceptableCiphers.fromOpenSSLCipherString(
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
    "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305:"
    "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"
)

_KINDS = (
    ec.EllipticCurvePrivateKey,
    ed25519.Ed25519PrivateKey,
    ed448.Ed448PrivateKey,
    rsa.RSAPrivateKey,
)
"""The kinds of keys that these suites can use."""


def _server_context(files: KeyFiles) -> SSL.Context:
    """The settings of a server's connections, with the present files. Raises `Unusable`."""
    refuse_exposed(files)
    chain = load_certificates(files.certificate)
    key = load_key(files.key)
    if not is_key_of(key, chain[0]):
        raise Unusable(
            f"{files.key} is not the key of {files.certificate}. Put in place the two that belong "
            "together; the server's certificate comes first in its file."
        )
    unfit = Unusable(
        f"{files.certificate} or its key is of a kind that TLS cannot use, or too weak. "
        "Have one made for ECDSA on P-256, or RSA with 2048 bits or more."
    )
    if not isinstance(key, _KINDS):
        raise unfit
    options = CertificateOptions(
        privateKey=crypto.PKey.from_cryptography_key(key),
        certificate=crypto.X509.from_cryptography(chain[0]),
        extraCertChain=[crypto.X509.from_cryptography(each) for each in chain[1:]],
        acceptableCiphers=CIPHERS,
        raiseMinimumTo=TLSVersion.TLSv1_2,
    )
    try:
        context = options.getContext()
    except SSL.Error:
        raise unfit from None
    context.set_options(SSL.OP_NO_COMPRESSION | SSL.OP_NO_RENEGOTIATION)
    return context


@implementer(IOpenSSLServerConnectionCreator)
class ServerTLS:
    """TLS settings for new connections. `reload` affects only later connections.

    Raises `Unusable` if the files cannot be used.
    """

    def __init__(self, files: KeyFiles) -> None:
        self._files = files
        self._context = _server_context(files)

    def reload(self) -> None:
        """Read the files again. Raises `Unusable`, and then keeps the present settings."""
        self._context = _server_context(self._files)

    def serverConnectionForTLS(
        self,
        tlsProtocol: TLSMemoryBIOProtocol,
    ) -> SSL.Connection:
        """See `IOpenSSLServerConnectionCreator`."""
        return SSL.Connection(self._context, None)


def client_tls(hostname: str, ca_file: Path) -> IOpenSSLClientConnectionCreator:
    """TLS settings of a client, which verifies the chain and the name `hostname`, always.

    ca_file: PEM certificates of the trusted authorities. Raises `Unusable`.
    """
    try:
        trusted = [
            Certificate(crypto.X509.from_cryptography(each))
            for each in x509.load_pem_x509_certificates(ca_file.read_bytes())
        ]
    except FileNotFoundError:
        raise Unusable(
            f"There is no {ca_file}. Name the daemon's ca.crt with --ca, or start the client "
            "where the daemon's keys/ folder is."
        ) from None
    except (OSError, ValueError):
        raise Unusable(f"{ca_file} cannot be read as a certificate in PEM form.") from None
    creator: IOpenSSLClientConnectionCreator = optionsForClientTLS(
        hostname,
        trustRoot=trustRootFromCertificates(trusted),
        extraCertificateOptions={
            "acceptableCiphers": CIPHERS,
            "raiseMinimumTo": TLSVersion.TLSv1_2,
        },
    )
    return creator
