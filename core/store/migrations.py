"""The catalog's tables, made step by step; each step is recorded by name and runs in a transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlite_utils import Migrations

from core.errors import StoreError
from core.store import views
from core.store.damage import OutdatedError

if TYPE_CHECKING:
    from sqlite_utils import Database

steps = Migrations("rushes")


def apply(db: Database) -> None:
    """Bring a catalog up to date; the caller holds the write transaction.

    Raises:
        OutdatedError: its tables cannot be brought up to date.
        StoreError: a newer program made it.
    """
    if db["journal_positions"].exists() and "inode" not in db["journal_positions"].columns_dict:
        raise OutdatedError
    if not is_known(db):
        raise StoreError("the catalog was made by a newer version of Rushes", do="Update Rushes.")
    steps.apply(db)


def is_known(db: Database) -> bool:
    """Whether every step that was ever applied is one of ours."""
    return {step.name for step in steps.applied(db)} <= KNOWN


@steps()
def m0001_journals(db: Database) -> None:
    """What the journals say, line by line, and what follows from it per batch and sample.

    `line` is the line's number in its journal; `fields` holds what the line says of the sample, as JSON.
    `value` and `predicted` have no affinity: texts stay texts, numbers stay numbers.
    """
    for statement in (
        """CREATE TABLE journal_positions (journal TEXT PRIMARY KEY, inode INTEGER, size INTEGER, mtime_ns INTEGER,
            offset INTEGER, head_hash TEXT, lines INTEGER, bad INTEGER)""",
        """CREATE TABLE journal_problems (journal TEXT, line INTEGER, problem TEXT,
            PRIMARY KEY (journal, line)) WITHOUT ROWID""",
        """CREATE TABLE corrections (
            task TEXT, line INTEGER, op TEXT, batch TEXT, batch_n INTEGER, undoes TEXT, sample TEXT, id TEXT, value,
            at REAL, predicted, llm TEXT, confidence REAL, version TEXT, was_correct INTEGER, raw_correct INTEGER,
            picked_by TEXT, label_source TEXT, media TEXT, media_hash TEXT, fields TEXT,
            PRIMARY KEY (task, line)) WITHOUT ROWID""",
        "CREATE INDEX corrections_sample ON corrections (task, sample)",
        "CREATE INDEX corrections_batch ON corrections (task, batch)",
        "CREATE INDEX corrections_media ON corrections (media_hash) WHERE media_hash IS NOT NULL",
        "CREATE INDEX corrections_undo ON corrections (task, line) WHERE op = 'undo'",
        """CREATE TABLE batches (task TEXT, batch TEXT, lines INTEGER, batch_n INTEGER, complete INTEGER,
            undone_at INTEGER, PRIMARY KEY (task, batch)) WITHOUT ROWID""",
        "CREATE INDEX batches_undone ON batches (task) WHERE undone_at IS NOT NULL",
        "CREATE INDEX batches_incomplete ON batches (task) WHERE NOT complete",
        """CREATE TABLE sample_events (line INTEGER PRIMARY KEY, task TEXT, sample TEXT, skipped INTEGER, media TEXT,
            media_hash TEXT, fields TEXT)""",
        "CREATE INDEX sample_events_sample ON sample_events (task, sample)",
        "CREATE INDEX sample_events_media ON sample_events (media_hash) WHERE media_hash IS NOT NULL",
        """CREATE TABLE predictions (
            line INTEGER PRIMARY KEY, id TEXT, sample TEXT, task TEXT, version TEXT, kind TEXT, value,
            confidence REAL, calibrated INTEGER, raw TEXT, runner_ups TEXT, latency_ms REAL, at REAL, error TEXT)""",
        "CREATE INDEX predictions_sample ON predictions (sample, kind, line)",
        "CREATE TABLE events (line INTEGER PRIMARY KEY, kind TEXT, at REAL, payload TEXT)",
        "CREATE INDEX events_kind ON events (kind, line)",
        """CREATE TABLE samples (
            task TEXT, id TEXT, media TEXT, media_hash TEXT, "group" TEXT, source TEXT, region TEXT, speaker TEXT,
            context TEXT, captured_at REAL, phase TEXT, video_id TEXT, scene_id TEXT, start_s REAL, end_s REAL,
            duration_s REAL, rating_count INTEGER, extra TEXT, state TEXT, answer_line INTEGER, seen INTEGER,
            first_line INTEGER, PRIMARY KEY (task, id)) WITHOUT ROWID""",
        "CREATE INDEX samples_captured ON samples (task, captured_at, seen, first_line)",
        "CREATE INDEX samples_state ON samples (task, state, captured_at, seen, first_line)",
        "CREATE INDEX samples_answer ON samples (task, answer_line) WHERE state = 'answered'",
        "CREATE INDEX samples_id ON samples (id)",
        "CREATE INDEX samples_media ON samples (media_hash) WHERE media_hash IS NOT NULL",
    ):
        db.execute(statement)


@steps()
def m0002_trainings(db: Database) -> None:
    """The queue of trainings, and seed 004's provenance tables."""
    for statement in (
        """CREATE TABLE jobs (
            job_id TEXT PRIMARY KEY, task TEXT, state TEXT, priority INTEGER DEFAULT 0, name TEXT, params_json TEXT,
            progress REAL DEFAULT 0, stage TEXT, error TEXT, metrics_json TEXT, model_version TEXT, created_at REAL,
            started_at REAL, completed_at REAL, heartbeat REAL)""",
        "CREATE INDEX jobs_state ON jobs (state, priority, created_at)",
        """CREATE TABLE model_training_runs (
            id INTEGER PRIMARY KEY, model_version TEXT UNIQUE, trained_at REAL, params_json TEXT, notes TEXT,
            task TEXT, job_id TEXT)""",
        """CREATE TABLE model_training_snapshot_labels (
            id INTEGER PRIMARY KEY, training_run_id INTEGER REFERENCES model_training_runs (id), snapshot_id TEXT,
            label_source TEXT, label_value TEXT, included_at REAL, UNIQUE (training_run_id, snapshot_id))""",
    ):
        db.execute(statement)


