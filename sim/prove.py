#!/usr/bin/env python3
"""Shows that the simulation would find defects: plants one after the other in the server's sources,
builds, and counts the seeds until a run is wrong. Changes files of the tree while it runs and puts
them back; refuses to when they differ from what is committed.

  sim/prove.py                 all of them
  sim/prove.py NAME...         some
"""

import argparse
import pathlib
import re
import signal
import subprocess
import sys
from dataclasses import dataclass

ROOT = pathlib.Path(__file__).resolve().parent.parent
PROGRAM = ROOT / "build/release/bin/rstmdb-sim"


@dataclass(frozen=True)
class Defect:
    name: str
    file: str
    right: str
    wrong: str


DEFECTS = [
    Defect("published_before_durable", "src/node/release_gate.cc",
           "const bool free = depends_on <= gate_.committed();", "const bool free = true;"),
    Defect("read_before_durable", "src/api/ops/get_instance.cc",
           "return DependsOn{instance.last_offset};", "return DependsOn{};"),
    Defect("sync_left_out", "src/log/segment_writer.cc",
           "  RSTMDB_TRY(file_->sync());\n  durable_group_ =", "  durable_group_ ="),
    Defect("failed_sync_ignored", "src/log/segment_log.cc",
           "  if (!job->outcome.ok()) {\n    fail(",
           "  if (!job->outcome.ok() && !job->written) {\n    fail("),
    Defect("new_segment_not_in_its_folder", "src/log/segment_writer.cc",
           "  RSTMDB_TRY(files_.sync_folder(folder_));\n  // Opened", "  // Opened"),
    Defect("torn_tail_kept", "src/log/segment_recovery.cc",
           "    if (end < scan_.size()) RSTMDB_TRY(file_->truncate(end));\n", ""),
    Defect("keys_forgotten", "src/engine/decide.cc",
           "  if (!first) return std::optional<Outcome>();",
           "  if (!first || first->offset % 32 == 0) return std::optional<Outcome>();"),
    Defect("batch_half_applied", "src/api/ops/batch.cc",
           "    if (!outcome.ok()) {\n      return std::move(outcome)",
           "    if (!outcome.ok()) {\n"
           "      if (!write.empty()) static_cast<void>(write.commit().ok());\n"
           "      return std::move(outcome)"),
    Defect("expected_offset_may_be_old", "src/engine/decide.cc",
           "*command.expected_offset != instance.last_offset",
           "*command.expected_offset > instance.last_offset"),
    Defect("resumed_one_too_early", "src/api/ops/watch_wish.cc",
           "*params.after_offset + 1", "*params.after_offset"),
    Defect("seam_leaves_a_hole", "src/watch/catch_up.cc",
           "subscription.armed_from = options_.log.next_offset();",
           "subscription.armed_from = options_.log.committed() + 1;"),
    Defect("slow_watcher_misses_one", "src/watch/hub.cc",
           "      subscription.next_offset = held.change.offset;\n",
           "      subscription.next_offset = held.change.offset + 1;\n"),
    Defect("notified_before_the_answer", "src/api/ops/watch_wish.cc",
           "  wish.answer_offset = depends_on.offset;\n", ""),
    Defect("time_goes_back", "src/node/sequencer.cc",
           "std::max(state_.last_ts(), clock_.wall_ms())", "clock_.wall_ms()"),
    # Only where memory is full.
    Defect("memory_has_no_bound", "src/node/memory_bound.cc",
           "if (!stats_.refusing || !draft.grows_state()) return {};",
           "if (!stats_.refusing || draft.grows_state()) return {};"),
    Defect("what_shrinks_is_refused", "src/node/memory_bound.cc",
           " || !draft.grows_state()", " || draft.empty()"),
    Defect("memory_stays_full", "src/node/memory_bound.cc",
           "used_bytes <= bound - bound / 10", "used_bytes == 0"),
    Defect("refused_at_a_limit_before_durable", "src/api/dispatch.cc",
           "      return row.access == Access::kWrite;",
           "      return row.access == Access::kWrite && code != Code::kRateLimited;"),
    # Only where an answer does not wait for the disk.
    Defect("timed_sync_left_out", "src/log/segment_log.cc",
           "  if (options_.sync.kind == SyncPolicy::Kind::kEveryMs) arm_timer();\n", ""),
    Defect("full_segment_not_synced", "src/log/segment_writer.cc",
           "  RSTMDB_TRY(sync());\n  RSTMDB_TRY(file_->close());\n  return begin_segment",
           "  RSTMDB_TRY(file_->close());\n  return begin_segment"),
    # Only where callers are known.
    Defect("everybody_may_everything", "src/api/dispatch.cc",
           "if (row.access != Access::kNone && caller.rights >= row.access) return {};",
           "if (row.access != Access::kNone) return {};"),
    Defect("expired_token_counts", "src/api/standing.cc",
           "  if (principal != nullptr && !late) return principal;",
           "  if (principal != nullptr) return principal;"),
    Defect("actor_forgotten", "src/engine/decide.cc", "  record.actor = stamp.actor;\n", ""),
    # Only over HTTP.
    Defect("first_token_of_a_connection_stays", "src/http/gateway_session.cc",
           "  } else if (*request.authorization != shown_) {",
           "  } else if (shown_.empty()) {"),
    Defect("http_answers_before_durable", "src/http/gateway_session.cc",
           "  if (depends_on > committed) {\n    connection_.encode(",
           "  if (false) {\n    connection_.encode("),
    Defect("bytes_are_looked_for_elsewhere", "src/http/connection.cc",
           "void Connection::drop_input(size_t size) { input_begin_ += size; }",
           "void Connection::drop_input(size_t size) {\n  input_begin_ += size;\n"
           "  if (input_begin_ == input_end_) input_begin_ = input_end_ = 0;\n}"),
    Defect("last_event_id_ignored", "src/http/outer_params.cc",
           "          RSTMDB_TRY(writing.add(place.param, *request.last_event_id));\n",
           "          {}\n"),
    # Only in reads of a history or a count.
    Defect("history_page_skips_one", "src/node/history.cc",
           "  end_.next_before = next_ + 1;", "  end_.next_before = next_;"),
    Defect("deleted_is_counted", "src/engine/machines.h", "    --counts[state];\n", ""),
    Defect("deleted_is_listed", "src/engine/state.cc", "  live_.remove(slot);\n", ""),
]


