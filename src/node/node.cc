#include "node/node.h"

namespace rstmdb::node {

Node::Node(Options options)
    : log_(options.log),
      loop_(options.loop),
      clock_(options.clock),
      on_stopped_(std::move(options.on_stopped)),
      state_(options.start ? std::move(options.start->state)
                           : engine::State({.hash_seed = options.random.next_u64()})),
      hub_({.log = options.log, .state = state_, .random = options.random}),
      reserve_(options.disk_reserve_bytes),
      memory_(options.memory_bound_bytes) {}

Result<std::unique_ptr<Node>> Node::open(Options options) {
  const engine::Bounds bounds = options.bounds;
  io::Random& random = options.random;
  const auto progress = options.replay_progress;
  const io::Ahead ahead = options.ahead;
  engine::ChainHash chain;
  if (options.start) chain = options.start->chain;
  std::unique_ptr<Node> node(new Node(std::move(options)));
  RSTMDB_TRY(replay(node->log_, node->state_, chain,
                    {.clock = node->clock_, .ahead = ahead, .progress = progress}));
  node->sequencer_ = std::make_unique<Sequencer>(Sequencer::Options{
      .log = node->log_,
      .state = node->state_,
      .hub = node->hub_,
      .clock = node->clock_,
      .random = random,
      .bounds = bounds,
      .memory = node->memory_,
      .chain = chain,
  });
  node->gate_.release(node->log_.committed());
  node->log_.set_listener(*node);
  return node;
}

Result<Sequencer::Write> Node::write(const Origin& origin) {
  if (gate_.failed()) return gate_.failure();
  RSTMDB_TRY(reserve_.admit());
  return sequencer_->begin(origin);
}

void Node::end_turn() {
  log_.flush();
  // Watchers and histories are served once in each turn, so that writers wait for no more than one
  // share of it; an empty task brings the next turn about.
  const bool watchers_wait = hub_.end_turn() == watch::CatchUp::Rest::kMore;
  const bool histories_wait = histories_.end_turn() == Histories::Rest::kMore;
  if (watchers_wait || histories_wait) loop_.post([] {});
  if (compaction_ != nullptr) compaction_->on_turn_end();
}

std::unique_ptr<SnapshotRun> Node::begin_snapshot(const snapshot::DatabaseId& database,
                                                  const snapshot::Folder& folder,
                                                  io::Worker& worker, SnapshotRun::Done done) {
  return std::make_unique<SnapshotRun>(
      SnapshotRun::Options{.state = state_,
                           .chain = sequencer_->chain(),
                           .database = database,
                           .folder = folder,
                           .loop = loop_,
                           .worker = worker,
                           .reserve_bytes = reserve_.left_by_snapshots(),
                           .done = std::move(done)});
}

void Node::on_committed(log::Offset offset) {
  // Answers first: the one to a WATCH comes before its notifications.
  gate_.release(offset);
  hub_.committed(offset);
  histories_.committed(offset);
}

void Node::on_durable(log::Offset offset) {
  if (compaction_ != nullptr) compaction_->on_durable(offset);
}

void Node::on_failed(const Error& error) {
  // Callers learn what it means for them; the file and the call go to the operator, through
  // on_stopped.
  gate_.fail(
      Error(Code::kWalIoError,
            "the log has stopped after an I/O error; nothing more is written until a restart")
          .with("code", "LOG_STOPPED"));
  hub_.failed();
  histories_.failed(gate_.failure());
  if (compaction_ != nullptr) compaction_->on_log_stopped(gate_.failure());
  if (on_stopped_) on_stopped_(error);
}

void Node::on_fenced() {
  on_failed(
      Error(Code::kWalIoError, "another owner has taken over this log").with("code", "FENCED"));
}

}  // namespace rstmdb::node
