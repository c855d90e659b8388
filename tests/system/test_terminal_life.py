"""The client at a terminal when something comes in between: keys, signals, others, restarts."""

from __future__ import annotations

import signal

import apsw

from records.test.samples import form
from tests.daemon_case import PASSWORD, STOPPED, until
from tests.terminal_case import MENU, TerminalCase

ADA = {"given_name": "Ada", "family_name": "Byron", "title": "Analyst"}
TO_COUNTESS = ["", *form(title="Countess")]
"""All fields, and the answers to a form in which only the title changes."""


class KeysTests(TerminalCase):
    """Ctrl-C and Ctrl-D, and the keys with which a line is edited."""

    def test_interrupt(self) -> None:
        """Ctrl-C gives up what is being typed or asked, and there is a prompt again."""
        daemon = self.start_daemon()
        wire = self.admin(daemon)
        terminal = self.logged_in(daemon)
        terminal.type("half a ch\x03")
        terminal.expect(MENU)
        terminal.enter("a", "", "Ada")
        terminal.expect("Family name (")
        terminal.type("\x03")
        terminal.expect("Given up.", MENU)
        terminal.enter("f", "")
        terminal.expect("There are no employees yet.", MENU)
        self.assertEqual(wire.ask("employee.list")["employees"], [])

    def test_end_of_input(self) -> None:
        """Ctrl-D leaves the client, and the terminal is as it was before."""
        daemon = self.start_daemon()
        self.admin(daemon)
        terminal = self.logged_in(daemon)
        self.assertNotEqual(terminal.modes, terminal.modes_before)
        terminal.type("\x04")
        self.assertEqual(terminal.exit_code(), 0)
        self.check_restored(terminal)

    def test_leave_a_form(self) -> None:
        """Ctrl-D in the midst of a form leaves as well, says so, and changes nothing."""
        daemon = self.start_daemon()
        wire = self.admin(daemon)
        terminal = self.logged_in(daemon)
        terminal.enter("a", "", "Ada", "Byron")
        terminal.expect("Middle name (")
        terminal.type("\x04")
        self.assertEqual(terminal.exit_code(), 0)
        self.assertIn("Left before this was done.", terminal.shown)
        self.check_restored(terminal)
        self.assertEqual(wire.ask("employee.list")["employees"], [])

    def test_interrupted_login(self) -> None:
        """Ctrl-C at the password leaves, for there is no menu to go back to."""
        terminal = self.sit_down(self.start_daemon())
        terminal.expect("Username: ")
        terminal.enter("admin")
        terminal.expect("Password: ")
        terminal.type("half a pass\x03")
        self.assertEqual(terminal.exit_code(), 1)
        self.assertNotIn("half", terminal.shown)
        self.check_restored(terminal)

    def test_edited(self) -> None:
        """What is typed can be corrected, in any language, and earlier choices called back."""
        daemon = self.start_daemon()
        wire = self.admin(daemon)
        wire.ask("employee.add", employee={**ADA, "family_name": "Økland"})
        terminal = self.logged_in(daemon)
        terminal.enter("f x山田\x7f\x7f\x1b[D\x1b[3~Økland")  # backspace, left, delete
        terminal.expect("Ada Økland", "1 employee.", MENU)
        terminal.enter("\x1b[A")
        terminal.expect("Ada Økland", "1 employee.", MENU)
        self.check_harmless(terminal)


class SignalTests(TerminalCase):
    """However the client ends, the terminal is as it was."""

    is_measured = True

    def test_terminated(self) -> None:
        """SIGTERM ends the client at the menu or in a question; the terminal is restored."""
        daemon = self.start_daemon()
        self.admin(daemon)
        for number, keys in ((signal.SIGTERM, ""), (signal.SIGTERM, "p\r"), (signal.SIGHUP, "")):
            terminal = self.logged_in(daemon)
            terminal.type(keys)
            if keys:
                terminal.expect("Current password: ")
            terminal.process.send_signal(number)
            self.assertEqual(terminal.exit_code(), 1)
            self.check_restored(terminal)
            self.assertNotIn("Traceback", terminal.shown)


class OthersTests(TerminalCase):
    """Two people at once."""

    def test_seen_by_the_other(self) -> None:
        """What one changes, the other sees at the next look."""
        daemon = self.start_daemon()
        self.admin(daemon).ask("employee.add", employee={**ADA, "id": 1})
        one, other = self.logged_in(daemon), self.logged_in(daemon)
        other.enter("s 1")
        other.expect("Analyst", MENU)
        one.enter("c 1", *TO_COUNTESS, "y")
        one.expect("Saved.", MENU)
        other.enter("s 1")
        other.expect("(revision 2)", "Countess", MENU)

    def test_conflict(self) -> None:
        """Who saves on top of another's change sees both versions first, and then decides."""
        daemon = self.start_daemon()
        wire = self.admin(daemon)
        wire.ask("employee.add", employee={**ADA, "id": 1})
        terminal = self.logged_in(daemon)
        terminal.enter("c 1", *TO_COUNTESS)
        terminal.expect("Save these changes? [y/N]: ")
        change = {"title": "Mathematician", "department": "Engines"}
        wire.ask("employee.update", id=1, revision=1, changes=change)
        terminal.enter("y")
        terminal.expect("has changed since you saw it", "Yours", "Now")
        terminal.expect("Countess", "Mathematician", "Engines")
        terminal.expect("Apply your changes to the current version?")
        terminal.enter("r")
        terminal.expect("Saved.", "(revision 3)", MENU)
        found = wire.ask("employee.get", id=1)["employee"]
        self.assertEqual((found["title"], found["department"]), ("Countess", "Engines"))


