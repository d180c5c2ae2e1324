#!/usr/bin/env bash
# Applies an overlay, or a village's folder, with the images of one version, and waits until everything of it runs.
#
#   deploy.sh OVERLAY REGISTRY TAG        as: deploy.sh k8s/overlays/centre ghcr.io/example/solar-sync 1.2.3
#
# Wherever the overlay has its own images from, they come from REGISTRY then: …/solar-sync/edge becomes REGISTRY/edge,
# …/solar-sync/central REGISTRY/central. KUBECONFIG says which cluster. ROLLOUT_TIMEOUT (20m unless set) must outlast the
# repair of a damaged store.
set -euo pipefail

if [ "$#" -ne 3 ]; then
  echo "deploy.sh: usage: deploy.sh OVERLAY REGISTRY TAG" >&2
  exit 2
fi
overlay="${1%/}"
registry="$2"
tag="$3"
if [ ! -f "$overlay/kustomization.yaml" ]; then
  echo "deploy.sh: $overlay has no kustomization.yaml" >&2
  exit 2
fi

# Names without tags, as the overlay leaves them.
names="$(kubectl kustomize "$overlay" |
  sed -nE 's|^ *(- )?image: *"?(([^"[:space:]]*/)?solar-sync/(edge\|central))(:[^/"]*)?"? *$|\2|p' | sort -u)"
if [ -z "$names" ]; then
  echo "deploy.sh: $overlay has no image solar-sync/edge or solar-sync/central" >&2
  exit 2
fi

# The overlay stays as it is in the repository: a folder beside it, for this run alone, puts the images in.
with_images="$(mktemp -d "$(dirname "$overlay")/deploy-XXXXXX")"
trap 'rm -rf "$with_images"' EXIT
{
  printf '%s\n' 'apiVersion: kustomize.config.k8s.io/v1beta1' 'kind: Kustomization'
  printf '%s\n' 'resources:' "  - ../$(basename "$overlay")" 'images:'
  for name in $names; do
    printf '%s\n' "  - name: $name" "    newName: $registry/${name##*/}" "    newTag: \"$tag\""
  done
} >"$with_images/kustomization.yaml"

echo "deploy.sh: $overlay with images of $registry, tag $tag"
# Kind, namespace and name of each of its objects that is in the cluster.
in_cluster() {
  kubectl get -k "$with_images" --ignore-not-found --no-headers \
    -o custom-columns=KIND:.kind,NAMESPACE:.metadata.namespace,NAME:.metadata.name
}

# A job's image cannot be changed: one of an earlier version is made anew. What they do may be done again.
in_cluster | while read -r kind namespace name; do
  if [ "$kind" = Job ]; then kubectl delete job "$name" --namespace "$namespace" --ignore-not-found; fi
done
kubectl apply -k "$with_images"
in_cluster | while read -r kind namespace name; do
  case "$kind" in
    Deployment | StatefulSet | DaemonSet)
      kubectl rollout status "$kind/$name" --namespace "$namespace" --timeout "${ROLLOUT_TIMEOUT:-20m}"
      ;;
  esac
done
