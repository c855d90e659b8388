"""The layers: each module is in one, and imports only from those that it may."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

import records

ROOT = Path(records.__file__).parent

GROUND = {
    "errors",
    "values",
    "fields",
    "employee",
    "access",
    "accounts",
    "audit",
    "history",
    "query",
    "messages",
    "wire",
    "boundaries",
}
ADAPTERS = {
    "cred",
    "eager",
    "sparing",
    "gathering",
    "turns",
    "hashing",
    "hasher",
    "passwords",
    "throttle",
    "conversation",
    "pending",
    "protocol",
    "keys",
    "tls",
    "faults",
    "files",
    "forked",
    "parcels",
    "pace",
    "patience",
    "attendance",
}
EDGE = {"bootstrap", "service", "tap", "admin"}
TESTS = {"testing"}

# What no effect comes out of: the ground knows of no clock, chance, file, thread or wire.
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
TELLS_THE_TIME = {"now", "today", "utcnow"}

# layer -> the layers from which it may import
MAY_IMPORT = {
    "ground": {"ground"},
    "policy": {"ground", "policy"},
    "adapters": {"ground", "policy", "adapters"},
    "edge": {"ground", "policy", "adapters", "edge", "root"},
    "client": {"ground", "client", "tls", "root"},
    "tests": {"ground", "policy", "adapters", "edge", "client", "tests", "tls", "root"},
    "root": set(),
}


def layer_of(module: str) -> str:
    """The layer of a module, by its name below `records`."""
    first, _, rest = module.partition(".")
    if not first:
        return "root"
    if first in ("operations", "client", "test"):
        return {"operations": "policy", "client": "client", "test": "tests"}[first]
    if first == "store":
        return "adapters"
    if not rest:
        for names, layer in (
            (GROUND, "ground"),
            (ADAPTERS, "adapters"),
            (EDGE, "edge"),
            (TESTS, "tests"),
        ):
            if first in names:
                return layer
    raise LookupError(
        f"records.{module} is in no layer: list it in {Path(__file__).name}, in the one it is for"
    )


@cache
def modules() -> Mapping[str, ast.Module]:
    """Every module of the package by its name below `records`, as a tree that is read only."""
    found = {}
    for path in sorted(ROOT.rglob("*.py")):
        parts = list(path.relative_to(ROOT).with_suffix("").parts)
        if parts[-1] == "__init__":
            parts.pop()
        found[".".join(parts)] = ast.parse(path.read_text("utf-8"))
    return found


def statements(tree: ast.AST) -> Iterator[ast.AST]:
    """All nodes of a module, but for what is there for the type checker only."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
            continue
        yield node
        yield from statements(node)


def imports(tree: ast.Module, known: set[str]) -> set[str]:
    """The full names of what a module imports, those of ours as modules."""
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


