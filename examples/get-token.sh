#!/bin/sh
# Gets an access token with curl and prints the whole answer.
#
#   examples/get-token.sh [PARAMETER=VALUE …]     such as scope=read or resource=https://api.example.com
set -eu
: "${GRANTOR_ISSUER:=http://127.0.0.1:8080}"
: "${GRANTOR_CLIENT_ID:?is the client_id}" "${GRANTOR_CLIENT_SECRET:?is the client secret}"

endpoint=$(curl -fsS "$GRANTOR_ISSUER/.well-known/oauth-authorization-server" |
  sed -n 's/.*"token_endpoint" *: *"\([^"]*\)".*/\1/p')

for parameter in "$@"; do
  set -- "$@" --data-urlencode "$parameter"
  shift
done

# The secret goes through a pipe: everybody on the machine can read the arguments of curl.
printf %s "$GRANTOR_CLIENT_SECRET" | curl -sS --fail-with-body \
  --data-urlencode grant_type=client_credentials \
  --data-urlencode "client_id=$GRANTOR_CLIENT_ID" \
  --data-urlencode client_secret@- \
  "$@" "$endpoint"
echo