def build():
    subprocess.run(["cmake", "--build", "--preset", "release", "--target", "rstmdb-sim"], cwd=ROOT,
                   check=True, stdout=subprocess.DEVNULL)


def hunt(cpu_seconds):
    """(seed that was wrong or None, the first rule that it broke)"""
    done = subprocess.run([PROGRAM, "--seeds", "1..100000", "--minutes", "2", "--quiet", "--first",
                           "--cpu-seconds", str(cpu_seconds)], capture_output=True, check=False)
    output = done.stdout.decode(errors="replace")
    seed = re.search(r"^SEED=(\d+)", output, re.MULTILINE)
    rule = re.search(r"^violated (\w+)", output, re.MULTILINE)
    tried = re.search(r"^(\d+) seeds,", output, re.MULTILINE)
    if done.returncode < 0:
        return "?", f"aborts with signal {-done.returncode}"
    if not seed:
        return None, f"{tried.group(1) if tried else 0} seeds tried"
    return seed.group(1), rule.group(1) if rule else "another trace the second time"


def plant(defect, cpu_seconds):
    file = ROOT / defect.file
    right = file.read_text()
    if right.count(defect.right) != 1:
        return None, "its place is not there any more"
    file.write_text(right.replace(defect.right, defect.wrong))
    try:
        build()
        return hunt(cpu_seconds)
    finally:
        file.write_text(right)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*")
    parser.add_argument("--cpu-seconds", type=float, default=20)
    args = parser.parse_args()
    # So that an end from outside puts the file back, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    chosen = [defect for defect in DEFECTS if not args.names or defect.name in args.names]
    changed = subprocess.run(["git", "status", "--porcelain", "src"], cwd=ROOT, check=True,
                             capture_output=True, text=True).stdout
    if changed:
        sys.exit(f"src differs from what is committed:\n{changed}")
    missed = 0
    for defect in chosen:
        seed, how = plant(defect, args.cpu_seconds)
        missed += seed is None
        print(f"{defect.name}: {'MISSED' if seed is None else f'found by seed {seed}'} ({how})",
              flush=True)
    print(f"{len(chosen) - missed} passed, {missed} failed")
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
