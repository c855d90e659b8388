"""Makes `twistd records` known. What it does is in `records.tap`."""

from twisted.application.service import ServiceMaker

records = ServiceMaker(
    "records",
    "records.tap",
    "A daemon that keeps a company's employee records.",
    "records",
)
