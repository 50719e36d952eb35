"""Removes the queue of this exercise, where there is one."""

import amqp

from lab import envfile
from lab.look import running_lab
from lab.paths import ENV_FILE
from lab.topology import parts_with_role

topology = running_lab().topology
for part in parts_with_role("rabbitmq"):
    try:
        connection = amqp.Connection(
            f"{topology.address(part)}:5672",
            userid="quorate",
            password=envfile.read(ENV_FILE)["MQ_PASSWORD"],
            connect_timeout=3,
        )
        connection.connect()
        connection.channel().queue_delete("exercise-parcels")
        connection.close()
        break
    except (OSError, amqp.exceptions.AMQPError):
        continue
