"""The automation gate (seed 000): when clips may be published without asking, and what waits until then.

`measures` counts, `gate` decides, `publishing` keeps the queue of approvals, `hook` runs the user's command or webhook.
"""

from __future__ import annotations

from core.automation.gate import rate, refresh, status
from core.automation.publishing import Entry, approve, entries, publish, reject

__all__ = ["Entry", "approve", "entries", "publish", "rate", "refresh", "reject", "status"]
