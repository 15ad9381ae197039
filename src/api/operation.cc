#include "api/operation.h"

#include <algorithm>
#include <array>
#include <iterator>

namespace rstmdb::api {
namespace {

static_assert(std::size(kOperations) == kOperationCount);

constexpr auto kByName = [] {
  std::array<uint8_t, kOperationCount> order{};
  for (size_t i = 0; i < order.size(); ++i) order[i] = static_cast<uint8_t>(i);
  std::ranges::sort(order, {}, [](uint8_t i) { return kOperations[i].name; });
  return order;
}();

}  // namespace

const OperationRow* find_operation(std::string_view name) {
  const auto found =
      std::ranges::lower_bound(kByName, name, {}, [](uint8_t i) { return kOperations[i].name; });
  if (found == kByName.end() || kOperations[*found].name != name) return nullptr;
  return &kOperations[*found];
}

std::string_view right_name(Access access) {
  switch (access) {
    case Access::kNone:
      return "none";
    case Access::kRead:
      return "read";
    case Access::kWrite:
      return "write";
    case Access::kAdmin:
      return "admin";
  }
  return "";
}

}  // namespace rstmdb::api
