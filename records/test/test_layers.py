"""The layers: each package imports only what the table in docs/architecture.md allows it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import NamedTuple

from twisted.trial.unittest import SkipTest, SynchronousTestCase

import records

ROOT = Path(records.__file__).parent
DOCUMENT = ROOT.parent / "docs" / "architecture.md"

PURE = {"model", "api", "operations"}
"""Packages without effects: no clock, randomness, file, thread or socket."""

EFFECTS = {
    "twisted",
    "apsw",
    "sqlite3",
    "time",
    "random",
    "secrets",
    "os",
    "socket",
    "ssl",
    "OpenSSL",
    "threading",
    "subprocess",
    "pathlib",
    "io",
    "asyncio",
    "logging",
    "sys",
    "shutil",
    "tempfile",
}
CLOCK_READS = {"now", "today", "utcnow"}
SQL_DRIVERS = {"apsw", "sqlite3", "psycopg"}
COMPOSITION = {"tap", "admin", "testing"}
"""Where a store and a catalogue are chosen; everything else gets them passed."""

_ROW = re.compile(r"^\| (\d) \| `records/([a-z]+)(?:/|\.py)` \|[^|]*\|[^|]*\|([^|]*)\|$", re.M)


class Package(NamedTuple):
    """A row of the table: the layer, and the packages that may be imported."""

    layer: int
    imports: frozenset[str]


@cache
def table() -> Mapping[str, Package]:
    """The table of docs/architecture.md, by package."""
    if not DOCUMENT.exists():
        raise SkipTest("docs/architecture.md is not here: the package is installed without it")
    return {
        name: Package(int(layer), frozenset(re.findall(r"`([a-z]+)`", imports)))
        for layer, name, imports in _ROW.findall(DOCUMENT.read_text("utf-8"))
    }


def package_of(module: str) -> str:
    """The package of a module, by its name below `records`; "" for `records` itself."""
    return module.partition(".")[0]


@cache
def modules() -> Mapping[str, ast.Module]:
    """Every module by its name below `records`, parsed. Read only."""
    found = {}
    for path in sorted(ROOT.rglob("*.py")):
        parts = list(path.relative_to(ROOT).with_suffix("").parts)
        if parts[-1] == "__init__":
            parts.pop()
        found[".".join(parts)] = ast.parse(path.read_text("utf-8"))
    return found


def product() -> Iterator[str]:
    """Every module that is not a test."""
    return (module for module in modules() if package_of(module) != "test")


def statements(tree: ast.AST) -> Iterator[ast.AST]:
    """All nodes of a module, except those that only the type checker sees."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
            continue
        yield node
        yield from statements(node)


