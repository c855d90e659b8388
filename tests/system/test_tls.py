"""TLS as other programs meet it: what is refused, whom a client trusts, and renewal."""

from __future__ import annotations

import shutil
import signal
import socket
import ssl
import subprocess
import threading
import time
import warnings

from tests.authority import Authority, install, new_key, serial_of
from tests.daemon_case import PASSWORD, Daemon, DaemonCase, end_process, until
from tests.wire import WAIT

OPENSSL = shutil.which("openssl")
VERSIONS = {
    "tls1": ssl.TLSVersion.TLSv1,
    "tls1_1": ssl.TLSVersion.TLSv1_1,
    "tls1_2": ssl.TLSVersion.TLSv1_2,
    "tls1_3": ssl.TLSVersion.TLSv1_3,
}
GOOD = "ECDHE-RSA-AES128-GCM-SHA256"
CBC = "ECDHE-RSA-AES128-SHA:ECDHE-RSA-AES256-SHA384:ECDHE-RSA-AES128-SHA256"
WITHOUT_SECRECY = "AES128-GCM-SHA256:AES256-GCM-SHA384:AES128-SHA"


def offer(daemon: Daemon, version: str, ciphers: str = "ALL:@SECLEVEL=0") -> str:
    """What comes of a handshake that offers no more than this: a description in words.

    By openssl's own client where there is one, and by Python's otherwise.
    """
    if OPENSSL is None:
        return _offer_by_python(daemon, version, ciphers)
    where = ["-connect", f"127.0.0.1:{daemon.port}", "-comp", f"-{version}"]
    chosen = [] if version == "tls1_3" else ["-cipher", ciphers]
    done = subprocess.run(
        [OPENSSL, "s_client", *where, *chosen],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        timeout=WAIT,
        check=False,
    )
    return done.stdout + done.stderr


def _offer_by_python(daemon: Daemon, version: str, ciphers: str) -> str:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.options &= ~ssl.OP_NO_COMPRESSION
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # old versions are what is tried
        context.minimum_version = context.maximum_version = VERSIONS[version]
    context.set_ciphers(ciphers)
    with socket.create_connection(("127.0.0.1", daemon.port), WAIT) as raw:
        try:
            with context.wrap_socket(raw) as tls:
                name, spoken, _ = tls.cipher() or ("", "", 0)
                compressed = tls.compression() or "NONE"
                return f"New, {spoken}, Cipher is {name}\nCompression: {compressed}"
        except ssl.SSLError as error:
            return f"Cipher is (NONE)\n{str(error).lower().replace('_', ' ')}"


