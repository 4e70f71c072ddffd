"""Alerts and dashboards ask for metrics that exist; promtool understands the rules."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.charts.conftest import Render, of_kind

ROOT = Path(__file__).parents[2]
MONITORING = ROOT / "infra" / "monitoring"
SUFFIXES = ("_bucket", "_count", "_sum", "_total")
DECLARED = re.compile(r'"(oblivion_[a-z_]+)"')
ASKED = re.compile(r"\boblivion_[a-z_]+")


RISING = "0+10x60"
FIRING: dict[str, dict[str, str]] = {
    "OblivionEventsWait": {"oblivion_inbox_oldest_seconds": "300x60"},
    "OblivionEffectsStuck": {"oblivion_outbox_overdue_seconds": "400x60"},
    "OblivionQueueDeep": {'oblivion_queue_jobs{queue="ai-agent-tasks",state="waiting"}': "501x60"},
    "OblivionRunsNotLookedAfter": {"oblivion_runs_overdue": "1x60"},
    "OblivionDeadLetters": {
        'oblivion_effect_tries_total{outcome="dead"}': RISING,
        'oblivion_event_failures_total{verdict="give_up"}': "0x60",
    },
    "OblivionAgentFails": {'oblivion_agent_errors_total{agent="fixer"}': RISING},
    "OblivionLeasesLost": {'oblivion_run_leases_lost_total{agent="fixer"}': RISING},
    "OblivionBreakerOpen": {'oblivion_breaker_state{provider="slack"}': "2x60"},
    "OblivionWebhookSuspended": {'oblivion_webhooks_mended_total{found="suspended"}': RISING},
    "OblivionConnectionFails": {'oblivion_integrations{source="slack",status="token_refused"}': "1x60"},
    "OblivionToolServerFails": {
        'oblivion_tool_listing_seconds_count{provider="notion",outcome="failed"}': RISING
    },
    "OblivionSignInExpired": {'oblivion_sign_in_renewals_total{provider="jira",outcome="refused"}': RISING},
    # A day of ten calls every ten minutes, then a thousand.
    "OblivionCredentialUseUnusual": {
        'oblivion_tool_call_seconds_count{provider="github"}': "0+1x1490 1590+100x9"
    },
    "OblivionSocketModeLost": {
        'oblivion_ingestion_socket_mode_connections{state="connecting"}': "1x60",
        'oblivion_ingestion_socket_mode_connections{state="connected"}': "0x60",
    },
    "OblivionSignaturesRejected": {
        'oblivion_ingestion_deliveries_total{source="slack",outcome="signature_invalid"}': RISING
    },
    "OblivionCredentialUse": {'oblivion_tokens_total{outcome="invalid_client"}': RISING},
    "OblivionWebhooksSlow": {
        'oblivion_ingestion_commit_seconds_bucket{le="1"}': "0x60",
        'oblivion_ingestion_commit_seconds_bucket{le="2"}': RISING,
        'oblivion_ingestion_commit_seconds_bucket{le="+Inf"}': RISING,
    },
    "OblivionApiErrors": {'oblivion_http_request_seconds_count{status="503"}': RISING},
}
"""What makes each of them fire; one value for each minute."""
QUIET = {
    "oblivion_inbox_oldest_seconds": "5x60",
    "oblivion_outbox_overdue_seconds": "0x60",
    'oblivion_queue_jobs{queue="ai-agent-tasks",state="active"}': "900x60",
    "oblivion_runs_overdue": "0x60",
    'oblivion_effect_tries_total{outcome="sent"}': RISING,
    'oblivion_event_failures_total{verdict="retry"}': RISING,
    'oblivion_breaker_state{provider="slack"}': "1x60",
    'oblivion_webhooks_mended_total{found="suspended"}': "3x60",
    'oblivion_integrations{source="slack",status="ok"}': "4x60",
    'oblivion_tool_listing_seconds_count{provider="notion",outcome="failed"}': RISING,
    'oblivion_tool_listing_seconds_count{provider="notion",outcome="succeeded"}': RISING,
    'oblivion_sign_in_renewals_total{provider="jira",outcome="renewed"}': RISING,
    'oblivion_tool_call_seconds_count{provider="github"}': "0+100x60",
    'oblivion_ingestion_socket_mode_connections{state="connected"}': "2x60",
    'oblivion_ingestion_deliveries_total{source="slack",outcome="stored"}': RISING,
    'oblivion_tokens_total{outcome="issued"}': RISING,
    'oblivion_http_request_seconds_count{status="200"}': RISING,
}
LATE_MIN = {"OblivionCredentialUseUnusual": 1499}
"""When it is looked, if not at the end of an hour."""


def metrics_of_the_services() -> set[str]:
    sources = [*ROOT.glob("services/*/src/**/*.py"), *ROOT.glob("libs/platform/src/**/*.py")]
    return {name for source in sources for name in DECLARED.findall(source.read_text())}


def plain(name: str) -> str:
    for suffix in SUFFIXES:
        name = name.removesuffix(suffix)
    return name


@pytest.mark.parametrize("file", ["rules.yaml", "dashboards.yaml"])
def test_every_metric_asked_for_is_one_that_a_service_has(file: str) -> None:
    asked = set(ASKED.findall((MONITORING / file).read_text()))
    known = {plain(name) for name in metrics_of_the_services()}
    assert {name for name in asked if plain(name) not in known} == set()


def test_every_alert_says_what_happened_and_what_to_do() -> None:
    groups = yaml.safe_load((MONITORING / "rules.yaml").read_text())["groups"]
    alerts = [rule for group in groups for rule in group["rules"]]
    assert {alert["alert"] for alert in alerts} == FIRING.keys()
    for alert in alerts:
        assert alert["annotations"]["summary"], alert["alert"]
        assert alert["annotations"]["description"], alert["alert"]
        assert alert["labels"]["severity"] in {"warning", "critical"}, alert["alert"]


@pytest.fixture(scope="module")
def promtool() -> str:
    found = shutil.which("promtool")
    if found is None:
        pytest.skip("promtool is not on the PATH (Debian: apt-get install prometheus)")
    return found


def outcome(*command: str) -> tuple[int, str]:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def test_promtool_accepts_the_rules(promtool: str) -> None:
    code, said = outcome(promtool, "check", "rules", str(MONITORING / "rules.yaml"))
    assert code == 0, said


def test_each_alert_fires_on_what_it_is_about_and_none_while_all_is_well(
    promtool: str, tmp_path: Path
) -> None:
    tried = {**FIRING, "": QUIET}
    tests = [
        {
            "interval": "1m",
            "name": name or "all is well",
            "input_series": [{"series": each, "values": values} for each, values in series.items()],
            "promql_expr_test": [
                {
                    "expr": 'count by (alertname) (ALERTS{alertstate="firing"})',
                    "eval_time": f"{LATE_MIN.get(name, 59)}m",
                    "exp_samples": [{"labels": f'{{alertname="{name}"}}', "value": 1}] if name else [],
                }
            ],
        }
        for name, series in tried.items()
    ]
    file = tmp_path / "rules_test.yaml"
    file.write_text(yaml.safe_dump({"rule_files": [str(MONITORING / "rules.yaml")], "tests": tests}))
    code, said = outcome(promtool, "test", "rules", str(file))
    assert code == 0, said


def test_promtool_accepts_every_query_of_the_dashboards(promtool: str, tmp_path: Path) -> None:
    dashboards = yaml.safe_load((MONITORING / "dashboards.yaml").read_text())
    asked = [
        query
        for dashboard in dashboards.values()
        for panel in dashboard["panels"]
        for query in panel["queries"].values()
    ]
    rules = [{"record": f"panel:{number}", "expr": query} for number, query in enumerate(asked)]
    file = tmp_path / "panels.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}))
    code, said = outcome(promtool, "check", "rules", str(file))
    assert asked
    assert code == 0, said


def test_dashboards_are_what_grafana_imports(render: Render) -> None:
    maps = of_kind(render("infra/monitoring"), "ConfigMap")
    dashboards = [json.loads(text) for each in maps for text in each["data"].values()]
    assert {dashboard["uid"] for dashboard in dashboards} == {
        "oblivion-work",
        "oblivion-events",
        "oblivion-gateway",
    }
    for panel in (panel for dashboard in dashboards for panel in dashboard["panels"]):
        assert panel["targets"], panel["title"]


STEPS = {"enqueue": "run_enqueue", "processing": "run_processing", "total": "run_total"}


@pytest.mark.parametrize("step", STEPS)
def test_the_times_of_a_run_are_shown_by_their_middle_and_by_their_tails(step: str) -> None:
    queries = [panel["queries"] for panel in panels() if f"oblivion_{STEPS[step]}_seconds" in str(panel)]
    (shown,) = queries
    for legend, share in (("p50", "0.50"), ("p95", "0.95"), ("p99", "0.99")):
        assert shown[legend].startswith(f"histogram_quantile({share}, ")


@pytest.mark.parametrize(
    "metrics",
    [
        ("oblivion_worker_jobs", "oblivion_worker_concurrency"),
        ('oblivion_runs_ended_total{state="succeeded"}',),
        ("redis_memory_used_bytes",),
        ("pg_stat_activity_count",),
    ],
    ids=["worker utilisation", "job success", "redis exporter", "postgres exporter"],
)
def test_the_dashboards_show(metrics: tuple[str, ...]) -> None:
    assert [
        panel["title"] for panel in panels() if all(metric in str(panel["queries"]) for metric in metrics)
    ]


def panels() -> list[dict[str, Any]]:
    dashboards = yaml.safe_load((MONITORING / "dashboards.yaml").read_text())
    return [panel for dashboard in dashboards.values() for panel in dashboard["panels"]]


def test_the_rule_that_prometheus_gets_is_the_one_that_is_checked(render: Render) -> None:
    (rule,) = of_kind(render("infra/monitoring"), "PrometheusRule")
    assert rule["spec"] == yaml.safe_load((MONITORING / "rules.yaml").read_text())