def imports(tree: ast.Module, known: set[str]) -> set[str]:
    """The full names of the modules that a module imports."""
    found = set()
    for node in statements(tree):
        if isinstance(node, ast.Import):
            found |= {each.name for each in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            source = node.module or ""
            for each in node.names:
                whole = f"{source}.{each.name}"
                ours = whole.removeprefix("records.") in known and source.startswith("records")
                found.add(whole if ours else source)
    return found


@cache
def imported() -> Mapping[str, set[str]]:
    """What each module imports."""
    trees = modules()
    known = set(trees)
    return {name: imports(tree, known) for name, tree in trees.items()}


def ours(module: str) -> set[str]:
    """Which of our modules a module imports, by their names below `records`."""
    return {
        each.removeprefix("records").removeprefix(".")
        for each in imported()[module]
        if each.split(".")[0] == "records"
    } - {""}


PREDECESSOR = ("client.imports.predecessor", "daemon.former_accounts")
"""Read another program's databases: files to import, and no stores."""


class LayersTests(SynchronousTestCase):
    """The source, parsed and not run."""

    def test_every_package_is_in_the_table(self) -> None:
        """The table has each package, and no other."""
        found = {package_of(module) for module in product()} - {"", "testing"}
        self.assertEqual(set(table()), found)

    def test_imports_go_down(self) -> None:
        """The table allows imports from lower layers only."""
        for name, package in table().items():
            for other in package.imports:
                self.assertLess(table()[other].layer, package.layer, f"{name} imports {other}")

    def test_imports_are_allowed(self) -> None:
        """Each package imports exactly the packages that its row of the table names."""
        found: dict[str, set[str]] = {name: set() for name in table()}
        for module in product():
            package = package_of(module)
            if package in found:
                found[package] |= {package_of(other) for other in ours(module)} - {package}
        for name, row in table().items():
            self.assertEqual(found[name], row.imports, f"records.{name}")

    def test_pure_packages_have_no_effects(self) -> None:
        """The model, the protocol's forms and the operations import nothing that has effects."""
        wrong = []
        for module in product():
            if package_of(module) in PURE:
                for other in imported()[module]:
                    if other.split(".")[0] in EFFECTS:
                        wrong.append(f"records.{module} imports {other}")
        self.assertEqual(wrong, [])

    def test_pure_packages_read_no_clock(self) -> None:
        """Nor do they ask `datetime` for the time."""
        for module, tree in modules().items():
            if package_of(module) in PURE:
                for node in statements(tree):
                    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                        self.assertNotIn(node.func.attr, CLOCK_READS, f"records.{module}")

    def test_sql_stays_in_its_store(self) -> None:
        """Only a package in `store` has an SQL driver; only it and `COMPOSITION` import it."""
        stores = {
            f"store.{path.name}"
            for path in (ROOT / "store").iterdir()
            if (path / "__init__.py").exists()
        }
        for module in product():
            own = ".".join(module.split(".")[:2])
            drivers = {each.split(".")[0] for each in imported()[module]} & SQL_DRIVERS
            if module not in PREDECESSOR:
                self.assertFalse(drivers and own not in stores, f"records.{module}")
            used = {".".join(other.split(".")[:2]) for other in ours(module)} & stores
            if package_of(module) not in COMPOSITION:
                self.assertLessEqual(used, {own}, f"records.{module}")

    def test_catalogue_is_passed(self) -> None:
        """Only `COMPOSITION` names the standard fields; everything else gets a catalogue passed."""
        for module, tree in modules().items():
            if package_of(module) in COMPOSITION | {"test"} or module == "model.fields":
                continue
            for node in ast.walk(tree):
                if isinstance(node, ast.ImportFrom) and node.module == "records.model.fields":
                    names = {each.name for each in node.names}
                    self.assertNotIn("STANDARD", names, f"records.{module}")

    def test_no_cycles(self) -> None:
        """No modules import each other in a cycle."""
        state: dict[str, str] = {}

        def visit(module: str, path: tuple[str, ...]) -> None:
            self.assertNotEqual(state.get(module), "under way", " -> ".join((*path, module)))
            if module in state:
                return
            state[module] = "under way"
            for other in ours(module) & modules().keys():
                visit(other, (*path, module))
            state[module] = "done"

        for module in product():
            visit(module, ())

    def test_no_product_imports_tests(self) -> None:
        """Nothing but tests imports what is there for tests."""
        for module in product():
            if module != "testing":
                for other in ours(module):
                    self.assertNotIn(package_of(other), ("test", "testing"), f"records.{module}")


class FilesTests(SynchronousTestCase):
    """What the files alone show."""

    def test_length(self) -> None:
        """No module is longer than 450 lines."""
        for path in ROOT.rglob("*.py"):
            count = len(path.read_text("utf-8").splitlines())
            self.assertLessEqual(count, 450, f"{path.relative_to(ROOT)}: make two of it")

    def test_docstrings(self) -> None:
        """Each module says what it owns."""
        for module, tree in modules().items():
            self.assertTrue(ast.get_docstring(tree), f"records.{module}")

    def test_tests_mirror_packages(self) -> None:
        """The tests of a package are in the folder of the same name in `records/test/`."""
        packages = {package_of(module) for module in product()}
        for path in (ROOT / "test").iterdir():
            if path.is_dir() and path.name != "__pycache__":
                self.assertIn(path.name, packages)

    def test_plugin_folders(self) -> None:
        """twisted/ and twisted/plugins/ hold no __init__.py, which would hide Twisted itself."""
        for folder in ("twisted", "twisted/plugins"):
            self.assertFalse(
                (ROOT.parent / folder / "__init__.py").exists() and not self.installed()
            )

    def installed(self) -> bool:
        """Whether the package lies beside Twisted itself, whose __init__.py is then its own."""
        return (ROOT.parent / "twisted" / "internet").exists()

    def test_async_tests_run(self) -> None:
        """No SynchronousTestCase has an async test, which would pass without running."""
        asynchronous = {"TestCase"}
        for module, tree in modules().items():
            if package_of(module) != "test":
                continue
            for node in ast.walk(tree):
                if isinstance(node, ast.ClassDef):
                    bases = {ast.unparse(base).split(".")[-1] for base in node.bases}
                    for each in node.body:
                        if isinstance(each, ast.AsyncFunctionDef) and each.name.startswith("test"):
                            self.assertTrue(bases & asynchronous, f"{module}.{node.name}")
