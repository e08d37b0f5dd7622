"""Forgetting for good, and what leaves the machine.

forget     erases samples everywhere            forgetting, tracing (what there is), places (who erases where)
finish     ends a forgetting that was cut off; resume: where that can be done now
sweep      erases what came back
restored   applies the lists to a restored copy settling
leaving    every way out and its setting        leaves
"""

from __future__ import annotations

from core.privacy.agreeing import agreed, agreed_lines, require_faces
from core.privacy.forgetting import Forgot, finish, forget, pending, resume, sweep
from core.privacy.leaves import Way, leaving
from core.privacy.settling import allow_again, restored

__all__ = [
    "Forgot",
    "Way",
    "agreed",
    "agreed_lines",
    "allow_again",
    "finish",
    "forget",
    "leaving",
    "pending",
    "require_faces",
    "restored",
    "resume",
    "sweep",
]
