// What one request costs in JSON work: parsing it, merging its payload into a context and asking a
// guard. Prints nanoseconds a call, the best of several rounds, on the core it runs on.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <string>
#include <string_view>

#include "guard/guard.h"
#include "json/document.h"
#include "json/scan.h"

namespace {

using rstmdb::json::Document;

constexpr std::string_view kRequest =
    R"({"type":"request","id":"42","op":"APPLY_EVENT","params":{"instance_id":"order-000123",)"
    R"("event":"PAY","payload":{"amount":129.50,"currency":"EUR","paid":true},)"
    R"("idempotency_key":"k-8f2c1d"}})";
constexpr std::string_view kContext =
    R"({"customer":"c-1","amount":0,"currency":"","items":[{"sku":"a","n":1},{"sku":"b","n":2}],)"
    R"("paid":false,"note":"n/a"})";
constexpr std::string_view kPayload = R"({"amount":129.50,"currency":"EUR","paid":true})";
constexpr std::string_view kGuard = R"(ctx.amount <= 1000 && (ctx.paid || ctx.customer == "c-1"))";

/// `work` returns something that depends on what it did, so that none of it is left out.
template <class Work>
void measure(const char* name, int calls, Work work) {
  using Clock = std::chrono::steady_clock;
  double best_ns = 1e18;
  size_t kept = 0;
  for (int round = 0; round < 15; ++round) {
    const auto begin = Clock::now();
    for (int i = 0; i < calls; ++i) kept += work();
    const std::chrono::duration<double, std::nano> spent = Clock::now() - begin;
    best_ns = std::min(best_ns, spent.count() / calls);
  }
  std::printf("%-44s %12.0f ns  (%zu)\n", name, best_ns, kept);
}

std::string object_of(size_t members) {
  std::string text = "{";
  for (size_t i = 0; i < members; ++i) {
    text += (i > 0 ? ",\"key" : "\"key") + std::to_string(i) + "\":" + std::to_string(i);
  }
  return text + "}";
}

}  // namespace

int main() {
  Document document;
  measure("parse a request of 187 bytes", 100'000,
          [&] { return static_cast<size_t>(document.parse(kRequest).ok()); });
  std::string merged;
  measure("merge 3 members into 6", 100'000, [&] {
    merged.clear();
    rstmdb::json::append_merged(merged, kContext, kPayload);
    return merged.size();
  });
  const auto guard = rstmdb::guard::Guard::compile(kGuard);
  measure("ask a guard of three comparisons", 100'000,
          [&] { return static_cast<size_t>(guard->holds(kContext)); });
  const std::string large = object_of(100'000);
  measure("parse an object of 100,000 members", 1,
          [&] { return static_cast<size_t>(document.parse(large).ok()); });
  measure("merge 100,000 members into 100,000", 1, [&] {
    merged.clear();
    rstmdb::json::append_merged(merged, large, large);
    return merged.size();
  });
}
