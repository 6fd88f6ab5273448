"""What the console knows of a job, how it counts and how that reads: without a document."""

from __future__ import annotations

import pytest
from people import OpenWindow
from playwright.sync_api import Page

NOW = """{ jobId: "j", status: "SENDING_MESSAGES", totalUsers: 100, successCount: 10,
  failureCount: 1, unknownCount: 2, skippedCount: 3, ratePerSecond: 4, duration: null }"""


@pytest.fixture
def page(window: OpenWindow) -> Page:
    return window()


def test_a_job_is_what_was_said_last_and_what_only_grows_does(page: Page) -> None:
    found = page.evaluate(
        f"""async () => {{
          const {{ Job }} = await import("/assets/campaign_job.js");
          const now = {NOW};
          const job = new Job(now, 0);
          const seen = [[job.done, job.failed, job.rate, job.left]];
          const told = (status, done) => job.told({{ status, total: 90, done, failed: 5 }}, 2_000);
          seen.push([told("SENDING_MESSAGES", 50), job.done, job.failed, job.now.totalUsers]);
          seen.push([Math.round(job.left)]);
          job.become(now, 3_000);
          seen.push([job.done, job.failed, job.verbs.join()]);
          seen.push([told("PARTIALLY_FAILED", 90), told("SENDING_MESSAGES", 50), job.now.status]);
          job.become({{ ...now, ratePerSecond: null }}, 4_000);
          seen.push([job.now.status, job.done, job.verbs.join(), job.left, job.rate]);
          job.now = {{ ...job.now, status: "CANCELLED", skippedCount: 40, resentAs: "again" }};
          return [...seen, [job.reached, job.verbs.length]];
        }}"""
    )
    assert found == [
        [16, 3, 4, None],
        [False, 50, 5, 90],
        [2],
        [50, 5, "pause,cancel"],
        [True, False, "PARTIALLY_FAILED"],
        ["PARTIALLY_FAILED", 90, "resend", None, None],
        [50, 0],
    ]


def test_a_job_says_how_many_it_left_out_and_that_it_waits(page: Page) -> None:
    found = page.evaluate(
        f"""async () => {{
          await import("/assets/console_words.js");
          const {{ Job }} = await import("/assets/campaign_job.js");
          const {{ JobBar }} = await import("/assets/job_bar.js");
          const now = {{ ...{NOW}, message: "", totalUsers: 40, failureCount: 0, unknownCount: 0 }};
          const said = (job) => new JobBar(job).figures.textContent;
          const job = new Job({{ ...now, skippedCount: 6, ratePerSecond: null }}, 1_000);
          const seen = [said(job)];
          const told = (done, at, status) => job.told({{ status, total: 40, done, failed: 0 }}, at);
          for (const at of [3_000, 8_000, 12_000]) {{
            told(36, at, "SENDING_MESSAGES");
            seen.push(said(job));
          }}
          told(36, 14_000, "SENDING_MESSAGES");
          seen.push(said(job), job.waits);
          told(37, 15_000, "SENDING_MESSAGES");
          seen.push(job.waits);
          told(40, 16_000, "COMPLETED");
          seen.push(said(job), job.outcome.left);
          job.become({{ ...now, status: "COMPLETED", successCount: 34, skippedCount: 6 }}, 17_000);
          seen.push(said(job), job.outcome.left);
          const none = {{ successCount: 0, skippedCount: 0, ratePerSecond: null }};
          const planned = new Job({{ ...now, ...none, status: "CANCELLED" }});
          return [...seen, said(planned), planned.outcome.skipped, planned.outcome.left];
        }}"""
    )
    assert found == [
        "40명 가운데 16명 (40%) · 6명 제외",
        "40명 가운데 36명 (90%) · 6명 제외 · 초당 10명 · 약 0초 남음",
        "40명 가운데 36명 (90%) · 6명 제외 · 초당 2.86명 · 약 1초 남음",
        "40명 가운데 36명 (90%) · 6명 제외",
        "40명 가운데 36명 (90%) · 6명 제외 · 기다리는 중",
        True,
        False,
        "40명 가운데 40명 (100%) · 6명 제외",
        24,
        "40명 가운데 34명에게 보냄 · 6명 제외 · 초당 4명",
        None,
        "40명 가운데 0명에게 보냄 · 40명 제외",
        40,
        None,
    ]


def test_a_pace_is_that_of_the_last_seconds_and_knows_nothing_of_pauses(page: Page) -> None:
    found = page.evaluate(
        """async () => {
          const { Pace, secondsOf } = await import("/assets/pace.js");
          const pace = new Pace();
          const seen = [pace.rate];
          for (const at of [0, 100, 1_000, 2_000, 60_000, 61_000]) pace.add(at, at / 100);
          seen.push(pace.rate, pace.columns.slice(-4), pace.columns.length);
          pace.pause();
          pace.add(90_000, 5_000);
          seen.push(pace.rate);
          const durations = ["PT12M30S", "PT1H0.25S", "PT0S", "PT15M", "nothing"];
          return [seen, durations.map(secondsOf)];
        }"""
    )
    assert found == [[None, 10, [10, 10, 10, 10], 40, None], [750, 3600.25, 0, 900, 0]]


def test_numbers_read_as_they_are(page: Page) -> None:
    found = page.evaluate(
        """async () => {
          const { count, lasting, price, rate, share } = await import("/assets/numbers.js");
          return [
            [share(0, 0), share(0, 9), share(1, 1_000_000), share(999_999, 1_000_000), share(9, 9)],
            [lasting(0), lasting(59.6), lasting(3_661), lasting(90_000), lasting(86_400)],
            [rate(0.1234), rate(99.95), rate(12_345.6), count(15_420), price(9.9, "KRW")],
          ];
        }"""
    )
    assert found == [
        ["0%", "0%", "0.1%", "99.9%", "100%"],
        ["0초", "1분", "1시간 1분", "1일 1시간", "1일"],
        ["0.123", "100", "12,346", "15,420", "₩9.9"],
    ]
