"""A CronJob: its YAML is what was meant, its parts fit together, and it may do little."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given

from narrate.schedules import Schedule, k8s
from tests.schedules.scheduled import NASTY, names

SCHEDULE = Schedule("/home/me/shelf.toml", ("narrate",), image="example.org/narrate:1", zone="Europe/Berlin")


def read(schedule: Schedule) -> list[dict[str, Any]]:
    (unit,) = k8s.units(schedule)
    assert unit.name == f"{schedule.name}.yaml"
    return list(yaml.safe_load_all(unit.text))


def pod(schedule: Schedule) -> dict[str, Any]:
    found: dict[str, Any] = read(schedule)[-1]["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    return found


def test_runs_do_not_overlap_and_what_failed_waits_for_the_next() -> None:
    job = read(SCHEDULE)[-1]
    assert (job["apiVersion"], job["kind"]) == ("batch/v1", "CronJob")
    spec = job["spec"]
    assert spec["concurrencyPolicy"] == "Forbid"
    assert spec["timeZone"] == "Europe/Berlin"
    assert spec["startingDeadlineSeconds"] == 3600
    assert spec["jobTemplate"]["spec"]["backoffLimit"] == 0
    assert pod(SCHEDULE)["restartPolicy"] == "Never"
    assert pod(SCHEDULE)["terminationGracePeriodSeconds"] > 15
    assert read(Schedule("/s", every=5))[-1]["spec"]["startingDeadlineSeconds"] == 300


def test_every_folder_is_mounted_from_a_volume_that_is_claimed() -> None:
    *claims, job = read(SCHEDULE)
    assert {claim["kind"] for claim in claims} == {"PersistentVolumeClaim"}
    (container,) = pod(SCHEDULE)["containers"]
    volumes = {volume["name"]: volume for volume in pod(SCHEDULE)["volumes"]}
    assert {mount["name"] for mount in container["volumeMounts"]} == set(volumes)
    claimed = {
        volume["persistentVolumeClaim"]["claimName"] for volume in volumes.values() if "persistentVolumeClaim" in volume
    }
    assert claimed == {claim["metadata"]["name"] for claim in claims}
    assert volumes["shelf"]["configMap"]["name"] == job["metadata"]["name"]
    mounts = {mount["mountPath"] for mount in container["volumeMounts"]}
    assert mounts >= {"/shelf/shelf.toml", "/shelf/books", "/shelf/out", "/store", "/tmp"}


def test_it_may_do_little() -> None:
    (container,) = pod(SCHEDULE)["containers"]
    assert container["image"] == "example.org/narrate:1"
    assert pod(SCHEDULE)["securityContext"]["runAsNonRoot"] is True
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert {"requests", "limits"} <= set(container["resources"])


def test_keys_are_files() -> None:
    (container,) = pod(SCHEDULE)["containers"]
    variables = {variable["name"]: variable["value"] for variable in container["env"]}
    keys = next(mount["mountPath"] for mount in container["volumeMounts"] if mount["name"] == "keys")
    assert variables["LMNT_API_KEY_FILE"] == f"{keys}/LMNT_API_KEY"
    secret = next(volume["secret"] for volume in pod(SCHEDULE)["volumes"] if volume["name"] == "keys")
    assert secret["optional"] is True
    assert secret["defaultMode"] == 0o440
    assert variables["TZ"] == "Europe/Berlin"


@given(flag=names, value=names)
def test_any_word_is_read_as_it_is(flag: str, value: str) -> None:
    schedule = Schedule(f"/{flag}", (value,), flags=(flag, value), environment=(("X", value),), image=value, zone=flag)
    (container,) = pod(schedule)["containers"]
    assert container["command"] == [value]
    assert container["args"] == ["library", "/shelf/shelf.toml", flag, value]
    assert container["env"][-1] == {"name": "X", "value": value}
    assert (container["image"], read(schedule)[-1]["spec"]["timeZone"]) == (value, flag)


@pytest.mark.parametrize("name", NASTY)
def test_no_path_breaks_out_of_the_comment(name: str) -> None:
    assert len(read(Schedule(f"/{name}\u2028kind: Secret\u2029---"))) == 4


@pytest.mark.parametrize("name", NASTY)
def test_nasty_words_are_read_as_they_are(name: str) -> None:
    (container,) = pod(Schedule("/s", flags=(name,), environment=(("X", name),)))["containers"]
    assert container["args"][-1] == name
    assert container["env"][-1]["value"] == name
