"""Keys and certificates with which the daemon does not start, and what its operator is reported."""

from __future__ import annotations

from datetime import datetime, timedelta

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from records.model.errors import Unusable
from records.test.tls.tls_case import NAMES, NOW, KeysCase, pem, signed
from records.tls.keys import SERVER_DAYS, certificate_end, prepare_keys


class RefusedTests(KeysCase):
    """Files with which the daemon does not start."""

    def setUp(self) -> None:
        super().setUp()
        self.prepare()

    def leave(self, *names: str) -> dict[str, bytes]:
        """Take all files away except these."""
        for path in self.all():
            if path.name not in names:
                path.unlink(missing_ok=True)
        return self.content()

    def prepare_again(self) -> None:
        self.leave()
        self.prepare()

    def refused(self, now: datetime = NOW) -> str:
        before = self.content()
        line = self.unusable(self.files.folder, prepare_keys, self.files, NAMES, now)
        self.assertEqual(self.content(), before)
        return line

    def test_exposed(self) -> None:
        """Keys that others can read or change are refused, with what to do about it."""
        files = self.files
        for path, private, modes in (
            (files.key, 0o600, (0o640, 0o604, 0o620, 0o602, 0o601, 0o666)),
            (files.ca_key, 0o600, (0o640, 0o604, 0o777)),
            (files.folder, 0o700, (0o720, 0o702, 0o777)),
        ):
            for mode in modes:
                path.chmod(mode)
                line = self.unusable(path, prepare_keys, files, NAMES, NOW)
                self.assertIn(f"chmod {private:o} {path}", line)
                self.assertIn(f"{mode:04o}", line)
            path.chmod(private)
        self.assertFalse(self.prepare())

    def test_not_exposed(self) -> None:
        """Stricter modes are fine, and so are certificates and a folder that others may read."""
        self.files.key.chmod(0o400)
        self.files.certificate.chmod(0o644)
        self.files.folder.chmod(0o755)
        self.assertFalse(self.prepare())

    def test_part_of_the_server(self) -> None:
        """A certificate without its key is refused, and nothing is made."""
        self.leave("ca.crt", "ca.key", "server.crt")
        self.refused()
        self.leave("server.crt")
        self.refused()

    def test_part_of_the_authority(self) -> None:
        """An authority without its key or certificate is refused, and nothing is made."""
        self.leave("ca.crt")
        self.refused()
        self.prepare_again()
        self.leave("ca.key", "server.key")
        self.refused()

    def test_cut_off(self) -> None:
        """A first start that was cut off after the authority's key is begun anew."""
        self.leave("ca.key")
        self.assertTrue(self.prepare())
        self.assertFalse(self.prepare())

    def test_lone_key(self) -> None:
        """A company's key that waits for its certificate is never overwritten."""
        self.leave("server.key")
        line = self.refused()
        self.assertIn(str(self.files.key), line)
        self.assertIn(str(self.files.certificate), line)

    def test_authority_elsewhere(self) -> None:
        """Whoever keeps the authority's key elsewhere can go on with the server's files."""
        for names in (("ca.crt", "server.crt", "server.key"), ("server.crt", "server.key")):
            self.leave(*names)
            self.assertFalse(self.prepare())

    def test_corrupt_certificate(self) -> None:
        """A certificate that is none is refused by its name."""
        whole = self.files.certificate.read_bytes()
        for content in (
            b"",
            b"x",
            whole[:100],
            whole.replace(b"M", b"!"),
            self.files.key.read_bytes(),
        ):
            self.files.certificate.write_bytes(content)
            self.refused()
            self.unusable(self.files.certificate, certificate_end, self.files)

    def test_corrupt_authority(self) -> None:
        """An authority whose certificate or key cannot be used is refused by its name."""
        other = signed("other authority", is_authority=True)
        not_elliptic = rsa.generate_private_key(65537, 2048).private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
        )
        self.leave("ca.crt", "ca.key")
        for path, contents in (
            (self.files.ca_certificate, (b"", b"x", self.files.ca_key.read_bytes())),
            (self.files.ca_key, (b"", b"x", pem(other.certificate), not_elliptic)),
            (self.files.ca_key, (other.key_bytes(b"secret"),)),
        ):
            whole = path.read_bytes()
            for content in contents:
                path.write_bytes(content)
                self.assertIn(str(path), self.refused())
            path.write_bytes(whole)
        self.assertTrue(self.prepare())

    def test_authority_of_two_halves(self) -> None:
        """An authority's key that does not belong to its certificate signs nothing."""
        self.leave("ca.crt", "ca.key")
        self.files.ca_key.write_bytes(signed("other authority").key_bytes())
        self.refused()

    def test_corrupt_authority_at_renewal(self) -> None:
        """So it is when a certificate is due."""
        self.files.ca_certificate.write_bytes(b"x")
        self.refused(NOW + SERVER_DAYS * timedelta(days=1))

    def test_names(self) -> None:
        """A name that cannot stand in a certificate is refused in a line that shows it."""
        self.leave()
        error = self.assertRaises(Unusable, prepare_keys, self.files, ["zürich.example"], NOW)
        self.assertIn("zürich.example", str(error))
        self.assertEqual(self.content(), {})
