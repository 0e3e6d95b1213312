"""When a call is sent again, and how long it waits before. Decisions."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

from reconciler.vault.errors import Kind, VaultError

#: Tries of one call, the first among them.
TRIES: Final = 5
#: Seconds before the second try, doubled for each further one up to the longest.
FIRST: Final = 0.25
LONGEST: Final = 5.0
#: Seconds that a server may ask for; what is more is taken for this.
MOST_ASKED: Final = 86_400.0

#: Answers that passing time may change within one call. A sealed server stays so until a person unseals it.
_WORTH_A_WAIT: Final = frozenset({Kind.UNREACHABLE, Kind.BUSY})


#: Seconds for which a server that is away is not asked again: else a thousand secrets are a thousand waits.
AWAY: Final = 3.0


def spared(error: VaultError) -> float:
    """For how many seconds nobody asks again after a call that has failed for good; 0 when it was about what it asked for."""
    unanswered = error.kind is Kind.UNREACHABLE and not error.status
    return max(AWAY, error.retry_after) if unanswered or error.kind is Kind.SEALED else 0.0


def pause_before_next(error: VaultError, tries: int, *, left: float, jitter: float) -> float | None:
    """Seconds until a call is sent again; None for never.

    Args:
        error: of the last try. UNREACHABLE says that a request that may not be repeated was not carried out: such a one
            that may have been has become UNKNOWN before.
        tries: how many there were.
        left: seconds until the call has to be over.
        jitter: at least 0 and less than 1, a different one each time.
    """
    if error.kind not in _WORTH_A_WAIT or tries >= TRIES:
        return None
    # Half of it is fixed and half by chance, so that clients which failed together do not come back together.
    grown = min(FIRST * 2 ** (tries - 1), LONGEST)
    pause = max(grown * (0.5 + jitter / 2), error.retry_after + (grown * jitter if error.retry_after else 0.0))
    return pause if pause < left else None


def retry_after(headers: Mapping[str, str]) -> float:
    """Seconds that an answer asks for: a number or a date (RFC 9110 section 10.2.3); 0 when it asks for nothing.

    A date counts from that of the answer, so that our own clock does not matter.

    Args:
        headers: names in lower case.
    """
    asked = headers.get("retry-after", "").strip()
    if asked.isascii() and asked.isdigit():
        return min(float(asked[:9]), MOST_ASKED)
    until, sent = _date(asked), _date(headers.get("date", ""))
    if until is None or sent is None:
        return 0.0
    return min(max((until - sent).total_seconds(), 0.0), MOST_ASKED)


def _date(text: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, IndexError, TypeError, OverflowError):
        return None
    return date if date.tzinfo is not None else date.replace(tzinfo=UTC)
