"""A Kubernetes CronJob, with the claims of what it keeps: books, audiobooks, and the store of what was spoken.

The shelf lies in a ConfigMap, and its folders beside it as in its smallest form: ``source = "books/..."`` and
``output = "out"``.
"""

from __future__ import annotations

import json
import shlex

from narrate.schedules import Schedule, Unit, comment

_SHELF = "/shelf/shelf.toml"
_DEADLINE_S = 3_600
_CLAIMS = (
    ("books", "20Gi", "what is read; fill it yourself"),
    ("out", "100Gi", "the audiobooks"),
    ("store", "100Gi", "what was spoken, and the ledger: losing it is paying again"),
)

_CLAIM = """\
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata:
  name: {name}-{claim}  # {why}
spec:
  accessModes: [ReadWriteOnce]
  resources:
    requests:
      storage: {size}
"""

_JOB = """\
---
apiVersion: batch/v1
kind: CronJob
metadata:
  name: {name}
  labels:
    app.kubernetes.io/name: narrate
    app.kubernetes.io/instance: {name}
spec:
  schedule: {schedule}
  timeZone: {zone}
  # While a run goes on, no other is started. One that could not be started in time is made up within this many
  # seconds; later, the next does what is due.
  concurrencyPolicy: Forbid
  startingDeadlineSeconds: {deadline}
  successfulJobsHistoryLimit: 3
  failedJobsHistoryLimit: 3
  jobTemplate:
    spec:
      # What failed is tried by the next run, not at once and not six times.
      backoffLimit: 0
      template:
        metadata:
          labels:
            app.kubernetes.io/name: narrate
            app.kubernetes.io/instance: {name}
        spec:
          restartPolicy: Never
          # When it is stopped, it waits up to 15 s for answers that are paid for.
          terminationGracePeriodSeconds: 30
          automountServiceAccountToken: false
          enableServiceLinks: false
          securityContext:
            runAsNonRoot: true
            runAsUser: 1000
            runAsGroup: 1000
            fsGroup: 1000
            fsGroupChangePolicy: OnRootMismatch
            seccompProfile:
              type: RuntimeDefault
          containers:
            - name: narrate
              image: {image}
              command: {command}
              args: {arguments}
              env:
{environment}
              securityContext:
                allowPrivilegeEscalation: false
                readOnlyRootFilesystem: true
                capabilities:
                  drop: [ALL]
              # For one embedded voice; hosted engines need far less.
              resources:
                requests:
                  cpu: 500m
                  memory: 1Gi
                limits:
                  memory: 3Gi
              volumeMounts:
                - name: shelf
                  mountPath: {shelf}
                  subPath: shelf.toml
                  readOnly: true
                - name: books
                  mountPath: /shelf/books
                  readOnly: true
                - name: out
                  mountPath: /shelf/out
                - name: store
                  mountPath: /store
                - name: keys
                  mountPath: /run/secrets/narrate
                  readOnly: true
                - name: scratch
                  mountPath: /tmp
          volumes:
            - name: shelf
              configMap:
                name: {name}
            - name: books
              persistentVolumeClaim:
                claimName: {name}-books
            - name: out
              persistentVolumeClaim:
                claimName: {name}-out
            - name: store
              persistentVolumeClaim:
                claimName: {name}-store
            - name: keys
              secret:
                secretName: {name}-keys
                optional: true
                defaultMode: 0440
            - name: scratch
              emptyDir:
                sizeLimit: 4Gi
"""


def units(schedule: Schedule) -> tuple[Unit, ...]:
    """One file: the claims and the CronJob."""
    name = schedule.name
    about = comment(
        f"narrate keeps the shelf {schedule.shelf}: {schedule.said} ({schedule.zone}).",
        *schedule.hours,
        "",
        "Install (the secret only where a hosted engine speaks; its keys are files in the container, never variables):",
        f"  kubectl create configmap {name} --from-file=shelf.toml={shlex.quote(schedule.shelf)}",
        f"  kubectl create secret generic {name}-keys --from-file=LMNT_API_KEY=FILE --from-file=OPENAI_API_KEY=FILE",
        f"  kubectl apply -f {name}.yaml",
        f"Run it now:  kubectl create job --from=cronjob/{name} {name}-now",
        "",
        f'In the container the shelf is {_SHELF}: `source` and `output` are "books/..." and "out" there. What it',
        "extends or names besides (lexicons, lists) goes into the ConfigMap too, with a mount of its own.",
    )
    claims = "".join(_CLAIM.format(name=name, claim=claim, size=size, why=why) for claim, size, why in _CLAIMS)
    job = _JOB.format(
        name=name,
        schedule=_text(schedule.cron_fields),
        zone=_text(schedule.zone),
        deadline=min(_DEADLINE_S, schedule.every * 60 or _DEADLINE_S),
        image=_text(schedule.image),
        command=_list(schedule.command),
        arguments=_list(("library", _SHELF, *schedule.flags)),
        environment="\n".join(_variables(schedule)),
        shelf=_SHELF,
    )
    return (Unit(f"{name}.yaml", about + claims + job),)


def _variables(schedule: Schedule) -> list[str]:
    given = {
        "HOME": "/tmp",
        "XDG_CACHE_HOME": "/store",
        "XDG_DATA_HOME": "/store/data",
        "TZ": schedule.zone,
        "LMNT_API_KEY_FILE": "/run/secrets/narrate/LMNT_API_KEY",
        "OPENAI_API_KEY_FILE": "/run/secrets/narrate/OPENAI_API_KEY",
        **dict(schedule.environment),
    }
    return [f"                - name: {name}\n                  value: {_text(value)}" for name, value in given.items()]


def _list(words: tuple[str, ...]) -> str:
    return f"[{', '.join(map(_text, words))}]"


def _text(text: str) -> str:
    """A string of YAML, in double quotes: JSON's, but for the line ends that only YAML knows."""
    return json.dumps(text, ensure_ascii=False).replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
