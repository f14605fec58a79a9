#!/bin/sh
# The demonstration of 2016 as it was typed: Cassandra in the first of two zones. Then `stack-deploy run cassandra --zone cassandra_zone2`
# makes the second a data center of the same ring. `stack-deploy` is a link to smack: ln -s "$(command -v smack)" ~/bin/stack-deploy
set -e
cd "$(dirname "$0")"
stack-deploy addlayer --file cassandra_dc.stack --level datacenter
stack-deploy addlayer --file cassandra_cluster.stack --level cluster --parent cassandra_dc
stack-deploy addlayer --file cassandra_zone1.stack --level zone --parent cassandra_cluster
stack-deploy addlayer --file cassandra_zone2.stack --level zone --parent cassandra_cluster
stack-deploy add --file cassandra.stack
stack-deploy run cassandra --zone cassandra_zone1
