#!/bin/sh
# Called by the server at each change of membership or state; the entrypoint reads the file.
printf '%s\n' "$*" > /run/galera/notify.new && mv -f /run/galera/notify.new /run/galera/notify
