"""Copies of everything that counts, elsewhere, and the proof that they come back.

    now        makes one at every destination          making, freeze, hashes, writing
    verify     reads and hashes all that is there      checking
    drill      restores one and tries it               drilling, unpacking
    restore    puts one back                           restoring
    prune      removes old ones                        pruning
Where they lie: `destinations` (folder, s3, rclone); what lies there: `formats`, `vault`; who may read it: `keys`.
"""

from __future__ import annotations

from core.backup.checking import verify
from core.backup.drilling import drill
from core.backup.finding import each, holding, list_at, listing, of, pick, vaults
from core.backup.history import last_backup, status, trials
from core.backup.making import now
from core.backup.pruning import prune
from core.backup.restoring import restore
from core.backup.vault import Vault

__all__ = [
    "Vault",
    "drill",
    "each",
    "holding",
    "last_backup",
    "list_at",
    "listing",
    "now",
    "of",
    "pick",
    "prune",
    "restore",
    "status",
    "trials",
    "vaults",
    "verify",
]
