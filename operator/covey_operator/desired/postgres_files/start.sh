#!/bin/sh
# Starts Postgres on its volume; the first time it makes the database. COVEY_PASSWORD is that of the only role
# which the network may use.
set -eu
umask 077
PATH=/usr/lib/postgresql/17/bin:$PATH
volume=/data
data=$volume/postgres

# A pod that is deleted by force may still be at work when its successor starts: that one waits for the lock.
exec 9>"$volume/lock"
flock 9

if [ ! -d "$data" ]; then
    # Made beside its place and then moved there: a pod that dies meanwhile leaves nothing half made.
    rm -rf "$data.new"
    initdb --pgdata="$data.new" --username=postgres --encoding=UTF8 --no-locale --data-checksums \
        --auth-local=trust --auth-host=scram-sha-256 --set=huge_pages=off
    postgres --single -D "$data.new" postgres >/dev/null <<EOF
CREATE ROLE covey LOGIN
CREATE DATABASE covey OWNER covey
EOF
    mv "$data.new" "$data"
    sync "$volume"
fi
# Where Kubernetes gave the volume to the pods' group, Postgres would refuse it.
chmod 0700 "$data"

# At every start: the password and the image may be others than the last time.
postgres --single -D "$data" -c huge_pages=off covey >/dev/null <<EOF
ALTER ROLE covey PASSWORD '$COVEY_PASSWORD'
CREATE EXTENSION IF NOT EXISTS vector
ALTER EXTENSION vector UPDATE
EOF
exec postgres -D "$data" -c config_file=/etc/covey/postgresql.conf
