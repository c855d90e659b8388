"""Unit tests: what `trial records` runs.

Hypothesis is told here, once, to search the same way in every run and to take its time: no test
may depend on the clock of the machine that it runs on.
"""

from hypothesis import HealthCheck, settings

settings.register_profile(
    "records",
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("records")
