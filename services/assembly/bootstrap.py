"""The bootstrap job: schemas and first data of all services. Idempotent; waits for the database to be there."""

from __future__ import annotations

import logging
import sys
import time

from sqlalchemy.exc import DBAPIError

from services.compute import bootstrap as compute
from services.identity import app as identity_app
from services.identity import bootstrap as identity
from services.identity.bootstrap import FirstData
from services.identity.settings import IdentitySettings
from services.image import bootstrap as image
from services.platform.database import Transactor, retry_reason
from services.platform.faults import Unavailable
from services.platform.logs import configure_logging
from services.platform.migrations import is_current, upgrade
from services.platform.settings import Settings, read_settings
from services.volume import bootstrap as volume

log = logging.getLogger(__name__)

#: How long the job waits for a database that is still starting.
PATIENCE_SECONDS = 180.0


class BootstrapSettings(Settings, frozen=True, kw_only=True):
    """Where the databases are, and what the catalog says of the services."""

    name: str = "bootstrap"
    identity_database_url: str
    image_database_url: str
    compute_database_url: str
    admin_password: str
    service_password: str
    public_identity_url: str
    public_image_url: str
    public_compute_url: str
    internal_identity_url: str
    internal_image_url: str
    internal_compute_url: str
    #: Empty in a region without volumes.
    volume_database_url: str = ""
    #: False in a region that waits for another to make the tables that the regions share.
    makes_shared_tables: bool = True
    public_volume_url: str = ""
    internal_volume_url: str = ""
    #: Empty in a region without object storage.
    public_object_url: str = ""
    internal_object_url: str = ""


def run(settings: BootstrapSettings) -> None:
    """Bring every schema up to date and make sure that the first data is there."""
    people, images = Transactor(settings.identity_database_url), Transactor(settings.image_database_url)
    compute.bootstrap(Transactor(settings.compute_database_url))
    if settings.volume_database_url:
        volume.bootstrap(Transactor(settings.volume_database_url))
    _shared_tables(people, images, make=settings.makes_shared_tables)
    first = FirstData.of_region(
        settings.region,
        admin_password=settings.admin_password,
        service_password=settings.service_password,
        identity=(settings.public_identity_url, settings.internal_identity_url),
        image=(settings.public_image_url, settings.internal_image_url),
        compute=(settings.public_compute_url, settings.internal_compute_url),
        volume=(settings.public_volume_url, settings.internal_volume_url) if settings.public_volume_url else None,
        objects=(settings.public_object_url, settings.internal_object_url) if settings.public_object_url else None,
    )
    identity.bootstrap(people, first, read_settings(IdentitySettings))


def _shared_tables(people: Transactor, images: Transactor, *, make: bool) -> None:
    """Bring the shared schemas up to date, or see that they are: two jobs at once would step on each other."""
    if make:
        upgrade(people.engine, identity_app.MIGRATIONS)
        image.upgrade(images.engine)
    elif not (is_current(people.engine, identity_app.MIGRATIONS) and image.is_current(images.engine)):
        raise Unavailable("the first region has not made the shared tables yet")


def main() -> None:
    settings = read_settings(BootstrapSettings)
    configure_logging(settings.name, settings.log_level)
    give_up = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            run(settings)
        except (DBAPIError, Unavailable) as error:
            # While the cluster forms, an access denied only says that its users are still to be made.
            starting = isinstance(error, Unavailable) or retry_reason(error) or "Access denied" in str(error)
            if not starting or time.monotonic() > give_up:
                log.error("the database never became ready: %s", error)
                sys.exit(1)
            log.info("waiting for the database: %s", str(error).splitlines()[0])
            time.sleep(0.25)
        else:
            log.info("schemas and first data are in place")
            return


if __name__ == "__main__":
    main()
