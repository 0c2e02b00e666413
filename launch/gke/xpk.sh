#!/usr/bin/env bash
# Submits a training to a GKE cluster through xpk.
#
#   launch/gke/xpk.sh --cluster C --workload NAME --tpu_type v5litepod-256 --image IMAGE [OPTIONS] -- FLAGS OF launch.train
#
# --slices N         how many slices of that type (default 1)
# --storage NAME     a storage that was attached to the cluster by `xpk storage`; --workdir belongs on it
# --project P, --zone Z   (default: those of gcloud)
# --max_restarts N   after preemptions and lost hosts, never after errors (default 20)
# --grace SECONDS    to save in when a pod has to go (default 180)
# --dry_run          xpk only says what it would do
set -euo pipefail

fail() {
  echo "xpk.sh: $1" >&2
  exit 2
}

cluster="" workload="" tpu_type="" image="" slices=1 max_restarts=20 grace=180
optional=()
while (($#)); do
  case $1 in
    --) break ;;
    --dry_run)
      optional+=(--dry-run)
      shift
      continue
      ;;
    --cluster | --workload | --tpu_type | --image | --slices | --storage | --project | --zone | --max_restarts | --grace) ;;
    *) fail "unknown option $1" ;;
  esac
  [[ -n ${2:-} && $2 != -- ]] || fail "$1 needs a value"
  case $1 in
    --cluster) cluster=$2 ;;
    --workload) workload=$2 ;;
    --tpu_type) tpu_type=$2 ;;
    --image) image=$2 ;;
    --slices) slices=$2 ;;
    --max_restarts) max_restarts=$2 ;;
    --grace) grace=$2 ;;
    --storage | --project | --zone) optional+=("$1" "$2") ;;
  esac
  shift 2
done
[[ ${1:-} == -- ]] || fail "give the flags of launch.train after --"
shift
[[ -n $cluster && -n $workload && -n $tpu_type && -n $image ]] ||
  fail "--cluster, --workload, --tpu_type and --image are all needed"
[[ $workload =~ ^[a-z]([-a-z0-9]{0,38}[a-z0-9])?$ ]] ||
  fail "--workload $workload: up to 40 lower-case letters, digits and dashes, beginning with a letter"
[[ $slices =~ ^[1-9][0-9]*$ ]] || fail "--slices $slices is not a number from 1 on"
[[ $max_restarts =~ ^[0-9]+$ ]] || fail "--max_restarts $max_restarts is not a number"
[[ $grace =~ ^[0-9]+$ ]] || fail "--grace $grace is not a number"
[[ " $* " == *" --config"[=\ ]* && " $* " == *" --workdir"[=\ ]* ]] || fail "--config and --workdir are needed after --"
command -v xpk > /dev/null || fail "xpk is not installed: pip install xpk"

# 75 says that the training saved and stopped before its end; xpk restarts at 42 and from 127 on by itself.
exec xpk workload create \
  --cluster "$cluster" --workload "$workload" --tpu-type "$tpu_type" --num-slices "$slices" \
  --docker-image "$image" --max-restarts "$max_restarts" --restart-on-exit-codes 75 \
  --termination-grace-period-seconds "$grace" "${optional[@]}" \
  --command "python -m launch.preemptible -- -m launch.train --cluster$(printf ' %q' "$@")"
