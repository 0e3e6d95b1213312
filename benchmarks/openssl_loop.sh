#!/bin/sh
# What many clusters still use: a shell loop around openssl. DIRECTORY COUNT
set -eu
directory=$1 count=$2
mkdir -p "$directory"
cd "$directory"
openssl ecparam -name prime256v1 -genkey -noout -out ca.key
openssl req -x509 -new -key ca.key -subj /CN=bench -days 3650 -out ca.crt
number=0
while [ "$number" -lt "$count" ]; do
  host="host-$number.bench.internal"
  printf 'basicConstraints=critical,CA:FALSE\nextendedKeyUsage=serverAuth\nsubjectAltName=DNS:%s\n' "$host" >"$number.ext"
  openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$number.key" 2>/dev/null
  openssl req -new -key "$number.key" -subj "/CN=$host" -out "$number.csr"
  openssl x509 -req -in "$number.csr" -CA ca.crt -CAkey ca.key -CAcreateserial -days 365 \
    -extfile "$number.ext" -out "$number.crt" 2>/dev/null
  number=$((number + 1))
done
