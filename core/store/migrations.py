"""The catalog's tables, made step by step; each step is recorded by name and runs in a transaction."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

Migration = Callable[[Any], None]
MIGRATIONS: list[Migration] = []
# What replaying the journals makes; `rushes rebuild` empties these and no others.
DERIVED = ("samples", "predictions", "corrections", "batches", "answers", "hidden", "undone", "events", "bad_lines",
           "journal_positions")  # fmt: skip


def migration(step: Migration) -> Migration:
    """Register a step; the order of definition is the order of application."""
    MIGRATIONS.append(step)
    return step


def apply(db: Any) -> None:
    """Bring a catalog up to date."""
    db.execute("create table if not exists _migrations (name text primary key, applied_at real)")
    done = {row[0] for row in db.execute("select name from _migrations").fetchall()}
    for step in MIGRATIONS:
        if step.__name__ not in done:
            db.execute("begin immediate")
            step(db)
            db.execute("insert or ignore into _migrations values (?, ?)", [step.__name__, time.time()])
            db.execute("commit")


@migration
def m0001_journals(db: Any) -> None:
    """What the journals say."""
    for statement in (
        "create table if not exists journal_positions (journal text primary key, offset integer, head text)",
        "create table if not exists bad_lines (journal text, start integer, reason text, primary key (journal, start))",
        "create table if not exists events (start integer primary key, kind text, payload text)",
        "create index if not exists events_kind on events (kind)",
        """create table if not exists samples (
            id text primary key, task text, group_id text, media text, media_hash text, source text, region text,
            speaker text, context text, captured_at real, phase text, video_id text, scene_id text, start_s real,
            end_s real, duration_s real, rating_count integer, extra text)""",
        "create index if not exists samples_task on samples (task, captured_at)",
        "create index if not exists samples_media on samples (media_hash)",
        """create table if not exists predictions (
            id text primary key, sample text, task text, version text, kind text, value text, confidence real,
            calibrated integer, raw text, runner_ups text, latency_ms real, at real, error text, start integer)""",
        "create index if not exists predictions_sample on predictions (sample, kind, start)",
        """create table if not exists corrections (
            journal text, start integer, id text, sample text, task text, op text, value text, predicted text,
            llm text, confidence real, version text, was_correct integer, raw_correct integer, picked_by text,
            label_source text, batch text, at real, media text, media_hash text, primary key (journal, start))""",
        "create index if not exists corrections_sample on corrections (sample, start)",
        "create index if not exists corrections_batch on corrections (batch)",
        "create index if not exists corrections_media on corrections (task, media_hash)",
        "create table if not exists batches (batch text primary key, lines integer, seen integer)",
        "create table if not exists undone (batch text primary key)",
        "create table if not exists hidden (sample text primary key)",
        "create table if not exists answers (sample text primary key, task text, journal text, start integer)",
        "create index if not exists answers_task on answers (task, start)",
    ):
        db.execute(statement)


@migration
def m0002_trainings(db: Any) -> None:
    """Jobs, and seed 004's provenance tables."""
    for statement in (
        """create table if not exists jobs (
            job_id text primary key, task text, state text, priority integer, name text, params_json text, error text,
            metrics_json text, model_version text, created_at real, started_at real, completed_at real)""",
        """create table if not exists model_training_runs (
            id integer primary key, model_version text unique, trained_at real, params_json text, notes text,
            task text, job_id text)""",
        """create table if not exists model_training_snapshot_labels (
            id integer primary key, training_run_id integer references model_training_runs (id), snapshot_id text,
            label_source text, label_value text, included_at real, unique (training_run_id, snapshot_id))""",
    ):
        db.execute(statement)


@migration
def m0003_views(db: Any) -> None:
    """The seeds' tables as views (003: training_samples; 004: webcams and what hangs on them)."""
    for statement in (
        """create view if not exists training_samples as
            select s.id, s.media as video_path, json_extract(c.predicted, '$') as raw_output, c.llm as llm_correction,
                   json_extract(c.value, '$') as ground_truth, c.at as timestamp, s.speaker as speaker_id, s.context,
                   c.was_correct
            from answers a join corrections c using (journal, start) join samples s on s.id = a.sample
            where a.task = 'speech'""",
        """create view if not exists webcam_snapshots as
            select s.id, s.source as webcam_id, s.media as firebase_url, s.phase, s.captured_at,
                   json_extract(c.value, '$') as calculated_rating, s.rating_count, s.region
            from samples s left join answers a on a.sample = s.id left join corrections c using (journal, start)
            where s.task = 'ratings' and s.id not in (select sample from hidden)""",
        """create view if not exists webcam_snapshot_ratings as
            select c.id, c.sample as snapshot_id, json_extract(c.value, '$') as rating, c.at as created_at
            from corrections c where c.task = 'ratings' and c.op = 'set'""",
        """create view if not exists snapshot_ai_inferences as
            select p.id, p.sample as snapshot_id, p.raw as raw_score, json_extract(p.value, '$') as ai_rating,
                   p.version as model_version, p.at as created_at
            from predictions p where p.task = 'ratings'""",
        """create view if not exists webcams as
            select s.source as id, json_extract(p.value, '$') as ai_rating, p.version as ai_model_version,
                   max(p.at) as scored_at
            from samples s join predictions p on p.sample = s.id
            where s.task = 'ratings' and s.source is not null group by s.source""",
    ):
        db.execute(statement)
