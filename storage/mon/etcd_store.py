"""Maps in etcd: one key for each epoch, created only if it is not there. etcd's Raft decides who was first.

Through etcd's JSON gateway (API v3). Reads of the newest map are linearizable, so a monitor that reads never goes back.
"""

from __future__ import annotations

import base64
from typing import Any

import urllib3
from urllib3.exceptions import HTTPError

from storage.mon.map_store import MapStoreUnavailable


def _encode(data: bytes | str) -> str:
    return base64.b64encode(data.encode() if isinstance(data, str) else data).decode()


class EtcdMapStore:
    """One etcd member's client; blocking, so each thread has one of its own."""

    def __init__(self, host: str, port: int, prefix: str, seconds: float = 2.0) -> None:
        self._etcd = urllib3.HTTPConnectionPool(host, port, timeout=seconds, retries=False)
        self._prefix = f"/quorate/{prefix}/map/"

    def _key(self, epoch: int) -> str:
        return f"{self._prefix}{epoch:010}"

    def _post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        try:
            response = self._etcd.request("POST", f"/v3{path}", json=body)
            answer: dict[str, Any] = response.json()
        except (HTTPError, ValueError) as error:
            raise MapStoreUnavailable(f"etcd does not answer: {str(error) or type(error).__name__:.200}") from None
        if response.status != 200:
            raise MapStoreUnavailable(f"etcd does not answer: {answer.get('message', response.status)!s:.200}")
        return answer

    def _range(self, first: int, last: int, **more: Any) -> list[tuple[int, bytes]]:
        body = {"key": _encode(self._key(first)), "range_end": _encode(self._key(last) + "\0"), **more}
        found = self._post("/kv/range", body).get("kvs", [])
        return [
            (int(base64.b64decode(row["key"]).rpartition(b"/")[2]), base64.b64decode(row["value"])) for row in found
        ]  # fmt: skip

    def newest(self) -> tuple[int, bytes] | None:
        found = self._range(0, 10**10 - 1, limit=1, sort_order="DESCEND", sort_target="KEY")
        return found[0] if found else None

    def between(self, first: int, last: int) -> list[bytes]:
        rows = self._range(first, min(last, 10**10 - 1), sort_order="ASCEND", sort_target="KEY")
        return [data for _, data in rows]

    def put(self, epoch: int, data: bytes) -> bool:
        key = _encode(self._key(epoch))
        compare = [{"key": key, "result": "EQUAL", "target": "CREATE", "create_revision": 0}]
        if epoch > 1:
            before = _encode(self._key(epoch - 1))
            compare.append({"key": before, "result": "GREATER", "target": "CREATE", "create_revision": 0})
        body = {
            "compare": compare,
            "success": [{"request_put": {"key": key, "value": _encode(data)}}],
            "failure": [],
        }
        return bool(self._post("/kv/txn", body).get("succeeded", False))

    def trim(self, floor: int) -> None:
        body = {"key": _encode(self._key(0)), "range_end": _encode(self._key(floor))}
        self._post("/kv/deleterange", body)
