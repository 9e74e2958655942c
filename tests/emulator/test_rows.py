"""The emulator can produce every documented error, exactly as its row says, and vidup's own reading of it leads back to that row."""

from __future__ import annotations

import json
import urllib.error
import urllib.request

import pytest

from vidup.emulator.server import Emulator
from vidup.verdicts.judge import Reply, Rule, slug_of
from vidup.verdicts.rules import DOCUMENTED, TABLE


@pytest.mark.parametrize("rule", DOCUMENTED, ids=lambda rule: rule.slug)
def test_every_documented_error_can_be_asked_for(rule: Rule) -> None:
    """`--fault on=create:error=SLUG` answers with the row's title, `type` and status."""
    with Emulator(faults=[f"on=create:error={rule.slug}"]) as emulator:
        request = urllib.request.Request(f"{emulator.url}/videos", b"{}", {"Content-Type": "application/json"})
        with pytest.raises(urllib.error.HTTPError) as answered:
            urllib.request.urlopen(request)
        with answered.value as answer:
            body = json.load(answer)
    assert answer.code == body["status"] == rule.status
    assert body["title"] == rule.title
    assert TABLE.judge(Reply(status=answer.code, slug=slug_of(body.get("type") or ""), title=body["title"])) is rule