class LayersTests(SynchronousTestCase):
    """The whole package, read and not run."""

    def setUp(self) -> None:
        self.trees = modules()
        self.imports = imported()

    def ours(self, module: str) -> set[str]:
        """Which of our modules a module imports, by their names below `records`."""
        return {
            each.removeprefix("records").removeprefix(".")
            for each in self.imports[module]
            if each.split(".")[0] == "records"
        }

    def test_every_module_is_in_a_layer(self) -> None:
        """Each module is in exactly one layer, and each layer's names are different ones."""
        for module in self.trees:
            layer_of(module)
        self.assertEqual(
            len(GROUND | ADAPTERS | EDGE | TESTS), sum(map(len, (GROUND, ADAPTERS, EDGE, TESTS)))
        )
        self.assertLessEqual(GROUND, set(self.trees))
        with self.assertRaisesRegex(LookupError, "list it"):
            layer_of("utilities")

    def test_direction(self) -> None:
        """No module imports from a layer that it must not know."""
        wrong = []
        for module in self.trees:
            layer = layer_of(module)
            for other in self.ours(module):
                allowed = MAY_IMPORT[layer]
                if layer_of(other) not in allowed and not (other == "tls" and "tls" in allowed):
                    wrong.append(f"records.{module} ({layer}) imports records.{other}")
        self.assertEqual(wrong, [])

    def test_ground_has_no_effects(self) -> None:
        """The ground and the policy import nothing that acts on the world or asks it."""
        wrong = []
        for module in self.trees:
            if layer_of(module) in ("ground", "policy"):
                for other in self.imports[module]:
                    if other.split(".")[0] in EFFECTS:
                        wrong.append(f"records.{module} imports {other}")
        self.assertEqual(wrong, [])

    def test_ground_asks_no_clock(self) -> None:
        """Nor do they ask `datetime` what time it is."""
        for module, tree in self.trees.items():
            if layer_of(module) in ("ground", "policy"):
                for node in statements(tree):
                    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                        self.assertNotIn(node.func.attr, TELLS_THE_TIME, f"records.{module}")

    def test_no_sql_outside_the_store(self) -> None:
        """Only the store imports an SQL driver."""
        for module in self.trees:
            if layer_of(module) not in ("tests",) and not module.startswith("store"):
                drivers = {each.split(".")[0] for each in self.imports[module]}
                self.assertFalse(drivers & {"apsw", "sqlite3", "psycopg"}, f"records.{module}")

    def test_no_circles(self) -> None:
        """No modules of the ground, or of the policy, import each other in a circle."""
        state: dict[str, str] = {}

        def visit(module: str, path: tuple[str, ...]) -> None:
            self.assertNotEqual(state.get(module), "under way", " -> ".join((*path, module)))
            if module in state:
                return
            state[module] = "under way"
            for other in self.ours(module):
                if other in self.trees and layer_of(other) in ("ground", "policy"):
                    visit(other, (*path, module))
            state[module] = "done"

        for module in self.trees:
            if layer_of(module) in ("ground", "policy"):
                visit(module, ())

    def test_no_reaching_into_tests(self) -> None:
        """Nothing but tests imports what is there for tests."""
        for module in self.trees:
            if layer_of(module) != "tests":
                for other in self.ours(module):
                    self.assertNotEqual(layer_of(other), "tests", f"records.{module}")


class FilesTests(SynchronousTestCase):
    """What can be told from the files alone."""

    def test_length(self) -> None:
        """No module is longer than 450 lines."""
        for path in ROOT.rglob("*.py"):
            count = len(path.read_text("utf-8").splitlines())
            self.assertLessEqual(count, 450, f"{path.relative_to(ROOT)}: make two of it")

    def test_docstrings(self) -> None:
        """Each module says what it owns."""
        for module, tree in modules().items():
            self.assertTrue(ast.get_docstring(tree), f"records.{module}")

    def test_plugin_folders(self) -> None:
        """twisted/ and twisted/plugins/ hold no __init__.py, which would hide Twisted itself."""
        for folder in ("twisted", "twisted/plugins"):
            self.assertFalse(
                (ROOT.parent / folder / "__init__.py").exists() and not self.installed()
            )

    def installed(self) -> bool:
        """Whether the package lies beside Twisted itself, whose __init__.py is then its own."""
        return (ROOT.parent / "twisted" / "internet").exists()

    def test_no_async_test_runs_unseen(self) -> None:
        """No SynchronousTestCase has an async test, which would pass without running."""
        asynchronous = {"TestCase"}
        for module, tree in modules().items():
            if not module.startswith("test"):
                continue
            for node in ast.walk(tree):
                if isinstance(node, ast.ClassDef):
                    bases = {ast.unparse(base).split(".")[-1] for base in node.bases}
                    for each in node.body:
                        if isinstance(each, ast.AsyncFunctionDef) and each.name.startswith("test"):
                            self.assertTrue(bases & asynchronous, f"{module}.{node.name}")
