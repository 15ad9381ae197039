"""The result as a page of Markdown: what was to be reached, ratios, figures, limits, scale."""

import statistics

import rounds
import variants
import verdicts

COMPARED = (*rounds.COMPARED, rounds.COMPARED_LAST)
DATABASES = ("rstmdb", "bare", "redis", "postgres")


def spread(values, form):
    if not values:
        return "–"
    middle = form.format(statistics.median(values))
    if len(values) == 1:
        return middle
    return f"{middle} ({form.format(min(values))} to {form.format(max(values))})"


def to_reach(samples):
    lines = ["| work | at least | measured | reached |", "| --- | --- | ---: | --- |"]
    lines += [f"| {row.work} | {row.required} | {row.measured} | {row.mark()} |"
              for row in verdicts.all_rows(samples)]
    return lines


def ratio_table(samples):
    lines = ["| work | to Redis | to PostgreSQL | to PostgreSQL, one request a transaction "
             "| to bare fdatasync of 512 bytes | to a bare loop |",
             "| --- | ---: | ---: | ---: | ---: | ---: |"]
    for shape, operation in COMPARED:
        cells = [spread(verdicts.ratio_to(samples, shape, operation, peer, how), "{:.2f}")
                 for peer, how in (("redis", "best"), ("postgres", "best"), ("postgres", "alone"),
                                   ("fdatasync", "best"), ("bare", "best"))]
        lines.append(f"| {operation} ({shape}) | " + " | ".join(cells) + " |")
    return lines


def figures(samples):
    lines = ["| what | requests/s | p50 µs | p99 µs | p99.9 µs | server CPU µs | generator CPU µs "
             "| bytes a sync |", "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"]
    names = [f"{database} {shape} {operation}{group}" for shape, operation in COMPARED
             for database in DATABASES for group in ("", " in groups")]
    names += [f"rstmdb {shape} {operation}" for shape, operation in
              (*rounds.ALONE, rounds.ALONE_LAST)] + ["rstmdb b at 70 %", "rstmdb fan-out"]
    for name in names:
        kept = samples.of(name)
        if not kept:
            continue

        def of(field, form, kept=kept):
            return form.format(verdicts.middle(kept, field))
        bytes_a_sync = of("sync_bytes", "{:,.0f}") if "sync_bytes" in kept[0] else ""
        rate = spread([sample["requests_per_second"] for sample in kept], "{:,.0f}")
        lines.append(f"| {name} | {rate} | {of('p50_us', '{:,.0f}')} | {of('p99_us', '{:,.0f}')} "
                     f"| {of('p999_us', '{:,.0f}')} | {of('server_cpu_us_per_request', '{:.2f}')} "
                     f"| {of('own_cpu_us_per_request', '{:.2f}')} | {bytes_a_sync} |")
    return lines


def limits(samples):
    lines = ["| limit | bytes | a second | MB/s | p50 µs | p99 µs | longest µs |",
             "| --- | ---: | ---: | ---: | ---: | ---: | ---: |"]
    names = ["prezeroed 512", "appending 512", "prezeroed 4096", "appending 4096",
             "prezeroed group b", "appending group b", "prezeroed group c", "appending group c",
             "loopback", "stream", "memcpy", "processors"]
    titles = {"loopback": "loopback, there and back", "stream": "loopback, one direction",
              "processors": "all processors busy, in steps of 100 µs"}
    for name in names:
        kept = samples.of(name)
        if not kept:
            continue
        title = titles.get(name, name)
        if name.startswith(("prezeroed", "appending")):
            title = f"write and fdatasync, {name.split()[0]}"
            title += f", as one group of ({name[-1]})" if "group" in name else ""
        moved = ("–", "–")
        if name != "processors":
            moved = tuple(f"{verdicts.middle(kept, what):,.0f}"
                          for what in ("bytes", "mb_per_second"))
        lines.append(f"| {title} | {moved[0]} "
                     f"| {spread([sample['per_second'] for sample in kept], '{:,.0f}')} "
                     f"| {moved[1]} "
                     f"| {verdicts.middle(kept, 'p50_us'):,.1f} "
                     f"| {verdicts.middle(kept, 'p99_us'):,.1f} "
                     f"| {spread([sample['max_us'] for sample in kept], '{:,.0f}')} |")
    return lines


def other_settings(samples):
    lines = []
    for title, names in variants.names():
        cells = [f"{name.split()[0]} {verdicts.middle(kept, 'requests_per_second'):,.0f}/s, p50 "
                 f"{verdicts.middle(kept, 'p50_us'):,.0f} µs, p99 "
                 f"{verdicts.middle(kept, 'p99_us'):,.0f} µs"
                 for name in names if (kept := samples.of(name))]
        if cells:
            lines.append(f"- {title}: {'; '.join(cells)}")
    return lines


def scale(samples):
    lines = []
    for memory in (sample for sample in samples.kept if sample["name"].startswith("memory ")):
        count = memory["instances"]
        lines.append(f"- {count:,} instances: created in {memory['seconds']:.1f} s; resident "
                     f"{memory['resident_before'] / 1e6:,.0f} MB before and "
                     f"{memory['resident_after'] / 1e6:,.0f} MB after, "
                     f"{memory['per_instance']:.0f} bytes each")
        for sample in samples.of(f"recovery {count}"):
            lines.append(f"- start from a log of {sample['records']:,} records: "
                         f"{sample['seconds']:.2f} s until the port is open")
        for sample in samples.of(f"snapshot load {count}"):
            lines.append(f"- start from a snapshot of {count:,} instances: "
                         f"{sample['seconds']:.2f} s, of which loading it "
                         f"{sample['loading_seconds']:.2f} s")
        for shape, operation in (("b", "APPLY_EVENT"), ("c", "APPLY_EVENT"), ("c", "GET_INSTANCE"),
                                 ("a", "LIST_INSTANCES")):
            sides = [samples.of(f"growth {side} {shape} {operation} {count}")
                     for side in ("small", "large")]
            if all(sides):
                small, large = (verdicts.middle(side, "requests_per_second") for side in sides)
                few = sides[0][0]["among"]
                lines.append(f"- {operation} ({shape}): {small:,.0f}/s among {few:,}, "
                             f"{large:,.0f}/s among {count:,}")
    return lines


def page(title, facts, samples, plot):
    lines = [f"# {title}", "", *(f"- {fact}" for fact in facts), "",
             "Medians of all rounds, and from the smallest to the largest in parentheses. Ratios "
             "are taken within each round.", ""]
    if plot:
        lines += [f"![Ratios, and what was to be reached]({plot})", ""]
    parts = (("To reach", to_reach(samples)), ("Ratios", ratio_table(samples)),
             ("Figures", figures(samples)), ("Limits of the machine", limits(samples)),
             ("Many instances", scale(samples)),
             ("Larger contexts, other policies, fewer cores", other_settings(samples)))
    for heading, part in parts:
        if part:
            lines += [f"## {heading}", "", *part, ""]
    return "\n".join(lines)