@steps()
def m0003_views(db: Database) -> None:
    """Valid answers, and the seeds' tables."""
    for name, query in views.VIEWS.items():
        db.execute(f"CREATE VIEW {name} AS {query}")


@steps()
def m0004_schedule(db: Database) -> None:
    """What the scheduler last did and does next; on which side of a run's split a label was."""
    db.execute(
        """CREATE TABLE schedule_state (
            name TEXT PRIMARY KEY, last_started REAL, last_success REAL, last_error TEXT, next_due REAL, pid INTEGER,
            heartbeat REAL)"""
    )
    db.execute("ALTER TABLE model_training_snapshot_labels ADD COLUMN split TEXT")
    db.execute("CREATE INDEX snapshot_labels_snapshot ON model_training_snapshot_labels (snapshot_id)")


@steps()
def m0005_raw_scores(db: Database) -> None:
    """Seed 004's `rawScore` apart from its `aiRating`: what the network said, before the mapping."""
    name = "snapshot_ai_inferences"
    db.execute(f"DROP VIEW {name}")
    db.execute(f"CREATE VIEW {name} AS {views.VIEWS[name]}")


@steps()
def m0006_embeddings(db: Database) -> None:
    """Vectors, by what they are of; `core.embeddings` owns them.

    A row's `id` is never given twice, and what replaces a row is a new one: ids after the last one read, and `gone`
    after the last one read, are all that changed. `uid` differs between two catalogs. `vector`: float32, little-endian.
    `line` is the line of embeddings.jsonl that a row comes from, NULL for what our own encoders can make again.
    """
    for statement in (
        """CREATE TABLE embedding_collections (id INTEGER PRIMARY KEY AUTOINCREMENT, type TEXT, encoder_id TEXT,
            dimension INTEGER, uid TEXT, changes INTEGER DEFAULT 0, UNIQUE (type, encoder_id))""",
        """CREATE TABLE embeddings (id INTEGER PRIMARY KEY AUTOINCREMENT, collection INTEGER, key TEXT, sample TEXT,
            content TEXT, metadata TEXT, created_at REAL, line INTEGER, vector BLOB, UNIQUE (collection, key))""",
        "CREATE INDEX embeddings_order ON embeddings (collection, id)",
        "CREATE INDEX embeddings_line ON embeddings (line) WHERE line IS NOT NULL",
        "CREATE TABLE embeddings_gone (seq INTEGER PRIMARY KEY AUTOINCREMENT, collection INTEGER, row INTEGER)",
    ):
        db.execute(statement)


KNOWN = frozenset(
    step.__name__
    for step in (m0001_journals, m0002_trainings, m0003_views, m0004_schedule, m0005_raw_scores, m0006_embeddings)
)
