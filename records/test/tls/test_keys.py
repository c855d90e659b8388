"""Keys and certificates: what is made, what is renewed, and what is left alone."""

from __future__ import annotations

import ipaddress
import os
import stat
from datetime import timedelta

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID
from twisted.trial.unittest import SynchronousTestCase

from records.daemon.bootstrap import host_names
from records.runtime.files import write_private
from records.test.tls.tls_case import NAMES, NOW, KeysCase, signed
from records.tls.contexts import ServerTLS
from records.tls.keys import (
    CA_DAYS,
    RENEW_DAYS,
    SERVER_DAYS,
    can_be_certified,
    certificate_end,
    make_authority,
    make_certificate,
    prepare_keys,
    renewal_is_due,
)

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
END = NOW + SERVER_DAYS * DAY


class MadeTests(KeysCase):
    """What is made at the first start."""

    def mode(self, name: str = "") -> int:
        return stat.S_IMODE((self.files.folder / name).stat().st_mode)

    def test_files(self) -> None:
        """Four files are made for their owner's eyes only, whatever the umask, and no others."""
        self.addCleanup(os.umask, os.umask(0))
        self.assertTrue(self.prepare())
        self.assertEqual(self.mode(), 0o700)
        modes = {name: self.mode(name) for name in self.content()}
        self.assertEqual(
            modes, dict.fromkeys(("ca.crt", "ca.key", "server.crt", "server.key"), 0o600)
        )

    def test_once(self) -> None:
        """A second start changes nothing, whatever the names."""
        self.prepare()
        before = self.content()
        self.assertFalse(prepare_keys(self.files, ["other.example"], NOW + DAY))
        self.assertEqual(self.content(), before)

    def test_folder_of_a_checkout(self) -> None:
        """A folder that holds no keys yet is made private, and what else is in it stays."""
        for mode in (0o755, 0o775):
            folder = self.files.folder.with_name(f"keys{mode:o}")
            folder.mkdir()
            folder.chmod(mode)
            (folder / "README.md").write_bytes(b"made at the first start")
            self.files = type(self.files)(folder)
            self.prepare()
            self.assertEqual((self.mode(), len(self.content())), (0o700, 5))

    def test_server_certificate(self) -> None:
        """It is for the names and addresses, for a year, for servers only, and by our authority."""
        prepare_keys(self.files, [*NAMES, "records.example"], NOW)
        certificate = self.loaded(self.files.certificate)
        extensions = certificate.extensions
        names = extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        self.assertEqual(
            list(names),
            [
                x509.DNSName("records.example"),
                x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
                x509.IPAddress(ipaddress.ip_address("::1")),
            ],
        )
        start, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
        self.assertEqual((start, end), (NOW - HOUR, END))
        self.assertEqual(certificate_end(self.files), END)
        usage = extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        self.assertEqual(list(usage), [ExtendedKeyUsageOID.SERVER_AUTH])
        self.assertFalse(extensions.get_extension_for_class(x509.BasicConstraints).value.ca)
        certificate.verify_directly_issued_by(self.loaded(self.files.ca_certificate))

    def test_authority(self) -> None:
        """Our authority is for ten years, and can certify servers, not authorities."""
        self.prepare()
        certificate = self.loaded(self.files.ca_certificate)
        certificate.verify_directly_issued_by(certificate)
        start, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
        self.assertEqual((start, end), (NOW - HOUR, NOW + CA_DAYS * DAY))
        limits = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
        self.assertEqual((limits.critical, limits.value.ca), (True, True))
        self.assertEqual(limits.value.path_length, 0)
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
        self.assertEqual((usage.key_cert_sign, usage.digital_signature), (True, False))

    def test_keys(self) -> None:
        """Both keys are ECDSA on P-256, and new each time."""
        self.files.folder.mkdir()
        seen = set()
        for _ in range(2):
            make_authority(self.files, NOW)
            make_certificate(self.files, NAMES, NOW)
            for path in (self.files.ca_certificate, self.files.certificate):
                key = self.loaded(path).public_key()
                assert isinstance(key, ec.EllipticCurvePublicKey)
                self.assertIsInstance(key.curve, ec.SECP256R1)
                seen.add(key.public_numbers())
        self.assertEqual(len(seen), 4)

    def test_write_private(self) -> None:
        """A file is exchanged whole, and a draft left by a crash is in nobody's way."""
        self.prepare()
        draft = self.files.folder / ".server.key.new"
        draft.write_bytes(b"half of it, and long enough to show")
        draft.chmod(0o644)
        write_private(self.files.key, b"whole")
        self.assertEqual((self.files.key.read_bytes(), self.mode("server.key")), (b"whole", 0o600))
        self.assertFalse(draft.exists())


