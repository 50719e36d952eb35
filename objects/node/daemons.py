"""Swift's daemons as duties of one process.

Each runs its own single pass again and again. Two of them would fork for it (a child of a process full of green threads
is a bad start), so their work is called one level deeper. Left out, for a cluster of this size: sharder, reconciler,
container-sync, reconstructor.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from node.serving import Duty
from node.unsettled import database_passes, object_passes


def duties(directory: Path) -> list[Duty]:
    """What a storage node does besides answering."""
    from swift.account.auditor import AccountAuditor
    from swift.account.reaper import AccountReaper
    from swift.account.replicator import AccountReplicator
    from swift.container.auditor import ContainerAuditor
    from swift.container.replicator import ContainerReplicator
    from swift.container.updater import ContainerUpdater
    from swift.obj.auditor import ObjectAuditor
    from swift.obj.expirer import ObjectExpirer
    from swift.obj.replicator import ObjectReplicator
    from swift.obj.updater import ObjectUpdater

    def daemon(kind: type[Any], section: str) -> Any:
        from swift.common.utils import readconf

        path = directory / f"{section.partition('-')[0]}-server.conf"
        return kind(readconf(str(path), section, log_name=section))

    replicators = {"container-replicator": ContainerReplicator, "account-replicator": AccountReplicator}
    plain = {
        "container-updater": ContainerUpdater,
        "account-reaper": AccountReaper,
        "object-expirer": ObjectExpirer,
        "container-auditor": ContainerAuditor,
        "account-auditor": AccountAuditor,
    }
    made = [(name, daemon(kind, name)) for name, kind in plain.items()]
    databases = [(name, daemon(kind, name)) for name, kind in replicators.items()]
    replicator = daemon(ObjectReplicator, "object-replicator")
    updater, auditor = daemon(ObjectUpdater, "object-updater"), daemon(ObjectAuditor, "object-auditor")
    return [
        *(Duty(name, each.interval, each.run_once, each.logger) for name, each in made),
        *(Duty(name, each.interval, database_passes(each, time.monotonic), each.logger) for name, each in databases),
        Duty("object-replicator", replicator.interval, object_passes(replicator, time.monotonic), replicator.logger),
        Duty("object-updater", updater.interval, lambda: update(updater), updater.logger),
        Duty("object-auditor", auditor.interval, lambda: auditor.run_audit(mode="once"), auditor.logger),
    ]


def update(updater: Any) -> None:
    """One pass of the object updater over every device, in this process."""
    updater.begin = time.time()
    for device in os.listdir(updater.devices):
        updater.stats.reset()
        updater.oldest_async_pendings.reset()
        updater.object_sweep(os.path.join(updater.devices, device))
