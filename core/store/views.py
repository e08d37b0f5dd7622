"""Views for whoever asks the catalog with plain SQL: valid answers, and the seeds' tables in their column names.

`media` stands as the journal names it. Ratings are shown on seed 004's scale of 0 to 5; ours are stored as 0 to 1.
`raw_score` is the network's own number, before the version's mapping.
"""

from __future__ import annotations

STARS = 5.0  # seed 004's highest score

_ANSWER = "LEFT JOIN corrections c ON c.task = s.task AND c.line = s.answer_line"
_LATEST = """JOIN predictions p ON p.line = (
    SELECT max(line) FROM predictions WHERE sample = s.id AND kind = 'model' AND value IS NOT NULL)"""

VIEWS = {
    # In journal order by `line`
    "answers": """
        SELECT s.id AS sample, s.task, c.line, c.value, c.batch, c.at, c.picked_by, c.label_source
        FROM samples s JOIN corrections c ON c.task = s.task AND c.line = s.answer_line WHERE s.state = 'answered'""",
    "hidden": "SELECT id AS sample, task FROM samples WHERE state = 'deleted'",
    # Seed 003
    "training_samples": f"""
        SELECT c.line AS id, s.media AS video_path, c.predicted AS raw_output, c.llm AS llm_correction,
            c.value AS ground_truth, c.at AS timestamp, s.speaker AS speaker_id, s.context, c.was_correct
        FROM samples s {_ANSWER} WHERE s.task = 'speech' AND s.state = 'answered'""",
    # Seed 004
    "webcam_snapshots": f"""
        SELECT s.id, coalesce(s.source, '') AS webcam_id, s.media AS firebase_url, s.phase, s.region, s.captured_at,
            c.value * {STARS} AS calculated_rating, s.rating_count
        FROM samples s {_ANSWER} WHERE s.task = 'ratings' AND s.state <> 'deleted'""",
    "webcam_snapshot_ratings": f"""
        SELECT c.line AS id, c.sample AS snapshot_id, c.value * {STARS} AS rating, c.at AS created_at
        FROM corrections c JOIN batches b ON b.task = c.task AND b.batch = c.batch
        WHERE c.task = 'ratings' AND c.op = 'set' AND b.complete
            AND (b.undone_at IS NULL OR c.line > b.undone_at)""",
    "snapshot_ai_inferences": f"""
        SELECT p.line AS id, p.sample AS snapshot_id, coalesce(json_extract(p.raw, '$.score'), p.value) AS raw_score,
            p.value * {STARS} AS ai_rating, p.version AS model_version, p.at AS created_at
        FROM predictions p WHERE p.task = 'ratings'""",
    "webcams": f"""
        SELECT coalesce(s.source, '') AS id, p.value * {STARS} AS ai_rating, p.version AS ai_model_version,
            max(p.line) AS inference_id
        FROM samples s {_LATEST} WHERE s.task = 'ratings' AND s.state <> 'deleted' GROUP BY coalesce(s.source, '')""",
}
