"""The log file: one line per event with a correlation id, so that a screen can show the id instead of a traceback."""

from __future__ import annotations

import logging
import os
import secrets
import time
from contextvars import ContextVar
from pathlib import Path

from core.files import private_dir
from core.visible import visible

correlation: ContextVar[str] = ContextVar("correlation", default="-")
logger = logging.getLogger("rushes")
logger.addHandler(logging.NullHandler())  # without a workspace there is no log, and a terminal is not one


class _PrivateFile(logging.FileHandler):
    def _open(self):
        return open(os.open(self.baseFilename, os.O_APPEND | os.O_CREAT | os.O_WRONLY, 0o600), "a", encoding="utf-8")

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the name is logging's
        """A full disk must not put tracebacks on the screen."""


class _Correlated(logging.Formatter):
    converter = time.gmtime

    def format(self, record: logging.LogRecord) -> str:
        record.correlation = correlation.get()
        return visible(super().format(record), keep="\n")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the name is logging's
        record.message = visible(record.message)  # a label with a line of its own must not forge an entry
        return super().formatMessage(record)


def open_log(folder: Path) -> None:
    """Send this process's log to `logs/rushes-<date>.log`; falls back to nothing where that cannot be written."""
    try:
        private_dir(folder)
        handler: logging.Handler = _PrivateFile(folder / f"rushes-{time.strftime('%Y-%m-%d', time.gmtime())}.log")
    except OSError:
        handler = logging.NullHandler()
    handler.setFormatter(
        _Correlated("[%(asctime)s.%(msecs)03d] [%(levelname).3s] [%(correlation)s] %(message)s", "%Y-%m-%d %H:%M:%S")
    )
    for old in list(logger.handlers):
        logger.removeHandler(old)
        old.close()
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False


def new_correlation() -> str:
    """Start a new id for what follows in this context."""
    value = secrets.token_hex(4)
    correlation.set(value)
    return value


def bug(error: BaseException) -> str:
    """Log an unexpected error with its traceback; returns the id to show instead."""
    identity = new_correlation()
    logger.error("unexpected %s", type(error).__name__, exc_info=error)
    return identity
