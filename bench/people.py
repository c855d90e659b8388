"""The employees that everything is measured with: made up, and the same in each run.

Knows nothing of who keeps them. The n-th employee has Employee ID n.
"""

from __future__ import annotations


def _words(text: str) -> list[str]:
    return text.split()


_GIVEN = _words("""
Ada Ben Cleo Dario Edda Femi Gwen Hanna Ivo Jana Kofi Lena Milan Nora Omar Pia Quentin
Rosa Samir Tessa Uma Viktor Wanda Xenia Yusuf Zoë Amir Bruna Carlos Daphne Elias Fatima
Georg Heidi Ines Jakob Karin Luis Mina Nils
""")
_STARTS = _words("""
Al Bar Ber Cor Dam Del Ein Fal Fer Gar Hal Her Is Jan Kal Kor Lan Lin Mar Mon Nor Ost
Pal Rein Ros Sand Stein Tor Ul Ver Wal Zim
""")
_MIDDLES = _words("""
a an ar e el en er i in is o ol on or u un
""")
_ENDS = _words("""
berg da dal dottir ez feld ko mann ov sen ski son stad ström vik wood
""")
_TITLES = _words("""
Engineer Analyst Clerk Designer Accountant Buyer Chemist Planner
""")
_DEPARTMENTS = _words("""
Research Sales Finance Production Legal Logistics Support
""")
_PLACES = _words("""
Springfield Riverton Lakeside Hillcrest Fairview Ashford
""")


def _mixed(number: int) -> int:
    """Spreads numbers that follow each other (Knuth's multiplicative hash)."""
    return number * 2654435761 % 2**32 >> 4


def given_name(number: int) -> str:
    """The n-th employee's given name, of 40."""
    return _GIVEN[_mixed(number) % len(_GIVEN)]


def family_name(number: int) -> str:
    """The n-th employee's family name, of 8,192."""
    mixed = _mixed(number) // len(_GIVEN)
    return (
        _STARTS[mixed % len(_STARTS)]
        + _MIDDLES[mixed // 32 % len(_MIDDLES)]
        + _ENDS[mixed // 512 % len(_ENDS)]
    )


def employee(number: int) -> dict[str, str]:
    """The n-th employee's fields but for the salary, which is `SALARY`."""
    given, family = given_name(number), family_name(number)
    return {
        "given_name": given,
        "family_name": family,
        "email": f"e{number}@example.com",
        "title": _TITLES[number % len(_TITLES)],
        "department": _DEPARTMENTS[number % len(_DEPARTMENTS)],
        "location": _PLACES[number % len(_PLACES)],
        "hire_date": f"20{number % 24:02}-0{number % 9 + 1}-03",
        "birth_date": f"19{60 + number % 35}-0{number % 9 + 1}-17",
        "home_address": f"{number % 200 + 1} Elm Street",
        "status": "active",
    }


SALARY = "64000.00"
CURRENCY = "USD"


def somebody(connection: int, number: int, employees: int) -> int:
    """Whom a connection's n-th request is about."""
    return (connection * 7919 + number * 104729) % employees + 1


def prefix(number: int, employees: int) -> str:
    """The n-th beginning of a family name that is looked for: 3 to 5 letters."""
    return family_name(somebody(1, number, employees))[: 3 + number % 3]


def words(number: int, employees: int) -> str:
    """The n-th search: the family name, and the beginning of the given name, of somebody."""
    who = somebody(2, number, employees)
    return f"{given_name(who)[:3]} {family_name(who)}"
