"""Structured logs: key=value on a terminal, one JSON object a line otherwise. To stderr."""

import sys

import structlog
from structlog.typing import FilteringBoundLogger


def configure(service: str, log_format: str = "auto", level: str = "info") -> FilteringBoundLogger:
    """Set up structlog for this process and return its logger.

    Args:
        service: bound to every line as ``service``.
        log_format: ``auto``, ``console`` or ``json``.
        level: the lowest that is written; commands for people write warnings only.
    """
    console = log_format == "console" or (log_format == "auto" and sys.stderr.isatty())
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,  # text, without variables: those may be tokens
            structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
            if console
            else structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
        cache_logger_on_first_use=True,
    )
    return logger(service=service)


def logger(**fields: str) -> FilteringBoundLogger:
    """Return a logger with fields bound to each of its lines."""
    bound: FilteringBoundLogger = structlog.get_logger(**fields)
    return bound
