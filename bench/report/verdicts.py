"""What was to be reached, and whether it was. Ratios are taken within each round, where both sides
have met the same machine; what counts is their median."""

import statistics
from dataclasses import dataclass

MEMORY_BYTES_MAX = 120
LONE_EXTRA_US_MAX = 60
APPLY_CPU_US_MAX = 2.0
NOTIFICATIONS_MIN = 1_000_000
TAIL_MAX = 3
GROWTH_MIN = 0.7
CROWD_MIN = 0.8
RECOVERY_MIN = 1_500_000
SNAPSHOT_MIN = 2_000_000
PAGE_COST_MAX = 1.5  # what counts as independent of the total, with other caches' contents

# (shape, operation, peer, at least this many times the peer's rate)
RATIOS = (("a", "APPLY_EVENT", "redis", 1.2), ("b", "APPLY_EVENT", "redis", 3.5),
          ("b", "APPLY_EVENT", "postgres", 8), ("c", "APPLY_EVENT", "redis", 12),
          ("c", "APPLY_EVENT", "postgres", 11), ("c", "GET_INSTANCE", "redis", 2.4))
TITLES = {"redis": "Redis", "postgres": "PostgreSQL", "fdatasync": "fdatasync"}


@dataclass
class Row:
    work: str
    required: str
    measured: str = "not measured"
    reached: bool | None = None

    def mark(self):
        return {True: "yes", False: "**no**", None: "–"}[self.reached]


def middle(samples, field):
    return statistics.median(sample[field] for sample in samples)


def ratios(above, below, field="requests_per_second", below_field=None):
    """The ratio in each round; both were measured equally often, or the rest is left out."""
    return [one[field] / other[below_field or field]
            for one, other in zip(above, below, strict=False) if other[below_field or field] > 0]


def ratio_to(samples, shape, operation, peer, how="best"):
    """Each round's ratio to a peer. With `how` = "alone" PostgreSQL has one request in each
    transaction; otherwise several where that was measured, which is quicker and is what counts."""
    ours = samples.of(f"rstmdb {shape} {operation}")
    if peer == "fdatasync":
        if operation not in ("APPLY_EVENT", "CREATE_INSTANCE"):
            return []
        return ratios(ours, syncs_of(samples), below_field="per_second")
    theirs = [] if how == "alone" else samples.of(f"{peer} {shape} {operation} in groups")
    return ratios(ours, theirs or samples.of(f"{peer} {shape} {operation}"))


def syncs_of(samples):
    """One sample a round of bare fdatasync of 512 bytes: the median of those in the round."""
    syncs = samples.of("prezeroed 512")
    rounds = max(len(samples.of("loopback")), 1)
    each = len(syncs) // rounds
    return [{field: middle(syncs[at:at + each], field) for field in ("per_second", "p50_us")}
            for at in range(0, each * rounds, each)] if each else []


def at_least(row, values, least, text):
    if values:
        value = statistics.median(values)
        row.measured = text.format(value)
        row.reached = value >= least
    return row


def at_most(row, values, most, text):
    if values:
        value = statistics.median(values)
        row.measured = text.format(value)
        row.reached = value <= most
    return row


def rate_rows(samples):
    for shape, operation, peer, least in RATIOS:
        yield at_least(Row(f"{operation} ({shape})", f"{least} × {TITLES[peer]}"),
                       ratio_to(samples, shape, operation, peer), least, "{:.2f} ×")
        if (shape, operation) == ("a", "APPLY_EVENT"):
            yield lone_row(samples)
    yield at_most(Row("APPLY_EVENT (c)", f"at most {APPLY_CPU_US_MAX} µs of server CPU a request"),
                  [sample["server_cpu_us_per_request"]
                   for sample in samples.of("rstmdb c APPLY_EVENT")], APPLY_CPU_US_MAX, "{:.2f} µs")


def lone_row(samples):
    extra = [ours["p50_us"] - sync["p50_us"] - loopback["p50_us"] for ours, sync, loopback in
             zip(samples.of("rstmdb a APPLY_EVENT"), syncs_of(samples), samples.of("loopback"),
                 strict=False)]
    return at_most(Row("APPLY_EVENT (a)", f"p50 within {LONE_EXTRA_US_MAX} µs of one raw fdatasync "
                                          "and one loopback round trip"),
                   extra, LONE_EXTRA_US_MAX, "{:.0f} µs more")


def other_rows(samples):
    yield at_least(Row("watch fan-out, 100 watchers", f"{NOTIFICATIONS_MIN:,} notifications/s"),
                   [sample["notifications_per_second"] for sample in samples.of("rstmdb fan-out")],
                   NOTIFICATIONS_MIN, "{:,.0f}/s")
    yield at_most(Row("p99 of (b) at 70 % of its peak", f"at most {TAIL_MAX} × its p50"),
                  [sample["p99_us"] / sample["p50_us"]
                   for sample in samples.of("rstmdb b at 70 %")],
                  TAIL_MAX, "{:.2f} ×")
    yield at_least(Row("1,000 connections, 1 request each", f"{CROWD_MIN:.0%} of (b)"),
                   ratios(samples.of("rstmdb d APPLY_EVENT"), samples.of("rstmdb b APPLY_EVENT")),
                   CROWD_MIN, "{:.0%}")


def scale_rows(samples, counts):
    for count in counts:
        yield at_most(Row(f"memory at {count:,} instances",
                          f"context + id + at most {MEMORY_BYTES_MAX} bytes an instance"),
                      [sample["over_payload"] for sample in samples.of(f"memory {count}")],
                      MEMORY_BYTES_MAX, "+ {:.0f} bytes")
        yield at_least(Row(f"recovery of {count:,} instances", f"{RECOVERY_MIN:,} log records/s"),
                       [sample["per_second"] for sample in samples.of(f"recovery {count}")],
                       RECOVERY_MIN, "{:,.0f}/s")
        yield at_least(Row(f"snapshot load of {count:,} instances",
                           f"{SNAPSHOT_MIN:,} instances/s"),
                       [sample["per_second"] for sample in samples.of(f"snapshot load {count}")],
                       SNAPSHOT_MIN, "{:,.0f}/s")
    yield from growth_rows(samples, max(counts, default=10_000_000))


def growth_rows(samples, count):
    for shape, operation in (("b", "APPLY_EVENT"), ("c", "APPLY_EVENT"), ("c", "GET_INSTANCE")):
        large = samples.of(f"growth large {shape} {operation} {count}")
        small = samples.of(f"growth small {shape} {operation} {count}")
        yield at_least(Row(f"{operation} ({shape}) at {count:,} instances",
                           f"{GROWTH_MIN:.0%} of that at 100,000"),
                       ratios(large, small), GROWTH_MIN, "{:.0%}")
    pages = ratios(samples.of(f"growth large a LIST_INSTANCES {count}"),
                   samples.of(f"growth small a LIST_INSTANCES {count}"), "p50_us")
    yield at_most(Row(f"a filtered LIST page at {count:,} instances",
                      f"as at 100,000 (up to {PAGE_COST_MAX} ×)"), pages, PAGE_COST_MAX,
                  "{:.2f} × its time")


def all_rows(samples):
    counts = sorted({sample["instances"] for sample in samples.kept
                     if sample["name"].startswith("memory ")})
    return [*rate_rows(samples), *other_rows(samples), *scale_rows(samples, counts)]