class HandshakeTests(DaemonCase):
    """What the daemon agrees to, with the certificate of RSA that allows the most."""

    def start_with_rsa(self) -> Daemon:
        """A daemon that has a certificate for an RSA key."""
        daemon = self.make_daemon()
        key = new_key(of_rsa=True)
        root = Authority()
        install(daemon.folder / "keys", key, root.server(key, ["localhost"]))
        daemon.start()
        return daemon

    def test_versions(self) -> None:
        """TLS 1.0 and 1.1 are refused; 1.2 and 1.3 are spoken, and nothing is compressed."""
        daemon = self.start_with_rsa()
        for version in ("tls1", "tls1_1"):
            told = offer(daemon, version)
            self.assertIn("alert protocol version", told)
            self.assertIn("Cipher is (NONE)", told)
        for version, spoken in (("tls1_2", "New, TLSv1.2, "), ("tls1_3", "New, TLSv1.3, ")):
            told = offer(daemon, version)
            self.assertIn(spoken, told)
            self.assertNotIn("Cipher is (NONE)", told)
            self.assertIn("Compression: NONE", told)

    def test_suites(self) -> None:
        """Suites that are not AEAD, or keep no forward secrecy, are refused."""
        daemon = self.start_with_rsa()
        for bad in (CBC, WITHOUT_SECRECY, "DHE-RSA-AES128-GCM-SHA256"):
            told = offer(daemon, "tls1_2", f"{bad}:@SECLEVEL=0")
            self.assertIn("alert handshake failure", told, bad)
            self.assertIn("Cipher is (NONE)", told, bad)
        self.assertIn(f"Cipher is {GOOD}", offer(daemon, "tls1_2", f"{CBC}:{GOOD}"))

    def test_own_suites(self) -> None:
        """With a certificate of its own making the daemon is as strict."""
        daemon = self.start_daemon()
        told = offer(daemon, "tls1_2", "ECDHE-ECDSA-AES128-SHA:ECDHE-ECDSA-AES256-SHA384")
        self.assertIn("alert handshake failure", told)
        self.assertIn("Cipher is ECDHE-ECDSA-", offer(daemon, "tls1_2"))

    def test_no_renegotiation(self) -> None:
        """A peer that wants to negotiate anew on an open connection is refused."""
        if OPENSSL is None:
            self.skipTest("there is no openssl program, and Python cannot renegotiate")
        daemon = self.start_daemon()
        client = subprocess.Popen(
            [OPENSSL, "s_client", "-connect", f"127.0.0.1:{daemon.port}", "-tls1_2"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
        )
        self.addCleanup(end_process, client)
        limit = threading.Timer(WAIT, client.kill)  # or else a client that says nothing is awaited
        limit.start()
        self.addCleanup(limit.cancel)
        assert client.stdin is not None
        assert client.stdout is not None
        self.addCleanup(client.stdout.close)
        for line in client.stdout:
            if "Extended master secret" in line:  # of the last lines that it says by itself
                break
        time.sleep(0.2)  # it takes a command only where that stands alone in what it has read
        client.stdin.write("R\n")
        client.stdin.flush()
        told = ""
        for line in client.stdout:
            told += line
            if "no renegotiation" in line:
                break
        client.stdin.close()
        self.assertIn("RENEGOTIATING", told)
        self.assertIn("no renegotiation", told)
        self.assertEqual(self.connect(daemon).ask("server.info")["name"], "records")

    def test_plain_text(self) -> None:
        """What speaks no TLS gets no answer that could be of use to it."""
        daemon = self.start_daemon()
        with socket.create_connection(("127.0.0.1", daemon.port), WAIT) as plain:
            plain.sendall(b'{"jsonrpc":"2.0","method":"server.info","id":1}\n')
            said = b""
            try:
                while piece := plain.recv(4096):
                    said += piece
            except ConnectionResetError:
                pass
        self.assertNotIn(b"jsonrpc", said)
        self.assertLess(len(said), 32)  # an alert at the most
        self.assertEqual(self.connect(daemon).ask("server.info")["name"], "records")


class TrustTests(DaemonCase):
    """Whom the client speaks with."""

    is_ahead = True

    def refused(self, daemon: Daemon, *options: str) -> str:
        """What the client says as it refuses to go on: in words, and after asking nothing secret"""
        done = self.run_client(daemon, ["admin", PASSWORD, "q"], *options)
        self.assertEqual(done.returncode, 1)
        said = done.stdout + done.stderr
        self.assertNotIn("Traceback", said)
        self.assertNotIn("Logged in", said)
        return said

    def test_wrong_name(self) -> None:
        """A certificate for another name is refused, and both names are reported."""
        daemon = self.make_daemon()
        root, key = Authority(), new_key()
        chain = root.server(key, ["hr.example.com"])
        install(daemon.folder / "keys", key, chain, authority=root.certificate)
        daemon.start()
        said = self.refused(daemon, "--ca", "keys/company.crt")
        self.assertIn("Wrong name: ", said)
        self.assertIn("is for hr.example.com, and is not for localhost", said)

    def test_unknown_authority(self) -> None:
        """A daemon that is known by another authority is not spoken with."""
        daemon, other = self.start_daemon(), self.start_daemon()
        said = self.refused(daemon, "--ca", str(other.ca))
        self.assertIn("Unknown authority: ", said)
        self.assertIn("--ca", said)

    def test_no_authority(self) -> None:
        """Without the authority's file the client says which one it wants."""
        said = self.refused(self.start_daemon(), "--ca", "nowhere/ca.crt")
        self.assertIn("There is no nowhere/ca.crt", said)

    def test_nobody_listens(self) -> None:
        """Where nobody listens the client says how the daemon is started."""
        daemon = self.start_daemon()
        daemon.stop()
        self.assertIn("twistd -n records", self.refused(daemon))

    def test_company_certificate(self) -> None:
        """A company's own certificate, signed by way of another, is used and left alone."""
        daemon = self.make_daemon()
        root, key = Authority(), new_key(of_rsa=True)
        between = root.under("Example Issuing Authority")
        chain = [between.server(key, ["localhost", "127.0.0.1"]), between.certificate]
        keys = daemon.folder / "keys"
        install(keys, key, *chain, authority=root.certificate)
        before = (keys / "server.crt").read_bytes()
        daemon.start()
        daemon.ca = keys / "company.crt"
        self.admin(daemon)
        done = self.run_client(daemon, ["admin", PASSWORD, "f", "", "q"], "--ca", str(daemon.ca))
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertIn("There are no employees yet.", done.stdout)
        self.assertEqual((keys / "server.crt").read_bytes(), before)
        self.assertFalse((keys / "ca.key").exists())


class RenewalTests(DaemonCase):
    """A certificate is exchanged while the daemon runs."""

    is_ahead = True

    def send_hangup(self, daemon: Daemon, sign: str) -> None:
        """Have the certificate loaded, and wait for what the log says of it."""
        seen = len(daemon.log)
        daemon.signal(signal.SIGHUP)
        until(lambda: sign in daemon.log[seen:], f"the log says: {sign}")

    def test_renewed(self) -> None:
        """At a SIGHUP new connections get the new certificate, and none that is open is dropped."""
        daemon = self.start_daemon()
        wire = self.admin(daemon)
        before = serial_of(wire.socket.getpeercert(binary_form=True))
        keys, key = daemon.folder / "keys", new_key()
        renewed = Authority.of_daemon(keys).server(key, ["localhost", "127.0.0.1"])
        self.assertNotEqual(renewed.serial_number, before)
        install(keys, key, renewed)
        self.send_hangup(daemon, "Certificate loaded")
        after = self.connect(daemon)
        self.assertEqual(
            serial_of(after.socket.getpeercert(binary_form=True)), renewed.serial_number
        )
        self.assertEqual(after.ask("server.info")["name"], "records")
        self.assertEqual(wire.ask("employee.list")["employees"], [])

    def test_cannot_be_used(self) -> None:
        """A renewed certificate that cannot be used is told in the log, and the old one stays."""
        daemon = self.start_daemon()
        before = serial_of(self.connect(daemon).socket.getpeercert(binary_form=True))
        keys = daemon.folder / "keys"
        other = Authority.of_daemon(keys).server(new_key(), ["localhost"])
        install(keys, new_key(), other)
        self.send_hangup(daemon, "The certificate stays as it was: ")
        wire = self.connect(daemon)
        self.assertEqual(serial_of(wire.socket.getpeercert(binary_form=True)), before)
