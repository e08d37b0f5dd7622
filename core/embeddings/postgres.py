"""Vectors in a PostgreSQL database with pgvector: for several machines, or more than one can hold.

Searches are exact, as FAISS's are here. An HNSW index would be quicker and find other neighbours now and then, so none
is made.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager, suppress
from threading import RLock
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from core.embeddings import checks, filters
from core.embeddings.rows import Collection, Rows, other_dimension
from core.embeddings.types import Embedding, EmbeddingType, Filters, SearchResult, Vector
from core.errors import StoreError, WrongUseError
from core.store.records import Json

if TYPE_CHECKING:
    import psycopg

T = TypeVar("T")
CONNECT_S = 5
STATEMENT_S = 60
LOCK = 7_265_173  # of pg_advisory_lock: two processes that make the tables at once would fail
TABLES = ("rushes_embeddings", "rushes_embedding_encoders")
_TABLES = (
    "CREATE EXTENSION IF NOT EXISTS vector",
    """CREATE TABLE IF NOT EXISTS rushes_embedding_encoders (type text, encoder_id text, dimension integer NOT NULL,
        PRIMARY KEY (type, encoder_id))""",
    # `unit` has length 1, `length` is what it had: squares of pgvector's floats would leave their range.
    """CREATE TABLE IF NOT EXISTS rushes_embeddings (id bigint GENERATED ALWAYS AS IDENTITY, type text, encoder_id text,
        key text, sample text, content text, metadata jsonb, created_at double precision, length double precision,
        unit vector, PRIMARY KEY (type, encoder_id, key))""",
    # Beside the row, not in a table of its own: a search reads all of them.
    "ALTER TABLE rushes_embeddings ALTER COLUMN unit SET STORAGE MAIN",
    "CREATE INDEX IF NOT EXISTS rushes_embeddings_sample ON rushes_embeddings (sample) WHERE sample IS NOT NULL",
)
_COLUMNS = "type, encoder_id, key, sample, content, metadata, created_at, length, unit"
_UPSERT = """ON CONFLICT (type, encoder_id, key) DO UPDATE SET sample = EXCLUDED.sample, content = EXCLUDED.content,
    metadata = EXCLUDED.metadata, created_at = EXCLUDED.created_at, length = EXCLUDED.length, unit = EXCLUDED.unit"""


class Postgres:
    """The protocol `core.embeddings.store.Backend` in a database. Safe for several threads and processes.

    Args:
        url: postgresql://user@host/name; a password belongs into ~/.pgpass or PGPASSWORD.

    Raises:
        WrongUseError: no database is named.
        StoreError: it cannot be reached, or lacks pgvector.
    """

    name = "pgvector"

    def __init__(self, url: str | None) -> None:
        if not url:
            raise WrongUseError(
                "pgvector needs a database", do="Name it: rushes config set database.url postgresql://user@host/name"
            )
        self.url = url
        self._lock = RLock()
        self._conn: psycopg.Connection[Any] | None = None
        self._made = False
        self._ask(lambda conn: conn.execute("SELECT 1"))

    def put(self, found: Rows, *, again: bool = False) -> tuple[int, int]:
        """Keep vectors by COPY, all or none; returns how many are new and how many replaced others."""
        del again  # the database is the only place where they are
        found = found.once()
        if not len(found.keys):
            return 0, 0

        def write(conn: psycopg.Connection[Any]) -> tuple[int, int]:
            with conn.transaction():
                _fits(conn, found)
                conn.execute(
                    """CREATE TEMP TABLE arriving (key text, sample text, content text, metadata text, length float8,
                    unit vector) ON COMMIT DROP"""
                )
                with conn.cursor() as cursor:
                    _copy(cursor, found)
                    cursor.execute(
                        f"""INSERT INTO rushes_embeddings ({_COLUMNS}) SELECT %s, %s, key, sample, content,
                        metadata::jsonb, %s, length, unit FROM arriving {_UPSERT}
                        RETURNING xmax = 0""",
                        (found.type.value, found.encoder_id, found.created),
                    )
                    new = sum(row[0] for row in cursor.fetchall())
            return new, len(found.keys) - new

        return self._ask(write)

    def put_one(self, found: Rows) -> None:
        """Keep one vector."""

        def write(conn: psycopg.Connection[Any]) -> None:
            with conn.transaction():
                _fits(conn, found)
                conn.execute(
                    f"INSERT INTO rushes_embeddings ({_COLUMNS}) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s) {_UPSERT}",
                    (found.type.value, found.encoder_id, *next(_cells(found))[:4], found.created, *_numbers(found)),
                )

        self._ask(write)

    def update(self, kind: EmbeddingType, encoder_id: str, key: str, metadata: Json) -> bool:
        """Replace a row's metadata; returns whether the row is there."""
        query = "UPDATE rushes_embeddings SET metadata = %s WHERE type = %s AND encoder_id = %s AND key = %s"
        values = (checks.metadata(metadata), kind.value, encoder_id, key)
        return self._ask(lambda conn: conn.execute(query, values).rowcount) > 0

    def delete(self, kind: EmbeddingType, encoder_id: str, keys: Sequence[str]) -> int:
        """Remove rows; returns how many there were."""
        query = "DELETE FROM rushes_embeddings WHERE type = %s AND encoder_id = %s AND key = ANY(%s)"
        return self._ask(lambda conn: conn.execute(query, (kind.value, encoder_id, list(keys))).rowcount)

    def get(self, kind: EmbeddingType, encoder_id: str, key: str) -> Embedding | None:
        """One row as it was kept, but for the last bit of its numbers."""
        query = """SELECT sample, content, metadata, created_at, length, unit FROM rushes_embeddings
            WHERE type = %s AND encoder_id = %s AND key = %s"""
        row = self._ask(lambda conn: conn.execute(query, (kind.value, encoder_id, key)).fetchone())
        if row is None:
            return None
        sample, content, metadata, at, length, unit = row
        numbers = (_array(unit).astype(np.float64) * length).astype(np.float32)
        return Embedding(kind, key, numbers, encoder_id, metadata, sample, content, at)

    def keys(self, kind: EmbeddingType, encoder_id: str) -> set[str]:
        """All keys of a collection."""
        query = "SELECT key FROM rushes_embeddings WHERE type = %s AND encoder_id = %s"
        return {key for (key,) in self._ask(lambda conn: conn.execute(query, (kind.value, encoder_id)).fetchall())}

    def collections(self, kind: EmbeddingType | None = None) -> list[Collection]:
        """All collections that hold something."""
        query = """SELECT type, encoder_id, dimension, (SELECT count(*) FROM rushes_embeddings e
            WHERE (e.type, e.encoder_id) = (c.type, c.encoder_id)) AS held FROM rushes_embedding_encoders c
            WHERE %s::text IS NULL OR type = %s ORDER BY type, encoder_id"""
        rows = self._ask(lambda conn: conn.execute(query, (kind, kind)).fetchall())
        return [Collection(EmbeddingType(row[0]), *row[1:]) for row in rows if row[3]]

    def nearest(
        self,
        kind: EmbeddingType,
        encoder_id: str,
        unit: Vector,
        k: int,
        filters: Filters,
        keys: frozenset[str] | None,
    ) -> list[SearchResult]:
        """The k rows of the highest cosine with a unit vector, best first."""
        parts, values = _conditions(filters, keys)
        # Of unit vectors the inner product is the cosine.
        query = f"""SELECT key, -(unit <#> %s), metadata, sample, content FROM rushes_embeddings e
            WHERE type = %s AND encoder_id = %s{parts} ORDER BY unit <#> %s LIMIT %s"""

        def ask(conn: psycopg.Connection[Any]) -> list[tuple[Any, ...]]:
            size = _dimension(conn, kind, encoder_id)
            if size is not None and size != len(unit):
                raise other_dimension(kind, encoder_id, len(unit), size)
            asked = _vector(unit)
            return conn.execute(query.encode(), (asked, kind.value, encoder_id, *values, asked, k)).fetchall()

        found = self._ask(ask)
        return [
            SearchResult(key, max(-1.0, min(1.0, score)), kind, encoder_id, metadata, sample, content)
            for key, score, metadata, sample, content in found
        ]

    def rebuild(self, kind: EmbeddingType | None = None) -> int:
        """Renew the server's statistics and reclaim what was removed; there is no cache beside the table."""
        self._ask(lambda conn: conn.execute("VACUUM ANALYZE rushes_embeddings"))
        return sum(one.held for one in self.collections(kind))

    def erase(self, marks: frozenset[str]) -> int:
        """Remove all rows of these samples, posts or keys, and what was made of them; returns how many."""
        query = """DELETE FROM rushes_embeddings WHERE key = ANY(%s) OR sample = ANY(%s) OR content = ANY(%s)
            OR metadata -> 'samples' ?| %s"""
        listed = list(marks)
        return self._ask(lambda conn: conn.execute(query, (listed, listed, listed, listed)).rowcount)

    def close(self) -> None:
        """Hang up."""
        with self._lock:
            if self._conn is not None:
                self._conn.close()
                self._conn = None

    def _ask(self, question: Callable[[psycopg.Connection[Any]], T]) -> T:
        """An answer of the server; a connection that was lost meanwhile is made again, once."""
        import psycopg

        with self._lock, self._explained():
            lost = self._conn is not None
            try:
                return question(self._connected())
            except psycopg.OperationalError:
                if not lost or (self._conn is not None and not self._conn.closed):
                    raise
            return question(self._connected())

    def _connected(self) -> psycopg.Connection[Any]:
        import psycopg
        from pgvector.psycopg import register_vector

        if self._conn is not None and not self._conn.closed:
            return self._conn
        conn = psycopg.connect(self.url, autocommit=True, connect_timeout=CONNECT_S, application_name="rushes",
                               options=f"-c statement_timeout={STATEMENT_S}s")  # fmt: skip
        try:
            if not self._made:
                conn.execute("SELECT pg_advisory_lock(%s)", (LOCK,))
                for statement in _TABLES:
                    conn.execute(statement)
                conn.execute("SELECT pg_advisory_unlock(%s)", (LOCK,))
                self._made = True
            register_vector(conn)
        except BaseException:  # ctrl+c too: closing the connection is what frees the lock
            conn.close()
            raise
        self._conn = conn
        return conn

    @contextmanager
    def _explained(self) -> Generator[None]:
        import psycopg

        try:
            yield
        except psycopg.OperationalError as error:
            do = "See whether the server runs, and database.url; the password comes from PGPASSWORD or ~/.pgpass."
            raise StoreError(f"the database cannot be reached ({_first(error)})", where=self._place(), do=do) from None
        except psycopg.errors.ProgrammingError as error:
            do = "It needs the extension pgvector and a user who may make tables." if not self._made else None
            raise StoreError(f"the database refuses ({_first(error)})", where=self._place(), do=do) from None
        except psycopg.Error as error:
            raise StoreError(f"the database fails ({_first(error)})", where=self._place()) from None

    def _place(self) -> str:
        from psycopg.conninfo import conninfo_to_dict

        with suppress(Exception):  # whatever is wrong with the address, it must not hide what went wrong
            known = conninfo_to_dict(self.url)
            return f"{known.get('host') or 'localhost'}/{known.get('dbname') or ''}"
        return "database.url"


