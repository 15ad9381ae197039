#include "watch.h"

#include <csignal>

namespace rstmdb::cli {
namespace {

volatile std::sig_atomic_t interrupted = 0;

void interrupt(int) { interrupted = 1; }

/// SIGINT and SIGTERM set `interrupted` while this lives, once: a second one ends the program, also
/// where the server does not answer or nobody takes what is shown.
class Interruptible {
 public:
  Interruptible() {
    interrupted = 0;
    struct sigaction action{};
    action.sa_handler = interrupt;
    action.sa_flags = SA_RESETHAND;
    ::sigaction(SIGINT, &action, &before_int_);
    ::sigaction(SIGTERM, &action, &before_term_);
  }
  ~Interruptible() {
    ::sigaction(SIGINT, &before_int_, nullptr);
    ::sigaction(SIGTERM, &before_term_, nullptr);
  }
  Interruptible(const Interruptible&) = delete;
  Interruptible& operator=(const Interruptible&) = delete;

 private:
  struct sigaction before_int_{};
  struct sigaction before_term_{};
};

std::vector<std::string> names_of(const Invocation& invocation, const char* param) {
  const auto found = invocation.values.find(param);
  return found == invocation.values.end() ? std::vector<std::string>() : found->second;
}

std::optional<uint64_t> offset_of(const Invocation& invocation, const char* param) {
  const auto text = invocation.value(param);
  if (!text) return std::nullopt;
  return std::stoull(*text);
}

client::Result<client::Subscription> subscribe(client::Client& client,
                                               const Invocation& invocation) {
  const bool with_ctx = !invocation.value("include_ctx").has_value();
  if (invocation.command->op == "WATCH_INSTANCE") {
    return client.watch_instance({.instance_id = invocation.value("instance_id").value_or(""),
                                  .include_ctx = with_ctx,
                                  .from_offset = offset_of(invocation, "from_offset"),
                                  .after_offset = offset_of(invocation, "after_offset"),
                                  .kinds = names_of(invocation, "kinds")});
  }
  return client.watch_all({.machines = names_of(invocation, "machines"),
                           .events = names_of(invocation, "events"),
                           .from_states = names_of(invocation, "from_states"),
                           .to_states = names_of(invocation, "to_states"),
                           .include_ctx = with_ctx,
                           .from_offset = offset_of(invocation, "from_offset"),
                           .after_offset = offset_of(invocation, "after_offset"),
                           .kinds = names_of(invocation, "kinds")});
}

}  // namespace

client::Result<void> watch_until_interrupted(
    client::Client& client, const Invocation& invocation,
    const std::function<bool(const client::Notification&)>& show) {
  const Interruptible until;
  auto subscription = subscribe(client, invocation);
  if (!subscription.ok()) return subscription.error();
  while (interrupted == 0) {
    // A signal does not end the wait, so it is a short one.
    auto next = subscription->next(std::chrono::milliseconds(100));
    if (!next.ok()) return next.error();
    if (next->has_value() && !show(**next)) break;
  }
  return subscription->close();
}

}  // namespace rstmdb::cli
