#!/usr/bin/env bash
# Trains on a slice of Cloud TPU VMs: asks for it, waits, installs, trains on all workers, asks again when it was
# preempted, and deletes it at the end, whatever that was.
#
#   launch/tpu_vm/queued_resource.sh --name N --zone Z --type v6e-64 --runtime v2-alpha-tpuv6e --repository URL [OPTIONS] \
#     -- FLAGS OF launch.train
#
# --revision R       branch or tag of the repository (default main)
# --setup COMMAND    run on each worker first, as in mounting the disk or bucket on which --workdir lies
# --python P         3.11 or newer; installed by apt where it is not there (default python3.11)
# --spot             cheaper, may be preempted
# --project P        (default: that of gcloud)
# --max_restarts N   after preemptions and lost connections, never after errors (default 100)
# --poll SECONDS     between looks at the state (default 30)
# --keep             do not delete the slice at the end
# Exit code: 0 finished, 1 given up, 2 wrong options, 70 the training failed.
set -uo pipefail

fail() {
  echo "queued_resource.sh: $1" >&2
  exit 2
}

say() { echo "queued_resource.sh: $1"; }

name="" zone="" type="" runtime="" repository="" revision=main setup=true python=python3.11 max_restarts=100 poll=30 keep=0
where=() tier=()
while (($#)); do
  case $1 in
    --) break ;;
    --spot | --keep)
      if [[ $1 == --spot ]]; then tier=(--spot); else keep=1; fi
      shift
      continue
      ;;
    --name | --zone | --type | --runtime | --repository | --revision | --setup | --python | --project | --max_restarts | --poll) ;;
    *) fail "unknown option $1" ;;
  esac
  [[ -n ${2:-} && $2 != -- ]] || fail "$1 needs a value"
  case $1 in
    --name) name=$2 ;;
    --zone) zone=$2 ;;
    --type) type=$2 ;;
    --runtime) runtime=$2 ;;
    --repository) repository=$2 ;;
    --revision) revision=$2 ;;
    --setup) setup=$2 ;;
    --python) python=$2 ;;
    --project) where+=("--project=$2") ;;
    --max_restarts) max_restarts=$2 ;;
    --poll) poll=$2 ;;
  esac
  shift 2
done
[[ ${1:-} == -- ]] || fail "give the flags of launch.train after --"
shift
[[ -n $name && -n $zone && -n $type && -n $runtime && -n $repository ]] ||
  fail "--name, --zone, --type, --runtime and --repository are all needed"
[[ $python =~ ^[a-z0-9.]+$ ]] || fail "--python $python is not a name such as python3.11"
[[ $max_restarts =~ ^[0-9]+$ ]] || fail "--max_restarts $max_restarts is not a number"
[[ $poll =~ ^[0-9]+$ ]] || fail "--poll $poll is not a number"
[[ " $* " == *" --config"[=\ ]* && " $* " == *" --workdir"[=\ ]* ]] || fail "--config and --workdir are needed after --"
command -v gcloud > /dev/null || fail "gcloud is not installed"
where+=("--zone=$zone" --quiet)

queued() { gcloud compute tpus queued-resources "$1" "$name" "${where[@]}" "${@:2}"; }

state() { # as Google calls it; MISSING where there is none, UNKNOWN where one cannot ask
  if queued describe "--format=value(state.state)" 2> "$errors"; then
    return
  elif grep -q NOT_FOUND "$errors"; then
    echo MISSING
  else
    cat "$errors" >&2
    echo UNKNOWN
  fi
}

on_all_workers() { gcloud compute tpus tpu-vm ssh "$name" "${where[@]}" --worker=all "--command=$1"; }

delete() { [[ $(state) == MISSING ]] || queued delete --force; }

at_exit() {
  local code=$?
  trap - EXIT
  if ((keep)); then
    say "$name is kept, and costs money: gcloud compute tpus queued-resources delete $name --force ${where[*]}"
  elif ! delete; then
    say "$name could not be deleted, and costs money: look after it" >&2
  fi
  rm -f "$errors"
  exit "$code"
}

restarts=0
count_restart() {
  if ((restarts >= max_restarts)); then
    say "given up after $restarts restarts" >&2
    exit 1
  fi
  restarts=$((restarts + 1))
}

create() {
  queued create "--node-id=$name" "--accelerator-type=$type" "--runtime-version=$runtime" "${tier[@]}" || {
    say "the request was refused" >&2
    exit 1
  }
}

wait_until_active() { # a slice that goes away while one waits is asked for again
  local now unknown=0
  while now=$(state) && [[ $now != ACTIVE ]]; do
    case $now in
      FAILED)
        say "the request failed" >&2
        exit 1
        ;;
      SUSPENDING | SUSPENDED | MISSING)
        say "state $now: asking again"
        count_restart
        delete
        create
        ;;
    esac
    if [[ $now != UNKNOWN ]]; then
      unknown=0
    elif ((++unknown == 20)); then
      say "given up asking for the state" >&2
      exit 1
    fi
    sleep "$poll"
  done
}

install="set -e; $setup; command -v $python > /dev/null || \
{ sudo apt-get update -qq; sudo apt-get install -y -qq $python $python-venv; }; \
[ -d jaxanim ] || git clone --quiet --depth 1 --branch $(printf %q "$revision") $(printf %q "$repository") jaxanim; \
cd jaxanim; $python -m venv .venv; .venv/bin/pip install --quiet --editable '.[train,aot]'"
# A training that outlived its connection is told to save and end before the next begins. Exit code 70 is an error of
# the training, 75 a stop before its end; all others, 1 among them, are of the connection.
train="cd jaxanim; \
if [ -f training.pid ] && kill -TERM \$(cat training.pid); then \
timeout 300 tail --pid=\$(cat training.pid) --lines=0 -f /dev/null; fi 2> /dev/null; \
.venv/bin/python -m launch.preemptible -- -m launch.train --cluster$(printf ' %q' "$@") & \
echo \$! > training.pid; wait \$!; code=\$?; rm training.pid; \
case \$code in [123]) code=70;; esac; exit \$code"

errors=$(mktemp) # what gcloud said last
trap at_exit EXIT
trap 'exit 130' INT TERM
if [[ $(state) == MISSING ]]; then create; fi
while :; do
  wait_until_active
  say "$name is there: installing"
  if on_all_workers "$install"; then
    say "training"
    on_all_workers "$train"
    code=$?
  else
    code=255
    say "installing failed" >&2
  fi
  case $code in
    0)
      say "finished"
      exit 0
      ;;
    70)
      say "the training failed" >&2
      exit 70
      ;;
  esac
  say "ended with exit code $code: going on where it was saved"
  count_restart
  sleep "$poll" # a preempted slice is not at once seen as such
done
