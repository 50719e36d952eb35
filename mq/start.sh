#!/bin/sh
# Write the parts of the configuration that differ and become the server.
# Wants MQ_NODES ("mq1 mq2 mq3"), MQ_USER, MQ_PASSWORD and MQ_COOKIE.
set -eu
umask 077
home=/var/lib/rabbitmq
rm -f "$home/.erlang.cookie"
printf %s "$MQ_COOKIE" > "$home/.erlang.cookie"
chmod 400 "$home/.erlang.cookie"
{
  cat /usr/share/quorate/rabbitmq.conf
  printf 'default_user = %s\ndefault_pass = %s\n' "$MQ_USER" "$MQ_PASSWORD"
  number=0
  for node in $MQ_NODES; do
    number=$((number + 1))
    echo "cluster_formation.classic_config.nodes.$number = rabbit@$node"
  done
} > /etc/rabbitmq/rabbitmq.conf
unset MQ_PASSWORD MQ_COOKIE
export RABBITMQ_NODENAME="rabbit@$(hostname)"
# Khepri (Raft) keeps the metadata from the first boot: with Mnesia one pause of a node leaves it split for good.
# The variable takes the complete list of flags to enable.
export RABBITMQ_FEATURE_FLAGS="classic_mirrored_queue_version,classic_queue_type_delivery_support,\
detailed_queues_endpoint,direct_exchange_routing_v2,drop_unroutable_metric,empty_basic_get_metric,feature_flags_v2,\
implicit_default_bindings,khepri_db,listener_records_in_ets,maintenance_mode_status,message_containers,\
message_containers_deaths_v2,quorum_queue,quorum_queue_non_voters,rabbit_exchange_type_local_random,rabbitmq_4.0.0,\
restart_streams,stream_filtering,stream_queue,stream_sac_coordinator_unblock_group,stream_single_active_consumer,\
stream_update_config_command,tracking_records_in_ets,user_limits,virtual_host_metadata"
export RABBITMQ_LOGS=-
export RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS="+S 1:1 +SDcpu 1:1 +SDio 1 +sbwt none +sbwtdcpu none +sbwtdio none +JMsingle true +L"
exec /usr/lib/rabbitmq/bin/rabbitmq-server
