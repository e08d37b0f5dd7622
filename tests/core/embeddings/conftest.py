from __future__ import annotations

from tests.pg import postgres as postgres
from tests.pg import postgres_server as postgres_server
