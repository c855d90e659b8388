"""What was measured, as text and as JSON, with the facts of the machine."""

from __future__ import annotations

import os
import platform
import ssl
from collections.abc import Sequence
from dataclasses import asdict, is_dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from statistics import median

import apsw

from bench.promises import Spread, Verdict, figure
from bench.speed import Rates

_PACKAGES = [
    "records-daemon",
    "twisted",
    "pyopenssl",
    "cryptography",
    "apsw",
    "msgspec",
    "bcrypt",
    "fastapi",
    "uvicorn",
    "uvloop",
    "pydantic",
]


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text("ascii", "replace").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor()


def machine() -> dict[str, object]:
    """Where and with what this was measured."""
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "cores": len(os.sched_getaffinity(0)),
        "processor": _processor(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "system": platform.platform(),
        "load_before": os.getloadavg()[0],
        "python": platform.python_version(),
        "openssl": ssl.OPENSSL_VERSION,
        "sqlite": apsw.sqlite_lib_version(),
        "versions": {name: found for name in _PACKAGES if (found := _version(name))},
    }


def rates_table(rates: Rates) -> str:
    """Every rate, beside the echo's."""
    head = (
        f"{'system':<12}{'work':<17}{'in flight':>10}{'a second':>10}{'p50 ms':>8}{'p99 ms':>8}"
        f"{'of echo':>9}   repeats"
    )
    rows = [head, "-" * len(head)]
    for label, results in rates.results.items():
        system, rest = label.split(" ", 1)
        work, depth = rest.rsplit(" ", 1)
        beside = Spread(tuple(rates.beside[label])) if label in rates.beside else None
        errors = sum(each.errors for each in results)
        rows.append(
            f"{system:<12}{work:<17}{'-' if depth == '0' else depth:>10}"
            f"{median(each.rate for each in results):>10,.0f}"
            f"{median(each.p50 for each in results):>8.2f}"
            f"{median(each.p99 for each in results):>8.2f}"
            + (f"{figure(beside.median):>9}   {beside.range}" if beside else f"{'':>9}")
            + (f"   {errors} ERRORS" if errors else "")
        )
    return "\n".join(rows)


_WORDS = {True: "yes", False: "NO", None: "not measured"}


def promises_table(verdicts: Sequence[Verdict]) -> str:
    """Every promise, and whether it is kept."""
    width = max(len(each.work) for each in verdicts)
    wide = max(len(each.promise) for each in verdicts)
    rows = []
    for each in verdicts:
        found = (
            f"{each.agreeing:>4}{figure(each.spread.median):>9}  {each.spread.range}"
            if each.spread
            else ""
        )
        remark = f"  ({each.remark})" if each.remark else ""
        rows.append(
            f"{each.work:<{width}}  {each.promise:<{wide}}  {_WORDS[each.kept]:<12}{found}{remark}"
        )
    return "\n".join(rows)


def plain(value: object) -> object:
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    raise TypeError(f"no JSON: {value!r}")


def document(
    facts: object, options: object, rates: Rates, verdicts: Sequence[Verdict], details: object
) -> dict[str, object]:
    """Everything, for JSON with `default=plain`."""
    return {
        "machine": facts,
        "options": options,
        "not_installed": rates.missing,
        "rates": {
            label: {"repeats": results, "of_echo": rates.beside.get(label)}
            for label, results in rates.results.items()
        },
        "promises": [
            {**asdict(each), "kept": each.kept, "repeats_kept": each.agreeing} for each in verdicts
        ],
        "details": details,
    }
