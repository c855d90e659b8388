"""A session that is kept between commands, and profiles."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from records.client.arguments import parse_options
from records.client.cli import Command, Exit
from records.client.kept_session import KeptSession, Unsafe, kept_fields
from records.test.client.client_case import PASSWORD
from records.test.client.test_cli import CommandCase


class KeptCase(CommandCase):
    """Commands that share a place for their session."""

    def setUp(self) -> None:
        super().setUp()
        self.place = Path(self.mktemp())
        self.kept = KeptSession.of("work", "h", 1, {"XDG_STATE_HOME": str(self.place)})

    def run_command(self, *argv: str, password: str = "") -> Exit:
        out, err = io.StringIO(), io.StringIO()
        options = parse_options([*argv])
        command = Command(options, self.records, out.write, err.write, 100, kept=self.kept)
        code = self.successResultOf(Deferred.fromCoroutine(command.run(password)))
        self.out, self.err = out.getvalue(), err.getvalue()
        self.assertIsNone(self.records.session)
        return code

    def log_in(self) -> None:
        code = self.run_command("login", "--user", "tess", password=PASSWORD)
        self.assertEqual(code, Exit.DONE, self.err)


class LoginTests(KeptCase):
    """`records login` and `records logout`."""

    def test_life(self) -> None:
        """A session is kept, used by commands without a password, and ended."""
        self.assertEqual(self.run_command("whoami"), Exit.NOT_AUTHENTICATED)
        self.assertIn("records login", self.err)
        self.log_in()
        self.assertIn("Logged in as tess (hr).", self.out)
        self.assertNotIn(self.kept.token("tess") or "?", self.out.split())
        self.assertEqual(self.kept.path.stat().st_mode & 0o777, 0o600)
        self.assertEqual(self.kept.path.parent.stat().st_mode & 0o777, 0o700)
        for _ in range(2):
            self.assertEqual(self.run_command("employee", "get", "1"), Exit.DONE, self.err)
        fields = kept_fields({"XDG_STATE_HOME": str(self.place)})
        self.assertEqual(fields["status"], ["active", "on_leave", "left"])
        self.assertEqual(kept_fields({"XDG_STATE_HOME": "nowhere"}), {})
        self.assertEqual(self.run_command("logout"), Exit.DONE, self.err)
        self.assertFalse(self.kept.path.exists())
        self.assertIsNone(self.records.kept_token)
        self.assertEqual(self.run_command("logout"), Exit.NOT_AUTHENTICATED)

    def test_ended(self) -> None:
        """An ended session is forgotten, and the user told to log in again."""
        self.log_in()
        self.records.kept_token = None
        self.assertEqual(self.run_command("whoami"), Exit.NOT_AUTHENTICATED)
        self.assertIn("Your session has ended. Log in again: records login.", self.err)
        self.assertFalse(self.kept.path.exists())
        self.log_in()
        self.records.kept_token = None
        self.assertEqual(self.run_command("--user", "tess", "whoami", password=PASSWORD), Exit.DONE)
        self.log_in()
        self.records.kept_token = None
        self.assertEqual(self.run_command("logout"), Exit.DONE)

    def test_first_password(self) -> None:
        """A password for the first login only is not enough for commands."""
        self.records.must_change = True
        code = self.run_command("login", "--user", "tess", password=PASSWORD)
        self.assertEqual(code, Exit.PERMISSION_DENIED)
        self.assertFalse(self.kept.path.exists())

    def test_unsafe(self) -> None:
        """A file that others can read is not used; one that cannot be written is told."""
        self.log_in()
        self.kept.path.chmod(0o644)
        self.assertEqual(self.run_command("whoami"), Exit.REFUSED)
        self.assertIn("can be read by others", self.err)
        self.kept.forget()
        self.kept.path.mkdir()
        code = self.run_command("login", "--user", "tess", password=PASSWORD)
        self.assertEqual(code, Exit.REFUSED)
        self.assertIn("cannot be written", self.err)
        names = {each.name for each in self.kept.path.parent.iterdir()}
        self.assertEqual(names, {"work.session", "fields.json"})


class KeptSessionTests(SynchronousTestCase):
    """The file."""

    def kept(self, profile: str = "p", host: str = "h", port: int = 1) -> KeptSession:
        return KeptSession.of(profile, host, port, {"XDG_STATE_HOME": self.place})

    def setUp(self) -> None:
        self.place = self.mktemp()

    def test_meant(self) -> None:
        """A token is for one daemon, one user and one profile."""
        self.kept().keep("ann", "secret")
        self.assertEqual(self.kept().token("ann"), "secret")
        self.assertEqual(self.kept().token(None), "secret")
        self.assertIsNone(self.kept().token("bo"))
        self.assertIsNone(self.kept(host="other").token("ann"))
        self.assertIsNone(self.kept(port=2).token("ann"))
        self.assertIsNone(self.kept(profile="other").token("ann"))

    def test_damaged(self) -> None:
        """A file that is none of ours is no session, nor is a link to one."""
        kept = self.kept("../../p")
        self.assertEqual(kept.path.parent, Path(self.place) / "records")
        kept.keep("ann", "secret")
        kept.path.write_text("{}")
        self.assertIsNone(kept.token("ann"))
        self.kept().path.symlink_to(kept.path)
        self.assertIsNone(self.kept().token("ann"))
        self.assertNotIn("secret", repr(kept))
        self.assertTrue(issubclass(Unsafe, Exception))


class ProfileTests(SynchronousTestCase):
    """Profiles in config.toml."""

    def options(self, content: str, *argv: str, **environment: str) -> object:
        folder = Path(self.mktemp())
        (folder / "records").mkdir(parents=True)
        (folder / "records" / "config.toml").write_text(content)
        return parse_options(argv, {"XDG_CONFIG_HOME": str(folder), **environment})

    def told(self, *args: str, **environment: str) -> tuple[object, ...]:
        found = self.options(*args, **environment)
        return tuple(vars(found)[name] for name in ("profile", "host", "port", "user", "region"))

    def test_chosen(self) -> None:
        """A profile is chosen by option, by variable or as the default; options win."""
        content = (
            'default = "a"\n[a]\nhost = "a.example"\nregion = "de"\n[b]\nport = 9\nuser = "ann"\n'
        )
        a, b = ("a", "a.example", 7443, None, "DE"), ("b", "localhost", 9, "ann", None)
        self.assertEqual(self.told(content), a)
        self.assertEqual(self.told(content, "--profile", "b"), b)
        self.assertEqual(self.told(content, "whoami", "--profile", "b"), b)
        self.assertEqual(self.told(content, RECORDS_PROFILE="b"), b)
        self.assertEqual(self.told(content, "--host", "x")[1], "x")
        self.assertEqual(self.told(""), ("default", "localhost", 7443, None, None))
        found = self.options('[a]\nca = "~/x.crt"\n', "--profile", "a")
        self.assertEqual(vars(found)["ca"], Path("~/x.crt").expanduser())

    def test_wrong(self) -> None:
        """What is wrong is told with the file and the key, and ends with 2."""
        for content, argv, expected in (
            ("[a", (), "config.toml"),
            ("default = 1", (), "default must be"),
            ("", ("--profile", "b"), "no profile b"),
            ("[a]\nzz = 1", ("--profile", "a"), "zz"),
            ("[a]\nhost = 1", ("--profile", "a"), "host"),
            ("[a]\nport = 99999", ("--profile", "a"), "port"),
            ('[a]\nregion = "ZZ"', ("--profile", "a"), "region"),
            ("a = 1", ("--profile", "a"), "profile a"),
        ):
            written = io.StringIO()
            with contextlib.redirect_stderr(written):
                ended = self.assertRaises(SystemExit, self.options, content, *argv)
            self.assertEqual(ended.code, 2)
            self.assertIn(expected, written.getvalue())
