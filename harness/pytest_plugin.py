"""The fixture ``harness_check`` for pytest; torch is imported when it is first used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.library import Report


@pytest.fixture
def harness_check() -> Callable[..., Report]:
    """``harness.check``; a failure shows the checks that failed, not the harness's own frames."""

    def check(*arguments: Any, **options: Any) -> Report:
        __tracebackhide__ = True
        from harness.library import CheckFailed
        from harness.library import check as made

        try:
            return made(*arguments, **options)
        except CheckFailed as failed:
            raise failed.with_traceback(None) from None

    return check
