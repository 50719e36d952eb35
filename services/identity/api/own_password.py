"""`POST /v3/users/{id}/password`: users change their own, with the old one for proof; no token is needed."""

from __future__ import annotations

from sqlalchemy.orm import Session
from starlette.responses import Response

from services.identity.api.common import IdentityDep, get_row, v3_router
from services.identity.api.user_models import NewPasswordBody
from services.identity.lockout import used_before
from services.identity.login import check_password
from services.identity.models import User
from services.identity.password_store import set_password
from services.identity.people import Named, password_hashes
from services.identity.repetition import mark_done, was_done
from services.platform.authentication import Keyed
from services.platform.faults import BadRequest
from services.platform.http import no_content

router = v3_router()


@router.post("/users/{user_id}/password")
def change_password(user_id: str, body: NewPasswordBody, identity: IdentityDep, key: Keyed) -> Response:
    new = body.user
    if identity.transactor.read(lambda session: was_done(session, key)):
        return no_content()
    account = check_password(identity, Named(id=user_id), new.original_password)
    if account.options.get("lock_password"):
        raise BadRequest("You cannot change your password at this time due to the admin disallowing password changes.")
    history = identity.settings.password_history
    known = identity.transactor.read(lambda session: password_hashes(session, user_id))
    if used_before(lambda old: identity.passwords.verify(new.password, old), known, history):
        raise BadRequest(
            "The new password cannot be identical to a previous password. "
            f"The total number which includes the new password must be unique is {history}."
        )
    stored = identity.passwords.hash(new.password)

    def work(session: Session) -> None:
        set_password(session, get_row(session, User, user_id, "user"), stored, history)
        mark_done(session, key)

    identity.transactor.write(work)
    return no_content()
