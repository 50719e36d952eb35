"""Images as JSON text, rendered once for each version of an image.

Whatever changes an image changes its generation, its tags included. So the text that belongs to an id, a generation and
a time of change never changes, and a replica may keep it: a list then reads three columns of each image from the
database, which decides what is current, and nothing is ever stale.
"""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import BindParameter, Row, bindparam, select
from sqlalchemy.orm import Session

from services.image.documents import PLAIN, image_document
from services.image.models import Image, Tag

# Tables, not mapped classes: lists are long, and plain rows cost half.
_images: Final = Image.__table__.c
_tags: Final = Tag.__table__.c

VERSION_COLUMNS: Final = (_images.id, _images.generation, _images.updated_at)
_DOCUMENT_COLUMNS: Final = [_images[name] for name in (*PLAIN, "properties", "location", "created_at", "updated_at")]

_IDS: Final[BindParameter[Any]] = bindparam("ids", expanding=True)
_ROWS_OF: Final = select(_images.generation, *_DOCUMENT_COLUMNS).where(_images.id.in_(_IDS))
_TAGS_OF: Final = select(_tags.image_id, _tags.value).where(_tags.image_id.in_(_IDS)).order_by(_tags.value)


class Version(NamedTuple):
    """One image at one time."""

    id: str
    generation: int
    updated_at: datetime


class Documents:
    """The texts of the versions that were listed last. Thread-safe."""

    def __init__(self, size: int = 2000) -> None:
        self._size = size
        self._texts: OrderedDict[Version, str] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, session: Session, versions: Sequence[Version]) -> list[str]:
        """The texts of `versions`, in their order. An image that was changed meanwhile is shown as it is now; one that
        is gone is left out."""
        with self._lock:
            texts = {version.id: self._texts[version] for version in versions if version in self._texts}
        missing = [version.id for version in versions if version.id not in texts]
        if missing:
            fresh = _render(session, missing)
            texts.update({version.id: text for version, text in fresh.items()})
            self._keep(fresh)
        return [texts[version.id] for version in versions if version.id in texts]

    def _keep(self, fresh: dict[Version, str]) -> None:
        with self._lock:
            self._texts.update(fresh)
            while len(self._texts) > self._size:
                self._texts.popitem(last=False)


def _render(session: Session, ids: Sequence[str]) -> dict[Version, str]:
    """Two statements, however many images."""
    rows = session.execute(_ROWS_OF, {"ids": ids}).all()
    tags: dict[str, list[str]] = {}
    for image_id, value in session.execute(_TAGS_OF, {"ids": ids}):
        tags.setdefault(image_id, []).append(value)
    return {Version(row.id, row.generation, row.updated_at): _text(row, tags.get(row.id, ())) for row in rows}


def _text(row: Row[Any], tags: Iterable[str]) -> str:
    plain = row[1 : len(PLAIN) + 1]
    properties, location, created_at, updated_at = row[len(PLAIN) + 1 :]
    return json.dumps(image_document(plain, properties, location, created_at, updated_at, list(tags)))