def kept_bytes(url: str) -> float:
    """Bytes of the tables with their indexes, 0 where there are none; makes nothing.

    Raises:
        StoreError: the database cannot be asked.
    """
    import psycopg

    query = "SELECT coalesce(sum(pg_total_relation_size(to_regclass(name))), 0) FROM unnest(%s::text[]) AS name"
    try:
        with psycopg.connect(url, autocommit=True, connect_timeout=CONNECT_S) as conn:
            row = conn.execute(query, (list(TABLES),)).fetchone()
    except psycopg.Error as error:
        raise StoreError(f"the database cannot be asked ({_first(error)})", where="database.url") from None
    return float(row[0]) if row else 0.0


def _first(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:160]


def _conditions(wanted: Filters, keys: frozenset[str] | None) -> tuple[str, list[Any]]:
    parts, values = filters.for_postgres(wanted)
    if keys is not None:
        parts.append("key = ANY(%s)")
        values.append(list(keys))
    return "".join(f" AND {part}" for part in parts), values


def _dimension(conn: psycopg.Connection[Any], kind: EmbeddingType, encoder_id: str) -> int | None:
    query = "SELECT dimension FROM rushes_embedding_encoders WHERE type = %s AND encoder_id = %s"
    row = conn.execute(query, (kind.value, encoder_id)).fetchone()
    return row[0] if row else None