class RestartTests(TerminalCase):
    """The daemon goes away and comes back."""

    def test_restart(self) -> None:
        """A restart at the menu is not noticed: the next command works without another login."""
        daemon = self.start_daemon()
        wire = self.admin(daemon)
        wire.ask("employee.add", employee=ADA)
        wire.close()
        terminal = self.logged_in(daemon)
        self.assertEqual(daemon.stop(), STOPPED)
        daemon.start()
        terminal.enter("f", "")
        shown = terminal.expect("Ada Byron", "1 employee.", MENU)
        self.assertNotIn("assword", shown)
        daemon.kill()
        daemon.start()
        terminal.enter("c 1", *TO_COUNTESS, "y")
        shown = terminal.expect("Saved.", MENU)
        self.assertNotIn("assword", shown)

    def test_while_asking(self) -> None:
        """A command that finds no daemon waits for it to come back, and is then done once."""
        daemon = self.start_daemon()
        wire = self.admin(daemon)
        wire.ask("employee.add", employee={**ADA, "id": 1})
        terminal = self.logged_in(daemon)
        terminal.enter("c 1", *TO_COUNTESS)
        terminal.expect("Save these changes? [y/N]: ")
        daemon.kill()
        terminal.enter("y")
        terminal.expect("The connection to the daemon was lost. Trying again...")
        daemon.start()
        terminal.expect("Connected again.", "Saved.", "(revision 2)", MENU)

    def test_gone(self) -> None:
        """Ctrl-C gives up waiting for a daemon that does not come back; the menu stays."""
        daemon = self.start_daemon()
        self.admin(daemon)
        terminal = self.logged_in(daemon)
        daemon.kill()
        terminal.enter("f", "")
        terminal.expect("Trying again...")
        terminal.type("\x03")
        terminal.expect("Given up.", MENU)
        terminal.enter("q")
        self.assertEqual(terminal.exit_code(), 0)
        self.check_restored(terminal)


class HarmlessTests(TerminalCase):
    """What is in a record does nothing to the terminal."""

    def test_escape_sequences(self) -> None:
        """Sequences that got into the database some other way are shown, and not obeyed."""
        daemon = self.start_daemon()
        wire = self.admin(daemon)
        wire.ask("employee.add", employee={**ADA, "id": 1})
        wire.close()
        daemon.stop()
        evil = "\x1b]0;owned\x07\x1b[2J\x9b31m\x00\u202eback\rover"
        connection = apsw.Connection(str(daemon.folder / "data" / "records.sqlite"))
        connection.execute("UPDATE employees SET title = ?, family_name = ?", (evil, evil))
        connection.close()
        daemon.start()
        for colour in (True, False):
            terminal = self.logged_in(daemon, colour=colour)
            terminal.enter("f", "")
            terminal.expect("\\x1b]0;owned", "1 employee.", MENU)
            terminal.enter("s 1")
            terminal.expect("\\x1b]0;owned\\x07\\x1b[2J\\x9b31m\\x00\\u202eback\\rover", MENU)
            terminal.enter("d 1")
            terminal.expect("to delete Ada \\x1b]0;owned")
            terminal.enter("no")
            terminal.expect("Nobody was deleted.", MENU)
            self.check_harmless(terminal)
            terminal.enter("q")
            self.assertEqual(terminal.exit_code(), 0)
        done = self.run_client(daemon, ["admin", PASSWORD, "f", "", "s 1", "q"])
        self.assertIn("\\x1b]0;owned", done.stdout)
        self.assertEqual(set(done.stdout) & set("\x1b\x07\x9b\x00\u202e\r"), set())

    def test_log_in_again(self) -> None:
        """A session that has ended is begun again by password, and the form is not lost."""
        daemon = self.start_daemon()
        wire = self.admin(daemon)
        wire.ask("employee.add", employee={**ADA, "id": 1})
        wire.close()
        terminal = self.logged_in(daemon)
        terminal.enter("c 1", *TO_COUNTESS)
        terminal.expect("Save these changes? [y/N]: ")
        daemon.stop()
        connection = apsw.Connection(str(daemon.folder / "data" / "records.sqlite"))
        connection.execute("DELETE FROM sessions")  # as an hour's pause would
        connection.close()
        daemon.start()
        terminal.enter("y")
        terminal.expect("Your session has ended. Log in again.", "Password of admin: ")
        terminal.enter(PASSWORD)
        terminal.expect("Saved.", "Countess", MENU)
        until(lambda: terminal.shown.count("Saved.") == 1, "it is saved once")
