#!/usr/bin/env bash
# Installs every part as a Helm release of its own into one namespace of the cluster that KUBECONFIG names.
#   NAMESPACE=oblivion VALUES=helm/development.yaml IMAGE_TAG=0.1.0 helm/deploy.sh
# Another tag rolls every part, after the migrations of that version.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

namespace=${NAMESPACE:-oblivion}
values=${VALUES:-helm/development.yaml}
timeout=${TIMEOUT:-300s}
tag=${IMAGE_TAG:-}

kubectl apply -f - <<YAML
apiVersion: v1
kind: Namespace
metadata:
  name: $namespace
  labels:
    pod-security.kubernetes.io/enforce: restricted
    oblivion.dev/tenant: default
YAML

install() { # release, chart, further arguments...
  local name=$1 chart=$2
  shift 2
  echo "· $name"
  # Helm says that charts/lib is a link; nobody needs to read it.
  helm upgrade --install "$name" "$chart" -n "$namespace" --timeout "$timeout" -f "$values" \
    --set-string "global.imageTag=$tag" "$@" 2> >(grep -v walk.go >&2) >/dev/null
}

# One for the whole cluster, whatever else is in it.
echo "· oblivion-crds"
helm upgrade --install oblivion-crds helm/oblivion-crds -n default --timeout "$timeout" >/dev/null
install operator helm/operator
# First what the others wait for: Secrets by a hook of `database`, whose Job then waits for Postgres.
install database helm/database
install postgres infra/postgres
# What is in Redis is made again from Postgres; here nobody waits for it.
install redis infra/redis --set persistence.enabled=false
for part in sandbox ingestion gateway mcp-hub observer router-worker cli squad; do install $part helm/$part; done

echo "waiting until all is ready"
kubectl -n "$namespace" rollout status deployment,statefulset -l app.kubernetes.io/part-of=oblivion --timeout "$timeout" >/dev/null ||
  { kubectl -n "$namespace" get pods; exit 1; }
cat <<TEXT
Oblivion is up in the namespace $namespace.
  Try it     kubectl -n $namespace port-forward svc/oblivion-sandbox 8300, then http://localhost:8300/slack and /clickup
  The page   http://localhost:8300, once you have signed in: kubectl -n $namespace exec deploy/oblivion-cli -- oblivion login
  Look       helm list -n $namespace
  Remove     helm uninstall -n $namespace \$(helm list -n $namespace -q)
TEXT