def _fits(conn: psycopg.Connection[Any], found: Rows) -> None:
    """Enter the encoder, or refuse vectors of another dimension; an encoder that holds nothing may change it."""
    size, of = found.vectors.shape[1], (found.type.value, found.encoder_id)
    conn.execute("INSERT INTO rushes_embedding_encoders VALUES (%s, %s, %s) ON CONFLICT DO NOTHING", (*of, size))
    known = conn.execute(
        "SELECT dimension FROM rushes_embedding_encoders WHERE type = %s AND encoder_id = %s FOR UPDATE", of
    ).fetchone()
    if known is None or known[0] == size:
        return
    if conn.execute("SELECT 1 FROM rushes_embeddings WHERE type = %s AND encoder_id = %s LIMIT 1", of).fetchone():
        raise other_dimension(found.type, found.encoder_id, size, known[0])
    conn.execute("UPDATE rushes_embedding_encoders SET dimension = %s WHERE type = %s AND encoder_id = %s", (size, *of))


def _copy(cursor: psycopg.Cursor[Any], found: Rows) -> None:
    with cursor.copy("COPY arriving (key, sample, content, metadata, length, unit) FROM STDIN (FORMAT BINARY)") as copy:
        copy.set_types(["text", "text", "text", "text", "float8", "vector"])
        lengths, units = checks.norms(found.vectors).tolist(), checks.units(found.vectors)
        for cells, length, unit in zip(_cells(found), lengths, units, strict=True):
            copy.write_row((*cells, length, unit))


def _cells(found: Rows) -> Any:
    """key, sample, content and metadata (JSON text) of each row."""
    nothing = [None] * len(found.keys)
    texts = found.metadata or ["{}"] * len(found.keys)
    return zip(found.keys, found.samples or nothing, found.contents or nothing, texts, strict=True)


def _numbers(found: Rows) -> tuple[float, Any]:
    return float(checks.norms(found.vectors)[0]), _vector(checks.units(found.vectors)[0])


def _vector(unit: Vector) -> Any:
    from pgvector import Vector as Given

    return Given(unit)


def _array(unit: Any) -> Vector:
    return np.asarray(unit.to_numpy() if hasattr(unit, "to_numpy") else unit, dtype=np.float32)
