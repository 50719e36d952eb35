"""Sends parcels through RabbitMQ and works them off, written by somebody who never saw a node die.

A channel is one of the library py-amqp (https://docs.celeryq.dev/projects/amqp). The cluster has three nodes; a
channel leads to one of them. A parcel's id is in `message_id`.
"""

import amqp


def declare(channel, queue):
    """Make the queue, or find it there."""
    channel.queue_declare(queue, durable=True, auto_delete=False, arguments={"x-queue-type": "quorum"})


def send(channel, queue, parcel):
    """Send one parcel. Returns when the cluster is responsible for it; raises if it may not be."""
    # The broker confirms when a majority of the queue's members has the message.
    channel.basic_publish_confirm(amqp.Message("parcel", message_id=parcel, delivery_mode=2), routing_key=queue)


def work(channel, queue, ledger):
    """Work parcels off for ever: `ledger.deliver(id)` takes a moment and is an effect in the world, so once each.

    `ledger.delivered(id)` tells whether a parcel was delivered before. This process may be killed at any instant, and
    is started again; it must leave no parcel behind.
    """

    def handle(message):
        parcel = message.properties["message_id"]
        if not ledger.delivered(parcel):  # it may come again: we were killed before we could acknowledge it
            ledger.deliver(parcel)
        message.channel.basic_ack(message.delivery_tag)

    channel.basic_qos(0, 1, False)
    channel.basic_consume(queue, callback=handle)
    while True:
        channel.connection.drain_events()