class RenewedTests(KeysCase):
    """Certificates that are about to end."""

    def setUp(self) -> None:
        super().setUp()
        self.prepare()
        self.before = self.content()

    def test_when(self) -> None:
        """One of our own is renewed when it has few days left, or none, and not before."""
        last = END - RENEW_DAYS * DAY
        for now, due in ((last - timedelta(seconds=1), False), (last, True), (END + DAY, True)):
            self.assertEqual(renewal_is_due(self.files, now), due, now)
        self.assertFalse(self.prepare(last - timedelta(seconds=1)))
        self.assertEqual(self.content(), self.before)

    def test_renewed(self) -> None:
        """The server gets a new key and certificate for another year; the authority stays."""
        now = END - RENEW_DAYS * DAY
        self.assertTrue(self.prepare(now))
        after = self.content()
        for name, content in self.before.items():
            self.assertEqual(after[name] == content, name.startswith("ca."), name)
        self.assertEqual(certificate_end(self.files), now + SERVER_DAYS * DAY)
        self.assertFalse(self.prepare(now))
        ServerTLS(self.files)

    def test_interrupted(self) -> None:
        """After a crash between the key and the certificate both are made anew."""
        now = END - RENEW_DAYS * DAY
        write_private(self.files.key, signed("records.example").key_bytes())
        self.assertTrue(self.prepare(now))
        ServerTLS(self.files)
        self.files.certificate.unlink()
        self.assertTrue(self.prepare(now))
        ServerTLS(self.files)

    def test_not_beyond_the_authority(self) -> None:
        """A certificate does not outlive the authority that signed it."""
        end = NOW + CA_DAYS * DAY
        self.assertTrue(self.prepare(end - 100 * DAY))
        self.assertEqual(certificate_end(self.files), end)

    def test_last_days_of_the_authority(self) -> None:
        """In our authority's last days, a certificate that would end no later is not made."""
        end = NOW + CA_DAYS * DAY
        self.assertTrue(self.prepare(end - RENEW_DAYS * DAY))
        before = self.content()
        for now in (end - RENEW_DAYS * DAY, end - DAY, end - timedelta(microseconds=1)):
            self.assertFalse(renewal_is_due(self.files, now))
            self.assertFalse(self.prepare(now))
        for now in (end, end + DAY):
            line = self.unusable(self.files.ca_certificate, prepare_keys, self.files, NAMES, now)
            self.assertIn("ended on 2035-12-30", line)
        self.assertEqual(self.content(), before)

    def test_authority_has_ended(self) -> None:
        """When our authority has come to its end, that is said in one line."""
        now = NOW + (CA_DAYS + 1) * DAY
        self.unusable(self.files.folder, prepare_keys, self.files, NAMES, now)
        self.assertEqual(self.content(), self.before)

    def test_company(self) -> None:
        """A company's own certificate is left alone, even when it has ended."""
        self.put(signed("records.example"))
        for with_ours in (True, False):
            if not with_ours:
                self.files.ca_certificate.unlink()
                self.files.ca_key.unlink()
            before = self.content()
            for now in (NOW, NOW + 9 * DAY, NOW + 100 * DAY):
                self.assertFalse(renewal_is_due(self.files, now))
                self.assertFalse(self.prepare(now))
            self.assertEqual(self.content(), before)


class NamesTests(SynchronousTestCase):
    """The names that a certificate is made for."""

    def test_can_be_certified(self) -> None:
        """Host names and addresses can stand in a certificate."""
        longest = ".".join(["a" * 63] * 3 + ["b" * 61])
        for name in ("localhost", "A-1.Example", "my_host", "xn--zrich-kva.ch", "3d", longest):
            self.assertTrue(can_be_certified(name), name)
        for name in ("127.0.0.1", "::1", "2001:db8::7"):
            self.assertTrue(can_be_certified(name), name)

    def test_cannot(self) -> None:
        """What a client would not take for a name cannot: it would refuse the certificate."""
        longest = ".".join(["a" * 63] * 3 + ["b" * 62])
        for name in (
            "",
            ".",
            "a..b",
            "a.",
            ".a",
            "a b",
            "a\n",
            "*",
            "*.example",
            longest,
            "a" * 64,
        ):
            self.assertFalse(can_be_certified(name), name)
        for name in ("zürich", "zürich.example", "example.中国", "k\u212a", "\udcff", "host٣"):
            self.assertFalse(can_be_certified(name), name)
        for number in ("123456789012", "1_000", "10.0.0.256", "host.7", "1.2.3"):
            self.assertFalse(can_be_certified(number), number)

    def test_of_this_machine(self) -> None:
        """Whatever this machine is called, a certificate can be made for it."""
        names = host_names()
        self.assertEqual(names[:3], ["localhost", "127.0.0.1", "::1"])
        self.assertTrue(all(map(can_be_certified, names)), names)
